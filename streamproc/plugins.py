"""Write conditions and rankings in Python, and find those that are installed. `docs/plugins.md` shows one at work.

A plug-in is a function, named by an entry point of the group `streamproc.conditions` or `streamproc.rankings`:

    @condition(reads=["order.completed"], within=timedelta(days=30))
    def returning(view: View, *, orders: int) -> bool: ...

    @ranking()
    def by_season(view: View, contenders: Sequence[Contender], *, boost: float = 1.0) -> Mapping[str, float]: ...

Its keyword-only arguments are what a policy gives it, by their types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

from streamproc.core.event import CUSTOM_PREFIX
from streamproc.core.plugin_view import Contender, View
from streamproc.core.plugins import Plugin, Plugins, PluginUnusable
from streamproc.core.policy.caps import MEMORY_MS
from streamproc.core.policy.fields import NAME, NAME_RULE
from streamproc.core.policy.kinds import PAST_KINDS
from streamproc.core.policy.plugin_arguments import shape_of

__all__ = ["CONDITIONS", "RANKINGS", "Contender", "View", "condition", "installed", "ranking"]

CONDITIONS: Final = "streamproc.conditions"
RANKINGS: Final = "streamproc.rankings"
# Where a function keeps what its author declared of it.
_DECLARED: Final = "__streamproc__"
_NO_TIME: Final = timedelta(0)

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True)
class _Declared:
    reads: frozenset[str] = frozenset()
    within_ms: int = 0
    sensed: bool = False


def condition(
    *, reads: Iterable[str] = (), within: timedelta = _NO_TIME, sensed: bool = False
) -> Callable[[F], F]:
    """Declare a condition: `def name(view, *, argument: type) -> bool`.

    `reads` are the kinds of event that it looks for among those remembered, so that they are; `within` is how far it
    looks back, which is how long a new rule needs to warm up. `sensed` lets it see what beacons heard; its campaigns
    then need the customer's consent to sensing. A condition that needs none of this works without the decorator.
    """
    return _declaring(_Declared(frozenset(reads), _ms(within), sensed))


def ranking(*, reads: Iterable[str] = (), within: timedelta = _NO_TIME) -> Callable[[F], F]:
    """Declare a ranking: `def name(view, contenders, *, argument: type)`, which returns an order or scores.

    An order is a list of campaigns, the best first; scores are numbers by campaign, the greatest first. `reads` and
    `within` are as for `condition`.
    """
    return _declaring(_Declared(frozenset(reads), _ms(within)))


def _ms(within: timedelta) -> int:
    return within // timedelta(milliseconds=1)


def _declaring(declared: _Declared) -> Callable[[F], F]:
    def declare(function: F) -> F:
        setattr(function, _DECLARED, declared)
        return function

    return declare


def installed() -> Plugins:
    """Find the plug-ins that are installed beside streamproc. None is loaded before a policy names it."""
    return Plugins(_found(CONDITIONS, 1), _found(RANKINGS, 2))


def _found(group: str, given: int) -> dict[str, Callable[[], Plugin]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, []).append(entry)
    return {name: partial(_load, entries, given) for name, entries in found.items()}


def _load(entries: list[EntryPoint], given: int) -> Plugin:
    """Load a plug-in. Raises PluginUnusable with what is wrong with it."""
    entry = entries[0]
    values = sorted({one.value for one in entries})
    if len(values) > 1:
        raise PluginUnusable(f"{len(values)} packages bring one of this name: {', '.join(values)}")
    if not NAME.fullmatch(entry.name):
        raise PluginUnusable(f"{entry.name!r} is not a name: {NAME_RULE}")
    try:
        function = entry.load()
    except (Exception, SystemExit) as error:
        raise PluginUnusable(f"{entry.value} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise PluginUnusable(f"{entry.value} is no function")
    declared = getattr(function, _DECLARED, _Declared())
    _check(declared)
    says = (getattr(function, "__doc__", None) or f"The plug-in {entry.name}.").strip().splitlines()[0]
    return Plugin(
        name=entry.name,
        function=function,
        shape=shape_of(function, given, says),
        reads=declared.reads,
        within_ms=declared.within_ms,
        sensed=declared.sensed,
    )


def _check(declared: _Declared) -> None:
    for kind in sorted(declared.reads):
        if kind not in PAST_KINDS and not kind.startswith(CUSTOM_PREFIX):
            raise PluginUnusable(f"it reads {kind!r}, which is no kind of event")
    if not 0 <= declared.within_ms <= MEMORY_MS:
        days, most = declared.within_ms // 86_400_000, MEMORY_MS // 86_400_000
        raise PluginUnusable(f"it looks back {days} days, events are remembered for {most}")
