"""What customers answer, and what it does to them: wariness and budget move, each time on the record.

Holds, mutes and withdrawals that follow from an answer are restraint of their own (`core.memory`, `core.decide`).
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.context import Throttle
from streamproc.core.creep.budget import DIGITS, level_at
from streamproc.core.creep.wariness import moved, wariness_at
from streamproc.core.decision import OptOut
from streamproc.core.facts import OPT_OUTS, OUTCOMES, Outcome
from streamproc.core.memory import charge_of

if TYPE_CHECKING:
    from streamproc.core.context import Charge, Context
    from streamproc.core.event import Event
    from streamproc.core.policy.model import Policy

SETTING_OFF, TOPIC_WANTED = "setting_off", "topic_wanted"
# What counts though it cannot be told which message it was about, or that message is forgotten.
_AGAINST_ALL: Final = frozenset({"unsubscribed", "complained", "uninstalled"})


class Felt(msgspec.Struct, frozen=True):
    """What an answer changed: what was spent of the budget and how wary the customer is, after it."""

    level: float
    wariness: float
    nudge_id: str | None = None
    channel: str | None = None
    category: str | None = None


def hear(context: Context, outcome: Outcome, policy: Policy, now_ms: int, *, is_news: bool) -> Felt | None:
    """Take an answer to a message to heart; None where it changes nothing.

    A nudge has one answer of a kind, however often it is told: the charge remembers which it heard. Of an answer to no
    message that is remembered `is_news` tells whether it was told before.
    """
    charge = charge_of(context, outcome.nudge_id)
    if charge is None:
        if outcome.kind not in _AGAINST_ALL or not is_news:
            return None
        return feel(context, outcome.kind, policy, now_ms)
    bit = 1 << OUTCOMES.index(outcome.kind)
    if charge.heard & bit:
        return None
    heard = msgspec.structs.replace(charge, heard=charge.heard | bit)
    context.charges = [heard if one is charge else one for one in context.charges]
    # That it was delivered or opened moves nothing now, and tells later that it was ignored or was not.
    return (
        feel(context, outcome.kind, policy, now_ms, charge) if outcome.kind in policy.creep.feedback else None
    )


def opt_out_of(context: Context | None, event: Event) -> OptOut | None:
    """Return an event as an opt-out after a message that is remembered; None for any other."""
    told = event.fact
    if not isinstance(told, Outcome) or told.kind not in OPT_OUTS or context is None:
        return None
    charge = charge_of(context, told.nudge_id)
    if charge is None:
        return None
    return OptOut(told.kind, charge.campaign, charge.nudge_id.hex(), charge.at_ms, event.received_at_ms)


def feel(
    context: Context, kind: str, policy: Policy, now_ms: int, charge: Charge | None = None
) -> Felt | None:
    """Move a customer's wariness and budget by one answer; None where both stay as they were."""
    model, kept = policy.creep, context.throttle or Throttle()
    answer, scale = model.feedback[kind], model.wariness
    # Good news never makes a newcomer's caution last longer than it would have.
    since_ms = context.since_ms if answer.wariness >= 1 else 0
    before = wariness_at(scale, kept.wariness, kept.wariness_ms, since_ms, now_ms)
    floor = _floor(policy, charge) if answer.wariness < 1 else -inf
    wariness = round(moved(scale, before, answer.wariness, floor), DIGITS)
    was = level_at(kept.level, kept.level_ms, now_ms, model.half_life_ms)
    level = max(was, model.capacity) if answer.is_full else max(0.0, was + answer.level)
    level = round(level, DIGITS)
    if level == round(was, DIGITS) and wariness == round(before, DIGITS):
        return None
    context.throttle = Throttle(level, now_ms, wariness, now_ms)
    if charge is None:
        return Felt(level, wariness)
    return Felt(level, wariness, charge.nudge_id.hex(), charge.channel, charge.category or None)


def _floor(policy: Policy, charge: Charge | None) -> float:
    """Return how far good news may lower wariness: of private things not below what is usual."""
    scales = policy.creep.scales
    name = charge.category if charge is not None else ""
    category = policy.categories.get(name, policy.default_category) if name else None
    is_private = category is not None and (
        category.gift_prone or scales.sensitivity[category.sensitivity] > 0
    )
    return 1.0 if is_private else 0.0
