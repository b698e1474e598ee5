"""Which campaign too many complain about: all workers count together, and pause it where an operator would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from streamproc.core.arrival import Rules
from streamproc.core.creep.model import Pausing
from streamproc.core.decision import Complaint, Handover
from streamproc.core.record import Output
from streamproc.core.switches import CAMPAIGN_PREFIX, Switch
from streamproc.store.base import Store, Tally

__all__ = ["Complaints"]

BY: Final = "streamproc"
CONFIG: Final = "config"
DAY_MS: Final = 86_400_000


class Complaints:
    """Counts messages and complaints of each campaign since it was last switched on, and pauses what offends.

    What was sent before that time counts no more, nor what is complained about it: whoever lets a campaign go on has
    looked at it. A campaign that is off is not counted.
    """

    def __init__(self, store: Store) -> None:
        """Count together with all workers on this store."""
        self._store = store

    async def count(self, handed: Sequence[tuple[str, Handover]], rules: Rules) -> None:
        """Count nudges that were handed over, given by id, each once. Raises as the store does."""
        pausing = rules.policy.creep.pausing
        if not handed or pausing.ratio >= 1:
            return
        ids: dict[Tally, list[str]] = {}
        for nudge_id, handover in handed:
            scope = _scope(handover.campaign, handover.decided_at_ms, rules)
            if scope:
                ids.setdefault((scope, handover.decided_at_ms // DAY_MS), []).append(nudge_id)
        if ids:
            await self._store.count_messages(ids, _ttl_ms(pausing))

    async def hear(self, complaints: Sequence[Complaint], rules: Rules, now_ms: int) -> list[Output]:
        """Count complaints, each once; return the records of `config` that pause what they are too many of.

        A pause is returned to one complaint, and to it again if it is told again: the caller writes it before the
        complaint is acknowledged. Raises as the store does.
        """
        pausing = rules.policy.creep.pausing
        pauses: list[Output] = []
        for complaint in complaints if pausing.ratio < 1 else ():
            scope = _scope(complaint.campaign, complaint.sent_at_ms, rules)
            if not scope:
                continue
            today = complaint.at_ms // DAY_MS
            counted = await self._store.count_complaint(
                [(scope, today - ago) for ago in range(pausing.days)],
                complaint.nudge_id,
                _ttl_ms(pausing),
                ratio=pausing.ratio,
                messages_min=pausing.messages_min,
            )
            if counted.must_act:
                reason = _reason(counted.complaints, counted.messages, pausing)
                pauses.append(_pause(rules.policy.names_of(complaint.campaign)[0], reason, now_ms))
        return pauses


def _scope(name: str, sent_at_ms: int, rules: Rules) -> str:
    """Return what a message of a campaign counts in: nothing if the campaign is off, or was since it was sent."""
    campaign = rules.policy.called(name)
    if campaign is None:
        return ""
    switch = rules.switches.of_campaign(*campaign.names) or Switch(campaign.enabled)
    return f"{campaign.key}:{switch.at_ms}" if switch.enabled and switch.at_ms <= sent_at_ms else ""


def _ttl_ms(pausing: Pausing) -> int:
    # A message counts on its day and the days that follow it; one more, because a worker may be late.
    return (pausing.days + 1) * DAY_MS


def _reason(complaints: int, messages: int, pausing: Pausing) -> str:
    days = "today" if pausing.days == 1 else f"in {pausing.days} days"
    share = f"{complaints / messages:.4g} > {pausing.ratio:g}"
    return f"complaints {share}: {complaints} about {messages} messages {days}"


def _pause(campaign: str, reason: str, now_ms: int) -> Output:
    switch = Switch(enabled=False, reason=reason, by=BY, at_ms=now_ms)
    return Output(CONFIG, (CAMPAIGN_PREFIX + campaign).encode(), msgspec.json.encode(switch))
