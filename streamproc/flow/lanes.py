"""Form units from what the agents receive: facts on a track of their own, timers and moments on another.

A lane is one partition of every topic keyed by customer. Its moments wait until its facts are fresh, its
timers until its moments have caught up as well. What waits is in no unit, and no rebalance waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from aiokafka.errors import KafkaError
from faust.types import TP

from streamproc.core.unit import Kind, Span, Unit
from streamproc.flow.buffers import Buffers, Waiting
from streamproc.flow.end_offsets import EndOffsets, Read, reached
from streamproc.flow.lane_topics import LaneTopics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from faust import EventT

    from streamproc.flow.transport import Consumer, RunMessage

__all__ = ["Lag", "LaneTopics", "Lanes", "LanesHealth"]

log = logging.getLogger(__name__)

READ_EVERY_S = 0.25
"""Four reads of end offsets a second leave three chances to be fresh when one of them is slow."""
READ_GAP_S = 0.02
TRACKS: tuple[tuple[Kind, ...], ...] = (("facts",), ("timers", "moments"))
"""Facts have a track of their own: a withdrawal must get through while a nudge waits for the gate. Timers and moments
take turns: neither a stream of moments nor a million timers that come due at once may starve the other."""
UNIT_BYTES_MAX = 2_621_440
"""Beside the bound in records: 4,000 clicks are 2.4 MB."""
UNIT_TIMERS_MAX = 400
"""Each is a candidate, which costs ten times what most moments cost, and a unit is decided in one go: in 100 ms."""
IN_FLIGHT_MAX = 2
"""Of one track: while a unit waits for Redis or the broker, the next is read and decided."""
WORTH_RECORDS = 2_000
"""Where one is in flight, another must be worth its cost. Three lanes of clicks hold as many, and fill no unit."""
CANCEL_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic that are not finished: in its worst partition, and in all of ours."""

    records_max: int
    records_sum: int


@dataclass(frozen=True, slots=True)
class LanesHealth:
    """What health checks and metrics ask. `stalled_s` is how long work has waited while none was done."""

    joined: bool
    lanes: tuple[int, ...]
    lanes_held: tuple[int, ...]
    lag: Mapping[str, Lag]
    holes: int
    in_flight_records: int
    in_flight_bytes: int
    buffered_bytes: int
    stalled_s: float


@dataclass(slots=True)
class _InFlight:
    unit: Unit
    task: asyncio.Future[None]
    abandoned: bool = False


