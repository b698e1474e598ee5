"""How far one unit has come through the six steps, and what deciding each customer gave."""

from __future__ import annotations

from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.consent import encode_consent
from streamproc.core.consent_head import ConsentHead
from streamproc.core.decide import fold_consent
from streamproc.core.decision import Emission, Handover
from streamproc.core.facts import ConsentChange
from streamproc.core.receipt import Counted
from streamproc.core.record import Output, Position
from streamproc.core.tally import Tally
from streamproc.core.unit import Unit
from streamproc.core.watching import Watch
from streamproc.result import Result
from streamproc.store.base import Slot, Write


class Work:
    """How far one unit has come: customers still `pending`, and what the settled ones caused."""

    def __init__(self, unit: Unit, rules: Rules, tally: Tally) -> None:
        self.unit = unit
        self.rules = rules
        self.tally = tally
        self.pending: dict[str, list[Arrival]] = {}
        self.aside: list[Output] = []
        self.emissions: list[tuple[Position, Emission]] = []
        self.again: list[tuple[str, Position]] = []
        self.watches: list[Watch] = []
        self.handed: list[tuple[str, Handover]] = []
        self.committed_at = 0.0

    def settle(self, result: Result) -> None:
        """Take over what was decided for one customer, now that it is written."""
        if result.emissions:
            self.emissions += result.emissions
        if result.again:
            self.again += [(result.h, position) for position in result.again]
        if result.watches:
            self.watches += result.watches
        tally = self.tally
        for position, counted in result.counts:
            tally.add(position.topic, position.partition, counted)
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
    return Result(slot.h, [(arrival.position, Counted.QUIET) for arrival in arrivals], write)
