"""What may still stop a nudge between its decision and its hand-over."""

from __future__ import annotations

from dataclasses import dataclass

from streamproc.core import zones
from streamproc.core.arrival import Rules
from streamproc.core.case import NO_PROFILE
from streamproc.core.consent import allows, processing_granted
from streamproc.core.consent_head import ConsentHead
from streamproc.core.context import Context
from streamproc.core.decision import Handover
from streamproc.core.exempt import channel_allows, is_held
from streamproc.core.facts import ANY_CHANNEL, SENSING
from streamproc.core.gates import unavailable
from streamproc.core.memory import ANYTHING, CATEGORY_HOLD_PREFIX, LIFE_EVENT
from streamproc.core.policy.model import TRANSACTIONAL, Exemption
from streamproc.core.quiet_hours import is_open
from streamproc.core.reasons import Gate, Why


@dataclass(frozen=True)
class Standing:
    """A customer's consent and memory, read afresh."""

    consent: ConsentHead
    context: Context | None


def refusal(handover: Handover, rules: Rules, now_ms: int, standing: Standing | None) -> Why | None:
    """Return the first reason not to hand this nudge over, None if there is none.

    Switches, expiry and stock are always asked; consent, wishes and quiet hours if `standing` was read afresh.
    """
    why = _switched_off(handover, rules)
    if why is not None:
        return why
    if now_ms >= handover.expires_at_ms:
        return Why(Gate.EXPIRED, f"{now_ms} >= {handover.expires_at_ms}")
    for sold in (handover.sold, *handover.sold_too) if handover.sold is not None else ():
        if (why := unavailable(sold, rules.catalog, now_ms)) is not None:
            return why
    if standing is None:
        return None
    return _consent_gone(handover, rules, standing, now_ms) or _wish_or_hour(
        handover, rules, standing, now_ms
    )


def _switched_off(handover: Handover, rules: Rules) -> Why | None:
    switches = rules.switches
    if (switch := switches.all_off()) is not None:
        return Why(Gate.ALL_OFF, switch.reason)
    if (switch := switches.channel_off(handover.channel)) is not None:
        return Why(Gate.CHANNEL_OFF, f"{handover.channel}: {switch.reason}")
    if (switch := switches.campaign_off(*rules.policy.names_of(handover.campaign))) is not None:
        return Why(Gate.CAMPAIGN_OFF, switch.reason)
    return None


def _consent_gone(handover: Handover, rules: Rules, standing: Standing, now_ms: int) -> Why | None:
    if not processing_granted(standing.consent, now_ms):
        return Why(Gate.NOT_OPTED_IN, "processing")
    allowed = channel_allows(
        standing.consent, handover.channel, handover.purpose, handover.exempt_from, now_ms
    )
    if not allowed.ok:
        return Why(Gate.NOT_OPTED_IN, f"{handover.channel}: {allowed.detail}")
    if handover.sensed:
        allowed = allows(standing.consent, ANY_CHANNEL, SENSING, now_ms)
        if not allowed.ok:
            return Why(Gate.SENSING, allowed.detail)
    for name in (handover.category, *handover.about_too):
        category = rules.policy.categories.get(name)
        if category is not None and category.consent is not None:
            allowed = allows(standing.consent, ANY_CHANNEL, category.consent, now_ms)
            if not allowed.ok:
                return Why(Gate.SPECIAL_CATEGORY, allowed.detail)
    return None


def _wish_or_hour(handover: Handover, rules: Rules, standing: Standing, now_ms: int) -> Why | None:
    context = standing.context
    if context is None:
        return Why(Gate.HOLD, "nothing is remembered of the customer any more")
    profile, holds = context.profile or NO_PROFILE, context.holds
    about = (handover.category, *handover.about_too)
    held_ms, muted_ms = (
        holds.get(ANYTHING, 0),
        max([holds.get(CATEGORY_HOLD_PREFIX + one, 0) for one in about]),
    )
    if is_held(held_ms, handover.exempt_from, now_ms) or muted_ms > now_ms:
        held_ms = max(held_ms, muted_ms)
        return Why(Gate.HOLD, f"until {held_ms}", held_ms)
    if handover.purpose != TRANSACTIONAL and (until_ms := holds.get(LIFE_EVENT, 0)) > now_ms:
        return Why(Gate.LIFE_EVENT, f"until {until_ms}", until_ms)
    if profile.paused_until_ms > now_ms:
        return Why(Gate.PAUSED, f"until {profile.paused_until_ms}", profile.paused_until_ms)
    for name in about:
        if name in profile.muted_categories:
            return Why(Gate.CATEGORY_MUTED, name)
    if handover.channel in profile.channels_off:
        return Why(Gate.CHANNEL_DECLINED, handover.channel)
    quiet = (
        rules.policy.channels[handover.channel].quiet if handover.channel in rules.policy.channels else None
    )
    zone = zones.zone(profile.zone)
    if Exemption.QUIET_HOURS in handover.exempt_from:
        return None
    if quiet is not None and (zone is None or not is_open(quiet, now_ms, zone)):
        return Why(Gate.QUIET_HOURS, handover.channel)
    return None
