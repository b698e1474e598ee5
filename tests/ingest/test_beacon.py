"""Beacon records."""

import json
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


@pytest.mark.parametrize(
    ("spelled", "wanted"),
    [
        ("iBeacon", "ibeacon"),
        ("AltBeacon", "altbeacon"),
        ("Eddystone-UID", "eddystone_uid"),
        ("EDDYSTONE_EID", "eddystone_eid"),
    ],
)
def test_a_format_has_many_spellings(event: OnlyEvent, spelled: str, wanted: str) -> None:
    assert event(heard(beacon={"format": spelled})).beacon == Beacon(wanted)


def test_altbeacon_numbers_its_ids(event: OnlyEvent) -> None:
    for names in (("id1", "id2", "id3"), ("ID1", "ID2", "ID3")):
        beacon = dict(zip(names, (UUID, "7", 3), strict=True)) | {"format": "altbeacon"}
        assert event(heard(beacon=beacon)).beacon == Beacon("altbeacon", UUID, 7, 3)


def test_an_ephemeral_id_links_nothing(event: OnlyEvent) -> None:
    """It rotates, so it names neither the place nor the phone: only who resolves it can say where this was."""
    first, second = (
        event(heard(beacon={"eid": eid}, site_id=None)) for eid in ("a0b1c2d3e4f50617", "1706f5e4d3c2b1a0")
    )
    assert first.beacon == Beacon("eddystone_eid", eid="a0b1c2d3e4f50617")
    assert {(one.site_id, one.anonymous_id, tuple(one.extra)) for one in (first, second)} == {(None, "", ())}


def test_the_object_goes_before_what_stands_beside_it(event: OnlyEvent) -> None:
    seen = event(heard(beacon={"uuid": UUID, "major": 7}, major=8, minor=3, proximity="NEAR"))
    assert seen.beacon == Beacon("ibeacon", UUID, 7, 3, proximity="near")


def test_a_transmitters_own_radio_address_is_passed_over(event: OnlyEvent) -> None:
    seen = event(heard(mac="aa:bb:cc:dd:ee:ff", beacon={"mac": "aa:bb:cc:dd:ee:ff", "uuid": UUID}))
    assert (seen.customer_id, seen.beacon) == ("c-17", Beacon("ibeacon", UUID))


def test_both_ways_of_reading_a_sighting_agree(event: OnlyEvent) -> None:
    payload = json.dumps(
        heard(beacon={"uuid": UUID, "major": 7}, region_id="r", locale="de", sec_gpc=1)
    ).encode()
    assert event(b'{"kind":[],' + payload[1:], "beacons") == event(payload, "beacons")


@pytest.mark.parametrize(
    ("fields", "consent"),
    [
        ({"processing_consent": False}, False),
        ({"consent": {"categoryPreferences": {"C0004": True}}}, True),
        ({"consent": {"categoryPreferences": {"C0004": True}}, "processing_consent": False}, False),
        ({"gpc": 1}, None),
    ],
)
def test_consent_is_read_as_everywhere(
    event: OnlyEvent, fields: dict[str, Any], *, consent: bool | None
) -> None:
    assert event(heard(**fields)).processing_consent == consent


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


@pytest.mark.parametrize("rssi_dbm", [-127, -128, -200])
def test_minus_127_and_below_mean_that_it_was_not_heard(event: OnlyEvent, rssi_dbm: int) -> None:
    assert event(heard(rssi_dbm=rssi_dbm)).rssi_dbm == -127


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"customer_id": None}, "no_identity", "customer_id"),
        ({"customer_id": None, "mac": "aa:bb:cc:dd:ee:ff"}, "no_identity", "mac"),
        ({"customer_id": "", "bssid": "aa:bb:cc:dd:ee:ff"}, "no_identity", "bssid"),
        ({"customer_id": "AA:BB:CC:DD:EE:FF"}, "no_identity", "customer_id"),
        ({"anonymous_id": "aa-bb-cc-dd-ee-ff"}, "no_identity", "anonymous_id"),
        ({"event_id": None}, "missing_field", "event_id"),
        ({"kind": "beacon.seen"}, "unknown_value", "kind"),
        ({"kind": None}, "missing_field", "kind"),
        ({"occurred_at_ms": None}, "missing_field", "occurred_at_ms"),
        ({"occurred_at_ms": 1_767_226_000_000}, "in_the_future", "occurred_at_ms"),
        ({"rssi_dbm": -201}, "out_of_range", "rssi_dbm"),
        ({"beacon": {"major": 65_536}}, "out_of_range", "beacon.major"),
        ({"beacon": {"uuid": "f7826da6"}}, "bad_text", "beacon.uuid"),
        ({"beacon": {"format": "wifi"}}, "unknown_value", "beacon.format"),
        ({"beacon": {"format": "ibeacon" + "-" * 99}}, "unknown_value", "beacon.format"),
        ({"beacon": {"uuid": UUID + "-" * 99}}, "bad_text", "beacon.uuid"),
        ({"beacon": {"ID2": 65_536}}, "out_of_range", "beacon.ID2"),
        ({"consent": {"IABTCF_PurposeConsents": "no"}}, "bad_text", "consent.IABTCF_PurposeConsents"),
        ({"proximity": "close"}, "unknown_value", "proximity"),
        ({"distance_m": -1}, "out_of_range", "distance_m"),
        ({"site_id": ["a"]}, "wrong_type", "site_id"),
    ],
)
def test_a_bad_sighting_is_refused(refusal: Refusal, fields: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(heard(**fields), "beacons") == (reason, field)
