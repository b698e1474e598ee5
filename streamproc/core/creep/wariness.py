"""How wary one customer is: what their answers made of it, drifting back to what most people are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamproc.core.creep.model import Wariness

USUAL: Final = 1.0


def wariness_at(scale: Wariness, stored: float, stored_ms: int, since_ms: int, now_ms: int) -> float:
    """Return a customer's wariness now.

    `stored` is what it was at `stored_ms`, 0 if no answer ever moved it; `since_ms` is when the customer was first
    heard of, 0 if that is long ago.
    """
    drifted = USUAL
    if stored > 0:
        half_life_ms = scale.eases_ms if stored > USUAL else scale.recovers_ms
        passed = max(0, now_ms - stored_ms) / half_life_ms
        drifted = USUAL + (stored - USUAL) * 2.0**-passed
    if since_ms and now_ms - since_ms < scale.newcomer_ms:
        return max(drifted, scale.start)
    return drifted


def moved(scale: Wariness, wariness: float, factor: float, floor: float) -> float:
    """Return a wariness after an answer: within its bounds, and by good news never below `floor`."""
    after = wariness * factor
    if factor < 1:
        after = max(after, min(wariness, floor))
    return min(max(after, scale.least), scale.most)
