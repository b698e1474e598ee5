"""What all workers together may spend in a day: paid for right before hand-over, and known when deciding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from streamproc.core import zones
from streamproc.core.arrival import Rules
from streamproc.core.decision import Handover
from streamproc.core.policy.model import Policy, Spend
from streamproc.core.reasons import Gate, Why
from streamproc.store.base import Store

__all__ = ["Purse"]

Priced = Sequence[tuple[str, Handover]]
NOTHING: Final[Mapping[str, Why]] = {}


class Purse:
    """Pays for nudges from the day's money, and remembers how much of it is left.

    The limit holds at hand-over, whoever else spends. What it remembers is as old as this worker's last payment,
    and only keeps messages from being decided that could not be paid for.
    """

    def __init__(self, store: Store) -> None:
        """Share the money with all workers on this store."""
        self._store = store
        self._day = ""
        self._spent_minor = 0

    async def pay(self, priced: Priced, policy: Policy, now_ms: int) -> Mapping[str, Why]:
        """Pay for nudges, given by id; return why for each that cannot be paid for.

        A nudge that was paid for today is not paid for again. Raises as the store does.
        """
        spend = policy.overall.spend
        costs = [(nudge_id, handover.cost_minor) for nudge_id, handover in priced if handover.cost_minor]
        if spend is None or not costs:
            return NOTHING
        day = _day_of(spend, now_ms)
        spending = await self._store.spend(day, spend.max_minor, costs)
        self._day, self._spent_minor = day, spending.total_minor
        return {
            nudge_id: Why(Gate.SPEND_CAP, f"{day}: {spending.total_minor} + {cost_minor} > {spend.max_minor}")
            for (nudge_id, cost_minor), is_paid in zip(costs, spending.paid, strict=True)
            if not is_paid
        }

    def limit(self, rules: Rules, now_ms: int) -> Rules:
        """Return the rules with the channels that cost more than is left, as far as is known."""
        spend = rules.policy.overall.spend
        if spend is None or self._day != (day := _day_of(spend, now_ms)):
            return rules
        unpaid = {
            channel.name: f"{channel.name}, {day}: {self._spent_minor} + {channel.cost_minor} > {spend.max_minor}"
            for channel in rules.policy.channels.values()
            if channel.cost_minor and self._spent_minor + channel.cost_minor > spend.max_minor
        }
        return replace(rules, unpaid=unpaid) if unpaid else rules


def _day_of(spend: Spend, now_ms: int) -> str:
    zone = zones.zone(spend.zone)
    assert zone is not None, "the loader lets only known zones through"
    return zones.local_day(now_ms, zone)
