"""The count of one unit's events, by source."""

from __future__ import annotations

from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from streamproc.core.receipt import Receipt, SourceCount
from streamproc.core.record import Output
from streamproc.core.unit import Unit

_source_of: Final = attrgetter("topic", "partition")
_time_of: Final = attrgetter("timestamp_ms")


class Tally:
    """Counts the events of one unit, by source; `latest_ms` is the latest Kafka time of its records."""

    def __init__(self, unit: Unit) -> None:
        """Open a count for each topic partition of the unit; offsets that hold no record are holes."""
        self.latest_ms: int = max(map(_time_of, unit.records), default=0)
        self._opened: dict[tuple[str, int], SourceCount] = {}
        # A StrEnum's member is no name that setting an attribute finds quickly, so outcomes are counted apart.
        self._outcomes: dict[tuple[str, int, str], int] = {}
        for source, group in groupby(unit.records, _source_of):
            run = [*group]
            last, records = run[-1].offset, len(run)
            count = self._opened.get(source)
            if count is None:
                self._opened[source] = SourceCount(*source, run[0].offset, last, records)
            else:
                count.last, count.records = last, count.records + records
        for source, span in unit.spans.items():
            count = self._opened.setdefault(source, SourceCount(*source, span.first, span.last))
            count.first, count.last = span.first, span.last
        for count in self._opened.values():
            count.holes = count.last - count.first + 1 - count.records

    def add(self, topic: str, partition: int, outcome: str) -> None:
        """Count one event under its outcome, a field of `SourceCount`."""
        key = (topic, partition, outcome)
        self._outcomes[key] = self._outcomes.get(key, 0) + 1

    def withheld(self, topic: str, partition: int) -> None:
        """Count a nudge that the emission gate refused; its event is counted already."""
        self._opened[topic, partition].withheld += 1

    def sources(self) -> list[SourceCount]:
        """Return what was counted up to now, as a receipt has it."""
        found = {source: msgspec.structs.replace(opened) for source, opened in self._opened.items()}
        for (topic, partition, outcome), events in self._outcomes.items():
            count = found[topic, partition]
            count.events += events
            setattr(count, outcome, events)
        return list(found.values())

    def receipts(self, worker: str, policy: str, config_offset: int, at_ms: int) -> list[Output]:
        """Write one receipt a lane. The unit's name follows from its records, so that a repeat has the same."""
        found = self.sources()
        lanes: dict[int, list[SourceCount]] = {}
        for count in found:
            lanes.setdefault(count.partition, []).append(count)
        text = ",".join(f"{c.topic}/{c.partition}/{c.first}-{c.last}" for c in found)
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
