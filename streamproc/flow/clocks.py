"""The two clocks a worker may decide by."""

from __future__ import annotations

import time


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
