"""Snowplow's events do through the whole pipeline what those of other producers do."""

import pytest

from streamproc.testing import Harness
from tests.ingest.snowplow_shapes import FIELDS, SHAPES, Entity, Shape, action, product, told

COAT = product(id="coat-1", price=149.0)
TRACKERS = (SHAPES["tracker"], SHAPES["plain_tracker"])


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    made: Shape = request.param
    return made


def shop() -> Harness:
    harness = Harness(now="2026-01-01T12:00Z")
    harness.consent("c-17", "processing", "push")
    harness.profile("c-17", timezone="Europe/Berlin")
    return harness


def send(harness: Harness, shape: Shape, event_id: str, one: Entity, *entities: Entity) -> list[str]:
    """Return the campaigns that speak because of an event, at once or after the half hour that a basket waits."""
    times = {"collector_tstamp": "2026-01-01 12:00:00"} if shape not in TRACKERS else {}
    nudges = harness.send(shape(FIELDS | {"event_id": event_id} | times, one, entities))
    return [nudge.campaign for nudge in (*nudges, *harness.advance("31m"))]


def test_what_is_put_into_the_cart_causes_what_the_same_call_of_segment_does(shape: Shape) -> None:
    coat = {
        "product_id": "coat-1",
        "name": "Winter coat",
        "category": "coats",
        "price": 149.0,
        "currency": "EUR",
    }
    harness = shop()
    harness.track("c-17", "Product Added", **coat)
    called = [nudge.campaign for nudge in harness.advance("31m")]
    assert called
    assert send(shop(), shape, "e-1", action("add_to_cart"), COAT) == called


def test_what_was_bought_is_not_offered_again(shape: Shape) -> None:
    harness = shop()
    assert send(harness, shape, "e-1", action("transaction"), COAT) == []
    assert send(harness, shape, "e-2", action("add_to_cart"), COAT) == []
    assert not harness.rejections


def test_a_failed_order_is_no_purchase(shape: Shape) -> None:
    harness = shop()
    assert send(harness, shape, "e-1", action("trns_error"), COAT) == []
    assert send(harness, shape, "e-2", action("add_to_cart"), COAT)


def test_after_a_refusal_of_processing_nothing_is_said(shape: Shape) -> None:
    harness = shop()
    assert send(harness, shape, "e-1", told("consent_preferences", eventType="deny_all")) == []
    assert send(harness, shape, "e-2", action("add_to_cart"), COAT) == []
    assert not harness.rejections


def test_an_event_that_is_sent_twice_says_nothing_more(shape: Shape) -> None:
    harness = shop()
    assert send(harness, shape, "e-1", action("add_to_cart"), COAT)
    assert send(harness, shape, "e-1", action("add_to_cart"), COAT) == []
