"""What a customer's memory waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.event import TIMER_DUE, Event, Item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.arrival import Arrival
    from streamproc.core.context import Context, RememberedItem, Timer

DIALECT: Final = "inside"


def next_due_ms(context: Context) -> int | None:
    """Return when the first of all that is waited for comes due, in milliseconds; None if nothing is."""
    timers, visit = context.timers, context.visit
    due_ms = min([timer.due_ms for timer in timers]) if timers else None
    if visit is None or visit.over_ms:
        return due_ms
    return visit.wake_ms if due_ms is None else min(due_ms, visit.wake_ms)


def hints(
    context: Context | None, before_ms: int | None, arrivals: Sequence[Arrival]
) -> tuple[tuple[bytes, int | None], ...]:
    """Say whom to wake next, and when, where that is news or whoever would do it may have been lost; nothing else.

    `before_ms` is what `next_due_ms` gave before these arrivals, all of one customer. A hint is used up where one of
    them was a waking, and may have been lost where what was due is still not done. Where nothing is waited for any
    more, no trace of the customer stays behind: None stands for never.
    """
    due_ms = next_due_ms(context) if context is not None else None
    if due_ms is None and before_ms is None:
        return ()
    is_woken = any(arrival.event.kind == TIMER_DUE for arrival in arrivals)
    if context is None or due_ms is None:
        # A hint that woke the customer is dropped by whoever claimed it.
        is_news = not is_woken
    else:
        is_news = due_ms != before_ms or due_ms <= context.last_ms or is_woken
    return ((arrivals[0].event.customer_id.encode(), due_ms),) if is_news else ()


def timer_id(campaign: str, event: bytes) -> str:
    """Name a waiting by the first name of its campaign and the digest of the event that set it.

    So a nudge that it causes has one id, whenever it fires.
    """
    return f"timer/{campaign}/{event.hex()}"


def take_due(context: Context, now_ms: int) -> list[Timer]:
    """Take out of memory what is due by now, the first due first."""
    due = [timer for timer in context.timers if timer.due_ms <= now_ms]
    due.sort(key=lambda timer: (timer.due_ms, timer.campaign, timer.event))
    if due:
        context.timers = [timer for timer in context.timers if timer.due_ms > now_ms]
    return due


def event_of(timer: Timer, customer_id: str, now_ms: int) -> Event:
    """Return the event that set a timer, as far as it is remembered, under the id that its nudge will carry."""
    return Event(
        event_id=timer_id(timer.campaign, timer.event),
        dialect=DIALECT,
        kind=timer.kind,
        customer_id=customer_id,
        surface=timer.surface,
        occurred_at_ms=timer.at_ms,
        received_at_ms=now_ms,
        items=() if timer.item is None else (_item(timer.item),),
        currency=timer.currency or None,
        value_minor=timer.value_minor,
        site_id=timer.site_id or None,
        identity="shared" if timer.shared else "known",
        gpc=timer.gpc,
    )


def _item(kept: RememberedItem) -> Item:
    return Item(
        kept.item_id,
        name=kept.name or None,
        brand=kept.brand or None,
        category=kept.category or None,
        price_minor=kept.price_minor,
        quantity=kept.quantity,
    )
