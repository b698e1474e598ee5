"""Read topics from their beginning and follow them, with no group and no trace on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.core.record import Record
from streamproc.flow.cluster import ClusterUnready, partitions_of
from streamproc.flow.records import to_record

__all__ = ["Tail"]

FETCH_WAIT_MS: Final = 50


class Tail:
    """Follows all partitions of some topics that exist. Use it as an asynchronous context manager."""

    def __init__(self, bootstrap: str, topics: Sequence[str], *, prefix: str = "") -> None:
        """Read these topics, each named without the installation's prefix."""
        self._topics = tuple(topics)
        self._prefix = prefix
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )

    async def __aenter__(self) -> Self:
        """Connect, and stand at the beginning. Raises ClusterUnready."""
        try:
            await self._consumer.start()
            names = [self._prefix + topic for topic in self._topics]
            found = await partitions_of(self._consumer, names)
            if missing := [name for name, numbers in found.items() if not numbers]:
                raise ClusterUnready(f"no topic {', '.join(missing)}")
            partitions = [TopicPartition(name, number) for name in found for number in sorted(found[name])]
            self._consumer.assign(partitions)
            await self._consumer.seek_to_beginning(*partitions)
        except BaseException as error:
            await self._consumer.stop()
            if isinstance(error, KafkaError):
                raise ClusterUnready(f"the topics cannot be read: {type(error).__name__}") from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def take(self, timeout_ms: int) -> list[Record]:
        """Return what came, in the order of each partition; an empty list if nothing comes within `timeout_ms`.

        Topics are named without the prefix. Raises ClusterUnready.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=timeout_ms)
        except KafkaError as error:
            raise ClusterUnready(f"the topics cannot be read: {type(error).__name__}") from error
        return [to_record(one, self._prefix) for records in fetched.values() for one in records]
