"""The count of one unit's events, by source."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from streamproc.core.receipt import Receipt, SourceCount
from streamproc.core.record import Output
from streamproc.core.unit import Unit


class Tally:
    """Counts the events of one unit, by source."""

    def __init__(self, unit: Unit) -> None:
        """Open a count for each topic partition of the unit; offsets that hold no record are holes."""
        self.sources: dict[tuple[str, int], SourceCount] = {}
        for record in unit.records:
            source = (record.topic, record.partition)
            count = self.sources.get(source)
            if count is None:
                self.sources[source] = count = SourceCount(*source, record.offset, record.offset)
            count.last = record.offset
            count.records += 1
        for source, span in unit.spans.items():
            count = self.sources.setdefault(source, SourceCount(*source, span.first, span.last))
            count.first, count.last = span.first, span.last
        for count in self.sources.values():
            count.holes = count.last - count.first + 1 - count.records

    def add(self, topic: str, partition: int, outcome: str) -> None:
        """Count one event under its outcome, a field of `SourceCount`."""
        count = self.sources[topic, partition]
        count.events += 1
        setattr(count, outcome, getattr(count, outcome) + 1)

    def withheld(self, topic: str, partition: int) -> None:
        """Count a nudge that the emission gate refused; its event is counted already."""
        self.sources[topic, partition].withheld += 1

    def receipts(self, worker: str, policy: str, config_offset: int, at_ms: int) -> list[Output]:
        """Write one receipt a lane. The unit's name follows from its records, so that a repeat has the same."""
        lanes: dict[int, list[SourceCount]] = {}
        for count in self.sources.values():
            lanes.setdefault(count.partition, []).append(count)
        text = ",".join(f"{c.topic}/{c.partition}/{c.first}-{c.last}" for c in self.sources.values())
        unit = blake2b(text.encode(), digest_size=8).hexdigest()
        return [
            Output(
                "receipts",
                str(lane).encode(),
                msgspec.json.encode(Receipt(unit, lane, worker, sources, policy, config_offset, at_ms)),
                lane=lane,
            )
            for lane, sources in sorted(lanes.items())
        ]
