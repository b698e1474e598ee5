"""Region events of Airship's real-time stream."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Beacon, Event, Rejection
from streamproc.core.record import Record
from streamproc.ingest import parse
from tests.ingest.schemas import SCHEMAS, instances

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
CHANNEL = "e393d28e-23b2-4a22-9ace-dc539a5b07a8"


def region(
    body: dict[str, Any] | None = None, device: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    return {
        "id": "e3314efb-9058-dbaf-c4bb-b754fca73613",
        "type": "REGION",
        "offset": "1",
        "occurred": "2026-01-01T00:00:00Z",
        "processed": "2026-01-01T00:00:00.500Z",
        "device": {"named_user_id": "c-17", "ios_channel": CHANNEL} if device is None else device,
        "body": {"action": "enter", "region_id": "berlin-1", "source": "Gimbal"} | (body or {}),
    } | fields


def test_a_region_that_was_entered_is_a_beacon_that_was(event: OnlyEvent) -> None:
    seen = event(region({"session_id": "s-1"}), "beacons")
    assert (seen.dialect, seen.kind, seen.surface) == ("airship", "beacon.entered", "store")
    assert (seen.customer_id, seen.anonymous_id, seen.session_id) == ("c-17", CHANNEL, "s-1")
    assert (seen.site_id, seen.extra) == ("berlin-1", {"region_id": "berlin-1", "source": "Gimbal"})
    assert (seen.event_id, seen.occurred_at_ms) == ("e3314efb-9058-dbaf-c4bb-b754fca73613", 1_767_225_600_000)
    assert event(region({"action": "EXIT"}), "clickstream").kind == "beacon.exited"


@pytest.mark.parametrize("spelled", [UUID, UUID.upper(), UUID.replace("-", "")])
def test_a_uuid_names_the_transmitter(event: OnlyEvent, spelled: str) -> None:
    near = {"id": spelled, "major": 7, "minor": 3, "rssi": -71, "lat": "52.5", "lon": "13.4"}
    seen = event(region({"proximity": near}))
    assert (seen.beacon, seen.rssi_dbm) == (Beacon("ibeacon", UUID, 7, 3), -71)
    assert seen.extra == {"region_id": "berlin-1", "source": "Gimbal"}


def test_a_uuid_may_be_the_base64_of_its_bytes(event: OnlyEvent) -> None:
    raw = base64.b64encode(bytes.fromhex(UUID.replace("-", ""))).decode()
    assert event(region({"proximity": {"id": raw}})).beacon == Beacon("ibeacon", UUID)


@pytest.mark.parametrize("opaque", ["YmVybGluLTE=", "berlin12", "door 3"])
def test_any_other_id_is_opaque_and_never_decoded(event: OnlyEvent, opaque: str) -> None:
    seen = event(region({"region_id": opaque, "proximity": {"id": opaque}}))
    assert (seen.site_id, seen.beacon, seen.extra["proximity_id"]) == (opaque, None, opaque)


def test_a_phone_without_a_named_user_is_anonymous_by_its_channel(event: OnlyEvent) -> None:
    seen = event(region(device={"android_channel": CHANNEL}))
    assert (seen.customer_id, seen.anonymous_id, seen.identity) == ("", CHANNEL, "anonymous")


@pytest.mark.parametrize(
    ("payload", "reason", "field"),
    [
        (region({"action": "dwell"}), "unknown_value", "body.action"),
        (region({"action": None}), "missing_field", "body.action"),
        (region(id=None), "missing_field", "id"),
        (region(device={}), "no_identity", "device.named_user_id"),
        (region(device={"named_user_id": "aa:bb:cc:dd:ee:ff"}), "no_identity", "device.named_user_id"),
        (region(occurred=None), "missing_field", "occurred"),
        (region(occurred="2026-01-01T01:00:00Z"), "in_the_future", "occurred"),
        (region({"proximity": {"major": 65_536}}), "out_of_range", "body.proximity.major"),
        (region({"proximity": {"rssi": -201}}), "out_of_range", "body.proximity.rssi"),
        (region({"proximity": []}), "wrong_type", "body.proximity"),
        (region(body={}) | {"body": 5}, "wrong_type", "body"),
        (region() | {"type": "OPEN"}, "unknown_envelope", ""),
    ],
)
def test_a_bad_region_is_refused(refusal: Refusal, payload: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(payload) == (reason, field)


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas are not at ../shared/data/iglu")
@given(
    instances("com.urbanairship.connect_REGION_jsonschema_1-0-0.json"),
    st.sampled_from(["enter", "exit"]),
    st.booleans(),
)
def test_no_region_of_the_schema_loses_a_field_of_the_table(
    drawn: dict[str, Any],
    action: str,
    known: bool,  # noqa: FBT001 - hypothesis passes it by place
) -> None:
    body = drawn.get("body", {}) | {"action": action}
    identified = {"named_user_id": "c-17"} if known else {"ios_channel": CHANNEL}
    payload = region() | drawn | {"type": "REGION", "body": body, "occurred": "2026-01-01T00:00:00Z"}
    payload["device"] = drawn.get("device", {}) | identified
    value = json.dumps(payload).encode()
    (result,) = parse(Record("beacons", 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value))
    near = body.get("proximity", {})
    too_big = {name for name in ("major", "minor") if not 0 <= near.get(name, 0) <= 0xFFFF}
    too_big |= {"rssi"} if not -200 <= near.get("rssi", 0) <= 127 else set()
    if isinstance(result, Rejection):
        assert (result.reason, result.field.rpartition(".")[2] in too_big) == ("out_of_range", True)
        return
    assert not too_big
    assert (result.site_id, result.extra.get("region_id")) == (body.get("region_id"),) * 2
    assert result.extra.get("source") == body.get("source")
    assert result.session_id == body.get("session_id")
    heard = result.beacon or Beacon()
    assert (heard.major, heard.minor) == (near.get("major"), near.get("minor"))
    assert heard.uuid is not None or result.extra.get("proximity_id") == near.get("id")
