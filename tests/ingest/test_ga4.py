"""Google Analytics 4 in its three shapes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from streamproc.core.event import Event, Item, Reason, Rejection
from streamproc.core.facts import Outcome
from streamproc.core.record import Record
from streamproc.ingest import parse

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
Send = Callable[..., list[Event | Rejection]]
Shape = Callable[..., dict[str, Any]]

HITS = Path(__file__).parents[2] / "../shared/data/ga4_gtm"
AT_US = 1_767_225_600_123_456
COAT = {"item_id": "coat-1", "item_name": "Wool coat", "price": 149.0, "quantity": 1}

# Table A3 of the conventions, its GA4 column, written out a second time.
KINDS = {
    "view_item": "product.viewed",
    "select_item": "product.clicked",
    "view_item_list": "list.viewed",
    "search": "search.performed",
    "view_search_results": "search.performed",
    "add_to_cart": "cart.item_added",
    "remove_from_cart": "cart.item_removed",
    "view_cart": "cart.viewed",
    "begin_checkout": "checkout.started",
    "add_shipping_info": "checkout.step",
    "add_payment_info": "checkout.step",
    "purchase": "order.completed",
    "refund": "order.refunded",
    "view_promotion": "promo.viewed",
    "select_promotion": "promo.clicked",
    "add_to_wishlist": "wishlist.added",
    "page_view": "page.viewed",
    "screen_view": "screen.viewed",
    "user_engagement": "engagement.ping",
    "app_open": "app.opened",
    "login": "custom.login",
    "PDP Clicks": "custom.pdp_clicks",
}


def hit(name: str = "view_item", /, **params: Any) -> dict[str, Any]:
    """Return a hit as a tag manager's Google client makes it."""
    return {
        "event_name": name,
        "client_id": "5.17",
        "user_id": "c-17",
        "x-ga-protocol_version": "2",
        "x-sst-system_properties": {"uc": "DE", "request_start_time_ms": AT_US // 1000},
    } | params


def request(name: str = "view_item", /, **params: Any) -> dict[str, Any]:
    """Return a request of the Measurement Protocol with one event."""
    return {
        "client_id": "5.17",
        "user_id": "c-17",
        "timestamp_micros": AT_US,
        "events": [{"name": name, "params": params}],
    }


def row(name: str = "view_item", /, **params: Any) -> dict[str, Any]:
    """Return a row of BigQuery's export, as BigQuery itself writes it as JSON."""
    items = params.pop("items", None)
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    return {
        "event_timestamp": str(AT_US),
        "event_name": name,
        "event_params": [
            {"key": key, "value": {kinds[type(value)]: str(value) if isinstance(value, int) else value}}
            for key, value in params.items()
        ],
        "user_id": "c-17",
        "user_pseudo_id": "5.17",
        "platform": "WEB",
        "items": items or [],
    }


SHAPES = pytest.mark.parametrize("shape", [hit, request, row], ids=["hit", "request", "row"])


@SHAPES
@pytest.mark.parametrize(("name", "kind"), KINDS.items())
@pytest.mark.parametrize("spelling", [str, str.upper, lambda name: name.replace("_", " ")])
def test_each_name_has_its_kind(
    event: OnlyEvent, shape: Shape, name: str, kind: str, spelling: Callable[[str], str]
) -> None:
    assert event(shape(spelling(name), items=[COAT])).kind == kind


@SHAPES
def test_every_shape_tells_who_when_where_and_what(event: OnlyEvent, shape: Shape) -> None:
    seen = event(
        shape(
            items=[COAT],
            currency="EUR",
            value=149.0,
            ga_session_id=1767225599,
            page_location="https://shop.example/",
        )
    )
    assert (seen.dialect, seen.customer_id, seen.anonymous_id, seen.identity) == (
        "ga4",
        "c-17",
        "5.17",
        "known",
    )
    assert (seen.occurred_at_ms, seen.received_at_ms) == (AT_US // 1000, 1_767_225_601_000)
    assert (seen.surface, seen.session_id, seen.page_url) == ("web", "1767225599", "https://shop.example/")
    assert (seen.items, seen.currency, seen.value_minor) == (
        (Item("coat-1", "Wool coat", price_minor=14900, quantity=1),),
        "EUR",
        14900,
    )


@SHAPES
def test_the_levels_of_a_category_make_one_path(event: OnlyEvent, shape: Shape) -> None:
    levels = {
        "item_category": "apparel",
        "item_category2": "coats",
        "item_category3": "",
        "item_category5": "wool",
    }
    (item,) = event(shape(items=[COAT | levels | {"item_brand": "Nord", "item_variant": "blue"}])).items
    assert (item.category, item.brand, item.variant) == ("apparel/coats/wool", "Nord", "blue")
    (item,) = event(shape(items=[COAT | {"item_category": "apparel", "item_category2": "coats"}])).items
    assert item.category == "apparel/coats"
    (item,) = event(shape(items=[COAT | {"item_category2": "coats"}])).items
    assert item.category == "coats"


@SHAPES
def test_a_purchase_has_its_order_and_amounts(event: OnlyEvent, shape: Shape) -> None:
    seen = event(
        shape(
            "purchase",
            transaction_id="o-7",
            value=168.95,
            currency="EUR",
            tax=26.5,
            shipping=4.9,
            coupon="WINTER",
            affiliation="Berlin",
            items=[COAT, COAT | {"item_id": "coat-2"}],
        )
    )
    assert (seen.order_id, seen.value_minor, len(seen.items)) == ("o-7", 16895, 2)
    assert seen.extra == {"coupon": "WINTER", "tax": 26.5, "shipping": 4.9, "affiliation": "Berlin"}


@SHAPES
def test_a_search_has_its_words_also_if_google_made_a_number_of_them(event: OnlyEvent, shape: Shape) -> None:
    assert event(shape("search", search_term="winter coat")).query == "winter coat"
    assert event(shape("view_search_results", search_term=501)).query == "501"


@SHAPES
def test_how_the_only_item_was_offered_is_kept(event: OnlyEvent, shape: Shape) -> None:
    offered = {"index": 3, "item_list_id": "l-1", "item_list_name": "Sale", "coupon": "X", "discount": 5.0}
    offered |= {"affiliation": "Berlin", "location_id": "b-1"}
    assert event(shape(items=[COAT | offered])).extra == {
        "position": 3,
        "list_id": "l-1",
        "list_name": "Sale",
        "coupon": "X",
        "discount": 5.0,
        "affiliation": "Berlin",
        "location_id": "b-1",
    }
    assert event(shape(items=[COAT | offered, COAT])).extra == {}


@SHAPES
def test_an_empty_field_of_the_event_gives_way_to_that_of_its_item(event: OnlyEvent, shape: Shape) -> None:
    seen = event(shape("select_item", item_list_id="", items=[COAT | {"item_list_id": "l-1"}]))
    assert seen.extra == {"list_id": "l-1"}


@pytest.mark.parametrize(
    ("payload", "anonymous_id", "surface"),
    [
        (hit() | {"app_instance_id": ""}, "5.17", "web"),
        (hit() | {"app_instance_id": "i-1"}, "i-1", "app"),
        (hit("screen_view"), "5.17", "app"),
        (request() | {"app_instance_id": "i-1", "client_id": None}, "i-1", "app"),
        (request(), "5.17", "web"),
        (row() | {"platform": "ANDROID"}, "5.17", "app"),
        (row() | {"platform": "IOS"}, "5.17", "app"),
        (row() | {"platform": "TOASTER"}, "5.17", "none"),
    ],
)
def test_browsers_have_clients_and_apps_have_instances(
    event: OnlyEvent, payload: dict[str, Any], anonymous_id: str, surface: str
) -> None:
    seen = event(payload)
    assert (seen.anonymous_id, seen.surface) == (anonymous_id, surface)


@pytest.mark.parametrize(
    "payload",
    [
        hit(language="de-de"),
        request(language="de-de"),
        request() | {"device": {"language": "de-de"}},
        row(language="de-de"),
        row() | {"device": {"language": "de-de"}},
    ],
)
def test_the_language_is_the_locale(event: OnlyEvent, payload: dict[str, Any]) -> None:
    assert event(payload).locale == "de-de"


@SHAPES
@pytest.mark.parametrize("on_the_item", [True, False])
def test_a_promotion_is_named_on_the_event_or_on_its_item(
    event: OnlyEvent, shape: Shape, *, on_the_item: bool
) -> None:
    told = {
        "promotion_id": "p-1",
        "promotion_name": "Sale",
        "creative_name": "Banner",
        "creative_slot": "top",
    }
    params = {"items": [COAT | told]} if on_the_item else told
    assert event(shape("select_promotion", **params)).extra == {
        "promotion_id": "p-1",
        "name": "Sale",
        "creative": "Banner",
        "position": "top",
    }


@SHAPES
def test_an_unknown_event_is_kept_with_its_own_words(event: OnlyEvent, shape: Shape) -> None:
    seen = event(shape("Quiz — Finished!", score=3, email="c@shop.example", page_title="Quiz"))
    assert (seen.kind, seen.extra) == ("custom.quiz_finished", {"score": 3})


@pytest.mark.parametrize("shape", [hit, request])
def test_the_words_of_an_unknown_event_may_have_any_type(event: OnlyEvent, shape: Shape) -> None:
    seen = event(shape("Quiz", items="three", coupon=["x"], currency={}, value="much", score=3))
    assert (seen.extra, seen.items, seen.value_minor) == (
        {"items": "three", "value": "much", "score": 3},
        (),
        None,
    )


@SHAPES
def test_the_trace_of_the_record_is_kept_and_makes_no_other_event(event: OnlyEvent, shape: Shape) -> None:
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}
    seen = event(shape(items=[COAT]), headers=trace)
    assert {"traceparent": seen.traceparent, "tracestate": seen.tracestate} == trace
    assert seen.event_id == event(shape(items=[COAT])).event_id


# More than one event in a record


def test_a_request_may_hold_several_events_and_each_is_refused_on_its_own(send: Send) -> None:
    payload = request()
    payload["events"] = [
        {"name": "view_item", "params": {"items": [COAT]}},
        {"name": "view_item", "params": {"items": [COAT | {"price": "cheap"}]}},
        {"name": "quiz", "params": {"score": 3}},
        {"params": {}},
        7,
        {"name": "page_view", "timestamp_micros": AT_US - 1_000_000},
    ]
    first, second, third, fourth, fifth, sixth = send(payload)
    assert isinstance(first, Event)
    assert isinstance(third, Event)
    assert isinstance(sixth, Event)
    assert (third.extra, sixth.occurred_at_ms) == ({"score": 3}, AT_US // 1000 - 1000)
    assert second == Rejection(
        Reason.WRONG_TYPE, "events[1].params.items[0].price", "expected a decimal number", 1
    )
    assert isinstance(fourth, Rejection)
    assert isinstance(fifth, Rejection)
    assert (fourth.field, fourth.index) == ("events[3].name", 3)
    assert (str(fifth.reason), fifth.field) == ("not_an_object", "events[4]")


def forwarded(*hits: Any, **fields: Any) -> dict[str, Any]:
    data = json.dumps(hits[0] if len(hits) == 1 else hits)
    return {"appId": "shop", "data": data, "timestamp": "2026-01-01T00:00:00.123456789Z"} | fields


def test_a_collectors_record_holds_one_hit_or_a_list_of_them(send: Send) -> None:
    one, other = hit(items=[COAT]), hit("quiz", score=3)
    assert send(forwarded(one)) == send(one)
    assert send(forwarded(one, other)) == [*send(one), *send(other)]
    assert send(forwarded([one])) == send(one)


def test_a_hit_without_a_time_happened_when_it_was_passed_on(event: OnlyEvent) -> None:
    seen = event(forwarded(hit(**{"x-sst-system_properties": None})))
    assert seen.occurred_at_ms == AT_US // 1000
    passed = {"timestamp": None, "server_ingest_time": 1_767_225_600_000}
    assert (
        event(forwarded(hit(**{"x-sst-system_properties": None}), **passed)).occurred_at_ms
        == 1_767_225_600_000
    )


@pytest.mark.parametrize(
    ("data", "reason", "field"),
    [
        ("[]", "empty", "data"),
        ("", "empty", "data"),
        ("{", "not_json", "data"),
        ("[1", "not_json", "data"),
        ("7", "not_an_object", "data"),
        (None, "empty", "data"),
        ([hit()], "wrong_type", "data"),
        ("{}", "missing_field", "data.event_name"),
        ("[[]]", "not_an_object", "data[0]"),
        ('[{"event_name":"page_view"}]', "no_identity", "data[0].client_id"),
        ("[" * 40 + "]" * 40, "too_deep", "data"),
        (json.dumps([hit()] * 1001), "too_many", "data"),
    ],
)
def test_what_a_collector_passes_on_is_refused_by_its_place(
    refusal: Refusal, data: Any, reason: str, field: str
) -> None:
    assert refusal({"appId": "shop", "data": data}) == (reason, field)


def test_a_compressed_record_is_refused(refusal: Refusal) -> None:
    assert refusal(forwarded(hit(), compression="gzip")) == ("unknown_value", "compression")


@pytest.mark.skipif(not HITS.is_dir(), reason="needs ../shared/data, which is not here")
def test_every_real_hit_is_parsed(send: Send) -> None:
    records = [
        line for file in sorted(HITS.glob("*.json")) for line in file.read_bytes().splitlines() if line
    ]
    events = [(line, result) for line in records for result in send(line)]
    assert len(records) >= 17
    assert [result for _, result in events if not isinstance(result, Event)] == []
    for line, seen in events:
        assert isinstance(seen, Event)
        told = json.loads(json.loads(line)["data"])
        (told,) = told if isinstance(told, list) else [told]
        assert (seen.anonymous_id, seen.session_id) == (told["client_id"], told["ga_session_id"])
        assert seen.customer_id == told.get("user_id", "")
        assert seen.page_url == told["page_location"]
        assert [item.item_id for item in seen.items] == [item["item_id"] for item in told.get("items", [])]
        assert 0 <= seen.occurred_at_ms - json.loads(line)["server_ingest_time"] < 1000
        assert "ip_override" not in seen.extra
        assert "user_agent" not in seen.extra


# Identity of events


@SHAPES
def test_an_event_has_an_id_that_its_content_gives(event: OnlyEvent, shape: Shape) -> None:
    first = event(shape(items=[COAT], currency="EUR"))
    assert re.fullmatch(r"[0-9a-f]{32}", first.event_id)
    backwards = json.dumps(dict(reversed(shape(items=[COAT], currency="EUR").items())), indent=2).encode()
    assert event(backwards) == first


@SHAPES
@pytest.mark.parametrize(
    "other",
    [
        {"items": [COAT | {"item_id": "coat-2"}]},
        {"items": [COAT, COAT]},
        {"items": [COAT], "value": 1.0},
        {"items": [COAT], "page_location": "https://shop.example/b"},
        {"items": [COAT | {"index": 4}]},
        {"items": [COAT], "transaction_id": "o-1"},
    ],
)
def test_other_parameters_make_another_event(event: OnlyEvent, shape: Shape, other: dict[str, Any]) -> None:
    assert event(shape(**other)).event_id != event(shape(items=[COAT])).event_id


def test_another_sender_time_or_name_makes_another_event(event: OnlyEvent) -> None:
    same = request("page_view")
    ids = {
        event(payload).event_id
        for payload in (
            same,
            same | {"client_id": "5.18"},
            same | {"timestamp_micros": AT_US + 1},
            request("app_open"),
            request("quiz", score=1),
            request("quiz", score=2),
        )
    }
    assert len(ids) == 6


@SHAPES
def test_a_resent_purchase_is_the_same_event_whenever_and_by_whomever_it_is_sent(
    event: OnlyEvent, shape: Shape
) -> None:
    first = event(request("purchase", transaction_id="o-7", value=5))
    again = event(shape("purchase", transaction_id="o-7", value=5.0, items=[COAT], coupon="X"))
    assert again.event_id == first.event_id
    assert event(shape("refund", transaction_id="o-7")).event_id != first.event_id
    assert event(shape("purchase", transaction_id="o-8")).event_id != first.event_id


def test_without_a_time_of_its_own_an_event_is_known_by_kafkas() -> None:
    payload = json.dumps(request("page_view") | {"timestamp_micros": None}).encode()
    ids = set()
    for offset, timestamp_ms in ((0, 1_767_225_600_000), (9, 1_767_225_600_000), (9, 1_767_225_600_001)):
        (seen,) = parse(
            Record("clickstream", 0, offset, timestamp_ms, append_time=False, key=None, value=payload)
        )
        assert isinstance(seen, Event)
        assert seen.occurred_at_ms == timestamp_ms
        ids.add(seen.event_id)
    assert len(ids) == 2


# Facts


@SHAPES
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("notification_receive", "delivered"),
        ("notification_open", "opened"),
        ("notification_dismiss", "dismissed"),
    ],
)
def test_what_becomes_of_a_nudge_is_a_fact(event: OnlyEvent, shape: Shape, name: str, outcome: str) -> None:
    seen = event(shape(name, nudge_id="n-1"))
    assert seen.fact == Outcome("n-1", "c-17", outcome, AT_US // 1000, "push")
    assert (seen.kind, seen.event_id) == (f"nudge.{outcome}", f"{outcome}|n-1")
    unknown = event(shape(name, message_name="Sale"))
    assert (unknown.fact, unknown.kind, unknown.extra) == (None, f"custom.{name}", {"message_name": "Sale"})


@SHAPES
def test_a_removed_app_is_a_fact_about_a_known_customer(event: OnlyEvent, shape: Shape) -> None:
    seen = event(shape("app_remove"))
    assert (seen.kind, seen.fact) == (
        "app.uninstalled",
        Outcome("", "c-17", "uninstalled", AT_US // 1000, "push"),
    )
    unknown = event(shape("app_remove") | {"user_id": None})
    assert (unknown.kind, unknown.fact, unknown.anonymous_id) == ("custom.app_remove", None, "5.17")


def test_a_fact_of_a_fast_clock_counts_from_kafkas_time_and_is_never_refused(event: OnlyEvent) -> None:
    late = {"timestamp_micros": AT_US + 3_600_000_000}
    assert event(request("app_remove") | late).occurred_at_ms == 1_767_225_601_000


# Consent


@pytest.mark.parametrize(
    ("payload", "consent"),
    [
        (hit(), None),
        (hit(**{"x-ga-gcs": "G111"}), True),
        (hit(**{"x-ga-gcs": "G100"}), False),
        (hit(**{"x-ga-gcs": "G111", "x-ga-gcd": "11l1l1l1l1"}), None),
        (hit(**{"x-ga-mp2-gcd": "11r1r1r1r5"}), True),
        (hit(**{"x-ga-gcs": "G111", "x-ga-npa": "1"}), False),
        (hit(analytics_storage="granted", ad_personalization="granted"), True),
        (hit(analytics_storage="granted", ad_user_data="denied"), False),
        (hit(consent={"analytics_storage": "granted", "ad_storage": "granted"}), True),
        (hit(consent="yes", ad_storage=["granted"]), None),
        (hit(**{"x-sst-system_properties": {"gcd": "11q1q1q1q5"}}), False),
        (
            hit(
                **{
                    "x-sst-system_properties": {
                        "consent": {"consentGrantedState": {"analytics_storage": True, "ad_storage": True}}
                    }
                }
            ),
            True,
        ),
        (request(), None),
        (request() | {"consent": {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}}, None),
        (request() | {"consent": {"ad_user_data": "DENIED", "ad_personalization": "GRANTED"}}, False),
        (request() | {"non_personalized_ads": True}, False),
        (
            row()
            | {
                "privacy_info": {
                    "analytics_storage": "Yes",
                    "ads_storage": "Yes",
                    "uses_transient_token": "No",
                }
            },
            True,
        ),
        (row() | {"privacy_info": {"analytics_storage": "Yes", "ads_storage": "No"}}, False),
        (row() | {"privacy_info": {"analytics_storage": "Unset", "ads_storage": "Unset"}}, None),
    ],
)
def test_consent_mode_becomes_consent_to_processing(
    event: OnlyEvent, payload: dict[str, Any], *, consent: bool | None
) -> None:
    assert event(payload).processing_consent is consent


def test_the_cost_of_a_request_grows_with_its_length_only() -> None:
    """The words of custom events are unknown to the typed decoder: the request is read once more, not once an event."""
    payload = request("page_view")
    payload["events"] = [{"name": f"quiz {number}", "params": {"score": number}} for number in range(1000)]
    record = Record("clickstream", 0, 0, 1_767_225_601_000, False, None, json.dumps(payload).encode())
    begun = process_time()
    seen = parse(record)
    assert process_time() - begun < 0.5
    assert [one.extra for one in seen if isinstance(one, Event)] == [
        {"score": number} for number in range(1000)
    ]
