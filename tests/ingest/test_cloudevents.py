"""CloudEvents, binary and structured."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streamproc.core.event import Event
from streamproc.core.facts import Outcome
from streamproc.core.record import Record
from streamproc.ingest import cloudevents
from streamproc.ingest.cloudevents_event import Attributes

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]

FEATURES = Path(__file__).parents[2] / "../shared/data/cloudevents/kafka-protocol-binding.feature"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def structured(**attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shop",
        "type": "product.viewed",
        "time": "2026-01-01T00:00:00Z",
        "subject": "c-17",
        "data": {"items": [{"item_id": "coat-1", "price_minor": 14900}], "currency": "EUR"},
    } | attributes


def binary(**attributes: str) -> dict[str, str]:
    named = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "product.viewed"} | attributes
    return {f"ce_{name}": text for name, text in named.items()} | {"content-type": "application/json"}


def test_structured_and_binary_say_the_same(event: OnlyEvent) -> None:
    whole = structured()
    headers = binary(time="2026-01-01T00:00:00Z", subject="c-17")
    assert event(whole) == event(whole["data"], headers=headers)
    assert event(whole) == event(
        whole, headers={"content-type": "Application/CloudEvents+JSON; charset=utf-8"}
    )


def test_a_moment_is_read_with_our_field_names(event: OnlyEvent) -> None:
    seen = event(structured())
    assert (seen.event_id, seen.kind, seen.customer_id) == ("/shop|e-1", "product.viewed", "c-17")
    assert (seen.items[0].item_id, seen.items[0].price_minor, seen.currency) == ("coat-1", 14900, "EUR")


def test_the_fields_of_a_segment_call_are_read_too(event: OnlyEvent) -> None:
    data = {"userId": "c-2", "properties": {"products": [{"sku": "a", "price": "5.00"}], "order_id": "o-1"}}
    seen = event(structured(type="Order Completed", data=data))
    assert (seen.kind, seen.customer_id, seen.order_id) == ("order.completed", "c-2", "o-1")
    assert seen.items[0].price_minor == 500


@pytest.mark.parametrize(
    ("ce_type", "kind"),
    [
        ("product.viewed", "product.viewed"),
        ("com.shop.product.viewed", "product.viewed"),
        ("Product Viewed", "product.viewed"),
        ("com.shop.quiz.finished", "custom.com.shop.quiz.finished"),
    ],
)
def test_the_type_names_the_kind(event: OnlyEvent, ce_type: str, kind: str) -> None:
    assert event(structured(type=ce_type)).kind == kind


def test_the_customer_of_the_data_goes_before_the_subject(event: OnlyEvent) -> None:
    assert event(structured(data={"customer_id": "c-3", "product_id": "a"})).customer_id == "c-3"


def test_a_producer_says_that_several_people_use_the_device(event: OnlyEvent) -> None:
    shared = event(structured(data={"customer_id": "c-3", "product_id": "a", "identity": "shared"}))
    assert (shared.customer_id, shared.identity) == ("c-3", "shared")
    for other in ("known", "Anna", 7, {"id": "c-3"}, None):
        seen = event(structured(data={"customer_id": "c-3", "product_id": "a", "identity": other}))
        assert seen.identity == "known"


def test_partition_key_and_the_first_trace_are_kept(event: OnlyEvent) -> None:
    hop = TRACE.replace("4bf9", "0000")
    seen = event(structured(partitionkey="c-17", traceparent=TRACE), headers={"traceparent": hop})
    assert (seen.extra, seen.traceparent) == ({"partitionkey": "c-17"}, TRACE)


def test_two_pairs_of_source_and_id_never_share_an_event_id(event: OnlyEvent) -> None:
    ids = {
        event(structured(source=source, id=ce_id)).event_id
        for source, ce_id in [
            ("/a", "b|c"),
            ("/a/b", "c"),
            ("/a", "/bc"),
            ("/a", "ü"),
            ("/a", "u"),
            ("/a", "x" * 200),
        ]
    }
    assert len(ids) == 6
    assert all(re.fullmatch(r"[\x21-\x7e]{1,128}", event_id) for event_id in ids)


def test_a_sighting_is_read_as_one(event: OnlyEvent) -> None:
    seen = event(structured(type="beacon.entered", data={"site_id": "berlin-1", "major": 7}))
    assert (seen.event_id, seen.kind, seen.site_id) == ("/shop|e-1", "beacon.entered", "berlin-1")


def test_an_outcome_is_read_as_a_fact(event: OnlyEvent) -> None:
    seen = event(structured(type="nudge.dismissed", data={"nudge_id": "n-1"}))
    assert seen.fact == Outcome("n-1", "c-17", "dismissed", 1_767_225_600_000)


@pytest.mark.parametrize("kind", ["consent.granted", "consent.withdrawn", "privacy.erase"])
def test_consents_and_requests_are_not_taken_from_a_stream_of_moments(refusal: Refusal, kind: str) -> None:
    assert refusal(structured(type=kind)) == ("unknown_value", "type")


@pytest.mark.parametrize(
    ("attributes", "reason", "field"),
    [
        ({"specversion": "0.3"}, "unknown_value", "specversion"),
        ({"id": ""}, "missing_field", "id"),
        ({"source": "a b"}, "bad_text", "source"),
        ({"source": "a|b"}, "bad_text", "source"),
        ({"type": 5, "id": []}, "wrong_type", "id"),
        ({"time": "2026-01-01T00:00:00"}, "wrong_type", "time"),
        ({"time": "2026-01-01T01:00:00Z"}, "in_the_future", "time"),
        ({"partitionkey": ""}, "missing_field", "partitionkey"),
        ({"subject": None}, "no_identity", "data.customer_id"),
        ({"data": 5}, "not_an_object", "data"),
        ({"data": {"price": "x", "product_id": "a"}}, "wrong_type", "data.price"),
        ({"data": {"surface": "moon", "product_id": "a"}}, "unknown_value", "data.surface"),
        ({"data": None}, "missing_field", "data.product_id"),
        ({"data": None, "data_base64": "?"}, "bad_text", "data_base64"),
        ({"data": None, "data_base64": "WzFd"}, "not_an_object", "data_base64"),
        ({"data_base64": "e30="}, "too_many", "data_base64"),
        ({"id": 5}, "wrong_type", "id"),
        ({"id": None}, "missing_field", "id"),
        ({"source": None}, "missing_field", "source"),
        ({"id": "x" * 1025}, "bad_text", "id"),
        ({"id": "a\nb"}, "bad_text", "id"),
        ({"source": "/" * 1025}, "bad_text", "source"),
        ({"subject": ""}, "missing_field", "subject"),
        ({"subject": 17}, "wrong_type", "subject"),
        ({"dataschema": ""}, "missing_field", "dataschema"),
        ({"datacontenttype": ""}, "missing_field", "datacontenttype"),
        ({"time": 1_767_225_600_000}, "wrong_type", "time"),
        ({"time": "2026-01-01T00:00Z"}, "wrong_type", "time"),
        ({"time": "2026-W01-4T00:00:00Z"}, "wrong_type", "time"),
        ({"time": ""}, "wrong_type", "time"),
        ({"time": "1960-01-01T00:00:00Z"}, "out_of_range", "time"),
        ({"data": {"occurred_at_ms": [], "product_id": "a"}}, "wrong_type", "data.occurred_at_ms"),
        ({"data": {"processing_consent": "yes", "product_id": "a"}}, "wrong_type", "data.processing_consent"),
        ({"datacontenttype": "application/xml", "data": "<a/>"}, "unknown_value", "datacontenttype"),
    ],
)
def test_a_bad_attribute_is_named(
    refusal: Refusal, attributes: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(structured(**attributes)) == (reason, field)


def test_a_bad_header_is_named_as_it_is_written(refusal: Refusal) -> None:
    assert refusal({}, headers=binary(time="soon")) == ("wrong_type", "ce_time")
    assert refusal({}, headers=binary(partitionkey="")) == ("missing_field", "ce_partitionkey")
    assert refusal({}, headers=binary(subject="")) == ("missing_field", "ce_subject")
    for name in ("id", "source", "type"):
        incomplete = {key: value for key, value in binary().items() if key != f"ce_{name}"}
        assert refusal({}, headers=incomplete) == ("missing_field", f"ce_{name}")
    assert refusal({}, headers=binary() | {"content-type": "text/plain"}) == ("unknown_value", "content-type")


def test_an_event_without_all_that_it_needs_is_no_other_dialect(refusal: Refusal) -> None:
    call = {"specversion": "1.0", "type": "track", "event": "Cart Viewed", "messageId": "m", "userId": "c"}
    assert refusal(call) == ("missing_field", "id")
    assert refusal(call | {"id": []}) == ("wrong_type", "id")


def test_the_whole_pair_tells_duplicates(event: OnlyEvent) -> None:
    ids = [event(structured(id=one, source=two)).event_id for one, two in [("1", "/a"), ("1", "/b")]]
    assert ids == ["/a|1", "/b|1"]


def test_an_event_needs_no_data(event: OnlyEvent) -> None:
    without: list[dict[str, Any] | None] = [None, {}]
    for nothing in without:
        assert event(structured(type="app.opened", data=nothing)).kind == "app.opened"
    bare = structured(type="app.opened")
    del bare["data"]
    assert event(bare).customer_id == "c-17"


def test_a_value_in_one_attribute_that_is_wrong_first_and_right_last_counts_as_right(
    event: OnlyEvent,
) -> None:
    payload = json.dumps(structured()).encode()
    assert event(b'{"id":[],' + payload[1:]) == event(payload)


def test_both_ways_of_reading_data_agree(event: OnlyEvent) -> None:
    """A repeated key with a wrong type first sends the data the careful way, and changes nothing else."""
    data = {
        "product_id": "a",
        "price": 5,
        "currency": "EUR",
        "consent": {"categoryPreferences": {"C0004": True}},
    }
    for ce_type in ("product.viewed", "shop.quiz"):
        whole = json.dumps(structured(type=ce_type, data=data)).encode()
        assert event(whole.replace(b'"data": {', b'"data": {"session_id":[],"session_id":null,')) == event(
            whole
        )


@pytest.mark.parametrize(
    ("attributes", "consent", "gpc"),
    [
        ({"data": {"product_id": "a", "processing_consent": True}}, True, False),
        ({"data": {"product_id": "a", "consent": {"categoryPreferences": {"C0004": False}}}}, False, False),
        ({"iabtcfpurposeconsents": "1011"}, True, False),
        (
            {"iabtcfpurposeconsents": "1011", "data": {"product_id": "a", "processing_consent": False}},
            False,
            False,
        ),
        ({"iabtcfpurposeconsents": "1010", "iabtcfgdprapplies": False}, None, False),
        ({"secgpc": 1}, None, True),
        ({"gpc": True}, None, True),
        ({"data": {"product_id": "a", "sec_gpc": "1"}}, None, True),
    ],
)
def test_consent_is_read_from_extensions_and_data(
    event: OnlyEvent, attributes: dict[str, Any], *, consent: bool | None, gpc: bool
) -> None:
    seen = event(structured(**attributes))
    assert (seen.processing_consent, seen.gpc) == (consent, gpc)


def test_consent_in_headers_is_read_too(event: OnlyEvent, refusal: Refusal) -> None:
    data = {"product_id": "a"}
    headers = binary(subject="c", iabtcfpurposeconsents="0000", iabtcfgdprapplies="1", secgpc="1")
    assert (event(data, headers=headers).processing_consent, event(data, headers=headers).gpc) == (
        False,
        True,
    )
    unreadable = binary(subject="c", iabtcfpurposeconsents="no")
    assert refusal(data, headers=unreadable) == ("bad_text", "ce_iabtcfpurposeconsents")


def test_the_state_of_a_trace_goes_with_its_parent(event: OnlyEvent) -> None:
    state = "vendor=opaque"
    seen = event(structured(traceparent=TRACE, tracestate=state), headers={"tracestate": "hop=1"})
    assert (seen.traceparent, seen.tracestate) == (TRACE, state)
    hop = event(structured(tracestate=state), headers={"traceparent": TRACE, "tracestate": "hop=1"})
    assert (hop.traceparent, hop.tracestate) == (TRACE, "hop=1")
    broken = event(structured(traceparent="00-x", tracestate=state))
    assert (broken.traceparent, broken.tracestate) == (None, None)


def test_data_in_base64_is_read(event: OnlyEvent) -> None:
    payload = structured(data=None, data_base64="eyJwcm9kdWN0X2lkIjoiYSJ9")
    assert event(payload).items[0].item_id == "a"


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+avro", "application/cloudevents-batch+json"]
)
def test_formats_that_are_not_read_are_refused(refusal: Refusal, content_type: str) -> None:
    assert refusal({}, headers={"content-type": content_type}) == ("unknown_envelope", "content-type")


def scenarios() -> list[tuple[str, dict[str, str], dict[str, str], str]]:
    """Read payload, headers, attributes and data of each scenario of the binding's conformance suite."""
    if not FEATURES.exists():
        return []
    found = []
    for text in re.split(r"Scenario(?: Outline)?:", FEATURES.read_text())[1:]:
        payload, data = re.findall(r'"""(.*?)"""', text, re.DOTALL)
        headers, attributes = (table(part) for part in re.split(r"Then the attributes are:", text))
        examples = re.findall(r"^\s*\|\s*(application/\S.*?)\s*\|\s*$", text, re.MULTILINE) or [""]
        found += [
            (
                payload,
                {name: value.replace("<contentType>", example) for name, value in headers.items()},
                attributes,
                data,
            )
            for example in examples
        ]
    return found


def table(text: str) -> dict[str, str]:
    rows = re.findall(r"^\s*\|\s*([^|]+?)\s*\|\s*([^|]+?)\s*\|\s*$", text, re.MULTILINE)
    return {name: value for name, value in rows if name != "key"}


@pytest.mark.skipif(
    not FEATURES.exists(), reason="the conformance suite is not at ../shared/data/cloudevents"
)
def test_the_scenarios_of_the_kafka_binding_hold() -> None:
    assert len(scenarios()) == 3
    for payload, headers, attributes, data in scenarios():
        named = tuple((name, value.encode()) for name, value in headers.items())
        record = Record(
            "clickstream", 0, 0, 0, append_time=False, key=None, value=payload.encode(), headers=named
        )
        carried = cloudevents.carried(record, payload.strip().encode())
        assert carried is not None
        told = {field: getattr(carried.attributes, field) for field in Attributes.__struct_fields__}
        wanted = attributes | {"time": datetime.fromisoformat(attributes["time"])}
        assert {name: value for name, value in told.items() if value is not None} == wanted
        assert carried.payload == json.loads(data)
