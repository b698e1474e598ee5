"""The latest events of one customer: what they were, and which ids were seen."""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core.context import DIGEST_BYTES, RECENT_MAX, SEEN_MAX, Context, Glimpse, Remembered

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Remembered]).decode
_glimpse = msgspec.msgpack.Decoder(list[Glimpse]).decode
# MessagePack writes the length of an array in two bytes behind this one.
_ARRAY_16: Final = b"\xdc"


def remembered(context: Context) -> list[Remembered]:
    """Decode the remembered events, in the order of their arrival.

    They are kept encoded because only one event in ten has a candidate whose conditions look at them. Behind the
    head of an array they are one message, which decodes in half the time of its parts.
    """
    return _decode(_array(context.recent))


def glimpsed(context: Context) -> list[Glimpse]:
    """Decode of the remembered events, in the order of their arrival, what counting asks."""
    return _glimpse(_array(context.recent))


def _array(packed: list[bytes]) -> bytes:
    return _ARRAY_16 + len(packed).to_bytes(2, "big") + b"".join(packed)


def mentions(context: Context, text: bytes) -> int:
    """Return how many of the remembered events name this text, at most: it may stand elsewhere in their bytes, too.

    That takes a tenth of the time of decoding them, which most counts need not do: they have too few to count.
    """
    return b"".join(context.recent).count(text)


def remember(context: Context, event: Remembered) -> None:
    """Add an event, and forget the oldest beyond `RECENT_MAX`."""
    recent = context.recent
    recent.append(_encode(event))
    if len(recent) > RECENT_MAX:
        del recent[0]


def store_remembered(context: Context, events: list[Remembered]) -> None:
    """Keep these events in place of those remembered."""
    context.recent = [_encode(event) for event in events]


def is_seen(context: Context, digest: bytes) -> bool:
    """Tell whether the event with this 8-byte digest is among the customer's last `SEEN_MAX`, or was charged."""
    seen = context.seen
    at = seen.find(digest)
    while at >= 0:
        if at % DIGEST_BYTES == 0:
            return True
        at = seen.find(digest, at + 1)
    for charge in context.charges:  # noqa: SIM110 - every event asks, and a generator costs a microsecond.
        if charge.event == digest:
            return True
    return False


def mark_seen(context: Context, digest: bytes) -> None:
    """Add an event's digest to the customer's last `SEEN_MAX`."""
    context.seen = (context.seen + digest)[-SEEN_MAX * DIGEST_BYTES :]
