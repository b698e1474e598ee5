"""Remember the end offsets that were read, and when, and say from them whether a lane is fresh."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from faust.types import TP

__all__ = ["FRESH_S_MAX", "EndOffsets", "Read"]

FRESH_S_MAX = 1.0
READS_MAX = 64
"""Reads come at most every 20 ms, so these cover the last second."""


@dataclass(frozen=True, slots=True)
class Read:
    """One read of end offsets. `begun_s` is the monotonic time just before the broker was asked."""

    number: int
    begun_s: float
    offsets: Mapping[TP, int]


class EndOffsets:
    """The reads of the last second. They are numbered from 1, in the order in which they began."""

    def __init__(self) -> None:
        self.begun = 0
        self._reads: deque[Read] = deque(maxlen=READS_MAX)

    @property
    def latest(self) -> Read | None:
        return self._reads[-1] if self._reads else None

    def begin(self) -> int:
        """Give a number to a read that is about to begin."""
        self.begun += 1
        return self.begun

    def add(self, read: Read) -> None:
        self._reads.append(read)

    def clear(self) -> None:
        """Forget the reads: another assignment reads other partitions."""
        self._reads.clear()

    def is_fresh(self, tps: Iterable[TP], settled: Callable[[TP], int | None], now_s: float) -> bool:
        """Say whether an end offset read at most FRESH_S_MAX ago is at or below the settled position of each.

        End offsets only grow, so the oldest such read is the easiest to reach. A partition that is not ours,
        or was not read, is not fresh.
        """
        while self._reads and now_s - self._reads[0].begun_s > FRESH_S_MAX:
            self._reads.popleft()
        return bool(self._reads) and reached(self._reads[0].offsets, tps, settled)


def reached(ends: Mapping[TP, int], tps: Iterable[TP], settled: Callable[[TP], int | None]) -> bool:
    """Say whether each of these partitions is settled up to its end offset."""
    for tp in tps:
        end, position = ends.get(tp), settled(tp)
        if end is None or position is None or position < end:
            return False
    return True
