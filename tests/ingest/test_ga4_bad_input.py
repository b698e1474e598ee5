"""What is wrong with a GA4 payload is named, or read as documented; nothing is guessed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import ITEMS_MAX, Event
from streamproc.core.record import Record
from streamproc.ingest import Parser

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
AT_US = 1_767_225_600_123_456
COAT = {"item_id": "coat-1", "price": 149.0}


def hit(name: str = "purchase", /, **params: Any) -> dict[str, Any]:
    own = {"event_name": name, "client_id": "5.17", "x-ga-protocol_version": "2", "timestamp_micros": AT_US}
    return own | params


def request(name: str = "purchase", /, **params: Any) -> dict[str, Any]:
    return {"client_id": "5.17", "timestamp_micros": AT_US, "events": [{"name": name, "params": params}]}


def row(**fields: Any) -> dict[str, Any]:
    return {
        "event_date": "20260101",
        "event_name": "purchase",
        "event_timestamp": AT_US,
        "event_params": [],
        "user_pseudo_id": "5.17",
    } | fields


@pytest.mark.parametrize(
    ("params", "value_minor", "currency"),
    [
        ({"value": "12.0", "currency": "EUR"}, 1200, "EUR"),
        ({"value": 12}, 1200, None),
        ({"value": "", "currency": ""}, None, None),
        ({"value": None, "currency": None}, None, None),
        ({"value": 1200, "currency": "JPY"}, 1200, "JPY"),
        ({"value": 1.005, "currency": "usd"}, 101, "USD"),
        ({"value": 1, "currency": "XQX"}, 100, "XQX"),
        ({"value": 5, "items": [COAT | {"currency": "EUR"}]}, 500, "EUR"),
    ],
)
def test_money_is_read_as_the_guide_says(
    event: OnlyEvent, params: dict[str, Any], value_minor: int | None, currency: str | None
) -> None:
    for seen in (event(hit(**params)), event(request(**params))):
        assert (seen.value_minor, seen.currency) == (value_minor, currency)


@pytest.mark.parametrize(
    ("params", "reason", "field"),
    [
        ({"value": -1}, "out_of_range", "value"),
        ({"value": "-1"}, "out_of_range", "value"),
        ({"value": "1,50"}, "wrong_type", "value"),
        ({"value": "12 EUR"}, "wrong_type", "value"),
        ({"value": True}, "wrong_type", "value"),
        ({"value": {"amount": 5}}, "wrong_type", "value"),
        ({"value": 1e300}, "out_of_range", "value"),
        ({"currency": "EURO"}, "bad_text", "currency"),
        ({"currency": "€"}, "bad_text", "currency"),
        ({"currency": 978}, "wrong_type", "currency"),
        ({"items": {"item_id": "a"}}, "wrong_type", "items"),
        ({"items": ["coat-1"]}, "wrong_type", "items[0]"),
        ({"items": [COAT, {"item_brand": "Nord"}]}, "missing_field", "items[1].item_id"),
        ({"items": [{"item_id": 1.5}]}, "wrong_type", "items[0].item_id"),
        ({"items": [COAT | {"price": -1}]}, "out_of_range", "items[0].price"),
        ({"items": [COAT | {"quantity": 1.5}]}, "wrong_type", "items[0].quantity"),
        ({"items": [COAT | {"quantity": -1}]}, "out_of_range", "items[0].quantity"),
        ({"items": [COAT | {"item_name": ["Coat"]}]}, "wrong_type", "items[0].item_name"),
        ({"items": [COAT | {"item_name": "a\x00b"}]}, "bad_text", "items[0].item_name"),
        ({"currency": "EUR", "items": [COAT | {"currency": "USD"}]}, "unknown_value", "items[0].currency"),
        ({"transaction_id": "x" * 129}, "bad_text", "transaction_id"),
        ({"transaction_id": 1.5}, "wrong_type", "transaction_id"),
        ({"session_id": 1.5}, "wrong_type", "session_id"),
        ({"session_id": "a b"}, "bad_text", "session_id"),
    ],
)
def test_a_wrong_parameter_is_named_in_every_shape(
    refusal: Refusal, params: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(hit(**params)) == (reason, field)
    assert refusal(request(**params)) == (reason, f"events[0].params.{field}")


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"client_id": None}, "no_identity", "client_id"),
        ({"client_id": ""}, "no_identity", "client_id"),
        ({"client_id": 1.5}, "wrong_type", "client_id"),
        ({"client_id": True}, "wrong_type", "client_id"),
        ({"client_id": ["5.17"]}, "wrong_type", "client_id"),
        ({"client_id": "a b"}, "bad_text", "client_id"),
        ({"client_id": -5}, "out_of_range", "client_id"),
        ({"user_id": {"id": 1}}, "wrong_type", "user_id"),
        ({"timestamp_micros": 1_767_225_600}, "out_of_range", "timestamp_micros"),
        ({"timestamp_micros": 1_767_225_600_123}, "out_of_range", "timestamp_micros"),
        ({"timestamp_micros": "1767225600123"}, "out_of_range", "timestamp_micros"),
        ({"timestamp_micros": 1_767_225_600_123_456_000}, "out_of_range", "timestamp_micros"),
        ({"timestamp_micros": "2026-01-01T00:00:00Z"}, "wrong_type", "timestamp_micros"),
        ({"timestamp_micros": 1.7e15 + 0.5}, "wrong_type", "timestamp_micros"),
    ],
)
def test_a_wrong_sender_or_time_is_named(
    refusal: Refusal, fields: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(hit() | fields) == (reason, field)
    assert refusal(request() | fields) == (reason, field)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"event_timestamp": 1_767_225_600_123}, "out_of_range", "event_timestamp"),
        ({"event_timestamp": None}, "missing_field", "event_timestamp"),
        ({"event_name": ""}, "missing_field", "event_name"),
        ({"user_pseudo_id": None}, "no_identity", "user_pseudo_id"),
        ({"event_params": {"value": 5}}, "wrong_type", "event_params"),
        ({"event_params": [{"key": "value", "value": 5}]}, "wrong_type", "event_params[0].value"),
        (
            {"event_params": [{"key": "ga_session_id", "value": {"int_value": "x"}}]},
            "wrong_type",
            "event_params[0].value.int_value",
        ),
        (
            {"event_params": [{"key": "value", "value": {"double_value": -1.0}}]},
            "out_of_range",
            "event_params.value",
        ),
        (
            {"event_params": [{"key": "currency", "value": {"int_value": 5}}]},
            "wrong_type",
            "event_params.currency",
        ),
        ({"items": [{"item_id": "a", "price": -1}]}, "out_of_range", "items[0].price"),
        ({"items": {}}, "wrong_type", "items"),
        ({"event_timestamp": AT_US + 3_600_000_000}, "in_the_future", "event_timestamp"),
    ],
)
def test_a_wrong_field_of_a_row_is_named(
    refusal: Refusal, fields: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(row(**fields)) == (reason, field)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"events": {}}, "wrong_type", "events"),
        ({"events": []}, "empty", "events"),
        ({"events": None}, "empty", "events"),
        ({"events": [[]]}, "not_an_object", "events[0]"),
        ({"events": [{"name": 5}]}, "wrong_type", "events[0].name"),
        ({"events": [{"name": ""}]}, "missing_field", "events[0].name"),
        ({"events": [{"name": "page_view", "params": []}]}, "wrong_type", "events[0].params"),
        ({"events": [{"name": "quiz", "params": []}]}, "wrong_type", "events[0].params"),
        ({"events": "page_view"}, "wrong_type", "events"),
        ({"events": [{"name": "page_view"}] * 1001}, "too_many", "events"),
        ({"consent": []}, "wrong_type", "consent"),
        ({"timestamp_micros": AT_US + 3_600_000_000}, "in_the_future", "events[0].timestamp_micros"),
    ],
)
def test_a_wrong_request_is_named(refusal: Refusal, fields: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(request() | fields) == (reason, field)


@pytest.mark.parametrize("started", ["1767225600123", 1_767_225_600_123])
def test_a_tag_managers_own_time_is_in_milliseconds(event: OnlyEvent, started: Any) -> None:
    own = {"timestamp_micros": None, "x-sst-system_properties": {"request_start_time_ms": started}}
    assert event(hit() | own).occurred_at_ms == 1_767_225_600_123


def test_a_tag_managers_time_in_seconds_is_refused(refusal: Refusal) -> None:
    own = {"timestamp_micros": None, "x-sst-system_properties": {"request_start_time_ms": 1_767_225_600}}
    field = "x-sst-system_properties.request_start_time_ms"
    assert refusal(hit() | own) == ("out_of_range", field)


def test_ids_may_be_whole_numbers_and_empty_text_is_none(event: OnlyEvent) -> None:
    seen = event(
        hit(items=[{"item_id": 17, "item_name": "", "item_category": ""}], transaction_id=7, user_id="")
    )
    assert (seen.items[0].item_id, seen.items[0].name, seen.items[0].category) == ("17", None, None)
    assert (seen.order_id, seen.customer_id, seen.identity) == ("7", "", "anonymous")
    assert event(hit(user_id=42)).customer_id == "42"


def test_an_items_name_stands_for_a_missing_id(event: OnlyEvent) -> None:
    assert event(hit(items=[{"item_id": "", "item_name": "Wool coat"}])).items[0].item_id == "Wool coat"


def test_what_the_export_never_received_is_absent(event: OnlyEvent) -> None:
    unset = {"item_id": "a", "item_brand": "(not set)", "item_category": "(not set)"}
    params = [{"key": "coupon", "value": {"string_value": "(not set)"}}]
    ecommerce = {"transaction_id": "(not set)", "purchase_revenue": 5.0}
    seen = event(row(items=[unset], event_params=params, ecommerce=ecommerce))
    assert (seen.items[0].brand, seen.items[0].category, seen.order_id, seen.extra) == (None, None, None, {})
    assert event(row(ecommerce={"transaction_id": "o-7"})).order_id == "o-7"


def test_of_more_items_than_an_event_holds_the_first_are_kept_and_all_are_counted(event: OnlyEvent) -> None:
    """Google allows 200; an order that is not known at all would cost more than a part of its items."""
    for count in (ITEMS_MAX, ITEMS_MAX + 1, 200):
        seen = event(hit(items=[{"item_id": str(number)} for number in range(1, count + 1)]))
        assert [item.item_id for item in seen.items] == [
            str(number) for number in range(1, min(count, 50) + 1)
        ]
        assert seen.extra == ({} if count == ITEMS_MAX else {"items_total": count})


@pytest.mark.parametrize(
    "payload",
    [
        {"event_name": "view_item", "client_id": "5.17"},
        {"event_name": "view_item", "ga_session_id": "1"},
        {"events": [{"name": "view_item"}]},
        {"events": [{"name": "view_item"}], "user_id": "c"},
        {"event_name": "view_item", "event_timestamp": AT_US, "user_pseudo_id": "5.17"},
        {"data": "[]"},
        {"data": [{"event_name": "view_item"}]},
        {"event_number": 5, "client_id": "5.17", "ga_session_id": "1"},
    ],
)
def test_half_an_envelope_is_none(refusal: Refusal, payload: dict[str, Any]) -> None:
    assert refusal(payload) == ("unknown_envelope", "")
    assert refusal(json.dumps(payload).encode()) == ("unknown_envelope", "")


@pytest.mark.parametrize(
    ("name", "value"), [("type", "page"), ("action", "screen"), ("kind", "beacon.entered")]
)
def test_a_parameter_of_another_dialects_name_does_not_change_the_dialect(
    event: OnlyEvent, name: str, value: str
) -> None:
    payload = hit(**{name: value})
    careful = b'{"client_id":7.5,' + json.dumps(payload).encode()[1:]
    assert event(payload).dialect == event(careful).dialect == "ga4"


CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/s",
    "type": "cart.viewed",
    "subject": "c",
    "data": {},
}
CALL = {"type": "track", "event": "Cart Viewed", "messageId": "m", "userId": "c"}


@pytest.mark.parametrize("payload", [hit(), request(), row(), {"appId": "a", "data": json.dumps(hit())}])
@pytest.mark.parametrize(
    ("others", "dialect"),
    [
        (CALL, "segment"),
        ({"action": "track", "event": "Cart Viewed", "message_id": "m", "user_id": "c"}, "segment"),
        ({"batch": [CALL]}, "segment"),
        (CLOUD_EVENT, "cloudevents"),
    ],
)
def test_what_is_whole_in_another_dialect_is_of_that_one_even_after_a_hit(
    payload: dict[str, Any], others: dict[str, Any], dialect: str
) -> None:
    parser = Parser()
    for sent, expected in ((payload, "ga4"), (payload | others, dialect)):
        value = json.dumps(sent).encode()
        record = Record("clickstream", 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value)
        (seen,) = parser(record)
        assert isinstance(seen, Event), seen
        assert seen.dialect == expected


def test_a_hit_as_text_in_a_cloud_event_is_no_hit(refusal: Refusal) -> None:
    assert refusal(CLOUD_EVENT | {"data": json.dumps(hit())}) == ("not_an_object", "data")
