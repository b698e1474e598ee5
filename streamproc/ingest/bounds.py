"""The bounds of a payload, checked before anything reads it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from streamproc.core.event import Reason
from streamproc.ingest.refusal import Refused

# A click has 0.5 KB and a batch of a hundred 50 KB; Kafka's own default stops at 1 MiB. 256 KiB holds every honest
# record and keeps the worst one under some ten milliseconds of parsing.
PAYLOAD_BYTES_MAX: Final = 256 * 1024
# Honest payloads nest 5 deep. Walkers written in Python recurse once a level, so the bound is far under their stack.
PAYLOAD_DEPTH_MAX: Final = 32

_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_QUOTED: Final = re.compile(rb'"[^"]*+"?')
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))
_OPENINGS_MAX: Final = PAYLOAD_DEPTH_MAX + 1  # what is counted of each kind: one more than may be
_OPENING: Final = frozenset(b"[{")
_WIRE_PREFIX_BYTES: Final = 5  # the schema registry's magic byte 0 and a schema id of four bytes

_SURROGATES: Final = (0xD800, 0xDFFF)  # first and last; halves of a character, which mean nothing alone

_decode: Final = msgspec.json.Decoder().decode


def bounded(value: bytes | None) -> bytes:
    """Return the payload without a schema registry's prefix, or refuse it as empty, too large or too deep."""
    if value is None:
        raise Refused(Reason.EMPTY, detail="a tombstone")
    if value and value[0] == 0:
        value = value[_WIRE_PREFIX_BYTES:]
    if not value:
        raise Refused(Reason.EMPTY, detail="0 bytes")
    if len(value) > PAYLOAD_BYTES_MAX:
        raise Refused(Reason.TOO_LARGE, detail=f"{len(value)} bytes > {PAYLOAD_BYTES_MAX}")
    refuse_deep(value)
    return value


def refuse_deep(value: bytes, field: str = "") -> None:
    """Refuse JSON that is too deep: a payload, or one inside of its `field`, whose size is bounded by the payload's."""
    # JSON cannot nest deeper than it has opening brackets, and few payloads have as many as the bound. Taking a byte
    # out is the fastest way to count it: it searches as `in` does, four times as fast as `count`.
    rest = value.replace(b"{", b"", _OPENINGS_MAX).replace(b"[", b"", _OPENINGS_MAX)
    if len(value) - len(rest) > PAYLOAD_DEPTH_MAX and _deeper_than_bound(value):
        raise Refused(Reason.TOO_DEEP, field, f"nested more than {PAYLOAD_DEPTH_MAX} levels")


def _deeper_than_bound(value: bytes) -> bool:
    """Walk the brackets outside of strings, after whatever is not structure has been dropped in C."""
    if b"\\" in value:
        value = _ESCAPE.sub(b"", value)
    # A string without brackets is now two quotes; dropping pairs of quotes keeps what is inside of strings inside.
    structure = value.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure:
        structure = _QUOTED.sub(b"", structure)
    depth = 0
    for bracket in structure:
        if bracket in _OPENING:
            depth += 1
            if depth > PAYLOAD_DEPTH_MAX:
                return True
        else:
            depth -= 1
    return False


def document(value: bytes) -> dict[str, Any]:
    """Decode a bounded payload into a plain object, or refuse it; of a repeated key the last wins."""
    try:
        decoded = _decode(value)
    except msgspec.ValidationError as error:
        raise Refused(Reason.OUT_OF_RANGE, detail="a number too large to be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(value) from error
    if not isinstance(decoded, dict):
        raise Refused(Reason.NOT_AN_OBJECT, detail=f"got {_json_type(decoded)}")
    return decoded


def _unreadable(value: bytes) -> Refused:
    """Say why a payload is not JSON; a lone surrogate is legal to JSON's grammar and deserves its field's name."""
    if b"\\u" in value:
        try:
            path = _surrogate_path(json.loads(value, parse_constant=_no_constant))
        except ValueError:  # not JSON either way, or an integer of more digits than Python reads
            path = None
        if path is not None:
            return Refused(Reason.BAD_TEXT, path, "a lone surrogate")
    return Refused(Reason.NOT_JSON)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _surrogate_path(node: object, path: str = "") -> str | None:
    """Find the first text that no encoding can carry; recursion is bounded by PAYLOAD_DEPTH_MAX."""
    if isinstance(node, str):
        return path if any(map(_is_surrogate, node)) else None
    if isinstance(node, dict):
        for key, child in node.items():
            if _surrogate_path(key) is not None:
                return path
            # A key of the producer's own may be personal; only what looks like a field's name is repeated.
            name = key if key.isascii() and key.isidentifier() else "*"
            found = _surrogate_path(child, f"{path}.{name}" if path else name)
            if found is not None:
                return found
    if isinstance(node, list):
        for place, child in enumerate(node):
            found = _surrogate_path(child, f"{path}[{place}]")
            if found is not None:
                return found
    return None


def _is_surrogate(char: str) -> bool:
    return _SURROGATES[0] <= ord(char) <= _SURROGATES[1]


def _json_type(node: object) -> str:
    if node is None:
        return "null"
    words = {list: "a list", str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    return words[type(node)]
