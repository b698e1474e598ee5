"""One worker: wait for Kafka and Redis, read the config, take units through the pipeline until told to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from streamproc.core.plugins import Plugins
from streamproc.core.policy.model import Policy
from streamproc.core.record import Output
from streamproc.core.unit import Unit
from streamproc.flow.app import Flow, FlowConfig, FlowStopped
from streamproc.flow.catalog_feed import CatalogFeed
from streamproc.flow.clocks import RecordClock, RecordTime, WallClock
from streamproc.flow.cluster import Cluster
from streamproc.flow.config_feed import ConfigFeed
from streamproc.flow.fan_out import FanOut, Pace
from streamproc.flow.gate import WorkerGate
from streamproc.flow.heartbeat import HEARTBEAT_TTL_MS, Heartbeat, Pulse
from streamproc.flow.lanes import LanesHealth, LaneTopics
from streamproc.flow.scheduler import Scheduler, TimersHealth, lateness_s
from streamproc.flow.shares import Share
from streamproc.flow.sink import KafkaSink
from streamproc.flow.starting import Starting, backoff, start_producer
from streamproc.pipeline import Pipeline
from streamproc.ports import Meter
from streamproc.store.addresses import Addresses
from streamproc.store.base import EpochMissing, Store
from streamproc.store.keys import IdKey
from streamproc.store.watches import Watches
from streamproc.telling import Telling

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
# Work that waits so long, with the gate open, is stuck in a way that only a new process mends.
STALLED_SECONDS_MAX: Final = 120.0
WATCH_SECONDS: Final = 1.0
# What a worker writes or follows beside the topics keyed by customer.
OTHER_TOPICS: Final = ("config", "catalog", "ledger", "decisions", "receipts", "dead-letters")

# How long a rebalance or a stop waits for the unit in flight.
LET_GO_MS_MAX: Final = 5_000


@dataclass(frozen=True)
class WorkerConfig:
    """All that one worker must be told. Times in milliseconds."""

    bootstrap: str
    group: str
    worker: str
    prefix: str = ""
    clock: Literal["wall", "record"] = "wall"
    event_age_max_ms: int = DAY_MS
    context_ttl_ms: int = 90 * DAY_MS
    unit_events_max: int = 4_000
    fetch_wait_ms: int = 20
    session_timeout_ms: int = 30_000
    rebalance_timeout_ms: int = 30_000
    tell_per_second: int = 1_000


class WorkerStalled(Exception):
    """Say that work waited for too long while everything it needs was there."""


class Worker:
    """Runs until cancelled. `waits_for` and `lanes` say how it stands, for health checks and metrics."""

    def __init__(
        self,
        config: WorkerConfig,
        store: Store,
        key: IdKey,
        policy: Policy,
        meter: Meter,
        plugins: Plugins | None = None,
        watches: Watches | None = None,
    ) -> None:
        """Put a worker together; `policy` is the one used while `config` names none.

        Policies may name these `plugins`, those that are installed unless given. Who watches which item is kept in
        `watches`; without it nobody is told of anything.
        """
        self._watches = watches
        self.catalog = CatalogFeed(config.bootstrap, prefix=config.prefix)
        self.fan_out: FanOut | None = None
        self.config = config
        self._store = store
        self._key = key
        self._meter = meter
        self._topics = LaneTopics.prefixed(config.prefix)
        self._cluster = Cluster(config.bootstrap, config.group)
        self._pulse = Pulse(self._heartbeat, self._put_heartbeat)
        self.feed = ConfigFeed(
            config.bootstrap,
            policy,
            event_age_max_ms=config.event_age_max_ms,
            prefix=config.prefix,
            plugins=plugins,
            catalog=self.catalog.catalog,
            changed=self._pulse.changed,
        )
        self.gate = WorkerGate(self.feed, store, self._is_fresh)
        self.flow: Flow | None = None
        self._scheduler: Scheduler | None = None
        self._share = Share(config.worker, store)
        self._wall = WallClock()
        self._record_time = RecordTime() if config.clock == "record" else None
        self._start = Starting()

    # How it stands

    def waits_for(self) -> list[str]:
        """List what keeps this worker from being ready; empty if it is."""
        if self._start.waits_for is not None:
            return [self._start.waits_for]
        reasons = self.gate.shut_because()
        health = self.lanes()
        if health is None or not health.joined:
            reasons.append("joining the consumer group")
        return reasons

    def state_is_lost(self) -> bool:
        """Tell whether Redis was last found without the customer state that it had."""
        return self._start.without_state or self.gate.state_is_lost

    def lanes(self) -> LanesHealth | None:
        """Return the state of the lanes, None before they exist."""
        return self.flow.lanes.health() if self.flow is not None else None

    def timers(self) -> TimersHealth | None:
        """Return how the timers of this worker's share stand, None before they were counted."""
        return self._scheduler.health() if self._scheduler is not None else None

    # Running

    async def run(self) -> None:
        """Start, then process until cancelled; then finish the unit in flight, within a bounded time."""
        lanes = await self._start.step("Kafka", self._find_lanes)
        producer = await self._start.step("Kafka", lambda: start_producer(self.config.bootstrap))
        try:
            await self._start.step("config", self.feed.start)
            await self._start.step("catalog", self.catalog.start)
            await self._start.step("Redis", self._open_store)
            await self.gate.ask_store()
            self._start.over()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.feed.run())
                tasks.create_task(self.catalog.run())
                tasks.create_task(self.gate.watch_store())
                tasks.create_task(self._pulse.run())
                tasks.create_task(self._watch())
                sink = KafkaSink(producer, self.config.prefix)
                self._scheduler = self._make_scheduler(sink, lanes)
                tasks.create_task(self._scheduler.run())
                if self._watches is not None:
                    self.fan_out = self._make_fan_out(self._watches, sink, lanes)
                    tasks.create_task(self.fan_out.run())
                tasks.create_task(self._flow(self._pipeline(sink, lanes)))
        finally:
            await self.feed.stop()
            await self.catalog.stop()
            await producer.stop()
            if self._watches is not None:
                await self._watches.close()
            await self._store.close()

    async def _flow(self, pipeline: Pipeline) -> None:
        """Read and process; where Faust gives up, build the flow anew, so that a broker that returns finds us."""
        attempt = 0
        while True:
            self.flow = Flow(
                FlowConfig(
                    bootstrap=self.config.bootstrap,
                    group=self.config.group,
                    topics=self._topics,
                    clock=self.config.clock,
                    unit_events_max=self.config.unit_events_max,
                    fetch_wait_ms=self.config.fetch_wait_ms,
                    session_timeout_ms=self.config.session_timeout_ms,
                    rebalance_timeout_ms=self.config.rebalance_timeout_ms,
                    heartbeat_ms=self.config.session_timeout_ms // 10,
                    let_go_ms=min(LET_GO_MS_MAX, self.config.rebalance_timeout_ms // 2),
                )
            )
            try:
                await self.flow.run(self._process(pipeline))
            except FlowStopped as error:
                log.warning("%s; starting it anew", error)
                attempt += 1
                await backoff(attempt)

    def _process(self, pipeline: Pipeline) -> Callable[[Unit], Awaitable[None]]:
        """Let the pipeline see topics by their plain names, and take note of what the scheduler goes by."""
        prefix, record_time = self.config.prefix, self._record_time

        async def process(unit: Unit) -> None:
            if prefix:
                records = [
                    msgspec.structs.replace(record, topic=record.topic.removeprefix(prefix))
                    for record in unit.records
                ]
                spans = {(topic.removeprefix(prefix), p): span for (topic, p), span in unit.spans.items()}
                unit = replace(unit, records=records, spans=spans)
            await pipeline.process(unit)
            if record_time is not None:
                record_time.see(unit.records)
            elif unit.kind == "timers":
                self._meter.timers_decided(lateness_s(unit.records, self._wall.now_ms()))

        return process

    def _pipeline(self, sink: KafkaSink, lanes: int) -> Pipeline:
        return Pipeline(
            store=self._store,
            sink=sink,
            gate=self.gate,
            clock=self._wall if self.config.clock == "wall" else RecordClock(),
            meter=self._meter,
            address=Addresses(self._key, lanes),
            context_ttl_ms=self.config.context_ttl_ms,
            worker=self.config.worker,
            monotonic=time.monotonic,
            pause=backoff,
            committed=self._committed,
            watches=self._watches,
        )

    def _make_fan_out(self, watches: Watches, sink: KafkaSink, lanes: int) -> FanOut:
        config = self.config

        async def send(outputs: Sequence[Output], at_ms: int | None) -> None:
            # By the records' own time it is decided when the news came, and not when it is told.
            is_stamped = config.clock == "record" and at_ms is not None
            await sink.send(outputs, [at_ms or 0] * len(outputs) if is_stamped else None)

        telling = Telling(
            watches=watches,
            store=self._store,
            send=send,
            address=Addresses(self._key, lanes),
            policy=lambda: self.gate.rules().policy,
            may_tell=self.gate.until_open,
            pace=Pace(config.tell_per_second),
        )
        return FanOut(
            config.bootstrap,
            config.group,
            telling,
            self._meter,
            prefix=config.prefix,
            session_timeout_ms=config.session_timeout_ms,
            rebalance_timeout_ms=config.rebalance_timeout_ms,
        )

    def _make_scheduler(self, sink: KafkaSink, lanes: int) -> Scheduler:
        return Scheduler(
            store=self._store,
            send=sink.send,
            share=self._share,
            meter=self._meter,
            lanes=lanes,
            may_claim=self._may_claim,
            wall_ms=self._wall.now_ms,
            behind=lambda: self.flow.lanes.timers_behind() if self.flow is not None else 0,
            due_ms=self._record_time.now_ms if self._record_time is not None else None,
        )

    def _may_claim(self) -> bool:
        """Tell whether timers may be fired: where the gate is shut or the lanes are somebody else's, others do it."""
        flow = self.flow
        return flow is not None and flow.consumer.joined and self.gate.is_open()

    def _is_fresh(self, lane: int) -> bool:
        flow = self.flow
        return flow is not None and flow.lanes.is_fresh(lane)

    def _facts_age_s(self, lanes: Sequence[int]) -> dict[int, float]:
        flow = self.flow
        ages = {lane: flow.lanes.facts_age_s(lane) for lane in lanes} if flow is not None else {}
        return {lane: round(age_s, 3) for lane, age_s in ages.items() if age_s is not None}

    def _committed(self, topic: str, partition: int) -> int:
        flow = self.flow
        return flow.consumer.committed(self.config.prefix + topic, partition) or 0 if flow is not None else 0

    # Starting

    async def _find_lanes(self) -> int:
        others = [self.config.prefix + name for name in OTHER_TOPICS]
        return await self._cluster.lanes(self._topics, others)

    async def _open_store(self) -> None:
        """Open the store; an empty one is trusted only if nothing was ever decided."""
        try:
            await self._store.open()
        except EpochMissing:
            ledger = self.config.prefix + "ledger"
            if not await self._cluster.never_decided(ledger, self._topics):
                raise
            await self._store.open(fresh=True)

    # Beside the work

    def _heartbeat(self) -> Heartbeat:
        rules, health = self.feed.rules(), self.lanes()
        lanes = health.lanes if health is not None else ()
        return Heartbeat(
            worker=self.config.worker,
            config_offset=rules.config_offset,
            policy=rules.policy.version,
            lanes=list(lanes),
            at_ms=time.time_ns() // 1_000_000,
            refused=self.feed.trouble or "",
            facts_age_s=self._facts_age_s(lanes),
            claims=self._may_claim(),
            catalog=None if self.catalog.catalog.is_doubtful else len(self.catalog.catalog),
        )

    async def _put_heartbeat(self, value: bytes) -> None:
        await self._store.put_worker(self.config.worker, value, HEARTBEAT_TTL_MS)

    async def _watch(self) -> None:
        """End the process if work waits too long while the gate is open: a stuck consumer shows no other sign."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            health = self.lanes()
            if health is not None and self.gate.is_open() and health.stalled_s > STALLED_SECONDS_MAX:
                message = (
                    f"no unit finished for {health.stalled_s:.0f} s, {STALLED_SECONDS_MAX:.0f} s allowed"
                )
                raise WorkerStalled(message)
