"""Wake the customers whose time has come: claim due hints, write them to `timers`, and drop what the broker has.

It decides nothing. A record of `timers` says that something may be due; what is due stands in the customer's
memory, and the lane decides from that once its backlog is applied. So early, late, twice or never claimed: none of it
is ever heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from streamproc.core.digests import partition_of
from streamproc.core.record import Output, Record
from streamproc.flow.shares import Share
from streamproc.flow.starting import backoff
from streamproc.ingest.inside import encode_due
from streamproc.ports import Meter, SinkUnavailable
from streamproc.store.base import Hint, Store, StoreRefused, StoreUnavailable, Waiting

__all__ = ["BEHIND_MAX", "CLAIM_SECONDS", "ROUND_HINTS_MAX", "Scheduler", "TimersHealth", "lateness_s"]

log = logging.getLogger(__name__)

# A look at 64 empty buckets costs a worker 1 ms and Redis as much, so this is under 1 % of either while nothing is due.
# The oftener, the smaller the batches that the broker keeps: one in memory lists all of a partition for each fetch.
CLAIM_SECONDS: Final = 0.25
# One round claims about so many, over all of its buckets: some 50 ms of work, in which facts and moments wait their
# turn. More that is due is claimed in the next round, which follows at once.
ROUND_HINTS_MAX: Final = 1_000
# No more is claimed while so many timers wait in fresh lanes: half a second of deciding, enough to keep the lanes busy
# until the next look, and the most by which moments wait for timers that all came due at once.
BEHIND_MAX: Final = 10_000
COUNT_SECONDS: Final = 5.0
# How long a stop waits for the round in flight; what it leaves claimed comes again when the claim runs out.
FINISH_SECONDS: Final = 2.0

TIMERS: Final = "timers"


@dataclass(frozen=True, slots=True)
class TimersHealth:
    """How many customers wait for a time, and for how long the first is due whose hint nobody claimed."""

    waiting: int
    overdue_s: float


class Scheduler:
    """Claims from this worker's share of the buckets, a round after the other. Runs until cancelled."""

    def __init__(
        self,
        *,
        store: Store,
        send: Callable[[Sequence[Output], Sequence[int] | None], Awaitable[None]],
        share: Share,
        meter: Meter,
        lanes: int,
        may_claim: Callable[[], bool],
        behind: Callable[[], int],
        wall_ms: Callable[[], int],
        due_ms: Callable[[], int] | None = None,
    ) -> None:
        """Wake customers of `lanes` lanes; `send` writes records, with times or the present one, and awaits the broker.

        `may_claim` tells whether the worker is in a state to go by; `behind` how many records of `timers` wait.
        `due_ms` is the time by which hints are due where that is not the wall clock but the records' own; they are
        then written with the time they were due at.
        """
        self._store = store
        self._send = send
        self._share = share
        self._meter = meter
        self._lanes = lanes
        self._may_claim = may_claim
        self._behind = behind
        self._wall_ms = wall_ms
        self._due_ms = due_ms
        self._waiting: Waiting | None = None

    def health(self) -> TimersHealth | None:
        """Describe this worker's share as it was counted some seconds ago; None before that."""
        if self._waiting is None:
            return None
        first_ms = self._waiting.first_due_ms
        overdue_s = 0.0 if first_ms is None else max(0.0, (self._now_ms() - first_ms) / 1_000)
        return TimersHealth(self._waiting.hints, overdue_s)

    async def run(self) -> None:
        """Claim whenever that is allowed, and count what waits."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._share.watch())
            tasks.create_task(self._count())
            tasks.create_task(self._claim())

    async def _claim(self) -> None:
        attempt = 0
        while True:
            more = False
            try:
                if self._may_claim() and self._behind() < BEHIND_MAX:
                    more = await self._finish(asyncio.ensure_future(self.fire()))
                attempt = 0
            except (StoreUnavailable, StoreRefused, SinkUnavailable) as error:
                self._meter.trouble(error)
                attempt += 1
                await backoff(attempt)
            if not more:
                await asyncio.sleep(CLAIM_SECONDS)

    async def _finish(self, task: asyncio.Future[bool]) -> bool:
        """Wait for a round, also for a while after a cancellation: a stop need not cost its hints a claim's time."""
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=FINISH_SECONDS)
            task.cancel()
            raise

    async def fire(self) -> bool:
        """Claim, write, drop: at most a round of what is due. Tell whether more is.

        Raises StoreUnavailable, StoreRefused, SinkUnavailable; what was claimed and not dropped then comes again.
        """
        buckets = self._share.buckets
        limit = max(1, ROUND_HINTS_MAX // max(1, len(buckets)))
        wall_ms, now_ms = self._wall_ms(), self._now_ms()
        hints = await self._store.claim_hints(buckets, due_ms=now_ms, wall_ms=wall_ms, limit=limit)
        if not hints:
            return False
        due_ms = [now_ms if hint.due_ms is None else hint.due_ms for hint in hints]
        outputs = [self._output(hint, at_ms) for hint, at_ms in zip(hints, due_ms, strict=True)]
        await self._send(outputs, due_ms if self._due_ms is not None else None)
        await self._store.drop_hints(hints)
        self._meter.timers_fired(len(hints))
        return max(Counter(hint.bucket for hint in hints).values()) == limit

    def _output(self, hint: Hint, due_ms: int) -> Output:
        # A hint that is no customer id is nobody's, and the lane finds nothing for it.
        customer_id = hint.member.decode("utf-8", "replace")
        lane = partition_of(customer_id, self._lanes)
        return Output(TIMERS, hint.member, encode_due(customer_id, due_ms), lane=lane)

    async def _count(self) -> None:
        while True:
            try:
                self._waiting = await self._store.waiting_hints(self._share.buckets)
            except (StoreUnavailable, StoreRefused):
                # The gate says so; the last count stands, and its first hint grows older.
                log.debug("hints cannot be counted now")
            await asyncio.sleep(COUNT_SECONDS)

    def _now_ms(self) -> int:
        return self._wall_ms() if self._due_ms is None else self._due_ms()


class _Due(msgspec.Struct):
    due_at_ms: int = 0


_due: Final = msgspec.json.Decoder(_Due)


def lateness_s(records: Iterable[Record], now_ms: int) -> list[float]:
    """Return for how many seconds each record of `timers` that came due is late by now."""
    late: list[float] = []
    for record in records:
        with contextlib.suppress(msgspec.DecodeError):
            due_ms = _due.decode(record.value or b"").due_at_ms
            if due_ms:
                late.append((now_ms - due_ms) / 1_000)
    return late
