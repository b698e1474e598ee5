"""Our own events as JSON: what is forwarded to a customer's own lane, on the topic `rekeyed`."""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core.event import Event, Reason
from streamproc.core.record import Position
from streamproc.ingest.refusal import Refused, refused_by_type, shown

TOPIC: Final = "rekeyed"
VERSION: Final = 1


class _Forwarded(msgspec.Struct, frozen=True):
    event: Event
    origin: Position
    version: int = VERSION


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Forwarded)


def encode_event(event: Event, origin: Position) -> bytes:
    """Return an event as JSON with the position at which it was first read; `decode_event` is its inverse."""
    return _encoder.encode(_Forwarded(event, origin))


def decode_event(value: bytes) -> tuple[Event, Position]:
    """Return an event and its first position.

    Raises `Refused`: only our own workers write these, so anything else on the topic is a mistake to be looked at.
    """
    try:
        forwarded = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(Reason.NOT_JSON) from error
    if forwarded.version != VERSION:
        raise Refused(Reason.UNKNOWN_VALUE, "version", f"{shown(forwarded.version)} is not {VERSION}")
    return forwarded.event, forwarded.origin
