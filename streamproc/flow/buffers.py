"""Hold the runs that were received and are in no unit yet, within bounds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from faust import EventT
    from faust.types import TP

    from streamproc.flow.transport import RunMessage

__all__ = ["Buffers", "Waiting"]

BYTES_MAX = 48 * 1_048_576
"""For one kind of topic over all partitions: three kinds make 144 MiB when nothing is processed at all."""
PARTITION_BYTES_MAX = 1_048_576
RECORD_OVERHEAD_BYTES = 600
"""A Record with its key, value and header objects in CPython, beside the bytes they hold."""


@dataclass(slots=True)
class Waiting:
    """A received run. `reads_begun` says how many reads of end offsets had begun when it arrived."""

    event: EventT[Any]
    message: RunMessage
    reads_begun: int
    barrier: Mapping[TP, int] | None = None

    @property
    def records(self) -> int:
        return len(self.message.run.records)

    @property
    def weight_bytes(self) -> int:
        return self.message.run.bytes + self.records * RECORD_OVERHEAD_BYTES


class Buffers:
    """The waiting runs of one kind of topic, by partition, oldest first; `records` counts all of theirs."""

    def __init__(self) -> None:
        self._waiting: dict[TP, deque[Waiting]] = {}
        self._weight_bytes: dict[TP, int] = {}
        self._turn = 0
        self.records = 0

    def __iter__(self) -> Iterator[Waiting]:
        for waiting in self._waiting.values():
            yield from waiting

    @property
    def weight_bytes(self) -> int:
        return sum(self._weight_bytes.values())

    def partitions(self) -> Iterator[TP]:
        """Yield the partitions with a run waiting."""
        return (tp for tp, waiting in self._waiting.items() if waiting)

    def has_room(self, tp: TP, partitions: int) -> bool:
        """Say whether more of this partition may be fetched, given how many partitions share the space.

        It is shared out by partition: one that waits long can never take the room of the others. A partition
        may overshoot its share by what one fetch brings.
        """
        share = min(PARTITION_BYTES_MAX, BYTES_MAX // max(partitions, 1))
        return self._weight_bytes.get(tp, 0) < share

    def add(self, waiting: Waiting) -> None:
        tp = waiting.message.tp
        self._waiting.setdefault(tp, deque()).append(waiting)
        self._weight_bytes[tp] = self._weight_bytes.get(tp, 0) + waiting.weight_bytes
        self.records += waiting.records

    def clear(self) -> None:
        self._waiting.clear()
        self._weight_bytes.clear()
        self.records = 0

    def take(self, ready: Callable[[Waiting], bool], records_max: int, bytes_max: int) -> list[Waiting]:
        """Take runs that are ready, in offset order in each partition, as many as fit; one always fits.

        Each call begins with another partition, so that none starves.
        """
        taken: list[Waiting] = []
        records = size = 0
        tps = list(self.partitions())
        self._turn += 1
        for index in range(len(tps)):
            tp = tps[(index + self._turn) % len(tps)]
            queue = self._waiting[tp]
            while queue and ready(queue[0]):
                run = queue[0].message.run
                if taken and (records + len(run.records) > records_max or size + run.bytes > bytes_max):
                    break
                records, size = records + len(run.records), size + run.bytes
                self._weight_bytes[tp] -= queue[0].weight_bytes
                taken.append(queue.popleft())
        self.records -= records
        return taken
