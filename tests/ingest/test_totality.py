"""Parsing returns for every record whatsoever."""

import copy
import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.event import EXTRA_MAX, ITEMS_MAX, KINDS, Event, Rejection
from streamproc.core.record import Position, Record
from streamproc.ingest import Parser, parse
from streamproc.ingest.canonical import encode_event
from tests.ingest import snowplow_shapes as snowplow

TOPICS = st.sampled_from(
    ["clickstream", "beacons", "consents", "profiles", "outcomes", "privacy-requests", "rekeyed", "else"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        [
            "track",
            "Product Viewed",
            "2026-01-01T00:00:00Z",
            "\u0000",
            "1.0",
            "beacon.entered",
            "x" * 1000,
            10**40,
            10**400,
            10**4290,
            2**63,
            1e308,
        ]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OFFER = {
    "item_id": "a",
    "item_name": "Coat",
    "price": "9.5",
    "quantity": 1,
    "item_category2": "coats",
    "index": 3,
}
GA4_HIT: dict[str, Any] = {
    "event_name": "purchase",
    "client_id": "5.17",
    "user_id": "c",
    "x-ga-protocol_version": "2",
    "x-ga-gcd": "11r1r1r1r5",
    "x-sst-system_properties": {
        "request_start_time_ms": 1_767_225_600_000,
        "consent": {"consentGrantedState": {"ad_storage": True}},
    },
    "ga_session_id": "1",
    "ga_session_number": 2,
    "currency": "EUR",
    "value": 19,
    "transaction_id": "o-7",
    "items": [OFFER, OFFER],
}
PRODUCT = {"product_id": "a", "name": "Coat", "price": 9.5, "quantity": 1, "variant": 3, "category": "coats"}
VALID: list[tuple[str, dict[str, Any]]] = [
    (
        "clickstream",
        {
            "type": "track",
            "event": "Order Completed",
            "messageId": "m",
            "userId": "c",
            "anonymousId": "a",
            "timestamp": "2026-01-01T00:00:00Z",
            "channel": "web",
            "properties": {
                "products": [PRODUCT, PRODUCT],
                "total": "19.00",
                "currency": "EUR",
                "order_id": 5,
                "coupon": "x",
            },
            "context": {
                "page": {"url": "u"},
                "locale": "de",
                "device": {"type": "ios"},
                "sessionId": 3,
                "gpc": 1,
                "consent": {"categoryPreferences": {"Advertising": True}, "IABTCF_PurposeConsents": "1011"},
                "consentManagement": {"allowedConsentIds": ["C0004"], "deniedConsentIds": []},
                "campaign": {"name": "n", "content": ["a"]},
                "traits": {"IABTCF_gdprApplies": 1},
            },
        },
    ),
    (
        "clickstream",
        {"type": "track", "event": "Own Thing", "messageId": "m", "userId": "c", "properties": dict(PRODUCT)},
    ),
    (
        "clickstream",
        {"batch": [{"type": "identify", "messageId": "m", "userId": "c", "traits": {"a": ["b"], "c": 1}}]},
    ),
    (
        "clickstream",
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/s",
            "type": "cart.item_added",
            "subject": "c",
            "partitionkey": "k",
            "data": {
                "items": [{"item_id": "a", "price_minor": 5}],
                "surface": "web",
                "extra": {"k": 1},
                "properties": None,
            },
        },
    ),
    ("clickstream", GA4_HIT),
    (
        "clickstream",
        {
            "client_id": "5.17",
            "timestamp_micros": 1_767_225_600_000_000,
            "consent": {"ad_user_data": "GRANTED"},
            "device": {"language": "de"},
            "events": [{"name": "own_thing", "params": {"items": [OFFER], "search_term": "x", "level": 3}}],
        },
    ),
    (
        "clickstream",
        {
            "event_name": "view_search_results",
            "event_timestamp": "1767225600000000",
            "user_pseudo_id": "5.17",
            "platform": "WEB",
            "privacy_info": {"analytics_storage": "Yes"},
            "ecommerce": {"transaction_id": "(not set)"},
            "event_params": [
                {"key": "search_term", "value": {"int_value": "501"}},
                {"key": "value", "value": {"double_value": 1.5}},
            ],
            "items": [OFFER],
        },
    ),
    (
        "clickstream",
        {"appId": "a", "data": json.dumps([GA4_HIT]), "timestamp": "2026-01-01T00:00:00.123456789Z"},
    ),
    (
        "beacons",
        {
            "event_id": "b",
            "customer_id": "c",
            "kind": "beacon.entered",
            "site_id": "s",
            "rssi_dbm": -60,
            "major": 3,
            "beacon": {"uuid": "f7826da6-4fa2-4e98-8024-bc5b71e0893e", "minor": 4},
            "occurred_at_ms": 1_767_225_600_000,
        },
    ),
    (
        "beacons",
        {
            "id": "r",
            "type": "REGION",
            "occurred": "2026-01-01T00:00:00Z",
            "device": {"named_user_id": "c", "ios_channel": "a"},
            "body": {
                "action": "enter",
                "region_id": "r",
                "proximity": {"id": "AAAA", "major": 3, "rssi": -60},
            },
        },
    ),
    (
        "beacons",
        {
            "_id": "r",
            "type": "user.entered_beacon",
            "createdAt": "2026-01-01T00:00:00Z",
            "user": {"userId": "c", "deviceId": "a"},
            "beacon": {"externalId": "s", "tag": "z", "major": "3", "metadata": {"zone_id": "z"}},
            "duration": 0.5,
        },
    ),
    (
        "consents",
        {
            "customer_id": "c",
            "channel": "push",
            "purpose": "marketing",
            "state": "granted",
            "at_ms": 1_767_225_600_000,
        },
    ),
    (
        "profiles",
        {
            "customer_id": "c",
            "at_ms": 1_767_225_600_000,
            "traits": {"a": 1},
            "preferences": {"channels_off": ["sms"]},
            "shared": ["device"],
            "facts": [{"name": "n", "value": 1}],
            "life_events": [{"kind": "k"}],
        },
    ),
    ("outcomes", {"nudge_id": "n", "customer_id": "c", "kind": "opened", "at_ms": 1_767_225_600_000}),
    (
        "privacy-requests",
        {"request_id": "r", "customer_id": "c", "kind": "export", "at_ms": 1_767_225_600_000},
    ),
]
ENTITIES = [
    snowplow.product(quantity="2", position=3),
    snowplow.entity("cart", cart_id="k", total_value="12.0", currency="EUR"),
    snowplow.entity("transaction", transaction_id="o", revenue=1, currency="EUR", tax=0),
    snowplow.entity("checkout_step", step=1),
    snowplow.entity("user", id="c", is_guest=False),
    snowplow.entity("client_session", "1-0-2", userId="u", sessionId="s", sessionIndex=1, eventIndex=2),
]
PREFERENCES = snowplow.told(
    "consent_preferences", eventType="allow_all", consentScopes=["marketing"], basisForProcessing="consent"
)
BROWSED = snowplow.FIELDS | {
    "domain_userid": "d",
    "domain_sessionidx": "3",
    "br_lang": "de",
    "page_title": "x",
    "dvce_created_tstamp": "1767225600000",
    "dvce_sent_tstamp": "1767225600100",
}
SNOWPLOW: list[tuple[str, dict[str, Any]]] = [
    ("clickstream", snowplow.plain_tracker(BROWSED, snowplow.action("transaction"), ENTITIES)),
    ("clickstream", snowplow.plain_tracker(BROWSED | {"event": "ti", "ti_sku": "a", "ti_price": "9.5"})),
    ("clickstream", snowplow.sdk_object(snowplow.FIELDS, snowplow.action("add_to_cart"), ENTITIES)),
    ("clickstream", snowplow.lossless_object(snowplow.FIELDS, PREFERENCES, ENTITIES)),
]
VALID += SNOWPLOW


def parsed(topic: str, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> None:
    """Parse a record and hold the result to what every result promises."""
    record = Record(topic, 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value, headers=headers)
    results = parse(record)
    assert results
    for index, result in enumerate(results):
        if isinstance(result, Rejection):
            assert result.index == index
            continue
        assert result.kind in KINDS or result.kind.startswith("custom.")
        assert result.event_id
        assert result.customer_id or result.anonymous_id
        assert len(result.items) <= ITEMS_MAX
        assert len(result.extra) <= EXTRA_MAX
        assert msgspec.json.decode(msgspec.json.encode(result), type=Event) == result


@given(TOPICS, st.none() | st.binary(), st.lists(st.tuples(st.text(), st.binary()), max_size=3))
def test_any_bytes_are_parsed(topic: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    parsed(topic, value, tuple(headers))


@given(TOPICS, JSON)
def test_any_json_is_parsed(topic: str, payload: Any) -> None:
    parsed(topic, json.dumps(payload).encode())


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths to every value inside of a payload."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, child in children for found in [(*path, key), *places(child, (*path, key))]]


CHANGES: list[Callable[[Any], Any]] = [
    lambda value: [value],
    lambda value: {"a": value},
    lambda value: str(value) * 50,
    lambda value: [value] * 60,
    lambda _: None,
]


def mutated(data: st.DataObject, valid: dict[str, Any]) -> dict[str, Any]:
    """Return a payload of which up to three places are left out or hold something else."""
    payload = copy.deepcopy(valid)
    for _ in range(data.draw(st.integers(0, 3))):
        if not (found := places(payload)):
            break
        *parents, key = data.draw(st.sampled_from(found))
        node: Any = payload
        for parent in parents:
            node = node[parent]
        if data.draw(st.booleans()):
            del node[key]
        else:
            node[key] = data.draw(JSON | st.sampled_from([change(node[key]) for change in CHANGES]))
    return payload


@settings(max_examples=400)
@given(st.data(), st.sampled_from(VALID), TOPICS)
def test_any_mutation_of_a_valid_payload_is_parsed(
    data: st.DataObject, valid: tuple[str, dict[str, Any]], other: str
) -> None:
    parsed(data.draw(st.sampled_from([valid[0], other])), json.dumps(mutated(data, valid[1])).encode())


@given(st.sampled_from(VALID), st.integers(0, 600), st.binary(max_size=3))
def test_a_valid_payload_with_broken_bytes_is_parsed(valid: tuple[str, Any], at: int, noise: bytes) -> None:
    value = json.dumps(valid[1]).encode()
    parsed(valid[0], value[:at] + noise + value[at + 1 :])


def test_every_valid_payload_is_an_event_that_survives_its_way_to_another_lane() -> None:
    for topic, payload in VALID:
        value = json.dumps(payload).encode()
        (event,) = parse(Record(topic, 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value))
        assert isinstance(event, Event), event
        forwarded = encode_event(event, Position(topic, 3, 17, 2))
        assert list(parse(Record("rekeyed", 0, 9, 0, append_time=False, key=None, value=forwarded))) == [
            event
        ]


def test_the_fast_way_and_the_careful_way_see_the_same_event() -> None:
    """A repeated key with a wrong type first sends a call the careful way, and changes nothing else."""
    for topic, payload in VALID[:2]:
        value = json.dumps(payload).encode()
        careful = b'{"userId":7.5,' + value[1:]
        fast, slow = (
            parse(Record(topic, 0, 0, 1_767_225_601_000, append_time=False, key=None, value=given))
            for given in (value, careful)
        )
        assert fast == slow


GA4 = [
    payload for topic, payload in VALID if "client_id" in payload or "appId" in payload or "items" in payload
]


@pytest.mark.parametrize("payload", GA4, ids=["hit", "request", "row", "forwarded"])
@pytest.mark.parametrize("name", ["client_id", "event_timestamp", "data"])
def test_a_hit_seen_at_a_glance_and_one_read_with_care_are_the_same_event(
    payload: dict[str, Any], name: str
) -> None:
    value = json.dumps(payload).encode()
    careful = f'{{"{name}":7.5,'.encode() + value[1:]
    if name in payload:
        assert parse_alone(value) == parse_alone(careful)


def parse_alone(*values: bytes) -> list[Event | Rejection]:
    """Return what the last of some records gives, to a parser that has seen the others before it."""
    parser = Parser()
    for value in values:
        results = parser(
            Record("clickstream", 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value)
        )
    return list(results)


MOMENTS = [payload for topic, payload in VALID if topic in {"clickstream", "beacons"}]
# One payload a dialect that is recognised at a glance.
SPOKEN = [
    json.dumps(payload).encode()
    for payload in MOMENTS
    if not payload.keys().isdisjoint({"messageId", "specversion", "client_id", "kind", "schema", "contexts"})
]


def read_after_each(payload: dict[str, Any]) -> list[list[Event | Rejection]]:
    """Return what a payload gives to parsers that have seen one dialect or another before it."""
    value = json.dumps(payload).encode()
    return [parse_alone(spoken, value) for spoken in SPOKEN]


def test_what_is_whole_in_two_dialects_is_of_the_same_one_whatever_came_before() -> None:
    for one, other in permutations(MOMENTS, 2):
        first, *rest = read_after_each({**one, **other})
        assert rest == [first] * len(rest)


@settings(max_examples=100)
@given(st.data(), st.sampled_from(MOMENTS), st.sampled_from(MOMENTS))
def test_what_came_before_changes_nothing(
    data: st.DataObject, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Not even for a payload that is half of one dialect and half of another."""
    mixed = {**one, **other}
    for name in data.draw(st.sets(st.sampled_from(list(mixed)))):
        del mixed[name]
    names = st.sampled_from(["type", "messageId", "batch", "message_id", "specversion", "kind"])
    mixed |= data.draw(st.dictionaries(names, JSON, max_size=2))
    first, *rest = read_after_each(mixed)
    assert rest == [first] * len(rest)


FIELDS = st.sampled_from(
    [
        "product_id",
        "sku",
        "name",
        "price",
        "quantity",
        "currency",
        "products",
        "total",
        "value",
        "order_id",
        "query",
    ]
)


@given(
    st.sampled_from(["Order Completed", "Product Added", "Own Thing"]),
    st.dictionaries(FIELDS, JSON, max_size=3),
)
def test_both_ways_agree_on_what_they_read_and_refuse(name: str, properties: dict[str, Any]) -> None:
    call = {"type": "track", "event": name, "messageId": "m", "userId": "c", "properties": properties}
    value = json.dumps(call).encode()
    fast, careful = (
        parse(Record("clickstream", 0, 0, 1_767_225_601_000, append_time=False, key=None, value=given))
        for given in (value, b'{"userId":7.5,' + value[1:])
    )
    assert fast == careful
