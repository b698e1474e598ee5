"""What `streamproc check-events` prints."""

import json
from typing import Any

from streamproc.ingest.snowplow.atomic import FIELDS
from streamproc.ops.check_events import Tally, check_events

NOW_MS = 1_767_225_601_000
CALL = b'{"type":"track","event":"Cart Viewed","messageId":"m-1","userId":"c-17"}'


def checked(*lines: bytes, topic: str = "clickstream") -> tuple[Tally, list[Any]]:
    written: list[bytes] = []
    tally = check_events(lines, written.append, now_ms=NOW_MS, topic=topic)
    return tally, [json.loads(line) for line in written]


def test_a_payload_becomes_the_fields_of_its_event() -> None:
    tally, (event,) = checked(CALL, b"\n")
    assert tally == Tally(events=1, rejected=0)
    assert (event["kind"], event["customer_id"], event["received_at_ms"]) == ("cart.viewed", "c-17", NOW_MS)


def test_a_rejection_names_reason_field_and_line() -> None:
    tally, (_, rejected) = checked(CALL, CALL.replace(b'"c-17"', b"7.5"))
    assert tally == Tally(events=1, rejected=1)
    wanted = {
        "reason": "wrong_type",
        "field": "userId",
        "detail": "expected a whole number or text or null, got a number",
        "line": 2,
    }
    assert rejected == {"rejected": wanted}


def test_a_payload_printed_over_many_lines_is_one_payload() -> None:
    printed = json.dumps(json.loads(CALL), indent=2).encode().splitlines(keepends=True)
    tally, (event,) = checked(b"\n", *printed)
    assert (tally, event["customer_id"]) == (Tally(events=1, rejected=0), "c-17")


def test_a_first_line_that_is_broken_leaves_the_others_to_be_read() -> None:
    tally, (broken, _) = checked(b"{", CALL)
    assert (tally, broken["rejected"]["line"]) == (Tally(events=1, rejected=1), 1)


def test_a_line_of_a_record_file_keeps_its_topic_time_and_headers() -> None:
    value = {
        "customer_id": "c",
        "channel": "push",
        "purpose": "marketing",
        "state": "granted",
        "at_ms": 1_600_000_000_000,
    }
    line = json.dumps({"topic": "consents", "timestamp_ms": 1_600_000_000_005, "value": value}).encode()
    _, (event,) = checked(line)
    assert (event["kind"], event["received_at_ms"]) == ("consent.granted", 1_600_000_000_005)


def test_a_line_whose_first_and_last_fields_are_empty_is_read_whole() -> None:
    fields = {
        "event": "page_view",
        "event_id": "x",
        "user_id": "c",
        "collector_tstamp": "2026-01-01 00:00:00",
    }
    line = "\t".join(fields.get(name, "") for name in FIELDS).encode()
    assert line != line.strip()
    tally, events = checked(line + b"\r\n", b"\n", CALL, line)
    assert tally == Tally(events=3, rejected=0)
    assert [event["dialect"] for event in events] == ["snowplow", "segment", "snowplow"]


def test_the_hits_that_a_collector_passes_on_give_a_line_each() -> None:
    hit = {"event_name": "page_view", "client_id": "5.17", "ga_session_id": "1", "user_id": "c-17"}
    record = {"appId": "shop", "data": json.dumps([hit, hit | {"user_id": 1.5}])}
    tally, (event, rejected) = checked(json.dumps(record).encode())
    assert tally == Tally(events=1, rejected=1)
    assert (event["dialect"], event["kind"], event["customer_id"]) == ("ga4", "page.viewed", "c-17")
    assert (rejected["rejected"]["field"], rejected["rejected"]["index"]) == ("data[1].user_id", 1)


def test_a_batch_gives_a_line_each() -> None:
    tally, (_, rejected) = checked(b'{"batch":[' + CALL + b",{}]}")
    assert tally == Tally(events=1, rejected=1)
    assert rejected["rejected"]["index"] == 1


def test_a_broken_record_line_does_not_end_the_reading() -> None:
    tally, (rejected, _) = checked(b'{"topic":"a","timestamp_ms":"x","value":1}', CALL)
    assert tally == Tally(events=1, rejected=1)
    assert rejected["rejected"]["reason"] == "not_a_record"


def test_the_topic_says_how_raw_payloads_are_read() -> None:
    _, (rejected,) = checked(b"{}", topic="privacy-requests")
    assert rejected["rejected"]["field"] == "request_id"


def test_a_line_of_the_catalog_gives_what_it_says_of_its_item() -> None:
    lines = [
        json.dumps(
            {"topic": "catalog", "key": "item/coat-1@b", "timestamp_ms": NOW_MS, "value": value}
        ).encode()
        for value in ({"available": True}, {"price_minor": "1.00"})
    ]
    tally, (said, rejected) = checked(*lines)
    assert tally == Tally(events=1, rejected=1)
    assert (said["item_id"], said["site_id"], said["said"]["available"]) == ("coat-1", "b", True)
    assert rejected["rejected"]["field"] == "price_minor"
