"""Events on their way to another lane."""

from collections.abc import Callable

from streamproc.core.event import Beacon, Event, Item
from streamproc.core.facts import Outcome
from streamproc.core.record import Position
from streamproc.ingest import decode_event, encode_event

EVENT = Event(
    event_id="e",
    dialect="segment",
    kind="nudge.opened",
    customer_id="c",
    occurred_at_ms=1,
    received_at_ms=2,
    items=(Item("a", price_minor=5),),
    beacon=Beacon("ibeacon", distance_m=0.1),
    extra={"a": 1.5, "b": True, "c": "x"},
    fact=Outcome("n", "c", "opened", 1),
)


def test_an_event_comes_back_with_the_place_it_was_first_read_at() -> None:
    origin = Position("clickstream", 3, 17, 2)
    assert decode_event(encode_event(EVENT, origin)) == (EVENT, origin)


def test_what_is_no_event_of_ours_is_refused_with_its_field(refusal: Callable[..., tuple[str, str]]) -> None:
    assert refusal({"event": {"event_id": 5}}, "rekeyed") == ("wrong_type", "event.event_id")
    assert refusal({}, "rekeyed") == ("missing_field", "event")
    assert refusal(b"{", "rekeyed") == ("not_json", "")


def test_a_layout_of_another_time_is_refused(refusal: Callable[..., tuple[str, str]]) -> None:
    later = encode_event(EVENT, Position("clickstream", 3, 17)).replace(b'"version":1', b'"version":2')
    assert refusal(later, "rekeyed") == ("unknown_value", "version")
