"""What the throttle knows of one customer at one moment: how wary they are, and how much they have had lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc.core.context import Throttle
from streamproc.core.creep.budget import DIGITS, level_at, room
from streamproc.core.creep.ladder import Bounds
from streamproc.core.creep.wariness import wariness_at

if TYPE_CHECKING:
    from streamproc.core.context import Context
    from streamproc.core.creep.model import Model


class Mood(msgspec.Struct, frozen=True, gc=False):
    """A customer's wariness, and the level of their budget, now."""

    wariness: float
    level: float
    bounds: Bounds


def mood_of(context: Context, model: Model, now_ms: int) -> Mood:
    """Return the customer's mood now."""
    kept = context.throttle or _FRESH
    wariness = wariness_at(model.wariness, kept.wariness, kept.wariness_ms, context.since_ms, now_ms)
    level = round(level_at(kept.level, kept.level_ms, now_ms, model.half_life_ms), DIGITS)
    return Mood(round(wariness, DIGITS), level, Bounds(model.limit, room(model, level)))


def spend(context: Context, level: float, now_ms: int) -> None:
    """Write down the level of the customer's budget."""
    kept = context.throttle or _FRESH
    context.throttle = msgspec.structs.replace(kept, level=level, level_ms=now_ms)


_FRESH = Throttle()
