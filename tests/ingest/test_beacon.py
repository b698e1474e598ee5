"""Beacon records."""

from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Beacon, Event

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"


def heard(**fields: Any) -> dict[str, Any]:
    return {
        "event_id": "b-1",
        "customer_id": "c-17",
        "kind": "beacon.ranged",
        "site_id": "berlin-1",
        "zone_id": "coats",
        "rssi_dbm": -71,
        "occurred_at_ms": 1_767_225_600_000,
    } | fields


def test_a_sighting_is_read(event: OnlyEvent) -> None:
    beacon = {
        "format": "ibeacon",
        "uuid": UUID,
        "major": 7,
        "minor": 3,
        "proximity": "near",
        "distance_m": 1.5,
    }
    seen = event(heard(beacon=beacon, tx_power_dbm=-59, dwell_ms=1000), "beacons")
    assert (seen.kind, seen.site_id, seen.zone_id, seen.rssi_dbm) == (
        "beacon.ranged",
        "berlin-1",
        "coats",
        -71,
    )
    assert seen.beacon == Beacon("ibeacon", UUID, 7, 3, tx_power_dbm=-59, proximity="near", distance_m=1.5)
    assert (seen.surface, seen.dwell_ms, seen.dialect) == ("store", 1000, "beacon")


@pytest.mark.parametrize("alias", ["uuid", "proximityUUID", "proximity_uuid", "UUID", "ID1"])
def test_the_uuid_has_many_names(event: OnlyEvent, alias: str) -> None:
    seen = event(heard(**{alias: UUID.upper().replace("-", "")}))
    assert seen.beacon == Beacon("ibeacon", UUID)


def test_eddystone_is_known_by_its_namespace(event: OnlyEvent) -> None:
    seen = event(heard(beacon={"namespace": "0xEDD1EBEAC04E5DEFA017", "instance": "0BDB87539B67"}))
    assert seen.beacon == Beacon("eddystone_uid", namespace="edd1ebeac04e5defa017", instance="0bdb87539b67")


@pytest.mark.parametrize(
    ("alias", "kind"), [("enter", "entered"), ("exit", "exited"), ("range", "ranged"), ("dwell", "dwelled")]
)
def test_kinds_have_a_short_form(event: OnlyEvent, alias: str, kind: str) -> None:
    assert event(heard(kind=f"beacon.{alias}")).kind == f"beacon.{kind}"


def test_an_anonymous_phone_is_enough(event: OnlyEvent) -> None:
    seen = event(
        heard(customer_id=None, anonymous_id="a-1", occurred_at_ms=None, timestamp="2026-01-01T00:00:00Z")
    )
    assert (seen.customer_id, seen.identity, seen.occurred_at_ms) == ("", "anonymous", 1_767_225_600_000)


def test_127_means_that_nothing_was_measured(event: OnlyEvent) -> None:
    assert event(heard(rssi_dbm=127)).rssi_dbm is None


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"customer_id": None, "mac": "aa:bb:cc:dd:ee:ff"}, "no_identity", "customer_id"),
        ({"event_id": None}, "missing_field", "event_id"),
        ({"kind": "beacon.seen"}, "unknown_value", "kind"),
        ({"kind": None}, "missing_field", "kind"),
        ({"occurred_at_ms": None}, "missing_field", "occurred_at_ms"),
        ({"occurred_at_ms": 1_767_226_000_000}, "in_the_future", "occurred_at_ms"),
        ({"rssi_dbm": -200}, "out_of_range", "rssi_dbm"),
        ({"beacon": {"major": 65_536}}, "out_of_range", "beacon.major"),
        ({"beacon": {"uuid": "f7826da6"}}, "bad_text", "beacon.uuid"),
        ({"beacon": {"format": "wifi"}}, "unknown_value", "beacon.format"),
        ({"proximity": "close"}, "unknown_value", "proximity"),
        ({"distance_m": -1}, "out_of_range", "distance_m"),
        ({"site_id": ["a"]}, "wrong_type", "site_id"),
    ],
)
def test_a_bad_sighting_is_refused(refusal: Refusal, fields: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(heard(**fields), "beacons") == (reason, field)