class Lanes:
    """Receives runs from the agents and gives units to one callback. Lives in the main thread."""

    def __init__(
        self,
        consumer: Consumer,
        topics: LaneTopics,
        *,
        clock: Literal["wall", "record"] = "wall",
        unit_records_max: int = 4_000,
        let_go_s: float = 5.0,
    ) -> None:
        self.topics = topics
        self._consumer = consumer
        self._clock = clock
        self._unit_records_max = unit_records_max
        self._formed: dict[tuple[Kind, ...], Kind] = {}
        self._let_go_s = let_go_s
        self._kinds: dict[str, Kind] = {
            topic: kind for kind, names in topics.by_kind().items() for topic in names
        }
        self._buffers: dict[Kind, Buffers] = {kind: Buffers() for kind in topics.by_kind()}
        self._partitions: Counter[Kind] = Counter()
        self._ends = EndOffsets()
        self._open = False
        self._wake = asyncio.Event()
        self._read_now = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight: dict[tuple[Kind, ...], list[_InFlight]] = {track: [] for track in TRACKS}
        self._moved_s = time.monotonic()
        consumer.gate = self

    async def run(self, process: Callable[[Unit], Awaitable[None]]) -> None:
        """Give units to `process`, at most `IN_FLIGHT_MAX` of each track at a time, until cancelled.

        `process` takes them in the order in which it is called, and returns only when every output of the unit is
        acknowledged by the broker; then the unit is acknowledged, in offset order. Whatever it raises is raised here
        and leaves the unit unacknowledged.
        """
        tasks = [asyncio.create_task(self._read_ends())]
        followers = [track for track in TRACKS for _ in range(IN_FLIGHT_MAX)]
        tasks += [asyncio.create_task(self._follow(track, process)) for track in followers]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def offer(self, event: EventT[Any]) -> None:
        """Take a run from an agent. Never waits, so no run ever holds up another topic's."""
        message = cast("RunMessage", event.message)
        if not self._consumer.is_current(message):
            return
        kind = self._kinds[message.topic]
        self._buffers[kind].add(Waiting(event, message, self._ends.begun))
        if self._before(message.topic):
            self._read_now.set()
        self._wake.set()

    # What the consumer asks.

    def wants(self, tp: TP) -> bool:
        """Say whether there is room for more of this partition."""
        kind = self._kinds[tp.topic]
        return self._buffers[kind].has_room(tp, self._partitions[kind])

    def rewound(self) -> None:
        """Forget every run received so far and begin anew."""
        for buffers in self._buffers.values():
            buffers.clear()
        self._partitions = Counter(self._kinds[tp.topic] for tp in self._consumer.partitions())
        self._warn_of_missing()
        self._ends.clear()
        self._open = True
        self._moved_s = time.monotonic()
        self._read_now.set()
        self._wake.set()

    async def let_go(self) -> None:
        """Begin no further unit, and wait a bounded time for the one in flight; then abandon it.

        Abandoning is safe because a rewind or the end of the process follows: the unit comes again.
        """
        self._open = False
        if await self._becomes_idle(self._let_go_s):
            return
        log.warning(
            "Units in flight are not done after %s s and are abandoned; they come again", self._let_go_s
        )
        for in_flight in self._all_in_flight():
            in_flight.abandoned = True
            in_flight.task.cancel()
        if not await self._becomes_idle(CANCEL_S_MAX):
            log.error("An abandoned unit ignores its cancellation; none begins before it has ended")

    # What health checks and metrics ask.

    def health(self, *, now_s: float | None = None) -> LanesHealth:
        """Describe the lanes now (monotonic seconds)."""
        now_s = time.monotonic() if now_s is None else now_s
        lanes = self._lanes()
        lag = self._lag()
        behind = any(one.records_sum for one in lag.values())
        in_flight = [record for one in self._all_in_flight() for record in one.unit.records]
        return LanesHealth(
            joined=self._consumer.joined,
            lanes=lanes,
            lanes_held=tuple(lane for lane in lanes if not self._is_fresh(lane, now_s)),
            lag=lag,
            holes=self._consumer.holes,
            in_flight_records=len(in_flight),
            in_flight_bytes=sum(len(record.value or b"") for record in in_flight),
            buffered_bytes=sum(buffers.weight_bytes for buffers in self._buffers.values()),
            stalled_s=now_s - self._moved_s if behind and self._consumer.joined else 0.0,
        )

    def is_fresh(self, lane: int, *, now_s: float | None = None) -> bool:
        """Say whether every fact that was in Kafka a second ago is applied in this lane (monotonic seconds)."""
        return self._is_fresh(lane, time.monotonic() if now_s is None else now_s)

    def facts_age_s(self, lane: int) -> float | None:
        """Return how many seconds ago every fact was in Kafka that this lane has applied; None if that is long ago."""
        facts = [TP(topic, lane) for topic in self.topics.facts]
        return self._ends.age_s(facts, self._consumer.settled, time.monotonic())

    def timers_behind(self) -> int:
        """Count the records of `timers` that wait in fresh lanes: one that is held must not hold up the others."""
        ends = self._ends.latest.offsets if self._ends.latest is not None else {}
        fresh = [lane for lane in self._lanes() if self.is_fresh(lane)]
        timers = [TP(topic, lane) for topic in self.topics.timers for lane in fresh]
        return sum(max(0, ends.get(tp, 0) - (self._consumer.applied(tp) or 0)) for tp in timers)

    def _lanes(self) -> tuple[int, ...]:
        return tuple(sorted({tp.partition for tp in self._consumer.partitions() if tp.topic in self._kinds}))

    def _warn_of_missing(self) -> None:
        ours = set(self._consumer.partitions())
        for lane in self._lanes():
            missing = [topic for topic in self._kinds if TP(topic, lane) not in ours]
            if missing:
                names = ", ".join(missing)
                log.error(
                    "Lane %s lacks its partition of %s: all topics keyed by customer need as many",
                    lane,
                    names,
                )

    def _lag(self) -> Mapping[str, Lag]:
        latest = self._ends.latest
        ends = latest.offsets if latest else {}
        lag: dict[str, Lag] = {topic: Lag(0, 0) for topic in self._kinds}
        for tp, end in ends.items():
            behind = max(end - (self._consumer.applied(tp) or 0), 0)
            old = lag[tp.topic]
            lag[tp.topic] = Lag(max(old.records_max, behind), old.records_sum + behind)
        return lag

    # Forming units.

    def _all_in_flight(self) -> list[_InFlight]:
        return [one for track in self._in_flight.values() for one in track]

    def _form(self, track: tuple[Kind, ...]) -> tuple[Unit, list[Waiting]] | None:
        """Form the track's next unit; where one is in flight, only if another is worth its cost."""
        waiting_records = sum(self._buffers[kind].records for kind in track)
        worth_records = min(self._unit_records_max, WORTH_RECORDS)
        if not self._open or (self._in_flight[track] and waiting_records < worth_records):
            return None
        now_s = time.monotonic()
        fresh = functools.cache(lambda lane: self._is_fresh(lane, now_s))
        ready: dict[Kind, Callable[[Waiting], bool]] = {
            "facts": self._barrier_passed,
            "timers": lambda waiting: fresh(waiting.message.partition) and self._barrier_passed(waiting),
            "moments": lambda waiting: fresh(waiting.message.partition) and self._barrier_passed(waiting),
        }
        for kind in sorted(track, key=lambda kind: kind == self._formed.get(track)):
            taken = self._take(kind, ready[kind])
            if taken:
                self._formed[track] = kind
                return self._unit(kind, taken), taken
        return None

    def _take(self, kind: Kind, is_ready: Callable[[Waiting], bool]) -> list[Waiting]:
        records_max = min(self._unit_records_max, UNIT_TIMERS_MAX if kind == "timers" else sys.maxsize)
        taken = self._buffers[kind].take(is_ready, records_max, UNIT_BYTES_MAX)
        # A log that started anew left its old runs behind.
        return [waiting for waiting in taken if self._consumer.is_current(waiting.message)]

    def _unit(self, kind: Kind, taken: list[Waiting]) -> Unit:
        spans: dict[tuple[str, int], Span] = {}
        for waiting in taken:
            message = waiting.message
            place = (message.topic, message.partition)
            span = spans.get(place, Span(message.run.first, message.run.last))
            spans[place] = replace(span, last=message.run.last)
        lanes = {partition for _, partition in spans}
        return Unit(
            kind=kind,
            records=[record for waiting in taken for record in waiting.message.run.records],
            consents={lane: self._consumer.applied(TP(self.topics.consents, lane)) or 0 for lane in lanes},
            spans=spans,
        )

    def _is_fresh(self, lane: int, now_s: float) -> bool:
        return self._ends.is_fresh(
            [TP(topic, lane) for topic in self.topics.facts], self._consumer.settled, now_s
        )

    def _before(self, topic: str) -> tuple[str, ...]:
        """Name the topics that must be applied as far as they reached when a run of this one was read."""
        kind = self._kinds[topic]
        if kind == "timers":
            return self.topics.moments
        if kind == "moments":
            return self.topics.facts if self._clock == "record" else ()
        # Without consent to processing nothing is stored: a profile that overtook it would be lost.
        return () if topic == self.topics.consents else (self.topics.consents,)

    def _barrier_passed(self, waiting: Waiting) -> bool:
        before = self._before(waiting.message.topic)
        if not before:
            return True
        lane = waiting.message.partition
        return waiting.barrier is not None and reached(
            waiting.barrier, [TP(topic, lane) for topic in before], self._consumer.settled
        )

    # Working on them.

    async def _follow(self, track: tuple[Kind, ...], process: Callable[[Unit], Awaitable[None]]) -> None:
        while True:
            # Nothing is awaited between here and the wait, so no wake-up is lost to the other track.
            self._wake.clear()
            taken = self._form(track)
            if taken is None:
                await self._wake.wait()
            else:
                await self._work(track, process, *taken)

    async def _work(
        self,
        track: tuple[Kind, ...],
        process: Callable[[Unit], Awaitable[None]],
        unit: Unit,
        taken: list[Waiting],
    ) -> None:
        ahead = [one.task for one in self._in_flight[track]]
        in_flight = _InFlight(unit, asyncio.ensure_future(process(unit)))
        self._in_flight[track].append(in_flight)
        self._idle.clear()
        try:
            await in_flight.task
            # What finished before the unit ahead of it counts only once that has; a failure there ends the flow.
            await asyncio.gather(*ahead)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not in_flight.abandoned or (current is not None and current.cancelling()):
                raise
        else:
            # Only here, never on the way out of an exception: what was not finished is not acknowledged.
            for waiting in taken:
                waiting.event.ack()
            self._moved_s = time.monotonic()
        finally:
            self._in_flight[track].remove(in_flight)
            if not self._all_in_flight():
                self._idle.set()
            # Facts that are finished may have made a lane fresh.
            self._wake.set()

    async def _becomes_idle(self, timeout_s: float) -> bool:
        # Also asked on the way out of a cancellation, where Python before 3.11.3 mistakes its own timeouts for one.
        idle = asyncio.ensure_future(self._idle.wait())
        await asyncio.wait({idle}, timeout=timeout_s)
        idle.cancel()
        return self._idle.is_set()

    # Reading end offsets.

    async def _read_ends(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S):
                    await self._read_now.wait()
            self._read_now.clear()
            if self._open:
                await self._read_once()
            await asyncio.sleep(READ_GAP_S)

    async def _read_once(self) -> None:
        partitions = [tp for tp in self._consumer.partitions() if tp.topic in self._kinds]
        number, begun_s = self._ends.begin(), time.monotonic()
        try:
            offsets = await self._consumer.end_offsets(partitions) if partitions else {}
        except (KafkaError, TimeoutError) as error:
            # Without end offsets no lane stays fresh, so moments wait, as they must.
            log.warning("End offsets cannot be read now: %s", type(error).__name__)
            return
        self._ends.add(Read(number, begun_s, offsets))
        for buffers in self._buffers.values():
            for waiting in buffers:
                if waiting.barrier is None and waiting.reads_begun < number:
                    waiting.barrier = offsets
        if not any(lag.records_sum for lag in self._lag().values()):
            self._moved_s = time.monotonic()
        self._wake.set()
