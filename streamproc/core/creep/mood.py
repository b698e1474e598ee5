"""What the throttle knows of one customer at one moment: how wary they are, and how much they have had lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.context import Throttle
from streamproc.core.creep.budget import DIGITS, level_at, room
from streamproc.core.creep.ladder import Bounds
from streamproc.core.creep.wariness import wariness_at
from streamproc.core.facts import OUTCOMES

if TYPE_CHECKING:
    from streamproc.core.context import Context
    from streamproc.core.creep.model import Model


IGNORED_MS: Final = 72 * 3_600_000
"""A message that was delivered and not so much as opened by then was ignored."""
_DELIVERED_ALONE: Final = 1 << OUTCOMES.index("delivered")


class Mood(msgspec.Struct, frozen=True, gc=False):
    """A customer's wariness, and the level of their budget, now."""

    wariness: float
    level: float
    bounds: Bounds


def mood_of(context: Context, model: Model, now_ms: int) -> Mood:
    """Return the customer's mood now."""
    kept = context.throttle or _FRESH
    wariness = wariness_at(model.wariness, kept.wariness, kept.wariness_ms, context.since_ms, now_ms)
    if ignored := _ignored(context, model, now_ms):
        wariness = min(wariness * model.feedback["ignored"].wariness ** ignored, model.wariness.most)
    level = round(level_at(kept.level, kept.level_ms, now_ms, model.half_life_ms), DIGITS)
    return Mood(round(wariness, DIGITS), level, Bounds(model.limit, room(model, level)))


def spend(context: Context, level: float, now_ms: int) -> None:
    """Write down the level of the customer's budget."""
    kept = context.throttle or _FRESH
    context.throttle = msgspec.structs.replace(kept, level=level, level_ms=now_ms)


def _ignored(context: Context, model: Model, now_ms: int) -> float:
    """Count the remembered messages that were ignored, each fading as bad news does.

    Nothing is written down for that: what is opened late was not ignored.
    """
    count = 0.0
    for charge in context.charges:
        if charge.heard == _DELIVERED_ALONE and (passed_ms := now_ms - charge.at_ms - IGNORED_MS) >= 0:
            count += 2.0 ** -(passed_ms / model.wariness.eases_ms)
    return count


_FRESH = Throttle()
