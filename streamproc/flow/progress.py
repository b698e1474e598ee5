"""Follow one partition from its last rewind: what was handed out, what is finished, what may be committed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamproc.core.record import Record

__all__ = ["RUN_BYTES_MAX", "RUN_RECORDS_MAX", "Admission", "PartitionProgress", "Run", "slices"]

RUN_RECORDS_MAX = 2_000
RUN_BYTES_MAX = 1_048_576

Admission = Literal["deliver", "refetch", "restarted"]


class Run:
    """Consecutive records of one partition, handed out and acknowledged together.

    `first` is the first offset the run stands for, which lies before its first record where the log has a
    hole there (compaction, transaction markers); `last` is the offset of its last record. So the runs of a
    partition follow each other without a gap.
    """

    __slots__ = ("bytes", "finished", "first", "last", "progress", "records")

    def __init__(
        self, progress: PartitionProgress, first: int, records: Sequence[Record], size_bytes: int
    ) -> None:
        self.progress = progress
        self.first = first
        self.last = records[-1].offset
        self.records = records
        self.bytes = size_bytes
        self.finished = False


class PartitionProgress:
    """The offsets of one partition since it was last rewound to its committed offset.

    A rewind makes a new object, so a run belongs to the present exactly if its partition's progress is the
    very object that the run names.
    """

    __slots__ = ("_hole", "_outstanding", "_settled", "_settling", "expected", "holes", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.expected = start
        self.holes = 0
        self._outstanding: deque[Run] = deque()
        self._hole: tuple[int, int] | None = None
        self._settled = -1
        self._settling: deque[int] = deque()

    @property
    def applied(self) -> int:
        """The offset below which everything is finished.

        With no run outstanding this is the fetch position, so idle, empty and compacted partitions count as
        applied up to their end. It is also the offset to commit.
        """
        return self._outstanding[0].first if self._outstanding else self.expected

    @property
    def settled(self) -> int:
        """The last end of a batch at or below `applied`, -1 while none is known.

        A broker may call the first record of its last batch the end of the log. Whoever compares with an end
        offset compares this, which no such answer can satisfy before the whole batch is applied.
        """
        while self._settling and self._settling[0] <= self.applied:
            self._settled = self._settling.popleft()
        return self._settled

    def admit(self, first: int) -> Admission:
        """Say what to do with what was fetched at `first`.

        A gap may be a batch that was fetched and lost on its way here, so the first time it is fetched again;
        met a second time, it is a hole in the log itself. An offset below the expected one means that the log
        starts anew.
        """
        if first < self.expected:
            return "restarted"
        if first > self.expected and self._hole != (self.expected, first):
            self._hole = (self.expected, first)
            return "refetch"
        return "deliver"

    def deliver(self, records: Sequence[Record], size_bytes: int) -> Run:
        """Make the next run of `records`, which must have been admitted, and count it as outstanding."""
        assert records[0].offset >= self.expected, f"offset {records[0].offset} < expected {self.expected}"
        run = Run(self, self.expected, records, size_bytes)
        self.holes += run.last + 1 - run.first - len(records)
        self.expected = run.last + 1
        self._hole = None
        self._outstanding.append(run)
        return run

    def advance(self, position: int) -> None:
        """Move past a hole that ends at `position`, which must have been admitted."""
        assert position >= self.expected, f"position {position} < expected {self.expected}"
        self.holes += position - self.expected
        self.expected = position
        self._hole = None

    def settle(self) -> None:
        """Note that what was handed out so far ends where a batch ends."""
        if self.expected > (self._settling[-1] if self._settling else self._settled):
            self._settling.append(self.expected)

    def finish(self, run: Run) -> None:
        """Count a run as finished; the applied position never passes an earlier one that is not."""
        run.finished = True
        while self._outstanding and self._outstanding[0].finished:
            self._outstanding.popleft()


def _record_bytes(record: Record) -> int:
    """Return the bytes of a record's key, value and headers."""
    size = len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    return size


def slices(records: Sequence[Record], records_max: int) -> Iterator[tuple[Sequence[Record], int]]:
    """Cut records into slices of at most `records_max` records and RUN_BYTES_MAX bytes, each with its bytes.

    A single record that is larger stands alone.
    """
    start = total = 0
    for index, record in enumerate(records):
        size = _record_bytes(record)
        if index > start and (index - start >= records_max or total + size > RUN_BYTES_MAX):
            yield records[start:index], total
            start, total = index, 0
        total += size
    if start < len(records):
        yield records[start:], total
