"""What a customer's memory waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamproc.core.context import Context


def next_due_ms(context: Context) -> int | None:
    """Return when the first of all that is waited for comes due, in milliseconds; None if nothing is."""
    timers = context.timers
    return min([timer.due_ms for timer in timers]) if timers else None


def wake_at_ms(context: Context, before_ms: int | None, *, is_woken: bool) -> int | None:
    """Return when to wake this customer, where that is news or whoever would do it may have been lost.

    `before_ms` is what `next_due_ms` gave before the events at hand. A hint is used up where one of them was a waking
    (`is_woken`), and may have been lost where what was due is still not done.
    """
    due_ms = next_due_ms(context)
    if due_ms is None or (due_ms == before_ms and due_ms > context.last_ms and not is_woken):
        return None
    return due_ms
