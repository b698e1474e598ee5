"""How simulated time passes: the busy day at leisure, the nights and the days before it in a blink."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from streamproc.ops.demo.calendar import at

__all__ = ["FIRST_DAY", "Pace", "later_pace"]

Knots = Sequence[tuple[int, float]]


class Pace:
    """A broken line between instants of the simulated days and fractions, 0 to 1, of the time that a run takes."""

    def __init__(self, knots: Knots) -> None:
        """Take points of the line; both instants and fractions grow."""
        self._instants = [instant_ms for instant_ms, _ in knots]
        self._fractions = [fraction for _, fraction in knots]

    def fraction(self, at_ms: int) -> float:
        """Return when, as a fraction of the run, this instant is reached."""
        return _between(at_ms, self._instants, self._fractions)

    def instant_ms(self, fraction: float) -> int:
        """Return the simulated instant that is reached at this fraction of the run."""
        return round(_between(fraction, self._fractions, self._instants))


def _between(value: float, given: Sequence[float], wanted: Sequence[float]) -> float:
    index = min(max(bisect_right(given, value), 1), len(given) - 1)
    low, high = given[index - 1], given[index]
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return wanted[index - 1] + share * (wanted[index] - wanted[index - 1])


FIRST_DAY: Final = Pace(
    (
        (at(-4, "17:59"), 0.0),
        (at(-4, "18:50"), 0.02),
        (at(-3, "11:59"), 0.03),
        (at(-3, "15:10"), 0.05),
        (at(-2, "11:59"), 0.06),
        (at(-2, "19:10"), 0.09),
        (at(-1, "10:59"), 0.10),
        (at(-1, "12:10"), 0.12),
        (at(0, "06:59"), 0.13),
        (at(0, "23:30"), 1.0),
    )
)


def later_pace(day: int) -> Pace:
    """Return the pace of a day after the first."""
    return Pace(((at(day, "06:59"), 0.0), (at(day, "23:30"), 1.0)))
