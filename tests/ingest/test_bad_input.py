"""What becomes of bad input, dialect by dialect: the table of the guide for producers, cell by cell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Event, Rejection
from streamproc.core.producers import DIALECTS
from streamproc.core.record import Record
from streamproc.ingest import Parser
from streamproc.ingest.envelope import LOOKED_FOR
from tests.ingest.conftest import RECEIVED_AT_MS

GUIDE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text("utf-8")
SECTION = GUIDE.split("\n## Bad input\n")[1].split("\n## ")[0]
_CELLS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if "|" in line
]
COLUMNS = _CELLS[0][1:]
TABLE = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in _CELLS[2:]}

UNSAID: Any = object()
AT_MS = 1_767_225_600_000
AT, ARRIVED = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def without_unsaid(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_unsaid(one) for key, one in value.items() if one is not UNSAID}
    return [without_unsaid(one) for one in value] if isinstance(value, list) else value


def segment(
    price: Any = 149, currency: Any = "EUR", at: Any = AT, customer: Any = "c-17", **more: Any
) -> Any:
    products = more.get("listed", [{"product_id": "coat-1", "price": price}])
    properties = more.get("inner", {"currency": currency, "products": products})
    call = {
        "type": "track",
        "event": "Order Completed",
        "messageId": more.get("event_id", "m-1"),
        "userId": customer,
    }
    return call | {"timestamp": at, "properties": properties}


def cloudevents(
    price: Any = 149, currency: Any = "EUR", at: Any = AT, customer: Any = "c-17", **more: Any
) -> Any:
    items = more.get("listed", [{"item_id": "coat-1", "price": price}])
    data = more.get("inner", {"customer_id": customer, "currency": currency, "items": items})
    return {
        "specversion": "1.0",
        "id": more.get("event_id", "e-1"),
        "source": "/s",
        "type": "order.completed",
        "time": at,
        "data": data,
    }


def ga4(
    price: Any = 149, currency: Any = "EUR", at: Any = AT_MS * 1000, customer: Any = "c-17", **more: Any
) -> Any:
    items = more.get("listed", [{"item_id": "coat-1", "price": price}])
    params = more.get("inner", {"currency": currency, "items": items})
    request = {"client_id": "" if customer == "" else "807802863.1690769179", "user_id": customer}
    return request | {"timestamp_micros": at, "events": [{"name": "purchase", "params": params}]}


def snowplow(
    price: Any = 149, currency: Any = "EUR", at: Any = AT, customer: Any = "c-17", **more: Any
) -> Any:
    """An enriched object; its columns are named after the schemas."""
    shop = "com_snowplowanalytics_snowplow_ecommerce"
    products = [{"id": "coat-1", "category": "coats", "price": price, "currency": currency}]
    return {
        "event_id": more.get("event_id", "c6ef3124-b53a-4b13-a233-0088f79dcbcb"),
        "event": "unstruct",
        "event_vendor": "com.snowplowanalytics.snowplow.ecommerce",
        "event_name": "snowplow_ecommerce_action",
        "collector_tstamp": ARRIVED,
        "derived_tstamp": at,
        "user_id": customer,
        f"unstruct_event_{shop}_snowplow_ecommerce_action_1": more.get("inner", {"type": "transaction"}),
        f"contexts_{shop}_product_1": more.get("listed", products),
    }


def beacon(at: Any = AT_MS, customer: Any = "c-17", **more: Any) -> Any:
    heard = {
        "event_id": more.get("event_id", "b-1"),
        "kind": "beacon.entered",
        "customer_id": customer,
        "occurred_at_ms": at,
    }
    return heard | {"beacon": more.get("inner", {"major": 7})}


def airship(at: Any = AT, customer: Any = "c-17", **more: Any) -> Any:
    body = more.get("inner", {"action": "enter", "region_id": "berlin-1"})
    return {
        "id": more.get("event_id", "r-1"),
        "type": "REGION",
        "occurred": at,
        "device": {"named_user_id": customer},
        "body": body,
    }


def radar(at: Any = AT, customer: Any = "c-17", **more: Any) -> Any:
    told = {
        "_id": more.get("event_id", "r-1"),
        "type": "user.entered_geofence",
        "createdAt": at,
        "user": {"userId": customer},
    }
    return told | {"geofence": more.get("inner", {"externalId": "berlin-1"})}


def profile(at: Any = AT_MS, customer: Any = "c-17", **more: Any) -> Any:
    return {
        "customer_id": customer,
        "at_ms": at,
        "traits": more.get("inner", {}),
        "shared": more.get("listed", []),
    }


# Column, topic, payload, and what the dialect has no place for.
PAYLOADS: dict[str, tuple[str, Callable[..., Any], tuple[str, ...]]] = {
    "Segment": ("clickstream", segment, ()),
    "CloudEvents": ("clickstream", cloudevents, ()),
    "GA4": ("clickstream", ga4, ("event_id",)),
    "Snowplow": ("clickstream", snowplow, ()),
    "beacon": ("beacons", beacon, ("price", "currency", "listed")),
    "Airship": ("beacons", airship, ("price", "currency", "listed")),
    "Radar": ("beacons", radar, ("price", "currency", "listed")),
    "facts": ("profiles", profile, ("price", "currency", "event_id")),
}


def price_is(minor: int | None) -> Callable[[Event], bool]:
    return lambda event: event.items[0].price_minor == minor


def happened(event: Event) -> bool:
    return event.occurred_at_ms == AT_MS


def on_arrival(event: Event) -> bool:
    return event.occurred_at_ms == RECEIVED_AT_MS


def anyhow(_event: Event) -> bool:
    return True


ROWS: dict[str, tuple[dict[str, Any], Callable[[Event], bool]]] = {
    'a price as text, `"12.0"`': ({"price": "12.0"}, price_is(1200)),
    'a price with other signs, `"12,00 €"`': ({"price": "12,00 €"}, anyhow),
    "a price below 0": ({"price": -1}, anyhow),
    "a price of true": ({"price": True}, anyhow),
    "a price of null": ({"price": None}, price_is(None)),
    'a price of `""`': ({"price": ""}, price_is(None)),
    "no currency: two decimals": ({"price": 12.5, "currency": UNSAID}, price_is(1250)),
    'a currency of `""`: two decimals': ({"price": 12.5, "currency": ""}, price_is(1250)),
    "a currency of more or fewer than three letters": ({"currency": "euro"}, anyhow),
    "a time in ISO 8601 with its zone": ({"at": "2026-01-01T01:00:00+01:00"}, happened),
    "a time without its zone": ({"at": "2026-01-01T00:00:00"}, anyhow),
    "a time in seconds": ({"at": AT_MS // 1000}, anyhow),
    "a time in milliseconds": ({"at": AT_MS}, happened),
    "a time in microseconds": ({"at": AT_MS * 1000}, happened),
    "a time of null: when it arrived": ({"at": None}, on_arrival),
    'a time of `""`: when it arrived': ({"at": ""}, on_arrival),
    "a list where an object is due": ({"inner": []}, anyhow),
    "an object where a list is due": ({"listed": {}}, anyhow),
    "a customer id as a whole number: its digits": (
        {"customer": 17},
        lambda event: event.customer_id == "17",
    ),
    "a customer id as a fraction": ({"customer": 17.5}, anyhow),
    'a customer id of `""`, and no other id': ({"customer": ""}, anyhow),
    "a customer id with a space inside": ({"customer": "c 17"}, anyhow),
    "an event id as a whole number: its digits": ({"event_id": 5}, lambda event: event.event_id == "5"),
    'an event id of `""`': ({"event_id": ""}, anyhow),
}
CASES = [(row, column) for row in ROWS for column in PAYLOADS]


def parsed(column: str, parser: Parser | None = None, **slots: Any) -> Event | Rejection:
    topic, build, _ = PAYLOADS[column]
    value = json.dumps(without_unsaid(build(**slots))).encode()
    record = Record(topic, 0, 0, RECEIVED_AT_MS, append_time=False, key=None, value=value)
    return (parser or Parser())(record)[0]


def test_the_table_has_every_dialect_and_every_row() -> None:
    assert {name.lower() for name in COLUMNS} == {*DIALECTS, "facts"}
    assert (set(COLUMNS), set(TABLE)) == (set(PAYLOADS), set(ROWS))


@pytest.mark.parametrize(("row", "column"), CASES)
def test_bad_input_is_read_or_refused_as_the_page_says(row: str, column: str) -> None:
    slots, is_right = ROWS[row]
    result = None if set(slots) & set(PAYLOADS[column][2]) else parsed(column, **slots)
    if isinstance(result, Event):
        assert is_right(result), result
    said = "—" if result is None else "read" if isinstance(result, Event) else f"`{result.reason}`"
    assert said == TABLE[row][column]


@pytest.mark.parametrize("column", PAYLOADS)
def test_every_payload_is_good_until_something_in_it_is_bad(column: str) -> None:
    event = parsed(column)
    assert isinstance(event, Event), event
    assert (event.customer_id, happened(event)) == ("c-17", True)


@given(st.lists(st.sampled_from(sorted(PAYLOADS)), max_size=12))
def test_dialects_may_be_mixed_on_one_topic_in_any_order(order: list[str]) -> None:
    parser = Parser()
    for column in order:
        assert parsed(column, parser) == parsed(column)


def test_an_unknown_envelope_is_refused_with_all_that_was_looked_for() -> None:
    record = Record(
        "clickstream", 0, 0, RECEIVED_AT_MS, append_time=False, key=None, value=b'{"hello":"world"}'
    )
    (refused,) = Parser()(record)
    assert isinstance(refused, Rejection)
    assert (refused.reason, refused.detail) == ("unknown_envelope", LOOKED_FOR)
    marks = {"airship": "REGION", "radar": "user."}
    assert all(re.search(marks.get(name, name), LOOKED_FOR, re.IGNORECASE) for name in DIALECTS)
