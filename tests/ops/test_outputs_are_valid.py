"""What the pipeline writes is what the schemas promise: a day of one shop, record by record."""

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from streamproc.core.ledger import LedgerRecord
from streamproc.core.record import Record
from streamproc.dry_run import DryRun
from streamproc.ops.policy_files import load_folder
from streamproc.ops.topics import load_topics
from streamproc.shipped import shipped_folder

NOON_MS = 1_767_265_200_000  # 2026-01-01 12:00 in Berlin
MINUTE_MS = 60_000
SPECS = {spec.topic: spec for spec in load_topics()}


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shipped_folder("topics") / "schemas" / name).read_text("utf-8"))
    return loaded


def consents(customer: str) -> list[tuple[str, dict[str, Any]]]:
    row = {"customer_id": customer, "state": "granted", "at_ms": NOON_MS, "source": "t", "text_version": "1"}
    granted = [("*", "processing"), ("*", "sensing")]
    granted += [(channel, "marketing") for channel in ("push", "email", "sms", "in_app", "web", "in_store")]
    return [("consents", row | {"channel": channel, "purpose": purpose}) for channel, purpose in granted]


def call(customer: str, n: int, event: str, minute: int) -> tuple[str, dict[str, Any]]:
    stamp = f"2026-01-01T{11 + minute // 60:02}:{minute % 60:02}:00.000Z"
    item = {
        "product_id": "coat-1",
        "name": "Wool coat",
        "category": "coats",
        "price": 149.0,
        "currency": "EUR",
    }
    head = {"type": "track", "event": event, "messageId": f"{customer}-{n}", "userId": customer}
    return "clickstream", head | {"timestamp": stamp, "properties": item}


def day() -> list[tuple[str, dict[str, Any]]]:
    profile = {"customer_id": "c-1", "timezone": "Europe/Berlin", "locale": "en", "at_ms": NOON_MS}
    seen = [call("c-1", n, "Product Viewed", n) for n in range(1, 5)]
    added = [call("c-1", 10 + n, "Product Added", 120 * n) for n in range(1, 4)]
    bought = [call("c-1", 30, "Order Completed", 500)]
    outcome = {
        "nudge_id": "",
        "customer_id": "c-1",
        "kind": "unsubscribed",
        "at_ms": NOON_MS,
        "channel": "push",
    }
    broken = [("clickstream", {"type": "track", "event": "Product Viewed", "userId": "c-1"})]
    return [*consents("c-1"), ("profiles", profile), *seen, *added, *bought, ("outcomes", outcome), *broken]


@pytest.fixture(scope="module")
def written() -> list[Record]:
    run = DryRun(load_folder(shipped_folder("policy")), now_ms=NOON_MS)
    records: list[Record] = []
    for offset, (topic, value) in enumerate(day()):
        minute = 130 * offset if topic == "clickstream" else 0
        stamp = NOON_MS + minute // 10 * MINUTE_MS
        key, body = str(value.get("customer_id", "c-1")).encode(), json.dumps(value).encode()
        records += run.feed(Record(topic, 0, offset, stamp, append_time=True, key=key, value=body))
    return records


def test_such_a_day_writes_to_every_kind_of_topic(written: list[Record]) -> None:
    topics = {record.topic.split(".")[0] for record in written}
    assert {"nudges", "decisions", "ledger", "receipts", "dead-letters", "consents"} <= topics


def test_every_record_is_valid_under_the_schema_of_its_topic(written: list[Record]) -> None:
    for record in written:
        if record.topic != "dead-letters":
            assert record.value is not None
            validator = Draft202012Validator(schema(SPECS[record.topic].schema_file))
            errors = [error.message for error in validator.iter_errors(json.loads(record.value))]
            assert errors == [], (record.topic, record.value)


def test_nudges_carry_the_headers_that_their_topic_names(written: list[Record]) -> None:
    nudges = [record for record in written if record.topic.startswith("nudges.")]
    for nudge in nudges:
        assert {name for name, _ in nudge.headers} == set(SPECS[nudge.topic].example.headers)


def test_dead_letters_carry_the_headers_that_their_topic_names(written: list[Record]) -> None:
    letters = [record for record in written if record.topic == "dead-letters"]
    assert letters
    for letter in letters:
        assert set(SPECS["dead-letters"].example.headers) <= {name for name, _ in letter.headers}


def test_every_field_of_the_ledger_stands_in_its_schema() -> None:
    assert issubclass(LedgerRecord, msgspec.Struct)
    assert set(LedgerRecord.__struct_fields__) <= set(schema("ledger.json")["properties"])
