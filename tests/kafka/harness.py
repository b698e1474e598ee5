"""Topics, producers and workers for the transport's contract tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.flow.app import Flow, FlowConfig
from streamproc.flow.lanes import LaneTopics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from streamproc.core.unit import Unit
    from tests.kafka.brokers import Broker

PARTITIONS = 4
WAIT_S_MAX = 40.0


class Cluster:
    """One test's topics on the shared broker: one of facts, one of moments, one of timers."""

    def __init__(self, broker: Broker, prefix: str, partitions: int = PARTITIONS) -> None:
        self.broker = broker
        self.partitions = partitions
        self.group = f"{prefix}group"
        self.facts, self.moments, self.timers = f"{prefix}consents", f"{prefix}clicks", f"{prefix}timers"
        self.topics = LaneTopics((self.facts,), (self.moments,), (self.timers,), self.facts)

    async def create_topics(self) -> None:
        for topic in (self.facts, self.moments, self.timers):
            await self.create(topic)

    async def create(self, topic: str, **configs: str) -> None:
        async with self._admin() as admin:
            await admin.create_topics([NewTopic(topic, self.partitions, 1, topic_configs=configs)])

    async def delete(self, topic: str) -> None:
        async with self._admin() as admin:
            await admin.delete_topics([topic])

    async def produce(self, topic: str, count: int, *, value: bytes = b"x", first: int = 0) -> None:
        """Produce `count` records to the partitions in turn; keys are their numbers."""
        async with self.producer() as producer:
            futures = [
                await producer.send(topic, value, key=b"%d" % number, partition=number % self.partitions)
                for number in range(first, first + count)
            ]
            await asyncio.gather(*futures)

    @contextlib.asynccontextmanager
    async def producer(self, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap, linger_ms=5, **options)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def committed(self, topic: str) -> Mapping[int, int]:
        """Ask the broker which offsets the group has committed."""
        async with self._admin() as admin:
            offsets = await admin.list_consumer_group_offsets(
                self.group,
                partitions=[TopicPartition(topic, partition) for partition in range(self.partitions)],
            )
        return {tp.partition: meta.offset for tp, meta in offsets.items() if meta.offset >= 0}

    async def ends(self, topic: str) -> Mapping[int, int]:
        """Ask the broker for the end offsets."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap)
        await consumer.start()
        try:
            tps = [TopicPartition(topic, partition) for partition in range(self.partitions)]
            return {tp.partition: end for tp, end in (await consumer.end_offsets(tps)).items()}
        finally:
            await consumer.stop()

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


class Worker:
    """A flow whose units are written down. `gate` holds a unit back as an unreachable Redis would."""

    def __init__(self, cluster: Cluster, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "session_timeout_ms": 3_000,
            "rebalance_timeout_ms": 3_000,
            "heartbeat_ms": 300,
            "let_go_ms": 500,
            "commit_every_ms": 200,
        }
        self.flow = Flow(
            FlowConfig(cluster.broker.bootstrap, cluster.group, cluster.topics, **(defaults | options))
        )
        self.units: list[Unit] = []
        self.begun: list[Unit] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.task: asyncio.Task[None] | None = None

    async def process(self, unit: Unit) -> None:
        self.begun.append(unit)
        await self.gate.wait()
        self.units.append(unit)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.flow.run(self.process))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Cancel the flow and wait until it is gone."""
        assert self.task
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def until(self, condition: Callable[[], bool], why: str) -> None:
        """Wait until a condition holds; fail with `why` after WAIT_S_MAX, or with what ended the flow."""
        deadline = asyncio.get_running_loop().time() + WAIT_S_MAX
        while not condition():
            assert self.task
            if self.task.done():
                self.task.result()
            assert asyncio.get_running_loop().time() < deadline, f"{why}; {self.flow.lanes.health()}"
            await asyncio.sleep(0.01)

    async def joins(self) -> None:
        await self.until(lambda: self.flow.consumer.joined, "the worker did not join the group")

    def offsets(self, topic: str) -> Mapping[int, list[int]]:
        """Return the offsets processed, by partition, in the order in which they were."""
        return offsets_of(self.units, topic)

    def lanes(self) -> tuple[int, ...]:
        return self.flow.lanes.health().lanes if self.flow.consumer.joined else ()


def offsets_of(units: list[Unit], topic: str) -> Mapping[int, list[int]]:
    """Return the offsets of a topic in some units, by partition."""
    offsets: dict[int, list[int]] = defaultdict(list)
    for unit in units:
        for record in unit.records:
            if record.topic == topic:
                offsets[record.partition].append(record.offset)
    return offsets


def count(units: list[Unit], topic: str) -> int:
    """Return how many different records of a topic are in some units."""
    return sum(len(set(offsets)) for offsets in offsets_of(units, topic).values())
