"""What the doctor finds of clocks, of the ID key and of the workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamproc.ops.doctor import Check, _clock, _workers, examine
from streamproc.ops.embedded import EmbeddedRedis
from streamproc.ops.heartbeats import Beat
from streamproc.ops.stored_state import StoredState
from streamproc.settings import Settings
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore

SOUND = StoredState("sound")


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


async def look(redis: EmbeddedRedis, key: Path) -> dict[str, Check]:
    checks = await examine(Settings(redis_url=redis.url, id_key_file=key))
    return {check.what: check for check in checks if check.what != "settings"}


@pytest.mark.parametrize(
    ("ahead_ms", "state", "found"),
    [
        (0, "ok", "0 ms ahead of this machine's"),
        (500, "ok", "500 ms ahead of this machine's"),
        (-501, "warn", "501 ms behind this machine's"),
        (5_000, "warn", "5000 ms ahead of this machine's"),
        (-5_001, "fail", "5001 ms behind this machine's"),
    ],
)
def test_half_a_second_between_clocks_is_fine_and_five_are_not(ahead_ms: int, state: str, found: str) -> None:
    check = _clock("redis", ahead_ms)
    assert (check.what, check.state, check.found) == ("redis clock", state, found)
    assert bool(check.remedy) is (state != "ok")


def test_a_broker_that_does_not_tell_its_time_is_a_warning() -> None:
    assert _clock("kafka", None).state == "warn"


async def test_the_key_of_another_installation_fails(redis: EmbeddedRedis, tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    ours.write_text("a key for these tests")
    other.write_text("a key for other tests")
    assert (await look(redis, ours))["state"].found.startswith("it holds none, and Kafka could not be asked")
    store = RedisStore(redis.url, id_check=IdKey.from_file(ours).check())
    await store.open(fresh=True)
    await store.close()
    assert (await look(redis, ours))["id key"].state == "ok"
    assert (await look(redis, ours))["state"].state == "ok"
    check = (await look(redis, other))["id key"]
    assert check.state == "fail"
    assert "is not the one" in check.found


def test_workers_on_different_policies_are_a_warning() -> None:
    beats = {"a": Beat("a", 1, "p1"), "b": Beat("b", 1, "p2")}
    assert _workers(beats, SOUND).state == "warn"
    assert "p1, p2" in _workers(beats, SOUND).found
    assert _workers({"a": beats["a"]}, SOUND).state == "ok"
    assert _workers({}, SOUND).found == "none is alive"


def test_nobody_is_declared_dead_by_a_redis_without_its_state() -> None:
    check = _workers({}, StoredState("lost", "sp:{0}:epoch is missing"))
    assert "cannot tell which are alive" in check.found
    assert "start" not in check.remedy


def test_a_refused_policy_fails_and_says_where() -> None:
    check = _workers({"a": Beat("a", 1, "p1", refused="p2 refused: channels.yaml:3: no")}, SOUND)
    assert (check.state, "p2 refused: channels.yaml:3: no" in check.found) == ("fail", True)
