"""Who claims which hints, and what becomes of a hint whatever fails on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest

from streamproc.core.digests import partition_of
from streamproc.core.record import Output, Record
from streamproc.flow.clocks import RecordTime
from streamproc.flow.heartbeat import Heartbeat
from streamproc.flow.scheduler import BEHIND_MAX, ROUND_HINTS_MAX, Scheduler, TimersHealth, lateness_s
from streamproc.flow.shares import Share
from streamproc.ports import SinkUnavailable
from streamproc.store.base import CLAIM_MS, StoreUnavailable, Write
from streamproc.store.keys import BUCKETS, IdKey
from streamproc.store.memory import MemorySpace, MemoryStore
from tests.parts import Meter

KEY = IdKey(b"a key that only these tests use")
NOON_MS = 1_795_777_200_000
LANES = 4


class FiringMeter(Meter):
    def __init__(self) -> None:
        super().__init__()
        self.fired = 0

    def timers_fired(self, count: int) -> None:
        self.fired += count


class Bench:
    """A scheduler over the memory twin, whose broker takes what it is given unless it is away."""

    def __init__(self, space: MemorySpace | None = None, worker: str = "w-1") -> None:
        self.wall_ms = NOON_MS
        self.store = MemoryStore(space or MemorySpace(lambda: self.wall_ms), id_check=KEY.check())
        self.share = Share(worker, self.store)
        self.meter = FiringMeter()
        self.sent: list[Output] = []
        self.times: list[int] = []
        self.broker_is_away = False
        self.on_send: Callable[[], None] = lambda: None
        self.may_claim, self.behind = True, 0
        self.scheduler = self.make()

    def make(self, due_ms: Callable[[], int] | None = None) -> Scheduler:
        return Scheduler(
            store=self.store,
            send=self.send,
            share=self.share,
            meter=self.meter,
            lanes=LANES,
            may_claim=lambda: self.may_claim,
            behind=lambda: self.behind,
            wall_ms=lambda: self.wall_ms,
            due_ms=due_ms,
        )

    async def send(self, outputs: Sequence[Output], at_ms: Sequence[int] | None) -> None:
        self.on_send()
        if self.broker_is_away:
            raise SinkUnavailable("away")
        self.sent += outputs
        self.times += at_ms or []

    async def wait(self, *customers: str, due_ms: int = NOON_MS) -> None:
        """Have these customers wait for a time."""
        writes = [
            Write(h=KEY.h(one), context_version=b"", consent_version=b"", hints=((one.encode(), due_ms),))
            for one in customers
        ]
        assert all(await self.store.commit(writes))

    def woken(self) -> list[str]:
        return [msgspec.json.decode(one.value or b"")["customer_id"] for one in self.sent]


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.store.open(fresh=True)
    return bench


async def waiting(bench: Bench) -> int:
    return (await bench.store.waiting_hints(range(BUCKETS))).hints


async def test_what_is_due_goes_to_the_customers_own_lane_and_is_dropped(bench: Bench) -> None:
    await bench.wait("anna", due_ms=NOON_MS - 7)
    await bench.wait("ben", due_ms=NOON_MS + 1)
    assert await bench.scheduler.fire() is False
    value = b'{"customer_id":"anna","due_at_ms":%d}' % (NOON_MS - 7)
    assert bench.sent == [Output("timers", b"anna", value, lane=partition_of("anna", LANES))]
    assert (bench.times, bench.meter.fired, await waiting(bench)) == ([], 1, 1)


async def test_nothing_due_writes_nothing(bench: Bench) -> None:
    bench.on_send = lambda: pytest.fail("something was written")
    assert await bench.scheduler.fire() is False


async def test_a_hint_whose_record_may_not_have_arrived_comes_again_after_its_claim(bench: Bench) -> None:
    await bench.wait("anna")
    bench.broker_is_away = True
    with pytest.raises(SinkUnavailable):
        await bench.scheduler.fire()
    bench.broker_is_away = False
    bench.wall_ms += CLAIM_MS - 1
    await bench.scheduler.fire()
    assert bench.sent == []
    bench.wall_ms += 1
    await bench.scheduler.fire()
    assert (bench.woken(), await waiting(bench)) == (["anna"], 0)


async def test_a_timer_set_while_its_customers_record_is_on_its_way_stays(bench: Bench) -> None:
    await bench.wait("anna")
    later = bench.store.space

    def set_another() -> None:
        (due,) = later.due_at_ms.values()
        due[b"anna"] = NOON_MS + 5

    bench.on_send = set_another
    await bench.scheduler.fire()
    bench.wall_ms += 5
    await bench.scheduler.fire()
    assert bench.woken() == ["anna", "anna"]


async def test_two_workers_fire_a_timer_once_even_where_both_look_at_all_buckets() -> None:
    first = Bench()
    second = Bench(first.store.space, "w-2")
    await first.store.open(fresh=True)
    await second.store.open()
    customers = [f"c-{number}" for number in range(200)]
    await first.wait(*customers)
    await asyncio.gather(first.scheduler.fire(), second.scheduler.fire())
    assert sorted(first.woken() + second.woken()) == sorted(customers)


def beat(worker: str, *, claims: bool = True) -> bytes:
    return msgspec.json.encode(Heartbeat(worker, 7, "v1", [0], NOON_MS, claims=claims))


def test_every_bucket_is_the_share_of_one_of_the_workers_that_claim(bench: Bench) -> None:
    beats = {name: beat(name) for name in ("w-3", "w-1", "w-2")}
    beats |= {"w-4": beat("w-4", claims=False), "w-5": b"no heartbeat"}
    shares = [Share(name, bench.store) for name in ("w-1", "w-2", "w-3")]
    for share in shares:
        share.take(beats)
    assert sorted(bucket for share in shares for bucket in share.buckets) == list(range(BUCKETS))
    assert {len(share.buckets) for share in shares} == {21, 22}


def test_a_worker_that_is_alone_or_not_yet_known_has_a_share_all_the_same(bench: Bench) -> None:
    share = Share("w-9", bench.store)
    assert share.buckets == tuple(range(BUCKETS))
    share.take({"w-1": beat("w-1")})
    assert share.buckets == tuple(range(1, BUCKETS, 2))
    share.take({})
    assert share.buckets == tuple(range(BUCKETS))


def test_of_more_workers_than_buckets_some_claim_nothing(bench: Bench) -> None:
    beats = {f"w-{number:03}": beat("") for number in range(BUCKETS + 1)}
    share = Share(f"w-{BUCKETS:03}", bench.store)
    share.take(beats)
    assert share.buckets == ()


async def test_with_no_bucket_of_its_own_a_worker_fires_nothing(bench: Bench) -> None:
    await bench.wait("anna")
    bench.share.buckets = ()
    assert (await bench.scheduler.fire(), bench.sent) == (False, [])


async def test_what_all_comes_due_at_once_goes_round_by_round_and_none_is_lost(bench: Bench) -> None:
    customers = [f"c-{number}" for number in range(5_000)]
    await bench.wait(*customers)
    rounds = []
    while True:
        before = len(bench.sent)
        more = await bench.scheduler.fire()
        rounds.append(len(bench.sent) - before)
        if not more:
            break
    assert max(rounds) <= ROUND_HINTS_MAX
    assert sorted(bench.woken()) == sorted(customers)


async def run_until(bench: Bench, done: Callable[[], bool]) -> None:
    """Run the scheduler until something is so, or fail after 10 s."""
    async with asyncio.timeout(10):
        running = asyncio.create_task(bench.scheduler.run())
        while not done():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait({running})


@pytest.mark.parametrize("why", ["the gate is shut", "its lanes are behind"])
async def test_nothing_is_claimed_while_it_may_not_be_and_it_resumes_by_itself(
    bench: Bench, why: str
) -> None:
    await bench.wait("anna")
    if why == "the gate is shut":
        bench.may_claim = False
    else:
        bench.behind = BEHIND_MAX
    await run_until(bench, lambda: bench.scheduler.health() is not None)
    assert (bench.sent, bench.scheduler.health()) == ([], TimersHealth(1, 0.0))
    bench.may_claim, bench.behind = True, BEHIND_MAX - 1
    await run_until(bench, lambda: bench.meter.fired > 0)
    assert bench.woken() == ["anna"]


async def test_redis_and_broker_may_be_away_and_it_resumes_by_itself(bench: Bench) -> None:
    await bench.wait("anna")
    claim_hints, claims = bench.store.claim_hints, iter([StoreUnavailable("away")])

    async def claim(*given: object, **named: object) -> object:
        for error in claims:
            raise error
        return await claim_hints(*given, **named)  # type: ignore[arg-type]

    bench.store.claim_hints = claim  # type: ignore[assignment, method-assign]
    sends = iter([True, False])

    def fail_once() -> None:
        bench.broker_is_away = next(sends)
        bench.wall_ms += CLAIM_MS

    bench.on_send = fail_once
    await run_until(bench, lambda: bench.meter.fired > 0)
    assert (bench.woken(), bench.meter.troubles) == (["anna"], ["StoreUnavailable", "SinkUnavailable"])


async def test_a_stop_lets_the_round_in_flight_end(bench: Bench) -> None:
    await bench.wait("anna")
    sending, go_on = asyncio.Event(), asyncio.Event()
    send = bench.send

    async def slowly(outputs: Sequence[Output], at_ms: Sequence[int] | None) -> None:
        sending.set()
        await go_on.wait()
        await send(outputs, at_ms)

    bench.send = slowly  # type: ignore[method-assign]
    running = asyncio.create_task(bench.make().run())
    async with asyncio.timeout(10):
        await sending.wait()
        running.cancel()
        asyncio.get_running_loop().call_soon(go_on.set)
        await asyncio.wait({running})
    assert (running.cancelled(), bench.woken(), await waiting(bench)) == (True, ["anna"], 0)


def record(at_ms: int, *, append_time: bool = False, value: bytes = b"{}") -> Record:
    return Record("clickstream", 0, 0, at_ms, append_time, None, value)


async def test_by_the_records_clock_what_is_due_follows_what_was_finished_and_claims_follow_the_wall(
    bench: Bench,
) -> None:
    day_ms = NOON_MS - 400 * 86_400_000
    await bench.wait("anna", due_ms=day_ms + 5)
    clock = RecordTime()
    scheduler = bench.make(clock.now_ms)
    clock.see([record(day_ms + 4), record(NOON_MS, append_time=True), record(day_ms)])
    await scheduler.fire()
    assert bench.sent == []
    clock.see([record(day_ms + 60)])
    bench.broker_is_away = True
    with pytest.raises(SinkUnavailable):
        await scheduler.fire()
    bench.broker_is_away = False
    bench.wall_ms += CLAIM_MS
    await bench.wait("ben", due_ms=day_ms + 7)
    await scheduler.fire()
    assert sorted(zip(bench.woken(), bench.times, strict=True)) == [
        ("anna", day_ms + 60),
        ("ben", day_ms + 7),
    ]


async def test_how_long_the_first_is_overdue_is_told_by_the_clock_that_it_is_due_by(bench: Bench) -> None:
    await bench.wait("anna", due_ms=NOON_MS - 1_500)
    bench.may_claim = False
    await run_until(bench, lambda: bench.scheduler.health() is not None)
    assert bench.scheduler.health() == TimersHealth(1, 1.5)
    bench.wall_ms += 1_000
    assert bench.scheduler.health() == TimersHealth(1, 2.5)


def test_only_what_came_due_is_late() -> None:
    due = record(0, value=b'{"customer_id": "anna", "due_at_ms": %d}' % (NOON_MS - 250))
    item = record(0, value=b'{"customer_id": "anna", "kind": "item.available"}')
    assert lateness_s([due, item, record(0, value=b"no JSON")], NOON_MS) == [0.25]
