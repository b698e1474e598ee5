"""The two clocks a worker may decide by."""

from __future__ import annotations

import time
from collections.abc import Iterable

from streamproc.core.record import Record


class WallClock:
    """The machine's own time."""

    def now_ms(self, _record_ms: int = 0) -> int:
        """Return the time of day in milliseconds since the epoch, whatever the record says."""
        return time.time_ns() // 1_000_000


class RecordClock:
    """The records' own time, for demo and recorded data, whose days lie in the past.

    There is no time between two records: a context's last time keeps each customer's clock from turning back.
    """

    def now_ms(self, record_ms: int) -> int:
        """Return the record's time."""
        return record_ms


class RecordTime:
    """The latest time of any record that was finished: what is due by the records' own time."""

    def __init__(self) -> None:
        """Begin before every record."""
        self.at_ms = 0

    def see(self, records: Iterable[Record]) -> None:
        """Move on to the latest of these; a topic that stamps records itself tells today's time, and moves nothing."""
        for record in records:
            if record.timestamp_ms > self.at_ms and not record.append_time:
                self.at_ms = record.timestamp_ms

    def now_ms(self) -> int:
        """Return the time, in milliseconds since the epoch."""
        return self.at_ms
