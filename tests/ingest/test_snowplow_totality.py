"""Parsing returns for whatever stands inside of Snowplow's fields, and always the same."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest import snowplow_shapes as shapes
from tests.ingest.test_totality import (
    BROWSED,
    ENTITIES,
    JSON,
    PREFERENCES,
    SNOWPLOW,
    mutated,
    parse_alone,
    parsed,
)

TOLD = st.sampled_from(
    [
        shapes.action("transaction"),
        PREFERENCES,
        shapes.told("add_to_cart", sku="a", quantity=1, unitPrice=9.5),
        shapes.told("site_search", terms=["a"]),
        shapes.told("quiz", "iglu:com.acme", score=3),
    ]
)


@settings(max_examples=200)
@given(st.data(), TOLD, st.sampled_from(["co", "cx"]))
def test_any_mutation_inside_of_a_trackers_fields_is_parsed(
    data: st.DataObject, told: shapes.Entity, name: str
) -> None:
    contexts = json.dumps(mutated(data, shapes.contexts(ENTITIES)))
    unstruct = json.dumps(mutated(data, shapes.unstruct(told)))
    event = shapes.tracked(BROWSED)
    event |= (
        {"co": contexts, "ue_pr": unstruct}
        if name == "co"
        else {
            "cx": shapes.base64url(contexts),
            "ue_px": shapes.base64url(unstruct),
        }
    )
    parsed("clickstream", json.dumps(shapes.batch(event, event)).encode())


@given(
    st.binary() | st.text().map(str.encode) | JSON.map(lambda node: json.dumps(node).encode()), st.booleans()
)
def test_any_base64_is_parsed(inner: bytes, padded: bool) -> None:  # noqa: FBT001 - drawn
    text = base64.urlsafe_b64encode(inner).decode()
    event = {"e": "ue", "eid": "x", "uid": "c"}
    for name in ("cx", "ue_px"):
        sent = shapes.batch(event | {name: text if padded else text.rstrip("=")})
        parsed("clickstream", json.dumps(sent).encode())


@given(st.text())
def test_any_text_in_the_place_of_base64_is_parsed(text: str) -> None:
    event = {"e": "ue", "eid": "x", "uid": "c", "cx": text, "ue_px": text}
    parsed("clickstream", json.dumps(shapes.batch(event)).encode())


@settings(max_examples=200)
@given(st.data(), TOLD)
def test_any_line_is_parsed(data: st.DataObject, told: shapes.Entity) -> None:
    parts = shapes.line(BROWSED, told, ENTITIES).split(b"\t")
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(parts) - 1))
        change = st.binary(max_size=20) | JSON.map(lambda node: json.dumps(node).encode())
        inside = change if b"{" not in parts[place] else change | st.just(parts[place][:-7])
        parts[place] = data.draw(inside)
    parsed("clickstream", b"\t".join(parts))


@given(st.data())
def test_any_mutation_of_a_lines_columns_is_parsed(data: st.DataObject) -> None:
    fields = {"collector_tstamp": "2026-01-01 00:00:00"} | BROWSED
    fields["contexts"] = json.dumps(mutated(data, shapes.contexts(ENTITIES)))
    fields["derived_contexts"] = json.dumps(mutated(data, shapes.contexts(ENTITIES[:2])))
    fields["unstruct_event"] = json.dumps(mutated(data, shapes.unstruct(shapes.action("promo_view"))))
    parsed("clickstream", "\t".join(str(fields.get(name, "")) for name in shapes.LINE).encode())


@pytest.mark.parametrize("payload", [payload for _, payload in SNOWPLOW])
def test_an_event_seen_at_a_glance_and_one_read_with_care_are_the_same(payload: dict[str, Any]) -> None:
    value = json.dumps(payload).encode()
    wrong = {"event_id": b'{"event_id":7.5,', "schema": b'{"schema":7.5,'}
    (first,) = [begin for name, begin in wrong.items() if name in payload]
    assert parse_alone(first + value[1:]) == parse_alone(value)
    assert parse_alone(
        value.replace(b'{"e":', b'{"e":7.5,"e":').replace(b'"data": [{"', b'"data": [{"uid": [], "')
    ) == (parse_alone(value))


FIELDS = st.sampled_from(
    ["user_id", "event", "domain_sessionidx", "page_url", "derived_tstamp", "tr_total", "contexts"]
)


@given(st.dictionaries(FIELDS, JSON, max_size=3), st.sampled_from(["transaction", "page_view", "unstruct"]))
def test_both_ways_agree_on_what_they_read_and_refuse(fields: dict[str, Any], event: str) -> None:
    payload = {
        "event": event,
        "event_id": "x",
        "collector_tstamp": "2026-01-01T00:00:00Z",
        "user_id": "c",
    } | fields
    value = json.dumps(payload).encode()
    assert parse_alone(value) == parse_alone(b'{"event_id":7.5,' + value[1:])
