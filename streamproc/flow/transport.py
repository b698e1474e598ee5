"""Carry records from Kafka into Faust in runs: one message a run instead of one a record.

Faust's aiokafka driver keeps its consumer thread, group, conductor and streams. Replaced is what lies between
fetching and delivering, and the bookkeeping of offsets, under one rule: after every rebalance, resumption and
restart of fetching each partition is first rewound to its committed offset, and what was handed out before
counts as stale. So nothing that was dropped on the way can be missed; at worst it comes again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.errors import ConsumerStoppedError
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message

from streamproc.core.record import Record
from streamproc.flow.consumer_thread import SERVICE_LOG, ConsumerThread
from streamproc.flow.progress import PartitionProgress, Run, slices

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["Consumer", "Gate", "RunMessage", "Transport", "broker_urls", "register"]

log = logging.getLogger(__name__)

SCHEME = "streamproc+kafka"

POLL_S = 0.05
"""A poll asks for the partitions wanted when it began, so this bounds how late a resumed one is looked at."""
COMMIT_S_MAX = 5.0
REWIND_RETRY_S = 0.05
END_OFFSETS_S_MAX = 2.0
LOG_APPEND_TIME = 1


class Gate(Protocol):
    """What the consumer asks of the one that receives the runs."""

    def wants(self, tp: TP) -> bool:
        """Say whether there is room for more of this partition."""
        ...

    def rewound(self) -> None:
        """Forget every run received so far: all that is not committed comes again."""
        ...

    async def let_go(self) -> None:
        """Finish or abandon what is in flight in a bounded time, and begin nothing new until `rewound`."""
        ...


class RunMessage(ConsumerMessage):
    """A Faust message that stands for a run of records. It has no value, so no codec touches the records."""

    __slots__ = ("run",)

    run: Run


class Consumer(driver.Consumer):
    """Faust's consumer, delivering runs. Lives in the main thread, as the streams do."""

    logger = SERVICE_LOG
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate: Gate | None = None
        self.holes = 0
        self._progress: dict[TP, PartitionProgress] = {}
        self._committed: dict[TP, int] = {}
        self._rewinds_asked = 1
        self._rewinds_done = 0

    def _new_consumer_thread(self) -> ConsumerThread:
        thread = ConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.options = getattr(self.app, "fetch_options", thread.options)
        return thread

    # What the lanes ask.

    @property
    def joined(self) -> bool:
        """Whether the group has given this worker its partitions and it knows where to read each of them."""
        return not (self._rewind_due or self.app.rebalancing)

    @property
    def _rewind_due(self) -> bool:
        # While one is under way it is due as well: until it is done nobody knows which partitions are ours.
        return self._rewinds_done < self._rewinds_asked

    def partitions(self) -> Collection[TP]:
        """Return the partitions that are being read."""
        return self._progress.keys()

    def applied(self, tp: TP) -> int | None:
        """Return the offset below which everything of this partition is finished, None if it is not ours."""
        progress = self._progress.get(tp)
        return None if progress is None else progress.applied

    def settled(self, tp: TP) -> int | None:
        """Return the last end of a batch at or below the applied offset, to compare with end offsets."""
        progress = self._progress.get(tp)
        return None if progress is None else progress.settled

    def committed(self, topic: str, partition: int) -> int:
        """Return the offset that the group is known to have committed, 0 if none is known."""
        return self._committed.get(TP(topic, partition), 0)

    def is_current(self, message: RunMessage) -> bool:
        """Say whether a run was handed out since its partition was last rewound, in this generation."""
        return (
            message.run.progress is self._progress.get(message.tp)
            and message.generation_id == self.app.consumer_generation_id
        )

    async def end_offsets(self, partitions: Collection[TP]) -> Mapping[TP, int]:
        """Return the end offsets; raises TimeoutError after END_OFFSETS_S_MAX, KafkaError if unavailable."""
        work = self._thread.end_offsets_here(partitions)
        async with asyncio.timeout(END_OFFSETS_S_MAX):
            return await self._thread.ask(work)

    def ack(self, message: Message) -> bool:
        """Count a run as finished unless it is stale, and return whether it counted."""
        assert isinstance(message, RunMessage)
        message.acked = True
        self._unacked_messages.discard(message)
        if not self.is_current(message):
            return False
        message.run.progress.finish(message.run)
        return True

    async def let_go(self) -> None:
        """Finish or abandon what is in flight and commit what is finished, in a bounded time."""
        if self.gate is not None:
            await self.gate.let_go()
        await self.commit_and_end_transactions()

    # What Faust calls.

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.let_go()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._rewinds_asked += 1
        self._progress = {}
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Have every partition rewound before the next fetch."""
        self._rewinds_asked += 1

    def resume_flow(self) -> None:
        # Faust empties the streams' queues on suspension and again on resumption.
        self._rewinds_asked += 1
        super().resume_flow()

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: the gate says what it has room for, and agents never leave a run in their queue."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, as `on_buffer_full`."""

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: the lanes' watchdog knows idle from stuck, Faust's detector does not."""

    # Offsets.

    async def commit_and_end_transactions(self) -> None:
        """Commit all that is finished, unless the broker takes too long; then it comes again."""
        try:
            async with asyncio.timeout(COMMIT_S_MAX):
                await self._commit_all()
        except TimeoutError:
            log.warning("Commit took more than %s s; finished work will come again", COMMIT_S_MAX)

    async def _commit_all(self) -> None:
        # A commit that was under way when we asked does not cover what was finished since.
        if not await self.commit():
            await self.commit()

    def _filter_tps_with_pending_acks(self, topics: Collection[Any] | None = None) -> Iterator[TP]:
        return (tp for tp in list(self._progress) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        progress = self._progress.get(tp)
        return None if progress is None else progress.applied

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return offset > self._committed.get(tp, self._progress[tp].start)

    async def _commit_offsets(self, offsets: Mapping[TP, int], *_: Any, **__: Any) -> bool:
        progress = {tp: self._progress.get(tp) for tp in offsets}
        if not await self._thread.ask(self._thread.commit_here(offsets)):
            return False
        for tp, offset in offsets.items():
            if self._progress.get(tp) is progress[tp]:
                self._committed[tp] = offset
        return True

    # Fetching and delivering.

    async def _drain_messages(self, fetcher: Any) -> None:
        self._rewinds_asked += 1
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # As Faust itself does.
                elif self.app.rebalancing:
                    # Faust suspends the flow only of a worker that had partitions; one without waits here until
                    # the streams know what they were given.
                    await self.sleep(REWIND_RETRY_S)
                elif self._rewind_due and not await self._rewind():
                    await self.sleep(REWIND_RETRY_S)
                else:
                    await self._drain_once()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _rewind(self) -> bool:
        asked = self._rewinds_asked
        rewound = await self._thread.ask(self._thread.rewind_here())
        if rewound is None or asked != self._rewinds_asked:
            return False
        self._rewinds_done = asked
        self._progress = {tp: PartitionProgress(start) for tp, start in rewound.starts.items()}
        self._progress = {tp: PartitionProgress(start) for tp, start in rewound.starts.items()}
        self._committed = dict(rewound.committed)
        if self.gate is not None:
            self.gate.rewound()
        return True

    async def _drain_once(self) -> None:
        progress = self._progress
        wanted = frozenset(tp for tp in self._get_active_partitions() if tp in progress and self._wants(tp))
        fetched = await self._thread.ask(self._thread.fetch_here(wanted, POLL_S))
        again: dict[TP, int] = {}
        for tp in wanted & fetched.positions.keys():
            if self._rewind_due or not self.flow_active:
                return
            records = fetched.records.get(tp, ())
            first = records[0].offset if records else fetched.positions[tp]
            admission = progress[tp].admit(first)
            if admission == "refetch":
                again[tp] = progress[tp].expected
                continue
            if admission == "restarted":
                self._restart(tp, first)
            await self._deliver_all(tp, records, fetched.positions[tp], whole=tp in fetched.whole)
        if again:
            await self._thread.ask(self._thread.seek_here(again))

    def _wants(self, tp: TP) -> bool:
        return self.gate is None or self.gate.wants(tp)

    def _restart(self, tp: TP, first: int) -> None:
        expected = self._progress[tp].expected
        log.error("%s/%s starts anew: offset %s < expected %s", tp.topic, tp.partition, first, expected)
        self._progress[tp] = PartitionProgress(first)
        self._committed.pop(tp, None)

    async def _deliver_all(self, tp: TP, records: Sequence[Any], position: int, *, whole: bool) -> None:
        progress = self._progress[tp]
        holes = progress.holes
        converted = [_record(record) for record in records]
        for part, size_bytes in slices(converted, self._thread.options.records_max):
            await self._deliver(tp, progress.deliver(part, size_bytes))
            if self._rewind_due or progress is not self._progress.get(tp):
                return
        progress.advance(position)
        if whole:
            progress.settle()
        if progress.holes > holes:
            self.holes += progress.holes - holes
            log.info(
                "%s/%s lacks %s offsets before %s", tp.topic, tp.partition, progress.holes - holes, position
            )

    async def _deliver(self, tp: TP, run: Run) -> None:
        last = run.records[-1]
        message = RunMessage(
            tp.topic, tp.partition, run.last, last.timestamp_ms / 1_000, 0, None, None, None, None, tp=tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip
        message.run = run
        await self.wait_first(self.callback(message), self.suspend_flow.wait())


class Transport(driver.Transport):
    """The transport behind URLs of scheme SCHEME."""

    Consumer = Consumer


def register() -> None:
    """Make Faust know the scheme."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


def broker_urls(bootstrap: str) -> str:
    """Turn `HOST:PORT[,HOST:PORT...]` into what Faust takes for a broker."""
    return ";".join(f"{SCHEME}://{address.strip()}" for address in bootstrap.split(","))


def _record(record: Any) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.timestamp_type == LOG_APPEND_TIME,
        record.key,
        record.value,
        record.headers,
    )
