"""The table of what producers can send says neither more nor less than what ingest reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import EXTRA_MAX, Event
from streamproc.core.producers import ANY_EXTRA, CUSTOM, DIALECTS, EXTRA_PREFIX, can_send, fields_of
from streamproc.ingest.ga4_params import Offer, Params
from streamproc.ingest.names import GA4_NAMES, SEGMENT_NAMES, custom_kind
from streamproc.ingest.products import EXTRA
from streamproc.ingest.snowplow.event import ACTIONS
from tests.ingest import snowplow_shapes as snowplow

GUIDE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text("utf-8")
PAYLOADS = re.findall(r"```(?:json|tsv) (clickstream|beacons)\n(.*?)\n```", GUIDE, re.DOTALL)
NAMES = {kind: name for name, kind in SEGMENT_NAMES.items()} | {CUSTOM: "Store Loved"}
PRODUCT = {
    "product_id": "coat-1",
    "name": "Wool coat",
    "brand": "Nord",
    "category": "coats",
    "variant": "blue",
    "price": 149.0,
    "quantity": 1,
}
EVERYTHING: dict[str, Any] = {
    **PRODUCT,
    **{name: "x" for names in EXTRA.values() for name in names if name not in PRODUCT},
    "currency": "EUR",
    **dict.fromkeys(("position", "list_id", "title", "referrer"), "x"),
    "value": 149.0,
    "site_id": "berlin-1",
}
CONTEXT = {
    "campaign": dict.fromkeys(("name", "source", "medium", "term", "content"), "x"),
    "device": {"adTrackingEnabled": False},
}
OFFER = {
    "item_id": "coat-1",
    "item_name": "Wool coat",
    "item_brand": "Nord",
    "item_category": "coats",
    "item_variant": "blue",
    "price": 149.0,
    "quantity": 1,
    **dict.fromkeys(Offer.__struct_fields__[-12:], "x"),
    "currency": "EUR",
}
GA4_HIT: dict[str, Any] = {
    "client_id": "5.17",
    "ga_session_id": 1,
    **dict.fromkeys(set(Params.__struct_fields__) - {"items", "value", "currency"}, "x"),
    "currency": "EUR",
    "value": 149.0,
}
GA4_NAME = {kind: name for name, kind in GA4_NAMES.items()} | {CUSTOM: "store_loved"}
SNOWPLOW_FIELDS = {
    "domain_sessionidx": "7",
    **dict.fromkeys(("page_title", "page_referrer", "app_id", "mkt_campaign", "mkt_source"), "x"),
    **dict.fromkeys(("mkt_medium", "mkt_term", "mkt_content", "mkt_clickid", "mkt_network"), "x"),
}
SNOWPLOW_ENTITIES = [
    snowplow.product(
        **dict.fromkeys(("brand", "variant", "size", "inventory_status", "creative_id"), "x"),
        quantity=1,
        list_price=199.0,
        position=1,
    ),
    snowplow.entity("client_session", "1-0-2", sessionIndex=7, eventIndex=1),
    snowplow.entity("page", type="x"),
    snowplow.entity("cart", total_value=149.0, currency="EUR"),
    snowplow.entity(
        "transaction",
        **dict.fromkeys(("payment_method", "total_quantity", "tax", "shipping", "discount_code"), "x"),
        discount_amount=1,
        credit_order=True,
        revenue=149.0,
        currency="EUR",
    ),
    snowplow.entity("refund", refund_reason="x"),
    snowplow.entity(
        "promotion", **dict.fromkeys(("id", "name", "position", "creative_id", "type", "slot"), "x")
    ),
    snowplow.entity(
        "checkout_step",
        **dict.fromkeys(("coupon_code", "delivery_provider", "delivery_method", "account_type"), "x"),
        step=1,
        payment_method="x",
        proof_of_payment="x",
    ),
]
SNOWPLOW_TOLD = {
    "search.performed": [snowplow.told("site_search", terms=["x"], totalResults=1, pageResults=1)],
    "screen.viewed": [snowplow.told("screen_view", name="x", id="y")],
    "app.opened": [snowplow.told("application_foreground", foregroundIndex=1)],
}
SIGHTING = {
    "event_id": "b-1",
    "customer_id": "c-17",
    "site_id": "berlin-1",
    "region_id": "door",
    "dwell_ms": 60_000,
    "occurred_at_ms": 1_767_225_600_000,
}

Parse = Callable[..., Event]


def segment_call(kind: str) -> dict[str, Any]:
    call = {
        "messageId": "m-1",
        "userId": "c-17",
        "timestamp": "2026-01-01T00:00:00Z",
        "properties": EVERYTHING,
        "context": CONTEXT,
    }
    if kind in ("page.viewed", "screen.viewed"):
        return {"type": kind.partition(".")[0], **call}
    return {"type": "track", "event": NAMES[kind], **call}


def cloud_event(kind: str) -> dict[str, Any]:
    event_type = "shop.loved" if kind == CUSTOM else kind
    envelope = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": event_type, "subject": "c-17"}
    if kind.startswith("beacon."):
        data: dict[str, Any] = SIGHTING
    else:
        data = {**EVERYTHING, "extra": {"anything": 1}}
    return {**envelope, "partitionkey": "c-17", "data": data}


def expected(dialect: str, kind: str) -> frozenset[str]:
    return DIALECTS[dialect][kind] - {ANY_EXTRA}


def without_any_extra(event: Event, dialect: str, kind: str) -> frozenset[str]:
    free = ANY_EXTRA in DIALECTS[dialect][kind]
    return frozenset(name for name in fields_of(event) if not (free and name.startswith(EXTRA_PREFIX)))


@pytest.mark.parametrize("kind", sorted(DIALECTS["segment"]))
def test_a_segment_call_with_everything_has_the_fields_of_the_table(event: Parse, kind: str) -> None:
    found = event(segment_call(kind))
    assert kind in (found.kind, CUSTOM)
    assert without_any_extra(found, "segment", kind) == expected("segment", kind)
    assert not kind.startswith("custom.") or "extra.step" in fields_of(found)


@pytest.mark.parametrize("kind", sorted(DIALECTS["cloudevents"]))
def test_a_cloud_event_with_everything_has_the_fields_of_the_table(event: Parse, kind: str) -> None:
    found = event(cloud_event(kind))
    assert kind in (found.kind, CUSTOM)
    assert without_any_extra(found, "cloudevents", kind) == expected("cloudevents", kind)
    assert kind.startswith("beacon.") or "extra.anything" in fields_of(found)


@pytest.mark.parametrize("kind", sorted(DIALECTS["ga4"]))
def test_a_hit_with_everything_has_the_fields_of_the_table(event: Parse, kind: str) -> None:
    """A hit with one item tells how that was offered, one with too many how many there were."""
    hit = {"event_name": GA4_NAME[kind], **GA4_HIT}
    one, many = (event({**hit, "items": [OFFER] * count}) for count in (1, 51))
    assert one.kind == many.kind
    assert kind in (one.kind, CUSTOM)
    found = without_any_extra(one, "ga4", kind) | without_any_extra(many, "ga4", kind)
    assert found == expected("ga4", kind)
    assert kind != CUSTOM or len(one.extra) == EXTRA_MAX


def snowplow_events(kind: str) -> list[bytes]:
    """Return events of a kind that have everything between them: more than `extra` holds of one."""
    fields, entities = snowplow.FIELDS | SNOWPLOW_FIELDS, SNOWPLOW_ENTITIES
    name = "else" if kind == CUSTOM else {one: name for name, one in ACTIONS.items()}.get(kind)
    told = [snowplow.action(name, "winter")] if name else SNOWPLOW_TOLD.get(kind, [])
    sent = [snowplow.line(some, one, entities) for one in told for some in (fields, snowplow.FIELDS)]
    sent += [snowplow.line(fields, one, [snowplow.product()]) for one in told + SNOWPLOW_TOLD.get(kind, [])]
    event = {"page.viewed": "page_view", "engagement.ping": "page_ping"}.get(kind)
    if event:
        sent += [
            snowplow.line(fields | {"event": event}, None, some) for some in (entities, [snowplow.product()])
        ]
    if kind == "order.completed":
        old = {"event": "transaction", "tr_affiliation": "x"}
        sent.append(snowplow.line(snowplow.FIELDS | old))
    return sent


@pytest.mark.parametrize("kind", sorted(DIALECTS["snowplow"]))
def test_snowplows_events_with_everything_have_the_fields_of_the_table(event: Parse, kind: str) -> None:
    events = [event(payload) for payload in snowplow_events(kind)]
    assert {found.kind for found in events} <= {kind, "custom.else"}
    found = frozenset[str]().union(*(without_any_extra(one, "snowplow", kind) for one in events))
    free = ANY_EXTRA in DIALECTS["snowplow"][kind]
    wanted = {name for name in expected("snowplow", kind) if not (free and name.startswith(EXTRA_PREFIX))}
    assert found == wanted
    assert all(can_send("snowplow", one.kind, name) for one in events for name in fields_of(one))


@pytest.mark.parametrize("kind", sorted(DIALECTS["beacon"]))
def test_a_sighting_with_everything_has_the_fields_of_the_table(event: Parse, kind: str) -> None:
    assert fields_of(event({**SIGHTING, "kind": kind}, "beacons")) == expected("beacon", kind)


@pytest.mark.parametrize("kind", sorted(DIALECTS["airship"]))
def test_a_region_with_everything_has_the_fields_of_the_table(event: Parse, kind: str) -> None:
    action = "enter" if kind == "beacon.entered" else "exit"
    body = {"action": action, "region_id": "berlin-1", "source": "Gimbal", "proximity": {"id": "door"}}
    device, at = {"named_user_id": "c-17"}, "2026-01-01T00:00:00Z"
    found = event({"id": "r-1", "type": "REGION", "occurred": at, "device": device, "body": body})
    assert (found.kind, fields_of(found)) == (kind, expected("airship", kind))


@pytest.mark.parametrize("kind", sorted(DIALECTS["radar"]))
def test_a_place_with_everything_has_the_fields_of_the_table(event: Parse, kind: str) -> None:
    known = {"entered": "user.entered_geofence", "exited": "user.exited_geofence"}
    known |= {"dwelled": "user.dwelled_in_geofence", "*": "user.entered_place"}
    place = {"geofence": {"externalId": "berlin-1"}, "duration": 6, "user": {"userId": "c-17"}}
    told = {"_id": "r-1", "type": known[kind.partition(".")[2]], "createdAt": "2026-01-01T00:00:00Z"}
    found = event(told | place)
    assert kind in (found.kind, CUSTOM)
    assert fields_of(found) == expected("radar", kind)


@pytest.mark.parametrize(("topic", "payload"), PAYLOADS)
def test_each_moment_of_the_guide_is_in_the_table(event: Parse, topic: str, payload: str) -> None:
    found = event(payload.encode(), topic)
    if found.fact is None:
        assert can_send(found.dialect, found.kind)
        assert [name for name in fields_of(found) if not can_send(found.dialect, found.kind, name)] == []


def test_the_table_has_every_kind_that_a_name_of_segment_stands_for() -> None:
    moments = {kind for kind in SEGMENT_NAMES.values() if not kind.startswith(("nudge.", "app.un"))}
    assert moments | {"page.viewed", "screen.viewed", CUSTOM} == set(DIALECTS["segment"])


def test_the_table_has_every_kind_that_a_name_of_ga4_stands_for() -> None:
    moments = {kind for kind in GA4_NAMES.values() if not kind.startswith(("nudge.", "app.un"))}
    assert moments | {CUSTOM} == set(DIALECTS["ga4"])


@given(st.text())
def test_every_name_that_is_not_known_becomes_a_kind_that_the_table_can_send(name: str) -> None:
    assert can_send("segment", custom_kind(name))


def test_a_kind_that_no_name_becomes_is_not_in_the_table() -> None:
    for kind in ("custom.Store Loved", "custom.store-loved", "custom._loved", f"custom.{'x' * 65}"):
        assert not can_send("segment", kind)
    assert not can_send("beacon", "custom.store_loved")


def test_the_table_has_every_dialect_that_the_guide_shows_sending_moments() -> None:
    shown = {json.loads(text)["dialect"] for text in re.findall(r"```json event\n(.*?)```", GUIDE, re.DOTALL)}
    assert shown - {"fact"} == set(DIALECTS)
