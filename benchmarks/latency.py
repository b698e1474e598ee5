"""How soon a nudge can be read after the event that caused it was produced, and how soon a switch is applied."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, Final

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.stage import LANES, Stage
from benchmarks.workload import Crowd, events
from streamproc.core.digests import partition_of
from streamproc.core.facts import CHANNELS
from streamproc.core.switches import Switch
from streamproc.flow.config_log import write_config
from streamproc.ops.heartbeats import WorkerBoard, await_workers

SETTLE_SECONDS: Final = 2.0
WORKERS: Final = 2


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the event's produce call to the nudge in a consumer's hands."""

    events_per_s: int
    nudges: int
    p50_ms: float
    p99_ms: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Toggles:
    """Milliseconds from the write of a switch to its being applied by every live worker."""

    toggles: int
    workers: int
    median_ms: float
    max_ms: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Paced:
    """What a worker does at an easy pace: its start, its latency, its switches."""

    ready_s: float
    latency: Latency
    toggles: Toggles


async def run(*, events_per_s: int, seconds: int, toggles: int, customers: int) -> Paced:
    """Start a worker on fresh parts, send it events at a pace, then toggle a switch under two workers."""
    crowd = Crowd(customers, events_per_s * seconds, time.time_ns() // 1_000_000, everyone_rested=True)
    with Stage() as stage:
        await stage.create_topics()
        await stage.preload(crowd)
        ready_s = stage.start_worker().wait_ready()
        latency = await _latency(stage, crowd, events_per_s)
        others = [stage.start_worker() for _ in range(WORKERS - 1)]
        for other in others:
            other.wait_ready()
        return Paced(ready_s, latency, await _toggle(stage, toggles))


async def _latency(stage: Stage, crowd: Crowd, events_per_s: int) -> Latency:
    producer = AIOKafkaProducer(bootstrap_servers=stage.broker.bootstrap, linger_ms=0)
    consumer = AIOKafkaConsumer(bootstrap_servers=stage.broker.bootstrap, fetch_max_wait_ms=20)
    await producer.start()
    await consumer.start()
    partitions = [TopicPartition(f"nudges.{name}", lane) for name in CHANNELS for lane in range(LANES)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    sent_at: dict[str, float] = {}
    read_at: dict[str, float] = {}
    reader = asyncio.create_task(_read(consumer, read_at))
    try:
        begun_at = time.perf_counter()
        for number, (who, call) in enumerate(events(crowd)):
            await asyncio.sleep(max(0.0, begun_at + number / events_per_s - time.perf_counter()))
            sent_at[orjson.loads(call)["messageId"]] = time.perf_counter()
            lane = partition_of(who, LANES)
            await producer.send("clickstream", value=call, key=who.encode(), partition=lane)
        await asyncio.sleep(SETTLE_SECONDS)
    finally:
        reader.cancel()
        await producer.stop()
        await consumer.stop()
    took_ms = [(read_at[event] - sent_at[event]) * 1_000 for event in read_at]
    return Latency(events_per_s, len(took_ms), median(took_ms), quantiles(took_ms, n=100)[98])


async def _read(consumer: AIOKafkaConsumer, read_at: dict[str, float]) -> None:
    while True:
        fetched = await consumer.getmany(timeout_ms=500)
        now = time.perf_counter()
        for records in fetched.values():
            for record in records:
                read_at.setdefault(orjson.loads(record.value)["event_id"], now)


async def _toggle(stage: Stage, toggles: int) -> Toggles:
    """Switch push off and on, each time as `streamproc channel` does it."""
    board = WorkerBoard(stage.redis.url)
    took_ms: list[float] = []
    try:
        for number in range(toggles):
            enabled = number % 2 == 1
            switch = Switch(enabled=enabled, reason="bench", by="bench", at_ms=time.time_ns() // 1_000_000)
            begun_at = time.monotonic()
            offset = await write_config(
                stage.broker.bootstrap, [("channel/push", msgspec.json.encode(switch))]
            )
            rollout = await await_workers(board.beats, offset, begun_at=begun_at)
            applied = [one for one in rollout.followers if one.state == "applied"]
            if len(applied) != WORKERS:
                raise RuntimeError(f"{len(applied)} of {WORKERS} workers applied the switch: {rollout}")
            took_ms.append(rollout.took_ms)
    finally:
        await board.close()
    return Toggles(toggles, WORKERS, median(took_ms), max(took_ms))
