"""What a process publishes of itself in Redis: how far it has applied `config`, every second and at each change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from streamproc.store.base import StoreRefused, StoreUnavailable

__all__ = ["HEARTBEAT_SECONDS", "HEARTBEAT_TTL_MS", "Heartbeat", "Pulse"]

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 1.0
# Three missed heartbeats: by then the process's lease on `config` has long run out, so it hands nothing over.
HEARTBEAT_TTL_MS: Final = 3_000


class Heartbeat(msgspec.Struct):
    """What a worker or a delivery end publishes of itself; `delivers` is the channel of a delivery end."""

    worker: str
    config_offset: int
    policy: str
    lanes: list[int]
    at_ms: int
    refused: str = ""
    facts_age_s: dict[int, float] = {}
    """How many seconds ago every fact was in Kafka that each lane has applied: what delivery goes by."""
    delivers: str = ""
    claims: bool = False
    """Whether it claims due timers: it is a worker, in its group, and its gate is open."""
    catalog: int | None = None
    """How many items and stores it knows of; None for a delivery end, and where newer words may have been missed."""


class Pulse:
    """Publishes heartbeats with `put`, until cancelled; `changed` makes the next one come at once."""

    def __init__(self, make: Callable[[], Heartbeat], put: Callable[[bytes], Awaitable[None]]) -> None:
        """Publish what `make` says of the process."""
        self._make = make
        self._put = put
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Say that something others wait for has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Publish a heartbeat every second and after each change."""
        while True:
            self._changed.clear()
            try:
                await self._put(msgspec.json.encode(self._make()))
            except (StoreUnavailable, StoreRefused) as error:
                log.warning("no heartbeat: %s", error)
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue
