"""How a context is read and written, and how long what was written is kept."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from streamproc.core.context import (
    FOR_EVER,
    LAYOUT,
    TIMER_LATE_MS,
    TTL_MS_MAX,
    WARY_MS,
    Context,
    UnreadableContext,
)

_decode = msgspec.msgpack.Decoder(Context).decode
_encode = msgspec.msgpack.Encoder().encode


def decode_context(blob: bytes) -> Context:
    """Read a stored context.

    Raises UnreadableContext if it was written by a later version, or is not a context at all.
    """
    try:
        context = _decode(blob)
    except msgspec.DecodeError as error:
        raise UnreadableContext(f"a stored context cannot be read: {error}") from error
    if context.layout != LAYOUT:
        raise UnreadableContext(f"a stored context has layout {context.layout}, this version reads {LAYOUT}")
    return context


def encode_context(context: Context) -> bytes:
    """Write a context as it is stored."""
    return _encode(context)


def ttl_ms(context: Context, days_ms: int) -> int:
    """Return how long a context lives without another event: its days, and no less than what restrains.

    0 is for ever: what restrains beyond `TTL_MS_MAX`, such as an objection or a cap `ever`, is kept without an end.
    """
    throttle = context.throttle
    end_ms = context.last_ms + days_ms
    for charge in context.charges:
        if charge.until_ms > end_ms:  # noqa: PLR1730 - every write asks, and a call costs more than what it compares.
            end_ms = charge.until_ms
    for table in (context.holds, context.fulfilled):
        if table:
            end_ms = max(end_ms, *table.values())
    for timer in context.timers:
        end_ms = max(end_ms, timer.due_ms + TIMER_LATE_MS)
    if throttle is not None and throttle.wariness > 1:
        end_ms = max(end_ms, throttle.wariness_ms + WARY_MS)
    lives_ms = end_ms - context.last_ms
    return lives_ms if lives_ms <= TTL_MS_MAX else FOR_EVER


def drop_committed(context: Context, committed: Callable[[str, int], int]) -> tuple[str, ...]:
    """Forget the outputs of source positions that are committed, and so will never be delivered again."""
    kept: list[str] = []
    dropped: list[str] = []
    for name in context.outs:
        topic, partition, offset, _ = name.rsplit("/", 3)
        done = int(offset) < committed(topic, int(partition))
        (dropped if done else kept).append(name)
    context.outs = kept
    return tuple(dropped)
