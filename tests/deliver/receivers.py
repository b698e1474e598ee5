"""What nudges are handed to: a mail server and an HTTP endpoint on loopback, which can be told to refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiohttp import web
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session

from streamproc.ops.embedded import free_port


@dataclass
class Mailbox:
    """A mail server. `says` gives its answer to a recipient, and to the text of a mail to that recipient."""

    says: Callable[[str], str] = lambda _: "250 OK"
    says_at_the_end: Callable[[str], str] = lambda _: "250 OK"
    envelopes: list[Envelope] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    connections: int = 0
    pause_s: float = 0.0

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.says(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.pause_s)
        answer = self.says_at_the_end(envelope.rcpt_tos[0])
        if answer.startswith("250"):
            self.envelopes.append(envelope)
        return answer

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that were taken, in order."""
        contents = [one.content for one in self.envelopes if isinstance(one.content, bytes)]
        return [message_from_bytes(content, policy=default) for content in contents]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mailbox]:
        """Listen while inside."""
        controller = UnthreadedController(
            self, "127.0.0.1", self.port, asyncio.get_running_loop(), enable_SMTPUTF8=True
        )
        controller.server = await controller._create_server()
        try:
            yield self
        finally:
            controller.server.close()
            await controller.server.wait_closed()


@dataclass(frozen=True)
class Posted:
    """A request that an endpoint got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Endpoint:
    """An HTTP endpoint. `answers` gives the status, headers and text for a request."""

    answers: Callable[[Posted], tuple[int, dict[str, str], str]] = lambda _: (200, {}, "")
    requests: list[Posted] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    def url(self, path: str = "/nudges", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Endpoint]:
        """Listen while inside."""
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        posted = Posted(request.raw_path, dict(request.headers), await request.read())
        status, headers, text = self.answers(posted)
        self.requests.append(posted)
        return web.Response(status=status, headers=headers, text=text)


async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keep a connection open and answer nothing. From Python 3.12 on it closes where nobody holds the writer."""
    await asyncio.sleep(5)
    writer.close()
