"""What counting sees of the remembered events, and what it tells from their bytes alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core import conditions
from streamproc.core.context import Context, Glimpse, Remembered, RememberedItem
from streamproc.core.event import Event
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Condition
from streamproc.core.recent import glimpsed, mentions, remember, remembered
from streamproc.core.scene import Scene
from tests.policy.samples import FILES

POLICY = load(FILES)
HOUR_MS = 3_600_000
UNREADABLE = b"\xc1 product.viewed coat-1"
COAT = RememberedItem("coat-1", "coats")
ITEMS = st.builds(
    RememberedItem,
    item_id=st.sampled_from(["1", "11", "coat-1", "mütze"]),
    category=st.sampled_from(["", "coats", "coat-1"]),
    brand=st.sampled_from(["", "Nord"]),
    price_minor=st.none() | st.integers(0, 99_999),
)
EVENTS = st.lists(
    st.builds(
        Remembered,
        at_ms=st.integers(0, 2**53),
        kind=st.sampled_from(["product.viewed", "custom.1"]),
        items=st.lists(ITEMS, max_size=3).map(tuple),
        site_id=st.sampled_from(["", "s-1"]),
        value_minor=st.none() | st.integers(0, 99_999),
        currency=st.sampled_from(["", "EUR"]),
    ),
    max_size=16,
)


def remembering(events: list[Remembered]) -> Context:
    context = Context()
    for event in events:
        remember(context, event)
    return context


@given(EVENTS)
def test_counting_sees_of_each_event_its_first_fields(events: list[Remembered]) -> None:
    seen = glimpsed(remembering(events))
    assert [(one.at_ms, one.kind) for one in seen] == [(one.at_ms, one.kind) for one in events]
    assert [[(item.item_id, item.category) for item in one.items] for one in seen] == [
        [(item.item_id, item.category) for item in one.items] for one in events
    ]


@given(EVENTS, st.sampled_from(["1", "11", "coat-1", "mütze", "other"]))
def test_no_event_that_names_an_item_is_missed_among_the_bytes(events: list[Remembered], name: str) -> None:
    naming = [event for event in events if name in [item.item_id for item in event.items]]
    assert len(naming) <= mentions(remembering(events), name.encode())


def scene(context: Context) -> Scene:
    event = Event(
        event_id="e", dialect="test", kind="product.viewed", occurred_at_ms=HOUR_MS, received_at_ms=HOUR_MS
    )
    coats = POLICY.find_category("coats")
    return Scene(
        context=context, event=event, now_ms=HOUR_MS, policy=POLICY, zone=None, item=COAT, category=coats
    )


@pytest.mark.parametrize(
    "condition",
    [
        conditions.counted("product.viewed", HOUR_MS, 3, None, None),
        conditions.counted_same_item("product.viewed", HOUR_MS, 3, None),
        conditions.counted_in_category("product.viewed", HOUR_MS, 3, None, "coats"),
    ],
)
def test_too_few_events_to_count_are_not_even_decoded(condition: Condition) -> None:
    assert not condition(scene(Context(recent=[UNREADABLE, UNREADABLE])))


def test_what_was_decoded_whole_already_is_not_decoded_again_to_be_counted() -> None:
    context = remembering([Remembered(5, "product.viewed", (COAT,))])
    at_hand = scene(context)
    assert at_hand.recent == remembered(context)
    assert at_hand.glimpses is at_hand.recent
    assert type(scene(context).glimpses[0]) is Glimpse
