"""Read the catalog as a consumer group of its own, so that the watchers of each item are told by one worker."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from streamproc.core.record import Record
from streamproc.flow.starting import backoff
from streamproc.ingest.catalog import TOPIC
from streamproc.ports import Meter, SinkUnavailable
from streamproc.store.base import StoreRefused, StoreUnavailable
from streamproc.telling import Telling

__all__ = ["GROUP_SUFFIX", "FanOut", "Pace"]

log = logging.getLogger(__name__)

GROUP_SUFFIX: Final = "-catalog"
POLL_MS: Final = 250
RECORDS_AT_ONCE: Final = 500
# Telling 100,000 watchers at 1,000 a second takes 100 s, and a helping of records may hold more than one such item.
HELPING_MS_MAX: Final = 3_600_000


class Pace:
    """Lets at most so many customers a second be told, on average since the last pause of a second or more."""

    def __init__(
        self,
        per_s: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Pace to `per_s`, above 0."""
        assert per_s > 0, f"{per_s} customers a second"
        self._per_s = per_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_at = float("-inf")

    async def __call__(self, told: int) -> None:
        """Wait until the next may be told after so many were."""
        now = self._monotonic()
        # What was not used in a quiet time is not made up for: then all would come at once.
        self._next_at = max(self._next_at, now - 1.0) + told / self._per_s
        await self._sleep(max(0.0, self._next_at - now))


class FanOut:
    """Follows `catalog` and commits what was told of. Its lag says how much lies ahead."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        telling: Telling,
        meter: Meter,
        *,
        prefix: str = "",
        session_timeout_ms: int = 30_000,
        rebalance_timeout_ms: int = 30_000,
    ) -> None:
        """Read as the group that tells for this group of workers; a group that is new begins with what is there."""
        self._telling = telling
        self._meter = meter
        self._make = lambda: AIOKafkaConsumer(
            prefix + TOPIC,
            bootstrap_servers=bootstrap,
            group_id=group + GROUP_SUFFIX,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            max_poll_records=RECORDS_AT_ONCE,
            max_poll_interval_ms=HELPING_MS_MAX,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 10,
        )
        self._consumer: AIOKafkaConsumer
        self.lag = 0
        """How many records of the partitions that are this worker's are not dealt with."""

    @property
    def told(self) -> int:
        """How many customers were told of something, since the start."""
        return self._telling.told

    async def run(self) -> None:
        """Follow until cancelled; what was taken and not committed comes again."""
        await self._until_done(self._connect)
        try:
            while True:
                await self._until_done(self._helping)
        finally:
            await self._consumer.stop()

    async def _connect(self) -> None:
        # One that failed half-way cannot be started again.
        consumer = self._make()
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat a step while the world is away."""
        attempt = 0
        while True:
            try:
                return await step()
            except (KafkaError, StoreUnavailable, StoreRefused, SinkUnavailable) as error:
                attempt += 1
                self._meter.trouble(error)
                await backoff(attempt)

    async def _helping(self) -> None:
        fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
        for tp, records in fetched.items():
            # The consumer has moved on, so the same records are taken until they are done with.
            await self._until_done(lambda taken=records: self._telling.take(_plain(taken)))  # type: ignore[misc]
            await self._commit(tp, records[-1].offset + 1)
        self.lag = await self._lag()

    async def _commit(self, tp: TopicPartition, offset: int) -> None:
        try:
            await self._consumer.commit({tp: offset})
        except CommitFailedError:
            # Another worker has the partition now and takes these records again; who was told knows the event.
            log.info("a partition of the catalog went to another worker before it was committed")

    async def _lag(self) -> int:
        lag = 0
        for tp in self._consumer.assignment():
            end = self._consumer.highwater(tp)
            if end is not None:
                lag += max(0, end - await self._consumer.position(tp))
        return lag


def _plain(records: Sequence[ConsumerRecord]) -> list[Record]:
    return [
        Record(
            TOPIC,
            raw.partition,
            raw.offset,
            raw.timestamp,
            append_time=True,
            key=raw.key,
            value=raw.value,
            headers=tuple(raw.headers),
        )
        for raw in records
    ]
