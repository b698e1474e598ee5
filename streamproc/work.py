"""How far one unit has come through the six steps, and what deciding each customer gave."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.consent import ConsentHead, encode_consent
from streamproc.core.decide import Counted, fold_consent
from streamproc.core.decision import Emission, Handover
from streamproc.core.facts import ConsentChange
from streamproc.core.receipt import Tally
from streamproc.core.record import Output, Position
from streamproc.core.unit import Unit
from streamproc.core.watching import Watch
from streamproc.store.base import Slot, Write

__all__ = ["Result", "Work", "consents_alone"]


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
    handed: list[tuple[str, Handover]] = field(default_factory=list)
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


def consents_alone(slot: Slot, head: ConsentHead, arrivals: list[Arrival]) -> Result:
    """Fold the consents of a customer whose memory cannot be read, so that a withdrawal gets through all the same."""
    customer = Customer(slot.h, head, None)
    for arrival in arrivals:
        if isinstance(arrival.event.fact, ConsentChange):
            fold_consent(customer, arrival.event.fact, arrival.event, arrival.position)
    write = Write(
        h=slot.h,
        context_version=slot.context_version,
        consent_version=slot.consent_version,
        consent=encode_consent(customer.consent),
    )
    return Result(slot.h, write, counts=[(arrival.position, Counted.QUIET) for arrival in arrivals])
