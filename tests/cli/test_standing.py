"""`streamproc settings`, `status`, `doctor`: how an installation stands, and what to change."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from streamproc.flow.config_log import write_config
from streamproc.flow.heartbeat import Heartbeat
from streamproc.ops.commands.standing import _catalog
from streamproc.ops.embedded import EmbeddedRedis
from streamproc.ops.heartbeats import Beat
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore
from tests.cli.command_line import CommandLine, Said


def found(said: Said, state: str) -> dict[str, str]:
    """Return what the doctor says under one state: by subject, what was found."""
    return {check["what"]: check["found"] for check in said.json if check["state"] == state}


def test_settings_are_shown_without_the_password(offline: CommandLine) -> None:
    offline.set(REDIS_URL="redis://user:secret@127.0.0.1:6379/0", GROUP="trial")
    shown = offline("settings", "--json").json
    assert (shown["STREAMPROC_GROUP"], shown["STREAMPROC_REDIS_URL"]) == (
        "trial",
        "redis://user:***@127.0.0.1:6379/0",
    )
    assert "secret" not in offline("settings").out


def test_every_fault_of_the_settings_is_listed_at_once(offline: CommandLine) -> None:
    offline.set(KAFKA="nope", EVENT_AGE_MAX="24", GRUOP="x")
    said = offline("settings")
    assert said.code == 1
    assert [
        name in said.err for name in ("STREAMPROC_KAFKA", "STREAMPROC_EVENT_AGE_MAX", "STREAMPROC_GRUOP")
    ] == [True] * 3


def test_the_doctor_fails_where_topics_are_missing_and_names_the_remedy(cli: CommandLine) -> None:
    said = cli("doctor")
    assert said.code == 1
    assert "streamproc topics apply" in said.out


def test_the_doctor_finds_a_fresh_installation_fit(installed: CommandLine) -> None:
    said = installed("doctor", "--write", "--json")
    assert said.code == 0, said.out
    sound = found(said, "ok")
    assert {"versions", "kafka", "topics", "redis", "redis clock", "policy"} <= set(sound)
    assert "none is alive" in found(said, "warn")["workers"]


def test_the_doctor_examines_what_it_reaches_where_other_things_are_away(cli: CommandLine) -> None:
    cli.set(KAFKA="127.0.0.1:1", ID_KEY_FILE=None)
    said = cli("doctor", "--json")
    assert said.code == 1
    failed = found(said, "fail")
    assert "STREAMPROC_KAFKA=127.0.0.1:1" in failed["kafka"]
    assert "STREAMPROC_ID_KEY_FILE is not set" in failed["settings"]
    assert "redis clock" in found(said, "ok")


def test_the_doctor_names_a_pointer_to_a_policy_that_is_not_there(installed: CommandLine) -> None:
    env = installed.env
    entry = ("policy", b'{"version": "gone"}')
    asyncio.run(write_config(env["STREAMPROC_KAFKA"], [entry], prefix=env["STREAMPROC_TOPIC_PREFIX"]))
    said = installed("doctor", "--json")
    assert (said.code, found(said, "fail")) == (1, {"policy": "gone is not on `config`"})


def test_status_shows_switches_policy_and_that_nobody_works(installed: CommandLine) -> None:
    installed("channel", "off", "sms", "--reason", "costs")
    said = installed("status")
    assert said.code == 0, said.err
    assert "no worker is alive" in said.out
    assert "off: channel/sms" in said.out
    assert "costs" in said.out
    assert "lag: none" in said.out


def test_status_names_the_policy_that_workers_refuse_and_the_one_they_run(
    installed: CommandLine, redis: EmbeddedRedis, tmp_path: Path
) -> None:
    beat = Heartbeat(
        "w-1", 3, "p1", [0], 0, refused="p2 refused: channels.yaml:3: unknown key", catalog=1_998
    )

    async def publish(ttl_ms: int) -> None:
        store = RedisStore(redis.url, id_check=IdKey.from_file(tmp_path / "id").check())
        await store.open(fresh=True)
        await store.put_worker("w-1", msgspec.json.encode(beat), ttl_ms)
        await store.close()

    asyncio.run(publish(10_000))
    said = installed("status")
    # The Redis is shared: to the tests that follow this worker is gone.
    asyncio.run(publish(1))
    assert "(p2 refused: channels.yaml:3: unknown key; 1 of 1 worker still on p1)" in said.out
    assert "catalog: 1998 items and stores known" in said.out


def test_status_shows_what_it_can_where_redis_is_away(installed: CommandLine) -> None:
    installed.set(REDIS_URL="redis://127.0.0.1:1/0")
    said = installed("status", "--json")
    assert said.code == 69
    assert said.json["workers"] is None
    assert said.json["lag"]["clickstream"] == {"records_max": 0, "records_sum": 0}
    assert "127.0.0.1:1" in said.json["troubles"][0]


def test_status_counts_what_nobody_has_read_yet(installed: CommandLine) -> None:
    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=installed.env["STREAMPROC_KAFKA"])
        await producer.start()
        for _ in range(3):
            topic = installed.env["STREAMPROC_TOPIC_PREFIX"] + "clickstream"
            await producer.send_and_wait(topic, b"{}", partition=1)
        await producer.stop()

    asyncio.run(write())
    installed.set(GROUP="never-joined")
    assert installed("status", "--json").json["lag"]["clickstream"] == {"records_max": 3, "records_sum": 3}
    assert "lag: clickstream 3" in installed("status").out


@pytest.mark.parametrize("name", ["nowhere", "short"])
def test_an_id_key_that_cannot_serve_fails(cli: CommandLine, tmp_path: Path, name: str) -> None:
    (tmp_path / "short").write_text("short")
    cli.set(ID_KEY_FILE=tmp_path / name)
    said = cli("doctor", "--json")
    assert said.code == 1
    assert name in found(said, "fail")["id key"]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ((7,), "7 items and stores known"),
        ((7, 9, 8), "7 to 9 items and stores known"),
        ((7, None), "7 items and stores known, 1 worker behind"),
        ((None,), "1 worker behind"),
    ],
)
def test_what_workers_know_of_the_catalog_is_one_number_or_its_range(
    known: tuple[int | None, ...], said: str
) -> None:
    beats = {f"w-{n}": Beat(f"w-{n}", 0, "p", catalog=number) for n, number in enumerate(known)}
    beats["d-1"] = Beat("d-1", 0, "p", delivers="push")
    assert _catalog(beats) == said
