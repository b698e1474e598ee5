"""The ladder: as written, softened, on a quieter channel, at a better moment. The first step that fits is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.creep.factors import Factors
from streamproc.core.creep.score import score

if TYPE_CHECKING:
    from streamproc.core.creep.model import Model

SEND, SOFTEN, QUIETER, DEFER, SILENCE = "send", "soften", "quieter", "defer", "silence"
RUNGS: Final = (SEND, SOFTEN, QUIETER, DEFER)
_ABOVE_ALL: Final = 2.0


class Step(msgspec.Struct, frozen=True, gc=False):
    """One step of the ladder: words of this rung on a channel, and how creepy they would be."""

    rung: str
    channel: str
    factors: Factors
    score: float


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """What a message must fit: the policy's `limit`, and the `room` that this customer's budget has left."""

    limit: float
    room: float

    def fits(self, step: Step) -> bool:
        """Tell whether a step may be taken."""
        return step.score <= self.limit and step.score <= self.room


class Ladder:
    """The steps offered to one customer for one candidate, each of which scores below the one before."""

    __slots__ = ("_last", "_model", "_wariness", "offered")

    def __init__(self, model: Model, wariness: float) -> None:
        """Begin above the first step."""
        self._model = model
        self._wariness = wariness
        self._last = _ABOVE_ALL
        self.offered: list[Step] = []

    def offer(self, rung: str, channel: str, factors: Factors) -> Step | None:
        """Weigh the next step; None if it does not score below the one before.

        Where that one did not fit, it would not either.
        """
        found = score(self._model, factors, self._wariness)
        if found >= self._last:
            return None
        self._last = found
        step = Step(rung, channel, factors, found)
        self.offered.append(step)
        return step

    def drop(self) -> None:
        """Take the last step back, for which there turned out to be no words: the next may score as it did."""
        self.offered.pop()
        self._last = self.offered[-1].score if self.offered else _ABOVE_ALL
