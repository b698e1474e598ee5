"""A policy as one document, as it travels on the config topic: its files, and the version that names them."""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core.plugins import NO_PLUGINS, Plugins
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyError, PolicyErrors

# Below the 1 MiB that Kafka takes by default, with room for the record's own bytes.
DOCUMENT_BYTES_MAX: Final = 900_000


class _Document(msgspec.Struct, omit_defaults=True):
    version: str
    files: dict[str, str]
    by: str = ""


_decoder: Final = msgspec.json.Decoder(_Document)
_encoder: Final = msgspec.json.Encoder()


def to_document(policy: Policy, by: str = "") -> bytes:
    """Write a policy as one JSON document, with who publishes it; the same policy gives the same bytes.

    Raises PolicyErrors if it is larger than `DOCUMENT_BYTES_MAX`.
    """
    files = {name: policy.files[name] for name in sorted(policy.files)}
    document = _encoder.encode(_Document(policy.version, files, by))
    _check_size(document)
    return document


def from_document(document: bytes, plugins: Plugins = NO_PLUGINS) -> Policy:
    """Read a policy from its document, by the same rules as from files; `plugins` are what it may name.

    Raises PolicyErrors for a document that is too large or malformed, and for every error of its files.
    """
    decoded = _decode(document)
    return load(decoded.files, decoded.version, plugins)


def files_of(document: bytes) -> dict[str, str]:
    """Return the files of a document, though this version may not load them; an earlier one published it.

    Raises PolicyErrors for a document that is too large or malformed.
    """
    return _decode(document).files


def _decode(document: bytes) -> _Document:
    _check_size(document)
    try:
        return _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PolicyErrors([PolicyError("policy", 0, f"is not a policy document: {error}")]) from error


def _check_size(document: bytes) -> None:
    if len(document) > DOCUMENT_BYTES_MAX:
        message = f"is a document of {len(document)} bytes, {DOCUMENT_BYTES_MAX} are allowed"
        raise PolicyErrors([PolicyError("policy", 0, message)])
