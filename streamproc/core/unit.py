"""The unit of work: records that are ingested, decided, committed, emitted and acknowledged together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
