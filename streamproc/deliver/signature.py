"""Sign what a webhook receives, as Standard Webhooks has it: receivers verify it with the libraries of that name."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamproc.deliver.ports import Unusable

__all__ = ["read_secrets", "signature_headers"]

PREFIX: Final = "whsec_"
# Half of what SHA-256 puts out; fewer bytes than that could be guessed.
SECRET_BYTES_MIN: Final = 16
SECRETS_MAX: Final = 4
REMEDY: Final = "make one with `openssl rand -base64 32`"


def read_secrets(file: Path) -> tuple[bytes, ...]:
    """Read the secrets that webhooks are signed with, one a line in base64, with or without `whsec_` before it.

    A second line is for the time in which receivers change from one secret to the next: each signs. Raises Unusable.
    """
    try:
        lines = [line.strip() for line in file.read_text("ascii").splitlines() if line.strip()]
    except OSError as error:
        raise Unusable(f"--secret-file {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"--secret-file {file}: is no base64: {REMEDY}") from error
    if not 1 <= len(lines) <= SECRETS_MAX:
        raise Unusable(
            f"--secret-file {file}: holds {len(lines)} secrets, 1 to {SECRETS_MAX} wanted: {REMEDY}"
        )
    return tuple(_secret(file, number, line) for number, line in enumerate(lines, 1))


def _secret(file: Path, number: int, line: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise Unusable(f"--secret-file {file}: line {number} is no base64: {REMEDY}") from error
    if len(secret) < SECRET_BYTES_MIN:
        raise Unusable(
            f"--secret-file {file}: line {number} holds {len(secret)} bytes, "
            f"at least {SECRET_BYTES_MIN} wanted: {REMEDY}"
        )
    return secret


def signature_headers(secrets: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a signed message: HMAC-SHA256 over `id.seconds.body`, once a secret."""
    signed = b".".join((message_id.encode(), b"%d" % at_s, body))
    signatures = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }
