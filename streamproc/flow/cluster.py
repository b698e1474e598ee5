"""What a worker must know of the cluster before it starts: the lanes, and whether anything was ever decided."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaConnectionError, KafkaError

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
        counts = await self.partitions([*keyed, *others])
        found = {name: counts[name] for name in keyed}
        if len(set(found.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
            raise ClusterUnready(f"topics keyed by customer need one partition count, found {listed}")
        return found[keyed[0]]

    async def never_decided(self, ledger: str, topics: LaneTopics) -> bool:
        """Tell whether `ledger` is empty and the group has no committed offset: only then may state begin anew."""
        consumer = await self._connect()
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            read = [*topics.facts, *topics.moments, *topics.timers]
            found = await partitions_of(consumer, [ledger, *read])
            ledgers = [TopicPartition(ledger, p) for p in found.pop(ledger)]
            if any((await consumer.end_offsets(ledgers)).values()):
                return False
            await admin.start()
            # All are named, since not every broker answers the question for "all of the group".
            asked = [TopicPartition(name, p) for name, partitions in found.items() for p in partitions]
            offsets = await committed_offsets(admin, self._group, asked)
            return all(offset < 0 for offset in offsets.values())
        except KafkaError as error:
            raise unready(self._bootstrap, error) from error
        finally:
            await admin._client.close()  # noqa: SLF001 - an admin that never started has connections to close too.
            await consumer.stop()

    async def partitions(self, names: Sequence[str]) -> dict[str, int]:
        """Return the partition count of each topic. Raises ClusterUnready if one is missing, or no broker answers."""
        consumer = await self._connect()
        try:
            found = await partitions_of(consumer, names)
        except KafkaError as error:
            raise unready(self._bootstrap, error) from error
        finally:
            await consumer.stop()
        missing = sorted(name for name, partitions in found.items() if not partitions)
        if missing:
            raise ClusterUnready(f"no topic {', '.join(missing)}: create them with `streamproc topics apply`")
        return {name: len(partitions) for name, partitions in found.items()}

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            raise unready(self._bootstrap, error) from error
        return consumer


def unready(bootstrap: str, error: KafkaError) -> ClusterUnready:
    """Say in a sentence that the cluster could not be asked, whatever a client calls that."""
    if isinstance(error, KafkaConnectionError):
        return ClusterUnready(f"no Kafka broker answers at STREAMPROC_KAFKA={bootstrap}")
    return ClusterUnready(f"STREAMPROC_KAFKA={bootstrap} did not do as asked: {type(error).__name__}")


async def partitions_of(consumer: AIOKafkaConsumer, names: Sequence[str]) -> dict[str, set[int]]:
    """Return the partitions of each topic, none of one that does not exist."""
    # All topics are asked for: asking for one that does not exist may create it. The consumer's own
    # `partitions_for_topic` knows only what it is subscribed to.
    known = await consumer._client.fetch_all_metadata()  # noqa: SLF001
    return {name: set(known.partitions_for_topic(name) or ()) for name in names}


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, tps: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the committed offsets; of a partition without one, -1 or nothing."""
    while tps:
        try:
            found = await admin.list_consumer_group_offsets(group, partitions=list(tps))
        except GroupCoordinatorNotAvailableError:
            # A cluster that never had a group makes the topic for their offsets when it is first asked.
            await asyncio.sleep(0.2)
        else:
            return {tp: committed.offset for tp, committed in found.items()}
    return {}
