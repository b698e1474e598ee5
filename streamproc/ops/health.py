"""Answer Prometheus and a supervisor over HTTP: `/metrics`, `/livez` and `/readyz`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, Self

from aiohttp import web

from streamproc.ops.metrics import CONTENT_TYPE
from streamproc.settings import SettingsError, split_address

__all__ = ["HealthServer"]

_BAD: Final = 503
_SHUTDOWN_SECONDS: Final = 1.0


class Numbers(Protocol):
    """What a process publishes of itself."""

    def render(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        ...


class HealthServer:
    """Serves how one process stands. Nothing it says names a customer or a password.

    `waits_for` lists what keeps the process from being ready; `stalled` says why it is stuck, None while it is not.
    Not ready is no reason to restart: Redis or Kafka may be away, and the process goes on when they return. Not
    alive is one.
    """

    def __init__(
        self,
        metrics: Numbers,
        *,
        waits_for: Callable[[], list[str]],
        stalled: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Answer from these."""
        self._metrics = metrics
        self._waits_for = waits_for
        self._stalled = stalled
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/livez", self._show_alive),
                web.get("/readyz", self._show_ready),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self, address: str, *, named: str = "STREAMPROC_METRICS_ADDR") -> Self:
        """Listen on `HOST:PORT`. Raises SettingsError where that cannot be had; `named` is what says the address."""
        host, port = split_address(address)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise SettingsError(
                [f"{named} is {address}, which cannot be listened on: {error.strerror}"]
            ) from error
        return self

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, as host and port: what port 0 became."""
        return [(address[0], address[1]) for address in self._runner.addresses]

    async def stop(self) -> None:
        """Stop listening; requests under way get a second."""
        await self._runner.cleanup()

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _show_alive(self, _request: web.Request) -> web.Response:
        why = self._stalled()
        if why is not None:
            return web.Response(text=f"stalled: {why}\n", status=_BAD)
        return web.Response(text="alive\n")

    async def _show_ready(self, request: web.Request) -> web.Response:
        waits_for = self._waits_for()
        status = _BAD if waits_for else 200
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response({"ready": not waits_for, "waits_for": waits_for}, status=status)
        if not waits_for:
            return web.Response(text="ready\n")
        lines = "".join(f"- {reason}\n" for reason in waits_for)
        return web.Response(text=f"not ready, waiting for:\n{lines}", status=status)
