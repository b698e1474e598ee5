"""Read a nudge topic as one of a consumer group, a lane for each partition, and commit what is finished."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.deliver.lane import Hand, Lane
from streamproc.flow.records import to_record
from streamproc.flow.starting import backoff

__all__ = ["NudgeGroup"]

log = logging.getLogger(__name__)

POLL_MS: Final = 200
# A hundred nudges of 2 KB; one of 1 MiB, the most that Kafka takes, comes through all the same, alone.
FETCH_BYTES_MAX: Final = 256 * 1024
POLL_RECORDS_MAX: Final = 100
COMMIT_SECONDS: Final = 1.0
RETRY_ATTEMPT: Final = 4  # of `backoff`: 0.8 s


class NudgeGroup(ConsumerRebalanceListener):
    """Reads until cancelled; `let_go` before that, so that what is in flight is finished and committed."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        hand: Hand,
        *,
        prefix: str = "",
        session_timeout_ms: int = 30_000,
        rebalance_timeout_ms: int = 30_000,
        let_go_s: float = 15.0,
    ) -> None:
        """Read this topic, named without the prefix, in this group; each record goes through `hand`."""
        self._topic = prefix + topic
        self._prefix = prefix
        self._hand = hand
        self._let_go_s = let_go_s
        self._lanes: dict[TopicPartition, Lane] = {}
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._committed: dict[TopicPartition, int] = {}
        self.joined = False
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            enable_auto_commit=False,
            # What was never handed over is, if it has not expired: nudges are written to be delivered.
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 10,
            rebalance_timeout_ms=rebalance_timeout_ms,
        )

    @property
    def lanes(self) -> dict[int, Lane]:
        """The lanes of this process, by partition."""
        return {tp.partition: lane for tp, lane in self._lanes.items()}

    def lag(self) -> int:
        """Count the records of these lanes that are not finished, as far as is known."""
        lag = 0
        for tp, lane in self._lanes.items():
            position, end = lane.position(), self._consumer.highwater(tp)
            lag += max(0, end - position) if position is not None and end is not None else lane.unfinished
        return lag

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        await self._consumer.start()
        self._consumer.subscribe([self._topic], listener=self)

    async def run(self) -> None:
        """Read, hand over and commit until cancelled; raises what a lane raises."""
        committed_at = time.monotonic()
        while True:
            await self._take()
            for tp, lane in self._lanes.items():
                (self._consumer.resume if lane.has_room() else self._consumer.pause)(tp)
            for task in self._tasks.values():
                if task.done():
                    task.result()
            if time.monotonic() - committed_at >= COMMIT_SECONDS:
                await self._commit(self._lanes)
                committed_at = time.monotonic()

    async def let_go(self) -> None:
        """Begin nothing more, wait a bounded time for what is in flight, and commit what is finished."""
        await self._release(list(self._lanes))

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    # What the consumer calls.

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish what is in flight before others get these partitions."""
        self.joined = False
        await self._release([tp for tp in revoked if tp in self._lanes])

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin a lane for each partition, at what is committed."""
        for tp in assigned:
            lane = self._lanes[tp] = Lane(self._hand)
            self._tasks[tp] = asyncio.create_task(lane.run())
        self.joined = True

    # Inside.

    async def _take(self) -> None:
        try:
            found = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
        except KafkaError as error:
            log.warning("nudges cannot be read now: %s", type(error).__name__)
            await backoff(RETRY_ATTEMPT)
            return
        for tp, records in found.items():
            if (lane := self._lanes.get(tp)) is not None:
                lane.add(to_record(one, self._prefix) for one in records)

    async def _release(self, tps: list[TopicPartition]) -> None:
        tasks = [self._tasks[tp] for tp in tps]
        for tp in tps:
            self._lanes[tp].stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._let_go_s)
            for task in late:
                log.warning("a nudge in flight is abandoned after %s s; it comes again", self._let_go_s)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._commit(tps)
        for tp in tps:
            del self._lanes[tp], self._tasks[tp]
            self._committed.pop(tp, None)

    async def _commit(self, tps: Iterable[TopicPartition]) -> None:
        found = {tp: self._lanes[tp].position() for tp in tps}
        moved = {tp: at for tp, at in found.items() if at is not None and self._committed.get(tp) != at}
        if not moved:
            return
        try:
            await self._consumer.commit(moved)
        except KafkaError as error:
            # What is not committed comes again, and its mark says that it left.
            log.warning("offsets are not committed now: %s", type(error).__name__)
        else:
            self._committed.update(moved)
