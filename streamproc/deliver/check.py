"""Ask once more, right before a nudge leaves its topic, what the emission gate asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from streamproc.core.arrival import Rules
from streamproc.core.consent import decode_consent
from streamproc.core.consent_head import NO_CONSENT, UnreadableConsent
from streamproc.core.context import Context, UnreadableContext
from streamproc.core.decision import Handover
from streamproc.core.facts import MARKETING
from streamproc.core.memory import charge_of
from streamproc.core.reasons import Why
from streamproc.core.refusal import Standing, refusal
from streamproc.core.stored_context import decode_context
from streamproc.deliver.parcel import Parcel
from streamproc.store.base import Slot, Store, StoreUnavailable
from streamproc.store.keys import IdKey
from streamproc.store.sent import Sent, SentLog

__all__ = ["Check", "Checked", "is_switched_off"]

_NO_ONE: Final = Standing(NO_CONSENT, None)


@dataclass(frozen=True)
class Checked:
    """What the state in Redis says of a nudge: the mark if it has left before, and the customer as of now."""

    sent: Sent | None
    standing: Standing


class Check:
    """Looks at a nudge's mark and its customer."""

    def __init__(self, store: Store, sent: SentLog, key: IdKey) -> None:
        """Read from this store and these marks; `key` hashes customer ids."""
        self._store, self._sent, self._key = store, sent, key

    async def look(self, parcel: Parcel) -> Checked:
        """Read both afresh. Raises StoreUnavailable or StoreRefused."""
        (slot,), sent = await asyncio.gather(
            self._store.load([self._key.h(parcel.customer_id)]), self._sent.find(parcel.nudge_id)
        )
        return Checked(sent, _standing(slot))

    def refusal(self, parcel: Parcel, rules: Rules, now_ms: int, standing: Standing = _NO_ONE) -> Why | None:
        """Return the first reason not to hand this nudge over, None if there is none."""
        return refusal(self._handover(parcel, rules, standing.context), rules, now_ms, standing)

    def _handover(self, parcel: Parcel, rules: Rules, context: Context | None) -> Handover:
        """Say of a nudge what the gate asks for; what its topic does not carry is taken from charge and policy."""
        campaign = rules.policy.called(parcel.campaign)
        charge = charge_of(context, parcel.nudge_id) if context is not None else None
        known = [one.sensed for one in (charge, campaign) if one is not None]
        # Topic and policy must agree on an exemption: a campaign may have become another, and a topic is no policy.
        is_as_decided = campaign is not None and campaign.purpose == parcel.purpose
        return Handover(
            h=self._key.h(parcel.customer_id),
            channel=parcel.channel,
            campaign=parcel.campaign,
            category=parcel.category,
            purpose=parcel.purpose if is_as_decided else MARKETING,
            # Where nobody remembers what caused it, it may have been a beacon.
            sensed=any(known) or not known,
            rung="",
            occurred_at_ms=parcel.decided_at_ms,
            decided_at_ms=parcel.decided_at_ms,
            expires_at_ms=parcel.expires_at_ms,
            exempt_from=tuple(sorted(campaign.exempt_from)) if campaign is not None and is_as_decided else (),
        )


def _standing(slot: Slot) -> Standing:
    try:
        return Standing(
            decode_consent(slot.consent) if slot.consent else NO_CONSENT,
            decode_context(slot.context) if slot.context else None,
        )
    except (UnreadableConsent, UnreadableContext) as error:
        # A later version wrote it: nobody knows what the customer says now.
        raise StoreUnavailable(str(error)) from error


def is_switched_off(rules: Rules, channel: str) -> bool:
    """Tell whether everything or this channel is off: then nudges wait, since it may go on before they expire."""
    return rules.switches.all_off() is not None or rules.switches.channel_off(channel) is not None
