"""Timers: how late a million of them fire that come due over some minutes, and what one costs Redis while it waits."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any, Final

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis
from rich.console import Console

from benchmarks.cpu import cpu_seconds, machine, memory_mib_max
from benchmarks.report import Figure, Report
from benchmarks.stage import LANES, PRELOAD_CUSTOMERS, Stage, WorkerProcess
from benchmarks.workload import DAY_MS, Crowd, customer, warm_context
from streamproc.core.consent import encode_consent
from streamproc.core.consent_head import ConsentHead, Row
from streamproc.core.context import Charge, Context, Profile, Remembered, RememberedItem, Timer
from streamproc.core.digests import event_digest
from streamproc.core.recent import remember
from streamproc.core.stored_context import decode_context, encode_context
from streamproc.store.base import Slot, Write
from streamproc.store.keys import BUCKETS, KEYS, bucket_of
from streamproc.store.redis_store import RedisStore

TIMERS: Final = 1_000_000
DUE_A_SECOND: Final = 4_000
# A worker is one core's work; each claims from its share of the buckets.
WORKERS: Final = 2
WAIT_MS: Final = 30 * 60_000
SAMPLE_CUSTOMERS: Final = 20_000
# The last timer is set so long before the first is due.
LEAD_SECONDS: Final = 5.0
# Nothing decided for so long means that the worker stands still.
SILENT_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.5
SAY_SECONDS: Final = 10.0
CAMPAIGN: Final = "reminder"
# As in the main run one candidate in ten speaks: the others were told this week, and are silent for that reason.
SPEAKS_RATIO: Final = 0.1
# As the abandoned cart is.
_REMINDER: Final = """
campaign: reminder
helps: It measures how punctual we are.
purpose: marketing
priority: 50
trigger: {event: cart.item_added}
wait: 30m
unless: [order.completed]
channels: [push, email, in_app]
category: coats
facts: {}
because: [opted_in]
caps: [{max: 1, rolling: 7d}]
content:
  push: {say: {title: A title, body: A body of some length}, soft: {title: A title, body: A body}}
  email: {say: {subject: A subject, text: A text of some length}, soft: {subject: A subject, text: A text}}
  in_app:
    say: {title: A title, body: A body of some length, action: /x}
    soft: {title: A title, body: A body, action: /x}
examples:
  - {name: nobody opted in, consents: [], given: [{at: 0m, add: coat-1}], expect: []}
