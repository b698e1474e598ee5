"""Conditions on values that have no fixed type: declared traits, and the further fields of the event at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamproc.core.policy.model import Condition
from streamproc.core.scene import Scene

Value = str | int | float | bool
Getter = Callable[[Scene], Value | list[str] | None]


def comparable(value: Value) -> Value:
    """Fold a text's case, so that `Vegetarian` is `vegetarian`; true and 1 stay different."""
    if isinstance(value, bool):
        return f"\0{value}"
    return value.casefold() if isinstance(value, str) else value


def trait(name: str) -> Getter:
    """Read a trait that the customer declared."""

    def get(scene: Scene) -> Value | list[str] | None:
        profile = scene.context.profile
        return None if profile is None else profile.traits.get(name)

    return get


def further(name: str) -> Getter:
    """Read a further field of the event at hand."""
    return lambda scene: scene.event.extra.get(name)


def value_in(get: Getter, values: Sequence[Value]) -> Condition:
    """Hold where it is one of these values; of a list, any entry counts."""
    wanted = frozenset(comparable(value) for value in values)

    def test(scene: Scene) -> bool:
        value = get(scene)
        if isinstance(value, list):
            return any(comparable(one) in wanted for one in value)
        return value is not None and comparable(value) in wanted

    return test


def value_between(get: Getter, low: float | None, high: float | None) -> Condition:
    """Hold where it is a number from `low` to `high`."""

    def test(scene: Scene) -> bool:
        value = get(scene)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (low is None or value >= low) and (high is None or value <= high)

    return test
