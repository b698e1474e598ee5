"""`streamproc topics`: what is missing is said, created once, and mended where it may be."""

from __future__ import annotations

import asyncio
import os

import pytest

from streamproc.flow.admin import KafkaAdmin, TopicState
from streamproc.ops.topics import load_topics
from tests.cli.command_line import CommandLine
from tests.kafka.brokers import Broker


def topics_of(broker: Broker) -> dict[str, TopicState]:
    async def ask() -> dict[str, TopicState]:
        async with KafkaAdmin.connect(broker.bootstrap) as admin:
            return await admin.topics()

    return asyncio.run(ask())


def change(broker: Broker, name: str, **settings: str) -> None:
    async def write() -> None:
        async with KafkaAdmin.connect(broker.bootstrap) as admin:
            own = (await admin.topics([name]))[name].own
            changed = {key.replace("_", "."): value for key, value in settings.items()}
            await admin.configure(name, changed, own=own)

    asyncio.run(write())


def prefix() -> str:
    return os.environ["STREAMPROC_TOPIC_PREFIX"]


def test_check_sums_up_that_no_topic_exists_and_names_the_command_that_helps(cli: CommandLine) -> None:
    said = cli("topics", "check")
    assert said.code == 1
    assert said.out == f"warn none of the {len(load_topics())} topics exists\n"
    assert "streamproc topics apply" in said.err
    names = [finding["topic"] for finding in cli("topics", "check", "--json").json]
    assert names == [prefix() + spec.topic for spec in load_topics()]


def test_apply_creates_every_topic_with_its_partitions(cli: CommandLine, broker: Broker) -> None:
    assert cli("topics", "apply", "--partitions", "3").code == 0
    found = topics_of(broker)
    assert {spec.topic: found[prefix() + spec.topic].partitions for spec in load_topics()} == {
        spec.topic: spec.partition_count(3) for spec in load_topics()
    }


def test_to_apply_again_changes_nothing_and_check_agrees(installed: CommandLine) -> None:
    again = installed("topics", "apply", "--json")
    assert (again.code, again.json) == (0, {"created": [], "changed": [], "left": []})
    checked = installed("topics", "check", "--json")
    assert (checked.code, checked.json) == (0, [])


def test_another_number_of_partitions_is_reported_and_never_changed(
    installed: CommandLine, broker: Broker
) -> None:
    said = installed("topics", "apply", "--partitions", "5")
    assert said.code == 1
    assert f"{prefix()}clickstream: partitions is 2, 5 wanted" in said.out
    assert topics_of(broker)[f"{prefix()}clickstream"].partitions == 2


def test_a_setting_that_differs_is_mended_and_the_others_are_kept(
    installed: CommandLine, broker: Broker
) -> None:
    if "durable" not in broker.capabilities:
        pytest.skip("the embedded broker does not change settings; run with --broker=kafka")
    name = f"{prefix()}consents"
    change(broker, name, retention_ms="1000", segment_bytes="1048576")
    assert f"{name}: retention.ms is 1000, -1 wanted" in installed("topics", "check").out
    assert installed("topics", "apply").code == 0
    config = topics_of(broker)[name].config
    assert (config["retention.ms"], config["segment.bytes"]) == ("-1", "1048576")
    assert config["message.timestamp.type"] == "LogAppendTime"


def test_a_broker_that_is_away_is_a_message_and_not_a_traceback(cli: CommandLine) -> None:
    cli.set(KAFKA="127.0.0.1:1")
    said = cli("topics", "check")
    assert said.code == 69
    assert said.err.startswith("error: no Kafka broker answers at STREAMPROC_KAFKA=127.0.0.1:1")
    assert "Traceback" not in said.err


def test_a_setting_that_is_missing_is_named(offline: CommandLine) -> None:
    said = offline("topics", "apply")
    assert said.code == 1
    assert "STREAMPROC_KAFKA is not set" in said.err
