"""Choose a target and a source of addresses by what the command line names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamproc.deliver.address_file import AddressFile
from streamproc.deliver.address_lookup import AddressLookup
from streamproc.deliver.mail import read_sender
from streamproc.deliver.ports import Addresses, Target, Unusable
from streamproc.deliver.services import Service
from streamproc.deliver.signature import read_secrets
from streamproc.deliver.smtp import Smtp, read_server
from streamproc.deliver.webhook import Webhook

__all__ = ["addresses_from", "read_line", "target_for"]

EMAIL: Final = "email"
LINE_BYTES_MAX: Final = 8_192
_HTTP: Final = ("http", "https")
_SMTP: Final = ("smtp", "smtps")


def target_for(url: str, channel: str, *, sender: str | None, secret_file: Path | None) -> Target:
    """Return the target for the URL's scheme. Raises Unusable; no message repeats the URL, which may hold a secret."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or not rest:
        raise Unusable("--to is no URL: write https://..., smtp://HOST:PORT, or a URL that Apprise knows")
    if scheme in _HTTP:
        if secret_file is None:
            raise Unusable(
                "--secret-file is missing: a webhook is signed, so that its receiver can tell it from a forgery; "
                "make a secret with `openssl rand -base64 32`"
            )
        return Webhook(url, read_secrets(secret_file))
    if scheme in _SMTP:
        if channel != EMAIL:
            raise Unusable(f"--to {scheme}://: a mail server takes {EMAIL}, not {channel}")
        if sender is None:
            raise Unusable("--from is missing: a mail says who sends it, as in 'Shop <hello@shop.example>'")
        return Smtp(read_server(url), read_sender(sender))
    return Service(url)


def addresses_from(source: str, channel: str, *, token_file: Path | None) -> Addresses:
    """Return the addresses of a file, or of a look-up if `source` is a URL. Raises Unusable."""
    if source.partition("://")[0].lower() in _HTTP:
        return AddressLookup(source, read_line("--addresses-token-file", token_file) if token_file else None)
    if token_file is not None:
        raise Unusable("--addresses-token-file is for a look-up, and --addresses names a file")
    return AddressFile(Path(source), channel)


def read_line(option: str, file: Path) -> str:
    """Read a secret that is one line of a file. Raises Unusable, with nothing of the text."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(LINE_BYTES_MAX + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{option} {file}: cannot be read: {type(error).__name__}") from error
    if not text or len(text.splitlines()) != 1 or len(text) > LINE_BYTES_MAX:
        raise Unusable(f"{option} {file}: one line of at most {LINE_BYTES_MAX} characters is wanted")
    return text
