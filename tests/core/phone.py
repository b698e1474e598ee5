"""One phone near some stores, whose readings go straight to `core.visits`."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamproc.core import visits
from streamproc.core.context import Context
from streamproc.core.event import Event
from streamproc.core.policy.model import Visits
from streamproc.core.visits import Happened

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
NOON_MS = 1_795_777_200_000
"""Noon in Berlin on Friday, 27 November 2026."""


@dataclass
class Phone:
    """A phone that tells what it hears; times are in seconds after noon."""

    rules: Visits = field(default_factory=Visits)
    dwells_ms: tuple[int, ...] = (5 * MINUTE_MS, 10 * MINUTE_MS)
    context: Context = field(default_factory=Context)
    happened: list[Happened] = field(default_factory=list)

    def hears(
        self,
        what: str,
        at_s: float,
        site: str | None = "berlin-1",
        zone: str | None = None,
        rssi_dbm: int | None = None,
    ) -> list[str]:
        """Tell of one beacon's event; returns the kinds of what happened to the visit."""
        at_ms = NOON_MS + round(at_s * SECOND_MS)
        event = Event(
            event_id="e",
            dialect="beacon",
            kind=f"beacon.{what}",
            site_id=site,
            zone_id=zone,
            rssi_dbm=rssi_dbm,
            occurred_at_ms=at_ms,
            received_at_ms=at_ms,
        )
        found = visits.hear(self.context, event, at_ms, self.rules, self.dwells_ms)
        self.happened += found
        return [one.kind for one in found]

    def waits(self, until_s: float) -> list[str]:
        """Let time pass without a word; returns the kinds of what happened to the visit."""
        found = visits.end_due(self.context, NOON_MS + round(until_s * SECOND_MS), self.rules)
        self.happened += found
        return [one.kind for one in found]

    @property
    def kinds(self) -> list[str]:
        """The kinds of all that happened to visits so far."""
        return [one.kind for one in self.happened]

    def is_in(self, at_s: float) -> bool:
        return visits.is_open(self.context.visit, NOON_MS + round(at_s * SECOND_MS), self.rules)