"""


@dataclass(frozen=True)
class Firing:
    """What firing them gave. Lateness in milliseconds, CPU in microseconds a timer."""

    timers: int
    over_s: float
    took_s: float
    """From the first due time until the last was decided."""
    claimed_p50_ms: float
    claimed_p99_ms: float
    """From the due time until the record for the lane was written."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    """From the due time until the broker had acknowledged the decision, and the nudge if there was one."""
    records: int
    """Written to `timers`: more than there were timers where a claim ran out."""
    nudges: int
    worker_us: float
    worker_mib_max: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Timers:
    """All that was measured. `redis_bytes` is for one pending timer, its part of the context and its hint together."""

    redis_bytes: float
    context_bytes: float
    hint_bytes: float
    spread: Firing
    at_once: Firing

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def run(
    count: int,
    at_once: int,
    say: Callable[[str], None],
    *,
    workers: int = WORKERS,
    a_second: int = DUE_A_SECOND,
) -> Timers:
    """Measure what a timer costs, then `count` that come due one after another, then `at_once` due together."""
    seconds = count / a_second
    redis_bytes, context_bytes, hint_bytes = await _memory()
    say(f"{count:,} timers due over {seconds:.0f} s")
    spread = await _fire(count, seconds, workers, say)
    say(f"{at_once:,} timers due at once")
    return Timers(
        redis_bytes, context_bytes, hint_bytes, spread, at_once=await _fire(at_once, 0.0, workers, say)
    )


async def _memory() -> tuple[float, float, float]:
    """Return the bytes of Redis that a pending timer takes: in all, of its context's key, and the rest.

    The customers are those of the main run. Redis' allocator rounds sizes up, by a quarter at most, so what a timer
    adds to one context is nothing or much: the mean over contexts of all sizes counts.
    """
    crowd = Crowd(SAMPLE_CUSTOMERS, SAMPLE_CUSTOMERS, _now_ms())
    far_ms = crowd.now_ms + DAY_MS
    with Stage() as stage:
        store = stage.store()
        await store.open(fresh=True)
        redis = Redis.from_url(stage.redis.url)
        await _write(stage, store, SAMPLE_CUSTOMERS, lambda who: decode_context(warm_context(who, crowd)))
        before, contexts_before = await _used_bytes(redis), await _context_bytes(stage, redis)
        await _set(stage, store, SAMPLE_CUSTOMERS, lambda _: far_ms)
        after, contexts_after = await _used_bytes(redis), await _context_bytes(stage, redis)
        await redis.aclose()
        await store.close()
    all_bytes = (after - before) / SAMPLE_CUSTOMERS
    context_bytes = (contexts_after - contexts_before) / SAMPLE_CUSTOMERS
    return all_bytes, context_bytes, all_bytes - context_bytes


async def _used_bytes(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory_dataset"])


async def _context_bytes(stage: Stage, redis: Redis) -> int:
    pipe = redis.pipeline(transaction=False)
    for who in range(SAMPLE_CUSTOMERS):
        address = stage.key.h(customer(who))
        pipe.memory_usage(KEYS[bucket_of(address)].context + address, samples=0)
    return sum(await pipe.execute())


async def _fire(count: int, seconds: float, number: int, say: Callable[[str], None]) -> Firing:
    """Have customers wait, start so many workers, and see what they do when the time comes."""
    with Stage() as stage:
        for file in (stage.folder / "policy" / "campaigns").iterdir():
            file.unlink()
        (stage.folder / "policy" / "campaigns" / f"{CAMPAIGN}.yaml").write_text(_REMINDER)
        await stage.create_topics()
        store = stage.store()
        await store.open(fresh=True)
        crowd = Crowd(count, count, _now_ms())
        begun_at = time.monotonic()
        await _write(stage, store, count, lambda who: _light_context(who, crowd))
        set_s = time.monotonic() - begun_at
        workers = [stage.start_worker() for _ in range(number)]
        for worker in workers:
            worker.wait_ready()
        # Setting the timers writes as much again, and reads it first.
        first_ms = _now_ms() + int((2.5 * set_s + LEAD_SECONDS) * 1_000)
        await _set(stage, store, count, lambda who: first_ms + int(who * seconds * 1_000 / count))
        if _now_ms() > first_ms - int(LEAD_SECONDS * 200):
            raise RuntimeError("the machine is too busy: timers came due before the last of them was set")
        await asyncio.sleep((first_ms - _now_ms()) / 1_000)
        used_s = sum(cpu_seconds(worker.pid) for worker in workers)
        receipts = _Receipts(stage)
        await receipts.start()
        await _until_done(store, receipts, workers, count, say)
        used_s = sum(cpu_seconds(worker.pid) for worker in workers) - used_s
        await receipts.stop()
        await store.close()
        written, decided, last_ms = await _lateness(stage, receipts)
        written_p, decided_p = quantiles(written, n=100), quantiles(decided, n=100)
        return Firing(
            timers=count,
            over_s=seconds,
            took_s=(last_ms - first_ms) / 1_000,
            claimed_p50_ms=written_p[49],
            claimed_p99_ms=written_p[98],
            p50_ms=decided_p[49],
            p99_ms=decided_p[98],
            max_ms=max(decided),
            records=len(written),
            nudges=int(sum(worker.metric("streamproc_nudges_total") for worker in workers)),
            worker_us=used_s / count * 1e6,
            worker_mib_max=max(memory_mib_max(worker.pid) for worker in workers),
        )


async def _write(stage: Stage, store: RedisStore, count: int, context: Callable[[int], Context]) -> None:
    """Put customers, all of whom agreed to everything, into an empty Redis."""
    at_ms = _now_ms() - 30 * DAY_MS
    granted = ("*/processing", "push/marketing", "email/marketing", "in_app/marketing")
    consent = encode_consent(ConsentHead(rows={name: Row("granted", at_ms) for name in granted}))
    for some in _chunks(count):
        writes = [
            Write(
                h=stage.key.h(customer(who)),
                context_version=b"",
                consent_version=b"",
                context=encode_context(context(who)),
                context_ttl_ms=90 * DAY_MS,
                consent=consent,
            )
            for who in some
        ]
        assert all(await store.commit(writes))


async def _set(stage: Stage, store: RedisStore, count: int, due_ms: Callable[[int], int]) -> None:
    """Have each of these customers wait for one time."""
    for some in _chunks(count):
        slots = await store.load([stage.key.h(customer(who)) for who in some])
        assert all(
            await store.commit(
                [_waiting(slot, who, due_ms(who)) for slot, who in zip(slots, some, strict=True)]
            )
        )


def _waiting(slot: Slot, who: int, due_ms: int) -> Write:
    context = decode_context(slot.context)
    item = RememberedItem(f"sku-{who % 5_000:05d}", "coats", "Nord", "Winter coat, long", 12_900)
    digest = event_digest(f"ajs-next-{who:08d}")
    at_ms = due_ms - WAIT_MS
    context.timers = [Timer(due_ms, CAMPAIGN, "cart.item_added", at_ms, digest, item, "EUR")]
    return Write(
        h=slot.h,
        context_version=slot.context_version,
        consent_version=slot.consent_version,
        context=encode_context(context),
        context_ttl_ms=90 * DAY_MS,
        hints=((context.customer_id.encode(), due_ms),),
    )


def _light_context(who: int, crowd: Crowd) -> Context:
    """Return a small memory, so that a million of them fit beside everything else."""
    context = Context(customer_id=customer(who), last_ms=crowd.now_ms - WAIT_MS)
    context.profile = Profile(zone=crowd.zone, locale="de-DE")
    if who % 100 >= SPEAKS_RATIO * 100:
        ids = who.to_bytes(16), who.to_bytes(8)
        at_ms = crowd.now_ms - 2 * DAY_MS
        context.charges = [
            Charge(at_ms, at_ms + 8 * DAY_MS, *ids, channel="push", campaign=CAMPAIGN, category="coats")
        ]
    item = RememberedItem(f"sku-{who % 5_000:05d}", "coats", "Nord", "Winter coat, long", 12_900)
    for nth in range(4):
        remember(context, Remembered(crowd.now_ms - (40 - nth) * 60_000, "product.viewed", (item,)))
    return context


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, PRELOAD_CUSTOMERS):
        yield range(start, min(start + PRELOAD_CUSTOMERS, count))


class _Receipts:
    """Follows `receipts`, which say which records of `timers` were decided, and when that was acknowledged."""

    def __init__(self, stage: Stage) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=stage.broker.bootstrap, fetch_max_wait_ms=20)
        self.parts: list[list[tuple[int, int, int]]] = [[] for _ in range(LANES)]
        """For each lane the offsets, first and last, of what was decided together, and the time."""
        self.decided = 0

    async def start(self) -> None:
        await self._consumer.start()
        partitions = [TopicPartition("receipts", lane) for lane in range(LANES)]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)

    async def stop(self) -> None:
        await self._consumer.stop()

    async def read(self) -> None:
        """Read what is there."""
        for records in (await self._consumer.getmany(timeout_ms=100)).values():
            for record in records:
                receipt = orjson.loads(record.value)
                for source in receipt["sources"]:
                    if source["topic"] == "timers":
                        part = (source["first"], source["last"], receipt["at_ms"])
                        self.parts[source["partition"]].append(part)
                        self.decided += source["records"]


async def _until_done(
    store: RedisStore,
    receipts: _Receipts,
    workers: list[WorkerProcess],
    count: int,
    say: Callable[[str], None],
) -> None:
    """Wait until no hint is left and everything is decided. Raises NotReady or TimeoutError."""
    state, moved_at, said_at = (0, 0), time.monotonic(), time.monotonic()
    while state[0] or state[1] < count:
        await asyncio.sleep(LOOK_SECONDS)
        await receipts.read()
        now, before = time.monotonic(), state
        state = ((await store.waiting_hints(range(BUCKETS))).hints, receipts.decided)
        if state != before:
            moved_at = now
        elif now - moved_at > SILENT_SECONDS_MAX:
            for worker in workers:
                worker.is_ready()
            raise TimeoutError(f"{state[0]:,} wait, {state[1]:,} decided, and nothing happens")
        if now - said_at > SAY_SECONDS:
            say(f"{state[0]:,} wait, {state[1]:,} are decided")
            said_at = now


async def _lateness(stage: Stage, receipts: _Receipts) -> tuple[list[int], list[int], int]:
    """Return how late each record of `timers` was written, how late decided, and the last time, in milliseconds."""
    parts = [sorted(lane) for lane in receipts.parts]
    written: list[int] = []
    decided: list[int] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=stage.broker.bootstrap, fetch_max_wait_ms=20)
    await consumer.start()
    try:
        partitions = [TopicPartition("timers", lane) for lane in range(LANES)]
        consumer.assign(partitions)
        for tp in partitions:
            # Where two workers write first at once the embedded broker may take the second batch for the earliest.
            consumer.seek(tp, 0)
        while len(written) < receipts.decided:
            read = await consumer.getmany(timeout_ms=int(SILENT_SECONDS_MAX * 1_000))
            if not read:
                raise TimeoutError(
                    f"{len(written):,} of {receipts.decided:,} timers were read, and no more come"
                )
            for tp, records in read.items():
                lane = parts[tp.partition]
                for record in records:
                    due_ms = orjson.loads(record.value)["due_at_ms"]
                    # The last part that begins at or before it, and of those with one beginning the first decided.
                    at = bisect_right(lane, (record.offset, sys.maxsize, 0)) - 1
                    written.append(record.timestamp - due_ms)
                    decided.append(lane[at][2] - due_ms)
    finally:
        await consumer.stop()
    return written, decided, max(at_ms for lane in parts for _, _, at_ms in lane)


def show(console: Console, found: Timers, here: dict[str, Any], *, as_json: bool) -> None:
    """Print what was measured."""
    if as_json:
        print(json.dumps({"machine": here, **found.as_json()}, indent=1))
        return
    report = Report(here, "", "")
    report.add("Timers", *figures(found))
    report.show(console)


def figures(found: Timers) -> list[Figure]:
    """Return what a report shows, beside its targets."""
    spread, at_once = found.spread, found.at_once
    return [
        Figure("Redis a pending timer, all in", found.redis_bytes, "B", high=250, digits=0),
        Figure("of that its part of the context", found.context_bytes, "B", digits=0),
        Figure(
            f"{spread.timers:,} due over {spread.over_s:.0f} s: written, p99",
            spread.claimed_p99_ms,
            "ms",
            digits=0,
        ),
        Figure("due to decision acknowledged, p50", spread.p50_ms, "ms", digits=0),
        Figure("due to decision acknowledged, p99", spread.p99_ms, "ms", high=1_000, digits=0),
        Figure("due to decision acknowledged, most", spread.max_ms, "ms", digits=0),
        Figure("CPU of all workers", spread.worker_us, "us/timer"),
        Figure("nudges", spread.nudges, "", digits=0),
        Figure(f"{at_once.timers:,} due at once: all decided after", at_once.took_s, "s"),
        Figure("memory of a worker then, most", at_once.worker_mib_max, "MiB", digits=0),
    ]


def main() -> int:
    """Measure timers alone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timers", description=__doc__)
    parser.add_argument("--timers", type=int, default=TIMERS, help="how many come due")
    parser.add_argument("--a-second", type=int, default=DUE_A_SECOND, help="how many of them a second")
    parser.add_argument("--workers", type=int, default=WORKERS, help="how many workers share them")
    parser.add_argument("--at-once", type=int, default=0, help="how many come due at once (a tenth of those)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    console = Console(stderr=options.json)

    def say(what: str) -> None:
        console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {what}")

    here: dict[str, Any] = machine()
    at_once = options.at_once or options.timers // 10
    found = uvloop.run(run(options.timers, at_once, say, workers=options.workers, a_second=options.a_second))
    show(console, found, here | {"load_1m_after": machine()["load_1m"]}, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
