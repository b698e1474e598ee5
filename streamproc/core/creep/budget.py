"""How much a customer has had lately: a bucket that each message fills by its score, and that drains by half-lives."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamproc.core.creep.model import Model

DIGITS: Final = 6
# After so many half-lives the fullest bucket holds less than is recorded.
_HALVES_MAX: Final = 64


def level_at(level: float, since_ms: int, now_ms: int, half_life_ms: int) -> float:
    """Return what is left of a level some time later; a clock that went back drains nothing."""
    if level <= 0 or now_ms <= since_ms:
        return max(level, 0.0)
    halves = (now_ms - since_ms) / half_life_ms
    return 0.0 if halves > _HALVES_MAX else level * 2.0**-halves


def room(model: Model, level: float) -> float:
    """Return what still fits; nothing where more was spent than the bucket holds, as after a complaint."""
    return max(0.0, model.capacity - level)


def spacing_ms(model: Model, cost: float) -> float:
    """Return how far apart messages of one cost must be for each of them to fit for ever. `cost` is below capacity."""
    return model.half_life_ms * log2(model.capacity / (model.capacity - cost))
