"""`streamproc replay`, `capture`, `check-events`, `verify`: recorded traffic in, the same bytes out, each time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from streamproc.shipped import shipped_folder
from tests.cli.command_line import CommandLine

NOON_MS = 1_772_539_200_000


def line(topic: str, value: Any, *, at_ms: int = NOON_MS, key: str = "c-1") -> str:
    return json.dumps({"topic": topic, "key": key, "timestamp_ms": at_ms, "value": value})


def allowed(customer: str = "c-1") -> list[str]:
    granted = [("*", "processing"), ("in_app", "marketing")]
    lines = [
        line("consents", {"customer_id": customer, "channel": channel, "purpose": purpose, "state": "granted",
                          "at_ms": NOON_MS, "source": "app"}, key=customer)
        for channel, purpose in granted
    ]  # fmt: skip
    zone = {"customer_id": customer, "timezone": "Europe/Berlin", "at_ms": NOON_MS}
    return [*lines, line("profiles", zone, key=customer)]


def wish(customer: str = "c-1", *, at_ms: int = NOON_MS) -> str:
    item = {"product_id": "pan-1", "name": "Iron pan", "category": "kitchen"}
    call = {
        "type": "track",
        "event": "Product Added to Wishlist",
        "messageId": f"m-{customer}",
        "userId": customer,
    }
    return line("clickstream", call | {"timestamp": at_ms, "properties": item}, at_ms=at_ms, key=customer)


def replay(cli: CommandLine, lines: list[str], *words: str) -> tuple[list[dict[str, Any]], str]:
    said = cli("replay", "--policy", shipped_folder("policy"), *words, given="\n".join(lines) + "\n")
    assert said.code == 0, said.err
    return [json.loads(one) for one in said.out.splitlines()], said.err


def test_replay_writes_what_a_worker_would_and_sums_up(offline: CommandLine) -> None:
    out, err = replay(offline, [*allowed(), wish()])
    (nudge,) = [one for one in out if one["topic"] == "nudges.in_app"]
    assert (nudge["key"], nudge["value"]["campaign"], nudge["offset"]) == ("c-1", "wishlist_saved", 0)
    assert "4 records" in err
    assert "1 nudges" in err


def test_the_same_file_gives_the_same_bytes(offline: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "in.ndjson"
    source.write_text("\n".join([*allowed(), wish()]))
    for name in ("one", "two"):
        policy = shipped_folder("policy")
        assert offline("replay", "--policy", policy, "--from", source, "--to", tmp_path / name).code == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() != b""


def test_a_switch_in_the_file_applies_and_what_a_run_wrote_is_skipped(offline: CommandLine) -> None:
    off = line("config", {"enabled": False, "reason": "x"}, key="channel/in_app")
    out, err = replay(
        offline, [*allowed(), off, line("timers", {}), line("nudges.push", {}), wish()], "--json"
    )
    assert [one for one in out if one["topic"].startswith("nudges.")] == []
    counted = json.loads(err)
    assert counted["skipped"] == {"timers": 1, "nudges.push": 1}
    assert "channel_off" in counted["gates"]


def test_what_waits_when_the_records_end_is_counted_and_decided_if_the_time_goes_on(
    offline: CommandLine,
) -> None:
    cart = json.loads(wish())
    cart["value"]["event"] = "Product Added"
    lines = [*allowed(), json.dumps(cart)]
    out, err = replay(offline, lines, "--json")
    assert [one for one in out if one["topic"] == "decisions"] == []
    counted = json.loads(err)
    assert (counted["waiting"], counted["next_due_ms"] > NOON_MS) == (1, True)
    _, err = replay(offline, lines)
    assert "waiting:  customers 1, the first until 2026-03-03" in err
    out, err = replay(offline, lines, "--then", "30d", "--json")
    assert {one["value"]["kind"] for one in out if one["topic"] == "decisions"} == {"timer"}
    assert (json.loads(err)["waiting"], json.loads(err)["next_due_ms"]) == (0, None)


def test_a_time_to_go_on_that_is_no_duration_is_refused(offline: CommandLine) -> None:
    said = offline("replay", "--policy", shipped_folder("policy"), "--then", "two days", given=wish())
    assert (said.code, "--then two days is no duration" in said.err) == (1, True)


def test_an_id_key_that_is_set_changes_what_hides_the_customer(offline: CommandLine, tmp_path: Path) -> None:
    def hashed() -> set[str]:
        out, _ = replay(offline, [*allowed(), wish()])
        return {one["key"] for one in out if one["topic"] == "ledger"}

    published = hashed()
    key = tmp_path / "id"
    key.write_text("another key for this test\n")
    offline.set(ID_KEY_FILE=key)
    assert hashed().isdisjoint(published)


def test_a_line_that_is_no_record_is_named_with_its_file(offline: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "in.ndjson"
    source.write_text(wish() + "\nnope\n")
    said = offline("replay", "--policy", shipped_folder("policy"), "--from", source)
    assert said.code == 1
    assert f"{source}:2: not a JSON object on one line" in said.err


def test_a_file_is_never_written_over_while_it_is_read(offline: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "in.ndjson"
    source.write_text(wish())
    said = offline("replay", "--policy", shipped_folder("policy"), "--from", source, "--to", source)
    assert said.code == 1
    assert source.read_text() == wish()


def test_what_replay_writes_keeps_every_promise(offline: CommandLine, tmp_path: Path) -> None:
    source, out, policy = tmp_path / "in.ndjson", tmp_path / "out.ndjson", shipped_folder("policy")
    shoppers = [one for number in range(9) for one in (*allowed(f"c-{number}"), wish(f"c-{number}"))]
    source.write_text("\n".join(shoppers))
    assert offline("replay", "--policy", policy, "--from", source, "--to", out).code == 0
    said = offline("verify", source, out, "--policy", policy, "--record-clock", "--from-start", "--json")
    assert said.code == 0, said.out


def test_verify_says_no_when_a_promise_is_broken(offline: CommandLine, tmp_path: Path) -> None:
    source, policy = tmp_path / "in.ndjson", shipped_folder("policy")
    source.write_text("\n".join([*allowed(), wish()]))
    # Inputs without any receipt are records that nobody accounts for.
    assert offline("verify", source, "--policy", policy, "--from-start").code == 1


def test_check_events_takes_only_topics_that_producers_write_to(offline: CommandLine) -> None:
    for topic, meant in (("consnets", "; did you mean 'consents'?"), ("nudges.push", "")):
        said = offline("check-events", "--topic", topic, given="{}")
        assert (said.code, said.out) == (1, "")
        assert f"'{topic}' is none that producers write to: " in said.err
        assert meant in said.err


def test_check_events_takes_the_catalog_with_its_keys(offline: CommandLine) -> None:
    said = offline("check-events", "--topic", "catalog", given="{}")
    assert "give lines of a record file" in said.err
    line = '{"topic":"catalog","key":"item/pan-1@berlin-1","timestamp_ms":1772539200000,"value":{"available":true}}'
    good = offline("check-events", given=line)
    assert (good.code, json.loads(good.out)["site_id"]) == (0, "berlin-1")


def test_check_events_exits_1_if_a_payload_is_refused(offline: CommandLine) -> None:
    good = json.dumps(json.loads(wish())["value"])
    assert offline("check-events", given=good).code == 0
    said = offline("check-events", given=good + "\n{}\n")
    assert said.code == 1
    assert "1 event, 1 refused" in said.err
    assert json.loads(said.out.splitlines()[1])["rejected"]["line"] == 2


@pytest.fixture
def produced(installed: CommandLine) -> CommandLine:
    """A consent and a click in Kafka, the click written first and stamped later."""

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=installed.env["STREAMPROC_KAFKA"])
        await producer.start()
        prefix = installed.env["STREAMPROC_TOPIC_PREFIX"]
        for one in (wish(at_ms=NOON_MS + 5), *allowed()):
            record = json.loads(one)
            value = json.dumps(record["value"]).encode()
            await producer.send_and_wait(
                prefix + record["topic"], value, key=b"c-1", timestamp_ms=record["timestamp_ms"]
            )
        await producer.stop()

    asyncio.run(write())
    return installed


def test_capture_writes_topics_without_their_prefix_in_the_order_of_time(produced: CommandLine) -> None:
    said = produced("capture", "--topics", "clickstream,profiles")
    assert said.code == 0, said.err
    lines = [json.loads(one) for one in said.out.splitlines()]
    assert [one["topic"] for one in lines] == ["profiles", "clickstream"]
    assert [one["timestamp_ms"] for one in lines] == [NOON_MS, NOON_MS + 5]


def test_what_was_captured_can_be_replayed(produced: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "captured.ndjson"
    topics = "clickstream,profiles,outcomes"
    assert produced("capture", "--topics", topics, "--to", file).code == 0
    said = produced("replay", "--policy", shipped_folder("policy"), "--from", file)
    assert said.code == 0, said.err
    assert "2 records" in said.err


def test_capture_says_when_it_left_records_out(produced: CommandLine) -> None:
    said = produced("capture", "--topics", "consents", "--records-max", "1")
    assert "1 records, and more" in said.err


def test_a_topic_that_is_not_there_is_named(installed: CommandLine) -> None:
    said = installed("capture", "--topics", "clicks")
    assert said.code == 69
    assert "clicks" in said.err
