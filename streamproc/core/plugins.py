"""Conditions and rankings that a team wrote in Python: what they are, and how they are asked.

They are given to the loader as values: finding, measuring and switching them off is the shell's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamproc.core.plugin_view import Contender, View

if TYPE_CHECKING:
    from streamproc.core.certainty import Certain
    from streamproc.core.policy.shape import Shape
    from streamproc.core.scene import Scene

PLUGIN_PREFIX: Final = "plugin."


class PluginUnusable(Exception):
    """Say why a plug-in that is installed cannot be used."""


def _is_working() -> str:
    return ""


@dataclass(frozen=True)
class Plugin:
    """A function of a plug-in, with what a policy must know of it.

    `shape` describes its arguments, `reads` are the kinds of event that must be remembered for it and `within_ms` is
    how far it looks back, `sensed` tells whether it looks at what beacons heard. `trouble` says why it is switched off,
    or nothing; only the shell asks that.
    """

    name: str
    function: Callable[..., object]
    shape: Shape
    reads: frozenset[str] = frozenset()
    within_ms: int = 0
    sensed: bool = False
    trouble: Callable[[], str] = field(default=_is_working, compare=False)


@dataclass(frozen=True)
class Plugins:
    """The plug-ins that are installed, by name; each is loaded when it is first called for.

    Loading one raises PluginUnusable.
    """

    conditions: Mapping[str, Callable[[], Plugin]] = field(default_factory=dict)
    rankings: Mapping[str, Callable[[], Plugin]] = field(default_factory=dict)


NO_PLUGINS: Final = Plugins()


def holds(answer: object) -> bool:
    """Take a condition's answer. Raises TypeError unless it is true or false."""
    if not isinstance(answer, bool):
        raise TypeError(f"a condition returns a bool, this one a {type(answer).__name__}")
    return answer


def asked(plugin: Plugin, arguments: Mapping[str, object]) -> Certain:
    """Hold where a plug-in's condition returns True, and fail where it returns False.

    Where it raises, or returns anything else, nobody knows: neither is the case. It is asked once a scene, however many
    conditions ask it the same.
    """
    ask, sensed, given = plugin.function, plugin.sensed, dict(arguments)
    slot = (plugin.name, *sorted(given.items()))

    def answer(scene: Scene) -> bool | None:
        answers = scene.answers
        if answers is None:
            answers = scene.answers = {}
        if slot not in answers:
            try:
                answers[slot] = holds(ask(View(scene, sensed=sensed), **given))
            except (Exception, SystemExit):  # noqa: BLE001 - whatever a team's own code does, it decides nothing then
                answers[slot] = None
        return answers[slot]

    return (lambda scene: answer(scene) is True), (lambda scene: answer(scene) is False)


def order_of(answer: object) -> Mapping[str, float]:
    """Take a ranking's answer, an order or scores, as scores: the greater the better.

    Raises TypeError for anything else, and for a score that is no number.
    """
    if isinstance(answer, Mapping):
        scores = {name: float(score) for name, score in answer.items() if isinstance(name, str)}
        if any(score != score for score in scores.values()):  # noqa: PLR0124 - only NaN differs from itself
            raise TypeError("a score is no number")
        return scores
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return {name: float(-place) for place, name in enumerate(answer) if isinstance(name, str)}
    raise TypeError(f"a ranking returns a list of names or a mapping of scores, not {type(answer).__name__}")


@dataclass(frozen=True)
class Ranking:
    """A plug-in's ranking as a policy uses it."""

    plugin: Plugin
    arguments: Mapping[str, object]

    def scores(self, scene: Scene, contenders: Sequence[Contender]) -> Mapping[str, float]:
        """Score the contenders, the greater the better; empty, so that the policy's order stands, where it fails."""
        view = View(scene, sensed=self.plugin.sensed)
        try:
            return order_of(self.plugin.function(view, tuple(contenders), **self.arguments))
        except (Exception, SystemExit):  # noqa: BLE001 - as in `asked`
            return {}
