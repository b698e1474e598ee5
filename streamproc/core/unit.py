"""The unit of work: records that are ingested, decided, committed, emitted and acknowledged together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from streamproc.core.record import Record

__all__ = ["Kind", "Span", "Unit"]

Kind = Literal["facts", "moments", "timers"]


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets `first` to `last`, both included, that a unit stands for in one partition.

    The log may hold no record at some of them; the spans of consecutive units touch without a gap.
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Unit:
    """Records of one kind over any number of partitions, in offset order within each.

    `consents` gives for each lane (partition number) in the unit the applied position in `consents`: every
    record below it is finished. `spans` gives the offsets that the unit stands for by (topic, partition).
    """

    kind: Kind
    records: Sequence[Record]
    consents: Mapping[int, int]
    spans: Mapping[tuple[str, int], Span] = field(default_factory=dict)

    def halves(self) -> tuple[Unit, Unit]:
        """Split the records in two, and the spans so that both together stand for what this unit stands for.

        A unit of fewer than two records cannot be split.
        """
        assert len(self.records) > 1
        middle = len(self.records) // 2
        ends: dict[tuple[str, int], int] = {}
        for record in self.records[:middle]:
            ends[record.topic, record.partition] = record.offset
        rest = {(record.topic, record.partition) for record in self.records[middle:]}
        first: dict[tuple[str, int], Span] = {}
        second: dict[tuple[str, int], Span] = {}
        for source, span in self.spans.items():
            if source not in rest:
                first[source] = span
            elif source not in ends:
                second[source] = span
            else:
                first[source] = Span(span.first, ends[source])
                second[source] = Span(ends[source] + 1, span.last)
        return (
            replace(self, records=self.records[:middle], spans=first),
            replace(self, records=self.records[middle:], spans=second),
        )
