"""What is kept of an event that some condition reads."""

from __future__ import annotations

import msgspec
import pytest

from streamproc.core.context import Context, Remembered, RememberedItem
from streamproc.core.event import Event, Item
from streamproc.core.facts import ProfileChange
from streamproc.core.memory import apply_moment, apply_profile
from streamproc.core.policy.loader import load
from streamproc.core.recent import remembered
from streamproc.core.stored_context import decode_context
from tests.policy.samples import FILES, with_when

ORDER = Event(
    event_id="e",
    dialect="test",
    kind="order.completed",
    occurred_at_ms=5,
    received_at_ms=5,
    items=(Item("coat-1", price_minor=14_900),),
    value_minor=14_900,
    currency="EUR",
)
COUNTED = "{count: {event: order.completed, within: 30d, min: 1}}"
SUMMED = "{sum: {of: value, event: order.completed, within: 30d, min: 1, currency: EUR}}"


@pytest.mark.parametrize(("when", "currency"), [(COUNTED, ""), (SUMMED, "EUR")])
def test_a_currency_is_kept_only_where_some_condition_adds_up_money(when: str, currency: str) -> None:
    files = with_when(when)
    files["campaigns/look.yaml"] = files["campaigns/look.yaml"].replace("[viewed]", "[opted_in]")
    context = Context()
    apply_moment(context, ORDER, load(files), lambda _category: True, 5)
    item = RememberedItem("coat-1", price_minor=14_900)
    assert remembered(context) == [Remembered(5, "order.completed", (item,), "", 14_900, currency)]


def test_an_event_that_was_remembered_without_a_currency_is_readable() -> None:
    older = msgspec.msgpack.encode([5, "order.completed", [["coat-1"]], "berlin-1", 14_900])
    context = decode_context(msgspec.msgpack.encode([1, "c-1", 5, {}, b"", [older]]))
    item = RememberedItem("coat-1")
    assert remembered(context) == [Remembered(5, "order.completed", (item,), "berlin-1", 14_900, "")]


def seen(at_ms: int, zone: str) -> Event:
    return Event(
        event_id=f"e-{at_ms}",
        dialect="test",
        kind="app.opened",
        occurred_at_ms=at_ms,
        received_at_ms=9,
        timezone=zone,
    )


def test_a_device_that_tells_late_where_the_customer_was_does_not_set_the_clock_back() -> None:
    context, policy = Context(), load(FILES)
    for at_ms, told, shown in [
        (5, "Tokyo", "Tokyo"),
        (7, "Berlin", "Berlin"),
        (6, "Tokyo", "Berlin"),
        (8, "Rome", "Rome"),
    ]:
        apply_moment(context, seen(at_ms, told), policy, lambda _category: True, 9)
        assert context.profile is not None
        assert context.profile.zone == shown
    apply_profile(context, ProfileChange("c-1", 1, timezone="Paris"), policy, lambda _category: True)
    apply_moment(context, seen(9, "Rome"), policy, lambda _category: True, 9)
    assert context.profile is not None
    assert context.profile.zone == "Paris"
