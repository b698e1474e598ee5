"""A backlog through a real worker: events a second, and what each costs."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from benchmarks.cpu import cpu_seconds, memory_mib_max
from benchmarks.stage import LANES, Stage, WorkerProcess
from benchmarks.workload import Crowd, customer, events, is_consented
from streamproc.core.digests import partition_of
from streamproc.core.facts import CHANNELS
from streamproc.store.keys import KEYS, bucket_of

# No receipt for so long means that the worker stands still.
SILENT_SECONDS_MAX: Final = 60.0
SAMPLE_CUSTOMERS: Final = 2_000
COUNT_SECONDS: Final = 1.0
COUNTED: Final = ("decisions", *(f"nudges.{name}" for name in CHANNELS))
OUTCOMES: Final = ("decided", "quiet", "duplicate", "redelivered", "too_old", "rejected", "rekeyed")


@dataclass(frozen=True)
class Throughput:
    """What one run gave. CPU in microseconds an event; shares of all events; bytes of Redis a customer."""

    customers: int
    events: int
    events_per_s: float
    worker_us: float
    redis_us: float
    broker_us: float
    candidate_ratio: float
    nudge_ratio: float
    customers_a_unit: float
    events_a_unit: float
    redis_bytes_median: float
    redis_bytes_consented_median: float
    worker_mib_max: float
    outcomes: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Used:
    """CPU seconds used by then."""

    worker: float
    redis: float
    broker: float


class _Receipts:
    """Follows `receipts`, which say what was done and when."""

    def __init__(self, stage: Stage) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=stage.broker.bootstrap, fetch_max_wait_ms=20)
        self.done: Counter[int] = Counter()
        """Events by the time of their unit's receipt, in milliseconds."""
        self.outcomes: Counter[str] = Counter()
        self.parts: dict[int, list[tuple[int, int, int]]] = {}
        """The lane and the offsets, first and last, of all that a unit covers, by the time of its receipt."""

    async def start(self) -> None:
        await self._consumer.start()
        partitions = [TopicPartition("receipts", lane) for lane in range(LANES)]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)

    async def stop(self) -> None:
        await self._consumer.stop()

    @property
    def events(self) -> int:
        return sum(self.done.values())

    async def read(self) -> bool:
        """Read what is there; tell whether there was anything."""
        fetched = await self._consumer.getmany(timeout_ms=50)
        for records in fetched.values():
            for record in records:
                receipt = orjson.loads(record.value)
                for source in receipt["sources"]:
                    part = (source["partition"], source["first"], source["last"])
                    self.parts.setdefault(receipt["at_ms"], []).append(part)
                    self.done[receipt["at_ms"]] += source["events"]
                    self.outcomes.update({name: source[name] for name in OUTCOMES})
        return bool(fetched)


async def run(crowd: Crowd) -> Throughput:
    """Preload customers and a backlog, start a worker, and measure it from its first unit to its last receipt."""
    with Stage() as stage:
        await stage.create_topics()
        await stage.preload(crowd)
        await stage.fill(events(crowd))
        receipts = _Receipts(stage)
        redis = Redis.from_url(stage.redis.url)
        await receipts.start()
        try:
            return await _measure(stage, stage.start_worker(), receipts, redis, crowd)
        finally:
            await receipts.stop()
            await redis.aclose()


async def _measure(
    stage: Stage, worker: WorkerProcess, receipts: _Receipts, redis: Redis, crowd: Crowd
) -> Throughput:
    await _until(receipts, worker, 1)
    # What came before the first receipt is start-up; its events are not counted either.
    before, skipped = await _used(stage, worker, redis), receipts.events
    await _until(receipts, worker, crowd.events)
    after, counted = await _used(stage, worker, redis), receipts.events - skipped
    first_ms, last_ms = min(receipts.done), max(receipts.done)
    rate = (receipts.events - receipts.done[first_ms]) / (last_ms - first_ms) * 1_000
    outputs = await _count(stage)
    sizes = await _sizes(stage, redis, crowd)
    events_a_unit = receipts.events / len(receipts.done)
    return Throughput(
        customers=crowd.customers,
        events=receipts.events,
        events_per_s=rate,
        worker_us=(after.worker - before.worker) / counted * 1e6,
        redis_us=(after.redis - before.redis) / counted * 1e6,
        broker_us=(after.broker - before.broker) / counted * 1e6,
        candidate_ratio=outputs["decisions"] / receipts.events,
        nudge_ratio=sum(n for name, n in outputs.items() if name.startswith("nudges.")) / receipts.events,
        customers_a_unit=_customers_a_unit(receipts, crowd),
        events_a_unit=events_a_unit,
        redis_bytes_median=median(sizes.values()),
        redis_bytes_consented_median=median(size for who, size in sizes.items() if is_consented(who)),
        worker_mib_max=memory_mib_max(worker.pid),
        outcomes=dict(receipts.outcomes),
    )


def _customers_a_unit(receipts: _Receipts, crowd: Crowd) -> float:
    """Count the different customers of each unit: a customer's calls stand in one lane in the order of their making."""
    lanes: list[list[str]] = [[] for _ in range(LANES)]
    for who, _ in events(crowd):
        lanes[partition_of(who, LANES)].append(who)
    units = [
        {who for lane, first, last in parts for who in lanes[lane][first : last + 1]}
        for parts in receipts.parts.values()
    ]
    return sum(map(len, units)) / len(units)


async def _until(receipts: _Receipts, worker: WorkerProcess, count: int) -> None:
    """Read receipts until they cover so many events. Raises NotReady or TimeoutError."""
    heard_at = time.monotonic()
    while receipts.events < count:
        if await receipts.read():
            heard_at = time.monotonic()
        elif time.monotonic() - heard_at > SILENT_SECONDS_MAX:
            worker.is_ready()
            message = f"{receipts.events} of {count} events after {SILENT_SECONDS_MAX:.0f} s of silence"
            raise TimeoutError(message)


async def _used(stage: Stage, worker: WorkerProcess, redis: Redis) -> _Used:
    info = await redis.info("cpu")
    return _Used(
        cpu_seconds(worker.pid), info["used_cpu_user"] + info["used_cpu_sys"], cpu_seconds(stage.broker.pid)
    )


async def _count(stage: Stage) -> Counter[str]:
    """Count the records of each output topic by reading them: the embedded broker's end offsets lag a batch behind."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stage.broker.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    await consumer.start()
    counts: Counter[str] = Counter()
    try:
        consumer.assign([TopicPartition(name, lane) for name in COUNTED for lane in range(LANES)])
        heard_at = time.monotonic()
        while time.monotonic() - heard_at < COUNT_SECONDS:
            for tp, records in (await consumer.getmany(timeout_ms=100)).items():
                counts[tp.topic] += len(records)
                heard_at = time.monotonic()
    finally:
        await consumer.stop()
    return counts


async def _sizes(stage: Stage, redis: Redis, crowd: Crowd) -> dict[int, int]:
    """Ask Redis how many bytes the keys of some customers take, with all their overhead."""
    some = range(0, crowd.customers, max(crowd.customers // SAMPLE_CUSTOMERS // 10 * 10 + 1, 1))
    pipe = redis.pipeline(transaction=False)
    for who in some:
        h = stage.key.h(customer(who))
        names = KEYS[bucket_of(h)]
        for key in (names.context + h, names.consent + h, names.outputs + h):
            pipe.memory_usage(key, samples=0)
    found = await pipe.execute()
    return {who: sum(size or 0 for size in found[at * 3 : at * 3 + 3]) for at, who in enumerate(some)}
