"""One delivery end: wait for Kafka and Redis, read the config, hand nudges of one channel over until told to stop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer

from streamproc.core.policy.model import Policy
from streamproc.deliver.check import Check
from streamproc.deliver.handing import Handing
from streamproc.deliver.ports import Addresses, Counter, Target
from streamproc.deliver.road import Pace, Road
from streamproc.flow.cluster import Cluster
from streamproc.flow.config_feed import ConfigFeed
from streamproc.flow.fresh_lanes import FreshLanes
from streamproc.flow.gate import WorkerGate
from streamproc.flow.heartbeat import HEARTBEAT_TTL_MS, Heartbeat, Pulse
from streamproc.flow.nudge_group import NudgeGroup
from streamproc.flow.sink import KafkaSink
from streamproc.flow.starting import Starting, start_producer
from streamproc.store.base import Store
from streamproc.store.keys import IdKey
from streamproc.store.sent import SentLog

__all__ = ["Delivery", "DeliveryConfig"]

# What is in flight ends within 20 s, the time limit of a mail; supervisors kill after 30 s.
LET_GO_SECONDS_MAX: Final = 20.0
# `Rules` carries it; nothing here asks how old an event is.
EVENT_AGE_MAX_MS: Final = 86_400_000


@dataclass(frozen=True)
class DeliveryConfig:
    """All that one delivery end must be told. Times in milliseconds."""

    bootstrap: str
    group: str
    channel: str
    name: str
    prefix: str = ""
    per_second: float | None = None
    session_timeout_ms: int = 30_000
    rebalance_timeout_ms: int = 30_000


class Delivery:
    """Runs until cancelled. `waits_for` and `group` say how it stands, for health checks and metrics."""

    def __init__(
        self,
        config: DeliveryConfig,
        *,
        store: Store,
        sent: SentLog,
        key: IdKey,
        policy: Policy,
        target: Target,
        addresses: Addresses | None,
        counter: Counter,
    ) -> None:
        """Put a delivery end together; `policy` is the one used while `config` names none."""
        self.config = config
        self._store, self._sent, self._key = store, sent, key
        self._target, self._addresses, self._counter = target, addresses, counter
        self._pulse = Pulse(self._heartbeat, self._put_heartbeat)
        self.feed = ConfigFeed(
            config.bootstrap,
            policy,
            event_age_max_ms=EVENT_AGE_MAX_MS,
            prefix=config.prefix,
            changed=self._pulse.changed,
        )
        self._fresh = FreshLanes(store)
        self.gate = WorkerGate(self.feed, store, self._fresh.is_fresh)
        self._road = Road(target.name)
        self.group: NudgeGroup | None = None
        self._start = Starting()

    # How it stands

    def waits_for(self) -> list[str]:
        """List what keeps nudges from leaving; empty if nothing does."""
        if self._start.waits_for is not None:
            return [self._start.waits_for]
        reasons = self.gate.shut_because()
        if self.group is None or not self.group.joined:
            reasons.append("joining the consumer group")
        elif stale := [str(lane) for lane in sorted(self.group.lanes) if not self.gate.is_fresh(lane)]:
            reasons.append(f"no worker has applied what customers of lanes {', '.join(stale)} said")
        if (why := self._road.shut_because()) is not None:
            reasons.append(why)
        return reasons

    def busy_s(self) -> float:
        """Return how long the slowest lane has been at one step, in seconds."""
        lanes = self.group.lanes.values() if self.group is not None else ()
        return max((lane.busy_s for lane in lanes), default=0.0)

    # Running

    async def run(self) -> None:
        """Start, then hand over until cancelled; then finish what is in flight, within a bounded time."""
        topic = f"nudges.{self.config.channel}"
        topics = [self.config.prefix + name for name in (topic, "outcomes", "config")]
        cluster = Cluster(self.config.bootstrap, self.config.group)
        await self._start.step("Kafka", lambda: cluster.partitions(topics))
        producer = await self._start.step("Kafka", lambda: start_producer(self.config.bootstrap))
        try:
            await self._start.step("config", self.feed.start)
            await self._start.step("Redis", self._store.open)
            await self.gate.ask_store()
            group = self.group = self._make_group(topic, producer)
            await self._start.step("Kafka", group.start)
            self._start.over()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.feed.run())
                tasks.create_task(self.gate.watch_store())
                tasks.create_task(self._fresh.watch())
                tasks.create_task(self._pulse.run())
                tasks.create_task(self._read(group))
        finally:
            for part in (
                self.feed.stop,
                producer.stop,
                self._target.close,
                self._sent.close,
                self._store.close,
            ):
                await part()
            if self._addresses is not None:
                await self._addresses.close()

    def _heartbeat(self) -> Heartbeat:
        rules, group = self.feed.rules(), self.group
        return Heartbeat(
            worker=self.config.name,
            config_offset=rules.config_offset,
            policy=rules.policy.version,
            lanes=sorted(group.lanes) if group is not None else [],
            at_ms=time.time_ns() // 1_000_000,
            refused=self.feed.trouble or "",
            delivers=self.config.channel,
        )

    async def _put_heartbeat(self, value: bytes) -> None:
        await self._sent.beat(self.config.name, value, HEARTBEAT_TTL_MS)

    async def _read(self, group: NudgeGroup) -> None:
        try:
            await group.run()
        finally:
            await group.let_go()
            await group.stop()

    def _make_group(self, topic: str, producer: AIOKafkaProducer) -> NudgeGroup:
        config = self.config
        handing = Handing(
            channel=config.channel,
            target=self._target,
            addresses=self._addresses,
            gate=self.gate,
            check=Check(self._store, self._sent, self._key),
            sent=self._sent,
            sink=KafkaSink(producer, config.prefix),
            road=self._road,
            pace=Pace(config.per_second),
            counter=self._counter,
        )
        return NudgeGroup(
            config.bootstrap,
            config.group,
            topic,
            handing.hand,
            prefix=config.prefix,
            session_timeout_ms=config.session_timeout_ms,
            rebalance_timeout_ms=config.rebalance_timeout_ms,
            let_go_s=min(LET_GO_SECONDS_MAX, config.rebalance_timeout_ms / 2_000),
        )
