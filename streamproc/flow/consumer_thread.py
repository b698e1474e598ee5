"""The thread in which aiokafka's consumer lives, and what the main thread may ask of it."""

# ruff: noqa: SLF001 - aiokafka offers no public way to take records and their positions in one step.

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import aiokafka
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Mapping, Sequence

__all__ = ["SERVICE_LOG", "ConsumerThread", "FetchOptions", "Fetched", "Rewound"]

_T = TypeVar("_T")

log = logging.getLogger(__name__)

SERVICE_LOG = logging.getLogger("mode.streamproc")
"""Where Faust's machinery logs that each of its parts starts and stops: quiet below warning, as all of `mode` is."""

FETCH_BYTES_MAX = 8 * 1_048_576
PARTITION_FETCH_BYTES_MAX = 512 * 1_024
"""What aiokafka holds unread for each partition, in bytes of the wire. A larger batch still gets through."""
POLL_RECORDS_MAX = 4_000
STOP_S_MAX = 5.0
LEFT_S_MAX = 1.0
NOWHERE = frozenset({TP("", -1)})
"""aiokafka takes an empty set for all partitions, so wanting none is said with one that nobody has."""


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How to fetch: `wait_ms` is how long a broker may hold a fetch that finds nothing."""

    wait_ms: int = 20
    records_max: int = 2_000
    isolation_level: str = "read_committed"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records by partition, and the fetch positions right after they were taken.

    `whole` names the partitions of which no fetched batch is left over: their positions are ends of batches.
    """

    records: Mapping[TP, Sequence[Any]]
    positions: Mapping[TP, int]
    whole: frozenset[TP]


@dataclass(frozen=True, slots=True)
class Rewound:
    """Where each assigned partition stands after a rewind, and which offsets the group had committed."""

    starts: Mapping[TP, int]
    committed: Mapping[TP, int]


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka's consumer lives. What ends in `_here` runs in that thread."""

    logger = SERVICE_LOG
    options: FetchOptions = FetchOptions()

    async def ask(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the consumer's thread and return what it returns.

        Faust's own queue of calls has two workers; a fetch that waits for an assignment and a slow request
        would keep the commit waiting that the rebalance waits for.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(work, self.thread_loop)
        except RuntimeError as error:
            work.close()
            raise ConsumerStoppedError from error
        return await asyncio.wrap_future(future)

    async def on_thread_stop(self) -> None:
        """Close the client in a bounded time.

        Away from its broker, aiokafka's close waits long or passes on the cancellation of its own requests.
        Either would leave the main thread waiting for this one.
        """
        closing = asyncio.ensure_future(super().on_thread_stop())
        # `wait_for` would wait on for a task that ignores its cancellation.
        await asyncio.wait({closing}, timeout=STOP_S_MAX)
        if not closing.done():
            closing.cancel()
            log.warning("The Kafka client did not close within %s s", STOP_S_MAX)
        elif closing.cancelled():
            log.warning("The Kafka client did not close cleanly: CancelledError")
        elif (error := closing.exception()) is not None:
            log.warning("The Kafka client did not close cleanly: %s", type(error).__name__)

    async def _gather_remaining_tasks(self) -> None:
        """Cancel what the client left behind, and leave what ignores that: the process is about to end."""
        current = asyncio.current_task()
        left = {task for task in asyncio.all_tasks(self.thread_loop) if task is not current}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=LEFT_S_MAX)

    async def fetch_here(self, wanted: frozenset[TP], timeout_s: float) -> Fetched:
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            records = await fetcher.fetched_records(
                wanted or NOWHERE, timeout=timeout_s, max_records=POLL_RECORDS_MAX
            )
        # No await since the records were taken, so the positions are those that belong to them.
        assignment = _assignment(consumer)
        states = {tp: assignment.state_value(tp) for tp in wanted} if assignment else {}
        known = {tp: state for tp, state in states.items() if state is not None and state.has_valid_position}
        return Fetched(
            {TP(*tp): batch for tp, batch in records.items()},
            {tp: state.position for tp, state in known.items()},
            frozenset(
                tp
                for tp, state in known.items()
                if tp not in fetcher._records
                and (tp in records or (state.lso is not None and state.position >= state.lso))
            ),
        )

    async def rewind_here(self) -> Rewound | None:
        """Move every assigned partition to its committed offset, or to the start of its log if it has none.

        Returns None if the assignment changed meanwhile or the offsets cannot be had now.
        """
        consumer = self._ensure_consumer()
        assignment = _assignment(consumer)
        if assignment is None:
            return None
        partitions = list(assignment.tps)
        try:
            offsets = await asyncio.gather(*(consumer.committed(tp) for tp in partitions))
            committed = {
                tp: offset for tp, offset in zip(partitions, offsets, strict=True) if offset is not None
            }
            unknown = [tp for tp in partitions if tp not in committed]
            starts = committed | (await consumer.beginning_offsets(unknown) if unknown else {})
            if _assignment(consumer) is not assignment or not assignment.active:
                return None
            for tp, offset in starts.items():
                consumer.seek(tp, offset)
        except (IllegalStateError, AssertionError, KafkaError) as error:
            log.warning("Offsets cannot be read now, trying again: %s", type(error).__name__)
            return None
        return Rewound(
            {TP(*tp): offset for tp, offset in starts.items()},
            {TP(*tp): offset for tp, offset in committed.items()},
        )

    async def seek_here(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            try:
                consumer.seek(TopicPartition(*tp), offset)
            except IllegalStateError:
                log.info(
                    "Partition %s of %s was taken away before it was fetched again", tp.partition, tp.topic
                )

    async def end_offsets_here(self, partitions: Collection[TP]) -> Mapping[TP, int]:
        """Ask for the end offsets, and never fall behind what fetch responses have said already.

        Tansu answers with the first offset of the last batch plus one, and with the true end only when it
        fetches. What must not rest on that compares with `PartitionProgress.settled`.
        """
        consumer = self._ensure_consumer()
        offsets = await consumer.end_offsets([TopicPartition(*tp) for tp in partitions])
        assignment = _assignment(consumer)
        states = {tp: assignment.state_value(tp) for tp in offsets} if assignment else {}
        return {
            TP(*tp): max(offset, states[tp].lso or 0) if states.get(tp) else offset
            for tp, offset in offsets.items()
        }

    async def commit_here(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, and return whether the broker took it.

        A rebalance or an unreachable broker only means that more comes again later; anything else is raised.
        """
        try:
            await self._ensure_consumer().commit(
                {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
            )
        except (CommitFailedError, IllegalStateError) as error:
            log.info("Commit refused, a rebalance is under way: %s", type(error).__name__)
            return False
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("Commit failed, trying again later: %s", type(error).__name__)
            return False
        return True

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=POLL_RECORDS_MAX,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1_000),
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES_MAX,
            fetch_max_wait_ms=self.options.wait_ms,
            request_timeout_ms=int(conf.broker_request_timeout * 1_000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1_000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1_000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1_000),
            isolation_level=self.options.isolation_level,
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )


def _assignment(consumer: aiokafka.AIOKafkaConsumer) -> Any:
    subscription = consumer._subscription.subscription
    assignment = subscription.assignment if subscription else None
    return assignment if assignment is not None and assignment.active else None
