"""The nudges of one partition on their way: at most one in flight, the others in order, or put off to their time."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from streamproc.core.record import Record

__all__ = ["Lane", "LaneStopped"]

# What a lane holds of its partition at most, in memory and beyond what is committed: at 2 KB a nudge 200 KB.
UNFINISHED_MAX: Final = 100


class LaneStopped(Exception):
    """Say that the lane was told to stop while a nudge waited; the nudge comes again."""


Hand = Callable[[Record, "Lane", int], Awaitable[float | None]]
"""Bring a record to its end, or return in how many seconds to try again; the number is that of earlier tries.

Raises LaneStopped out of a wait, and nothing else that a retry could help.
"""


class Lane:
    """Hands the records of one partition over, one after another.

    A record that is put off lets those behind it pass; none is forgotten, since `position` never passes it.
    """

    def __init__(self, hand: Hand, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Hand records over with this; `run` does the work."""
        self._hand = hand
        self._monotonic = monotonic
        self._waiting: deque[Record] = deque()
        self._put_off: list[tuple[float, int, int, Record]] = []
        # In the order of the offsets, so that the first is the lowest.
        self._unfinished: dict[int, None] = {}
        self._next: int | None = None
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self.has_turn = False
        """Whether the lane was given a moment of the pace that it has not used yet."""
        self._busy_since: float | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Take further records, in the order of their offsets."""
        for record in records:
            assert self._next is None or record.offset >= self._next, f"offset {record.offset} < {self._next}"
            self._waiting.append(record)
            self._unfinished[record.offset] = None
            self._next = record.offset + 1
        self._wake.set()

    def has_room(self) -> bool:
        """Tell whether the lane takes more records."""
        return len(self._unfinished) < UNFINISHED_MAX

    def position(self) -> int | None:
        """Return the offset below which every record is finished; None before the first record."""
        return next(iter(self._unfinished), self._next)

    @property
    def put_off(self) -> int:
        """How many records wait for another try."""
        return len(self._put_off)

    @property
    def unfinished(self) -> int:
        """How many records are not finished."""
        return len(self._unfinished)

    @property
    def busy_s(self) -> float:
        """How long it has been at one step, in seconds; 0 while it waits for something, on purpose."""
        return 0.0 if self._busy_since is None else self._monotonic() - self._busy_since

    def stop(self) -> None:
        """Begin nothing more; what is in flight goes on to its end."""
        self._stop.set()
        self._wake.set()

    async def pause(self, seconds: float) -> None:
        """Wait; raises LaneStopped as soon as the lane is told to stop."""
        self._busy_since = None
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            self._busy_since = self._monotonic()
            return
        raise LaneStopped

    async def run(self) -> None:
        """Hand records over until told to stop."""
        while not self._stop.is_set():
            taken = self._take()
            if taken is None:
                await self._until_something_comes()
                continue
            tries, record = taken
            self._busy_since = self._monotonic()
            try:
                again_s = await self._hand(record, self, tries)
            except LaneStopped:
                return
            finally:
                self._busy_since = None
            if again_s is None:
                del self._unfinished[record.offset]
            else:
                heapq.heappush(self._put_off, (self._monotonic() + again_s, record.offset, tries + 1, record))

    def _take(self) -> tuple[int, Record] | None:
        """Return what is to be tried next, and how often it was tried: what is due goes first."""
        if self._put_off and self._put_off[0][0] <= self._monotonic():
            _, _, tries, record = heapq.heappop(self._put_off)
            return tries, record
        return (0, self._waiting.popleft()) if self._waiting else None

    async def _until_something_comes(self) -> None:
        self._wake.clear()
        due_s = self._put_off[0][0] - self._monotonic() if self._put_off else None
        try:
            async with asyncio.timeout(due_s):
                await self._wake.wait()
        except TimeoutError:
            return
