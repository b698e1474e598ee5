"""Hand mail to a server that sends it on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from streamproc.deliver.mail import Sender, build_mail, mailbox
from streamproc.deliver.parcel import Parcel
from streamproc.deliver.ports import Answer, Away, Bounce, Bounced, Delivered, Later, Unusable

if TYPE_CHECKING:
    import aiosmtplib

__all__ = ["MailServer", "Smtp", "read_server"]

SEND_SECONDS_MAX: Final = 20.0
COMMAND_SECONDS_MAX: Final = 10.0
# A server closes a connection that is silent for some tens of seconds, and one that brings too many mails.
IDLE_SECONDS_MAX: Final = 10.0
MAILS_A_CONNECTION_MAX: Final = 50
_PORTS: Final = {"smtp": 25, "smtps": 465}
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CLOSING: Final = 421  # the server ends the connection, whatever was asked


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. `must_encrypt`: a password never goes over an open line, but on this machine."""

    host: str
    port: int
    implicit_tls: bool
    user: str | None = None
    password: str | None = None

    @property
    def must_encrypt(self) -> bool:
        """Tell whether nothing may be sent before the line is encrypted."""
        return self.user is not None and self.host not in _LOOPBACK


def read_server(url: str) -> MailServer:
    """Read `smtp://user:password@host:port` (STARTTLS where the server has it) or `smtps://`. Raises Unusable."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        # The URL may hold a password, so no message repeats it.
        raise Unusable(f"--to: the mail server's URL cannot be read: {error}") from error
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise Unusable(
            "--to: write smtp://HOST:PORT or smtps://HOST:PORT, with USER:PASSWORD@ before the host"
        )
    return MailServer(
        host,
        port or _PORTS[parts.scheme],
        parts.scheme == "smtps",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


@dataclass
class _Line:
    client: aiosmtplib.SMTP
    used_at: float
    mails: int = 0


class Smtp:
    """A target that takes mail."""

    needs_address = True

    def __init__(self, server: MailServer, sender: Sender) -> None:
        """Hand mail from this sender to this server. Raises Unusable without the library for it."""
        try:
            import aiosmtplib  # noqa: PLC0415 - an extra that only mail needs
        except ModuleNotFoundError as error:
            message = "--to smtp:// needs the extra `deliver`: pip install 'streamproc[deliver]'"
            raise Unusable(message) from error
        self._lib = aiosmtplib
        self._server = server
        self._sender = sender
        self._idle: list[_Line] = []
        self.name = f"{'smtps' if server.implicit_tls else 'smtp'}://{server.host}:{server.port}"

    async def send(self, parcel: Parcel, address: str | None) -> Answer:
        """Hand one mail in; `address` is its one recipient."""
        to = mailbox(address or "")
        if to is None:
            return Bounced(Bounce.BAD_ADDRESS)
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                line = await self._line()
                try:
                    answer = await self._hand_in(line, parcel, to)
                except BaseException:
                    line.client.close()
                    raise
        except (self._lib.SMTPException, OSError, TimeoutError) as error:
            return Away(_why(error))
        if isinstance(answer, Away):
            line.client.close()
        else:
            self._idle.append(line)
        return answer

    async def close(self) -> None:
        """Take leave of the server."""
        while self._idle:
            client = self._idle.pop().client
            try:
                async with asyncio.timeout(1.0):
                    await client.quit()
            except (self._lib.SMTPException, OSError, TimeoutError):
                client.close()

    async def _line(self) -> _Line:
        """Return a connection that was used a moment ago, or a new one."""
        now = time.monotonic()
        while self._idle:
            line = self._idle.pop()
            fresh = now - line.used_at <= IDLE_SECONDS_MAX and line.mails < MAILS_A_CONNECTION_MAX
            if fresh and line.client.is_connected:
                return line
            line.client.close()
        server = self._server
        client = self._lib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.implicit_tls,
            # None takes STARTTLS where the server offers it.
            start_tls=False if server.implicit_tls else (True if server.must_encrypt else None),
            timeout=COMMAND_SECONDS_MAX,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return _Line(client, now)

    async def _hand_in(self, line: _Line, parcel: Parcel, to: str) -> Answer:
        line.used_at, line.mails = time.monotonic(), line.mails + 1
        try:
            await line.client.send_message(
                build_mail(parcel, self._sender, to), sender=self._sender.mailbox, recipients=[to]
            )
        except self._lib.SMTPRecipientsRefused as error:
            return _judge(error.recipients[0].code)
        except self._lib.SMTPDataError as error:
            return _judge(error.code)
        except ValueError:
            # The library looks at addresses more closely than we do.
            return Bounced(Bounce.BAD_ADDRESS)
        return Delivered()


def _judge(code: int) -> Answer:
    """Tell what the answer to a recipient or to the text of a mail means (RFC 5321, 4.2.1)."""
    if code == _CLOSING:
        return Away(f"it answers {code}")
    if code < 500:  # noqa: PLR2004 - 4xx: not now
        return Later(f"it answers {code}")
    return Bounced(Bounce.REFUSED)


def _why(error: BaseException) -> str:
    """Say what failed, by its kind and code: a server's own words may quote an address."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__}" + (f" {code}" if isinstance(code, int) else "")
