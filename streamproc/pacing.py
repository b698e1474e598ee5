"""How fast all workers together may speak on a channel: each nudge of a paced one gets a slot of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from streamproc.core.decision import Handover
from streamproc.core.policy.model import Policy
from streamproc.core.reasons import Gate, Why
from streamproc.store.base import Store

__all__ = ["NOT_BEFORE_HEADER", "Pacing", "Slots"]

NOT_BEFORE_HEADER: Final = "sp-not-before-ms"
"""The header of a nudge that waits: it is not delivered before this time, in milliseconds since the epoch."""

Slots = Mapping[str, int | Why]
"""By nudge id: the slot of a nudge that waits, or why it has none."""
NO_SLOTS: Final[Slots] = {}


class Pacing:
    """Spreads the nudges of a channel over time, for the sake of the teams and systems behind it.

    A soft limit: the nudge is written at once, and whoever delivers it keeps to its slot. One that is handed over again
    takes another slot.
    """

    def __init__(self, store: Store) -> None:
        """Share the slots with all workers on this store."""
        self._store = store

    async def slots(self, named: Sequence[tuple[str, Handover]], policy: Policy, now_ms: int) -> Slots:
        """Give nudges, named by their ids, their slots: those that need not wait are left out.

        A nudge that would expire before its slot gets none. Raises as the store does.
        """
        slots: dict[str, int | Why] = {}
        for channel in policy.channels.values():
            ours = [(nudge_id, one) for nudge_id, one in named if one.channel == channel.name]
            if channel.pace is None or not ours:
                continue
            expiries_ms = [handover.expires_at_ms for _, handover in ours]
            given_ms = await self._store.slots(channel.name, now_ms, channel.pace.interval_ms, expiries_ms)
            for (nudge_id, handover), slot_ms in zip(ours, given_ms, strict=True):
                if slot_ms is None:
                    numbers = f"no slot before {handover.expires_at_ms} at {channel.pace.text}"
                    slots[nudge_id] = Why(Gate.PACE, f"{channel.name}: {numbers}")
                elif slot_ms > now_ms:
                    slots[nudge_id] = slot_ms
        return slots or NO_SLOTS
