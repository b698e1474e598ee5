"""Remember the end offsets that were read last, and when, and say from them whether a lane is fresh."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from faust.types import TP

__all__ = ["FRESH_S_MAX", "EndOffsets", "Read"]

FRESH_S_MAX = 1.0
# Kept for those who ask how old the facts of a lane are: 4 s of reads, of those that come closer together a few.
KEPT_GAP_S = 0.2
KEPT_MAX = 20


@dataclass(frozen=True, slots=True)
class Read:
    """One read of end offsets. `begun_s` is the monotonic time just before the broker was asked."""

    number: int
    begun_s: float
    offsets: Mapping[TP, int]


class EndOffsets:
    """The newest read. Reads are numbered from 1, in the order in which they began."""

    def __init__(self) -> None:
        self.begun = 0
        self.latest: Read | None = None
        self._kept: deque[Read] = deque(maxlen=KEPT_MAX)

    def begin(self) -> int:
        """Give a number to a read that is about to begin."""
        self.begun += 1
        return self.begun

    def add(self, read: Read) -> None:
        self.latest = read
        if not self._kept or read.begun_s - self._kept[-1].begun_s >= KEPT_GAP_S:
            self._kept.append(read)

    def clear(self) -> None:
        """Forget the read: another assignment reads other partitions."""
        self.latest = None
        self._kept.clear()

    def is_fresh(self, tps: Iterable[TP], settled: Callable[[TP], int | None], now_s: float) -> bool:
        """Say whether the newest end offset, read at most FRESH_S_MAX ago, is at or below each settled position.

        An older read of that second would be easier to reach, but a withdrawal waits for nobody: reads come four
        times a second, so what is a quarter of a second old counts. A partition that is not ours, or was not
        read, is not fresh.
        """
        newest = self.latest
        if newest is None or now_s - newest.begun_s > FRESH_S_MAX:
            return False
        return reached(newest.offsets, tps, settled)

    def age_s(self, tps: Iterable[TP], settled: Callable[[TP], int | None], now_s: float) -> float | None:
        """Return how many seconds ago everything was in Kafka that is applied now; None if that is too long ago.

        Where facts come all the time the newest read is rarely reached, and one of a moment before is.
        """
        tps = tuple(tps)
        for read in (self.latest, *reversed(self._kept)):
            if read is not None and reached(read.offsets, tps, settled):
                return now_s - read.begun_s
        return None


def reached(ends: Mapping[TP, int], tps: Iterable[TP], settled: Callable[[TP], int | None]) -> bool:
    """Say whether each of these partitions is settled up to its end offset."""
    for tp in tps:
        end, position = ends.get(tp), settled(tp)
        if end is None or position is None or position < end:
            return False
    return True
