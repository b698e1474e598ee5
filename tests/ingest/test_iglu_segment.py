"""Calls made of the published schemas of Segment's objects: none crashes, and no field of the tables is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Event, Rejection
from streamproc.core.facts import ProfileChange
from streamproc.core.record import Record
from streamproc.ingest import parse
from tests.ingest.schemas import SCHEMAS, instances

RECEIVED_AT_MS = 1_767_225_601_000
pytestmark = pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas are not at ../shared/data/iglu")


def shape(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return instances(f"com.segment_{name}_jsonschema_1-0-0.json")


def read(call: dict[str, Any]) -> Event | Rejection:
    value = json.dumps(call).encode()
    (result,) = parse(Record("clickstream", 0, 0, RECEIVED_AT_MS, append_time=False, key=None, value=value))
    return result


CALLS = st.builds(
    lambda event, context, kind, body, traits: (
        {**event, **body, "type": kind, "messageId": "m-1"}
        | {"context": context, "traits": traits, "timestamp": "2026-01-01T00:00:00Z"}
        | ({"event": "Cart Viewed"} if kind == "track" else {})
    ),
    shape("event"),
    shape("context"),
    st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]),
    shape("alias") | shape("group") | st.builds(lambda page: {"properties": page}, shape("page")),
    shape("traits"),
)


@given(CALLS)
def test_a_call_of_the_schemas_is_an_event_unless_its_ids_are_none(call: dict[str, Any]) -> None:
    result = read(call)
    if isinstance(result, Rejection):
        assert (result.reason, result.field) in {
            ("bad_text", "userId"),
            ("no_identity", "userId"),
            ("bad_text", "to"),
            ("bad_text", "context.device.id"),
        }


@given(CALLS)
def test_what_the_tables_name_arrives_where_the_guide_says(call: dict[str, Any]) -> None:
    known = {**call, "userId": "c-17"}
    event = read(known)
    assert isinstance(event, Event), event
    context, extra = call["context"], event.extra
    for name, value in context.get("campaign", {}).items():
        assert extra.get(f"campaign_{name}") == (value or None)
    if "adTrackingEnabled" in context.get("device", {}):
        assert extra["ad_tracking_enabled"] is context["device"]["adTrackingEnabled"]
    assert event.locale == (context.get("locale", "") or None)
    if call["type"] in ("page", "screen") and "properties" in call:
        page = call["properties"]
        for theirs, ours in (("name", "name"), ("title", "page_title"), ("referrer", "page_referrer")):
            assert extra.get(ours) == (page.get(theirs, "") or None)
        assert event.page_url == (page.get("url") or None)
    if call["type"] == "group" and "groupId" in call:
        assert extra.get("group_id") == (call["groupId"] or None)


@given(CALLS)
def test_traits_become_the_profile_and_addresses_stay_outside(call: dict[str, Any]) -> None:
    event = read({**call, "type": "identify", "userId": "c-17"})
    assert isinstance(event, Event), event
    assert isinstance(event.fact, ProfileChange)
    single = {name for name, value in call["traits"].items() if not isinstance(value, dict)}
    assert set(event.fact.traits) == single - {"email", "phone", "avatar"}
