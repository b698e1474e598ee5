"""How far one unit has come through the six steps, and what deciding each customer gave."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from streamproc.core.arrival import Arrival, Rules
from streamproc.core.decide import Counted
from streamproc.core.decision import Emission
from streamproc.core.receipt import Tally
from streamproc.core.record import Output, Position
from streamproc.core.unit import Unit
from streamproc.core.watching import Watch
from streamproc.store.base import Write

__all__ = ["Result", "Work"]


class Result(msgspec.Struct, gc=False):
    """What deciding one customer gave: what to write, to emit and to count, valid only if the write succeeds."""

    h: str
    write: Write | None = None
    emissions: list[tuple[Position, Emission]] = []
    again: list[Position] = []
    counts: list[tuple[Position, Counted]] = []
    watches: list[Watch] = []


@dataclass
class Work:
    """How far one unit has come: customers still `pending`, and what the settled ones caused."""

    unit: Unit
    rules: Rules
    tally: Tally
    pending: dict[str, list[Arrival]] = field(default_factory=dict)
    aside: list[Output] = field(default_factory=list)
    emissions: list[tuple[Position, Emission]] = field(default_factory=list)
    again: list[tuple[str, Position]] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    committed_at: float = 0.0

    def settle(self, result: Result) -> None:
        """Take over what was decided for one customer, now that it is written."""
        if result.emissions:
            self.emissions += result.emissions
        if result.again:
            self.again += [(result.h, position) for position in result.again]
        if result.watches:
            self.watches += result.watches
        add = self.tally.add
        for position, counted in result.counts:
            add(position.topic, position.partition, counted)
        del self.pending[result.h]
