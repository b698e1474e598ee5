"""Who has applied a change of `config`: every live worker is waited for, a silent one has lost its lease."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import msgspec
import pytest

from streamproc.flow.heartbeat import Heartbeat
from streamproc.ops.embedded import EmbeddedRedis
from streamproc.ops.heartbeats import Beat, WorkerBoard, await_workers
from streamproc.store.base import StoreUnavailable
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore
from streamproc.store.sent import SentLog

Beats = Callable[[], Awaitable[Mapping[str, Beat]]]


class Clock:
    """Advances a tenth of a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def told(*rounds: Mapping[str, int], policy: str = "p1") -> Beats:
    """Answer with these config offsets by worker, round by round; the last round repeats."""
    numbers = iter(range(1_000))

    async def beats() -> Mapping[str, Beat]:
        found = rounds[min(next(numbers), len(rounds) - 1)]
        return {name: Beat(name, offset, policy) for name, offset in found.items()}

    return beats


async def wait(beats: Beats, policy: str | None = None) -> list[tuple[str, str]]:
    rollout = await await_workers(beats, 7, begun_at=0.0, policy=policy, monotonic=Clock())
    return [(one.worker, one.state) for one in rollout.followers]


async def test_all_live_workers_are_waited_for() -> None:
    rollout = await await_workers(
        told({"a": 6, "b": 7}, {"a": 6, "b": 7}, {"a": 7, "b": 7}), 7, begun_at=0.0, monotonic=Clock()
    )
    assert rollout.is_done
    assert [(one.worker, one.after_ms) for one in rollout.followers] == [("a", 300), ("b", 100)]
    assert rollout.took_ms == 300


async def test_a_worker_that_falls_silent_has_lost_its_lease() -> None:
    assert await wait(told({"a": 6, "b": 7}, {"b": 7})) == [("a", "silent"), ("b", "applied")]


async def test_a_worker_that_stays_behind_is_late_after_five_seconds() -> None:
    rollout = await await_workers(told({"a": 6, "b": 7}), 7, begun_at=0.0, monotonic=Clock())
    assert not rollout.is_done
    assert [(one.worker, one.state) for one in rollout.followers] == [("a", "late"), ("b", "applied")]
    assert rollout.followers[0].after_ms == 5_000


async def test_a_worker_that_starts_meanwhile_is_waited_for_too() -> None:
    assert await wait(told({"a": 6}, {"a": 6, "new": 6}, {"a": 7, "new": 7})) == [
        ("a", "applied"),
        ("new", "applied"),
    ]


async def test_a_worker_that_keeps_another_policy_refused_it() -> None:
    assert await wait(told({"a": 7}), policy="p2") == [("a", "refused")]
    assert await wait(told({"a": 7}, policy="p2"), policy="p2") == [("a", "applied")]


async def test_no_worker_is_nothing_to_wait_for() -> None:
    rollout = await await_workers(told({}), 7, begun_at=0.0, monotonic=Clock())
    assert (rollout.is_done, rollout.followers) == (True, ())


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
async def board(redis: EmbeddedRedis) -> AsyncIterator[WorkerBoard]:
    board = WorkerBoard(redis.url)
    yield board
    await board.close()


async def test_the_board_reads_what_a_worker_writes_until_it_expires(
    redis: EmbeddedRedis, board: WorkerBoard
) -> None:
    store = RedisStore(redis.url, id_check=IdKey(b"a key for these tests").check())
    await store.open(fresh=True)
    assert await board.beats() == {}
    beat = Heartbeat(worker="w-1", config_offset=3, policy="p", lanes=[0, 1], at_ms=5)
    await store.put_worker("w-1", msgspec.json.encode(beat), 60_000)
    assert await board.beats() == {"w-1": Beat("w-1", 3, "p", (0, 1), 5)}
    await store.put_worker("w-1", msgspec.json.encode(beat), 1)
    while await board.beats():
        pass
    await store.close()


async def test_a_delivery_end_is_waited_for_and_is_no_worker(
    redis: EmbeddedRedis, board: WorkerBoard
) -> None:
    key = IdKey(b"a key for these tests")
    log = SentLog(redis.url, key)
    beat = Heartbeat(worker="d-1", config_offset=3, policy="p", lanes=[0], at_ms=5, delivers="push")
    await log.beat("d-1", msgspec.json.encode(beat), 60_000)
    assert await board.beats() == {}
    assert await board.all_beats() == {"d-1": Beat("d-1", 3, "p", (0,), 5, delivers="push")}
    store = RedisStore(redis.url, id_check=key.check())
    await store.open(fresh=True)
    assert await store.workers() == {}
    await store.close()
    await log.close()


async def test_a_redis_that_is_away_is_said_without_its_password() -> None:
    board = WorkerBoard("redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable) as caught:
        await board.beats()
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)
