"""When a customer is to be woken, and when no trace of that may stay behind."""

from __future__ import annotations

import pytest

from streamproc.core.arrival import Arrival
from streamproc.core.context import Context, Timer
from streamproc.core.event import TIMER_DUE, Event
from streamproc.core.record import Position
from streamproc.core.timers import hints

NOW_MS = 1_795_777_200_000


def arrival(kind: str = "product.viewed") -> Arrival:
    event = Event(
        event_id="m-1",
        dialect="segment",
        kind=kind,
        customer_id="anna",
        occurred_at_ms=NOW_MS,
        received_at_ms=NOW_MS,
    )
    return Arrival(event, Position("clickstream", 0, 0), 0, 0)


def waiting(*due_ms: int) -> Context:
    timers = [Timer(due, "remind", "cart.item_added", NOW_MS, b"12345678") for due in due_ms]
    return Context(customer_id="anna", last_ms=NOW_MS, timers=timers)


SOON, LATER, OVERDUE = NOW_MS + 1, NOW_MS + 2, NOW_MS - 1


@pytest.mark.parametrize(
    ("why", "context", "before_ms", "kinds", "due_ms"),
    [
        ("it is news", waiting(LATER, SOON), None, [""], SOON),
        ("an earlier one was set", waiting(LATER, SOON), LATER, [""], SOON),
        ("the first was cancelled", waiting(LATER), SOON, [""], LATER),
        ("whoever would have fired it may be dead", waiting(OVERDUE), OVERDUE, [""], OVERDUE),
        ("its hint was used up too early", waiting(SOON), SOON, [TIMER_DUE], SOON),
        ("its hint was used up by another", waiting(LATER), SOON, ["", TIMER_DUE], LATER),
    ],
)
def test_a_customer_is_to_be_woken_because(
    why: str, context: Context, before_ms: int | None, kinds: list[str], due_ms: int
) -> None:
    assert hints(context, before_ms, [arrival(kind) for kind in kinds]) == ((b"anna", due_ms),), why


@pytest.mark.parametrize("context", [None, waiting()])
def test_a_customer_who_waits_for_nothing_any_more_leaves_no_hint_behind(context: Context | None) -> None:
    """As after the order, and after a withdrawal of the consent to processing."""
    assert hints(context, SOON, [arrival()]) == ((b"anna", None),)


@pytest.mark.parametrize(
    ("why", "context", "before_ms", "kind"),
    [
        ("nothing was waited for", waiting(), None, ""),
        ("nobody is known", None, None, TIMER_DUE),
        ("nothing changed", waiting(SOON), SOON, ""),
        ("its hint is dropped by whoever claimed it", waiting(), SOON, TIMER_DUE),
    ],
)
def test_no_hint_is_written_where(
    why: str, context: Context | None, before_ms: int | None, kind: str
) -> None:
    assert hints(context, before_ms, [arrival(kind)]) == (), why
