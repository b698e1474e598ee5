"""The ladder: as written, softened, on a quieter channel, at a better moment. The first step that fits is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.creep.factors import Factors, deferred
from streamproc.core.creep.score import score

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamproc.core.creep.model import Model

SEND, SOFTEN, QUIETER, DEFER = "send", "soften", "quieter", "defer"
RUNGS: Final = (SEND, SOFTEN, QUIETER, DEFER)


class Step(msgspec.Struct, frozen=True, gc=False):
    """One step of the ladder: the words of `rung` on the channel at `place` of those that may speak, and its score."""

    rung: str
    place: int
    factors: Factors
    score: float


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """What a message must fit: the policy's `limit`, and the `room` that this customer's budget has left."""

    limit: float
    room: float

    def fits(self, step: Step) -> bool:
        """Tell whether a step may be taken."""
        return step.score <= self.limit and step.score <= self.room


def steps(model: Model, written: Factors | None, soft: Sequence[Factors], wariness: float) -> Iterator[Step]:
    """Yield the steps from the first on, each of which scores below the one before.

    `written` are the factors of the words as they stand, on the loudest channel that may speak; None where only soft
    words may be said. `soft` are those of the soft words on each channel that may speak, loud to quiet. A step that
    does not score below the one before is left out: where that one did not fit, it would not either.
    """
    last = 2.0
    if written is not None:
        last = score(model, written, wariness)
        yield Step(SEND, 0, written, last)
    for place, factors in enumerate(soft):
        found = score(model, factors, wariness)
        if found < last:
            last = found
            yield Step(QUIETER if place else SOFTEN, place, factors, found)
    if soft:
        waited = deferred(soft[-1], model.scales)
        found = score(model, waited, wariness)
        if found < last:
            yield Step(DEFER, len(soft) - 1, waited, found)


def taken(steps: Sequence[Step], bounds: Bounds) -> Step | None:
    """Return the first step that fits, None where silence is all that does."""
    return next((step for step in steps if bounds.fits(step)), None)
