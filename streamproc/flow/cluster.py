"""What a worker must know of the cluster before it starts: the lanes, and whether anything was ever decided."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.flow.lanes import LaneTopics


class ClusterUnready(Exception):
    """Say what is missing on the cluster, and what to do about it."""


class Cluster:
    """Asks the brokers, with a consumer that reads nothing and commits nothing."""

    def __init__(self, bootstrap: str, group: str) -> None:
        """Ask these brokers about this consumer group."""
        self._bootstrap = bootstrap
        self._group = group

    async def lanes(self, topics: LaneTopics, others: Sequence[str]) -> int:
        """Return the partition count that all topics keyed by customer share.

        Raises ClusterUnready if a topic is missing or a count differs, or if no broker answers.
        """
        keyed = [*topics.facts, *topics.moments, *topics.timers]
        counts = await self._partition_counts([*keyed, *others])
        missing = sorted(name for name, count in counts.items() if count == 0)
        if missing:
            raise ClusterUnready(f"no topic {', '.join(missing)}: create them with `streamproc topics apply`")
        found = {name: counts[name] for name in keyed}
        if len(set(found.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
            raise ClusterUnready(f"topics keyed by customer need one partition count, found {listed}")
        return found[keyed[0]]

    async def never_decided(self, ledger: str, topics: LaneTopics) -> bool:
        """Tell whether `ledger` is empty and the group has no committed offset: only then may state begin anew."""
        consumer = await self._connect(self._group)
        try:
            ledgers = [TopicPartition(ledger, p) for p in await self._partitions(consumer, ledger)]
            if any((await consumer.end_offsets(ledgers)).values()):
                return False
            for name in (*topics.facts, *topics.moments, *topics.timers):
                for partition in await self._partitions(consumer, name):
                    tp = TopicPartition(name, partition)
                    consumer.assign([tp])
                    if await consumer.committed(tp) is not None:
                        return False
        except KafkaError as error:
            raise ClusterUnready(f"the cluster did not answer: {type(error).__name__}") from error
        finally:
            await consumer.stop()
        return True

    async def _partition_counts(self, names: Sequence[str]) -> dict[str, int]:
        consumer = await self._connect(None)
        try:
            return {name: len(await self._partitions(consumer, name)) for name in names}
        except KafkaError as error:
            raise ClusterUnready(f"the cluster did not answer: {type(error).__name__}") from error
        finally:
            await consumer.stop()

    async def _connect(self, group: str | None) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=group, enable_auto_commit=False, metadata_max_age_ms=1_000
        )
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            message = f"no Kafka broker answers at STREAMPROC_KAFKA={self._bootstrap}"
            raise ClusterUnready(message) from error
        return consumer

    async def _partitions(self, consumer: AIOKafkaConsumer, name: str) -> set[int]:
        # The names in `topics()` are those that exist: asking for another one's partitions may create it.
        known = await consumer.topics()
        return set(consumer.partitions_for_topic(name) or ()) if name in known else set()
