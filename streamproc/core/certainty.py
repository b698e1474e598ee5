"""Conditions that may be unknown: what holds for certain, and what fails for certain.

Where something is not known neither is true, so that a `not` never turns what nobody knows into a yes.
"""

from __future__ import annotations

from collections.abc import Callable

from streamproc.core.policy.model import Condition
from streamproc.core.scene import Scene

Certain = tuple[Condition, Condition]
# A number, and whether it is whole: one that is not may in truth be greater.
Measure = Callable[[Scene], tuple[int, bool]]


def measured(measure: Measure, low: int | None, high: int | None) -> Certain:
    """Compare a number with bounds that are both included; None is no bound."""

    def holds(scene: Scene) -> bool:
        number, is_whole = measure(scene)
        return (low is None or number >= low) and (high is None or (is_whole and number <= high))

    def fails(scene: Scene) -> bool:
        number, is_whole = measure(scene)
        return (low is not None and is_whole and number < low) or (high is not None and number > high)

    return holds, fails
