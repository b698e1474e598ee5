"""Radar's beacon and geofence events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Beacon, Event

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
USER = {"userId": "c-17", "deviceId": "C305F2DB-56DC-404F-B6C1-BC52F0B680D8"}
TILL = {"tag": "tills", "externalId": "berlin-1", "uuid": UUID.upper(), "major": "7", "minor": 3}
STORE = {"tag": "store", "externalId": "berlin-1", "description": "Berlin"}


def told(event_type: str = "user.entered_beacon", **fields: Any) -> dict[str, Any]:
    place = {"beacon": TILL} if "beacon" in event_type else {"geofence": STORE}
    return {
        "_id": "56db1f4613012711002229f6",
        "type": event_type,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "actualCreatedAt": "2026-01-01T00:00:00.700Z",
        "live": True,
        "user": USER,
        **place,
    } | fields


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("user.entered_beacon", "beacon.entered"),
        ("user.exited_beacon", "beacon.exited"),
        ("user.entered_geofence", "beacon.entered"),
        ("user.exited_geofence", "beacon.exited"),
        ("user.dwelled_in_geofence", "beacon.dwelled"),
        ("user.entered_place", "custom.user.entered_place"),
    ],
)
def test_each_type_has_its_kind(event: OnlyEvent, event_type: str, kind: str) -> None:
    seen = event(told(event_type), "beacons")
    assert (seen.dialect, seen.kind, seen.surface) == ("radar", kind, "store")
    assert (seen.customer_id, seen.anonymous_id) == (USER["userId"], USER["deviceId"])
    assert (seen.event_id, seen.occurred_at_ms) == ("56db1f4613012711002229f6", 1_767_225_600_000)


def test_a_place_is_its_external_id_and_tag_unless_its_metadata_say_otherwise(event: OnlyEvent) -> None:
    seen = event(told())
    assert (seen.site_id, seen.zone_id, seen.beacon) == ("berlin-1", "tills", Beacon("ibeacon", UUID, 7, 3))
    seen = event(told("user.entered_geofence"))
    assert (seen.site_id, seen.zone_id, seen.beacon) == ("berlin-1", "store", None)
    own = {"metadata": {"site_id": "s-9", "zone_id": "z-9", "floor": 2}}
    seen = event(told(beacon=TILL | own))
    assert (seen.site_id, seen.zone_id) == ("s-9", "z-9")


def test_eddystone_is_known_by_its_uid(event: OnlyEvent) -> None:
    heard = event(told(beacon={"uid": "EDD1EBEAC04E5DEFA017", "instance": "0BDB87539B67"})).beacon
    assert heard == Beacon("eddystone_uid", namespace="edd1ebeac04e5defa017", instance="0bdb87539b67")


def test_a_duration_is_in_minutes_and_none_at_an_entry(event: OnlyEvent) -> None:
    assert event(told("user.dwelled_in_geofence", duration=6.5)).dwell_ms == 390_000
    assert event(told(duration=0)).dwell_ms is None


def test_a_request_has_one_event_or_several_of_one_user(send: Callable[..., list[Any]]) -> None:
    bare = {key: value for key, value in told().items() if key != "user"}
    (single,) = send({"event": bare, "user": USER})
    assert isinstance(single, Event)
    assert single.customer_id == "c-17"
    first, second, third = send({"events": [bare, bare | {"createdAt": None}, 5], "user": USER})
    assert isinstance(first, Event)
    assert (second.reason, second.field, second.index) == ("missing_field", "events[1].createdAt", 1)
    assert (third.reason, third.field, third.index) == ("wrong_type", "events[2]", 2)


@pytest.mark.parametrize(
    ("payload", "reason", "field"),
    [
        (told(_id=""), "missing_field", "_id"),
        (told(user={}), "no_identity", "user.userId"),
        (told(user={"deviceId": "aa-bb-cc-dd-ee-ff"}), "no_identity", "user.deviceId"),
        (told(createdAt="2026-01-01T00:00:00"), "wrong_type", "createdAt"),
        (told(createdAt="2026-01-01T01:00:00Z"), "in_the_future", "createdAt"),
        (told(beacon={"uuid": "f7826da6"}), "bad_text", "beacon.uuid"),
        (told(beacon={"major": 65_536}), "out_of_range", "beacon.major"),
        (told(beacon=[]), "wrong_type", "beacon"),
        (told(duration=-1), "out_of_range", "duration"),
        ({"event": told(user={})}, "no_identity", "event.user.userId"),
        ({"events": [told()] * 101}, "too_many", "events"),
    ],
)
def test_a_bad_event_is_refused(refusal: Refusal, payload: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(payload) == (reason, field)
