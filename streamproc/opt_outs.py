"""After which campaign too many opt out: all workers count together, and pause it where an operator would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from streamproc.core.arrival import Rules
from streamproc.core.creep.model import Pausing
from streamproc.core.creep.pausing import too_many
from streamproc.core.decision import Handover, OptOut
from streamproc.core.facts import COMPLAINED, OPT_OUTS
from streamproc.core.record import Output
from streamproc.core.switches import CAMPAIGN_PREFIX, Switch
from streamproc.store.base import Store, Tally

__all__ = ["OptOuts"]

BY: Final = "streamproc"
CONFIG: Final = "config"
DAY_MS: Final = 86_400_000


class OptOuts:
    """Counts messages and opt-outs of each campaign since it was last switched on, and pauses what offends.

    What was sent before that time counts no more, nor who opts out after it: whoever lets a campaign go on has looked
    at it. A campaign that is off is not counted.
    """

    def __init__(self, store: Store) -> None:
        """Count together with all workers on this store."""
        self._store = store

    async def count(self, handed: Sequence[tuple[str, Handover]], rules: Rules) -> None:
        """Count nudges that were handed over, given by id, each once. Raises as the store does."""
        pausing = rules.policy.creep.pausing
        if not handed or not any(map(pausing.heeds, OPT_OUTS)):
            return
        ids: dict[Tally, list[str]] = {}
        for nudge_id, handover in handed:
            scope = _scope(handover.campaign, handover.decided_at_ms, rules)
            if scope:
                ids.setdefault((scope, handover.decided_at_ms // DAY_MS), []).append(nudge_id)
        if ids:
            await self._store.count_messages(ids, _ttl_ms(pausing))

    async def hear(self, opt_outs: Sequence[OptOut], rules: Rules, now_ms: int) -> list[Output]:
        """Count opt-outs, each once; return the records of `config` that pause what they are too many of.

        A pause is returned to one opt-out, and to it again if it is told again: the caller writes it before the
        opt-out is acknowledged. Raises as the store does.
        """
        pausing = rules.policy.creep.pausing
        told: dict[tuple[str, str, str, range], list[str]] = {}
        for one in opt_outs:
            scope, days = _scope(one.campaign, one.sent_at_ms, rules), _days(one, pausing)
            if scope and days and pausing.heeds(one.kind):
                told.setdefault((one.kind, one.campaign, scope, days), []).append(one.nudge_id)
        pauses: list[Output] = []
        for (kind, campaign, scope, days), nudge_ids in told.items():
            tallies = [(scope, day) for day in days]
            counted = await self._store.count_opt_outs(kind, tallies, nudge_ids, _ttl_ms(pausing))
            reason = too_many(kind, days[0], [(one.opt_outs, one.messages) for one in counted], pausing)
            if reason and await self._store.claim_pause(scope, [f"{kind} {one}" for one in nudge_ids]):
                pauses.append(_pause(rules.policy.names_of(campaign)[0], reason, now_ms))
        return pauses


def _scope(name: str, sent_at_ms: int, rules: Rules) -> str:
    """Return what a message of a campaign counts in: nothing if the campaign is off, or was since it was sent."""
    campaign = rules.policy.called(name)
    if campaign is None:
        return ""
    switch = rules.switches.of_campaign(*campaign.names) or Switch(campaign.enabled)
    return f"{campaign.key}:{switch.at_ms}" if switch.enabled and switch.at_ms <= sent_at_ms else ""


def _days(opt_out: OptOut, pausing: Pausing) -> range:
    """Return the days that an opt-out is judged by, the one that it counts on first; none if its message is too old.

    A complaint counts on its own day. An unsubscription counts on that of its message: many come the day after a large
    day, and would be a great part of what was said by then.
    """
    today = opt_out.at_ms // DAY_MS
    first = today if opt_out.kind == COMPLAINED else opt_out.sent_at_ms // DAY_MS
    return range(first, today - pausing.days, -1)


def _ttl_ms(pausing: Pausing) -> int:
    # A message counts on its day and the days that follow it; one more, because a worker may be late.
    return (pausing.days + 1) * DAY_MS


def _pause(campaign: str, reason: str, now_ms: int) -> Output:
    switch = Switch(enabled=False, reason=reason, by=BY, at_ms=now_ms)
    return Output(CONFIG, (CAMPAIGN_PREFIX + campaign).encode(), msgspec.json.encode(switch))
