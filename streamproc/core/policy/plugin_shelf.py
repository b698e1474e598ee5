"""The plug-ins that one policy names: each is taken from what is installed once, with the arguments it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from streamproc.core.plugins import NO_PLUGINS, PLUGIN_PREFIX, Plugin, Plugins, PluginUnusable, Ranking
from streamproc.core.policy.fields import NAME, Fields
from streamproc.core.policy.plugin_arguments import read_arguments
from streamproc.core.policy.problems import listed, nearest
from streamproc.core.policy.shape import ByName, Either, Flag, ListOf, Number, Text

ARGUMENTS: Final = ByName(
    Either((Text(), Number(-1e12, 1e12), Flag(), ListOf(Text()))), NAME.pattern, says="Its arguments."
)


class Shelf:
    """Takes plug-ins for one policy. `conditions` are those that it uses, by name."""

    def __init__(self, plugins: Plugins = NO_PLUGINS) -> None:
        self._installed: Final = plugins
        self._rankings: Final[dict[str, Plugin]] = {}
        self.conditions: Final[dict[str, Plugin]] = {}

    @property
    def reads(self) -> frozenset[str]:
        """The kinds of event that must be remembered for rankings; those of conditions stand in their rules."""
        return frozenset[str]().union(*(plugin.reads for plugin in self._rankings.values()))

    def condition(self, fields: Fields, key: str) -> tuple[Plugin, dict[str, object]] | None:
        """Take the condition that a key names, and read its arguments; None where it cannot be used."""
        return self._take(fields, key, self._installed.conditions, self.conditions)

    def ranking(self, fields: Fields, key: str) -> Ranking | None:
        """Take the ranking that a key names, and read its arguments; None where it cannot be used."""
        taken = self._take(fields, key, self._installed.rankings, self._rankings)
        return None if taken is None else Ranking(*taken)

    def _take(
        self,
        fields: Fields,
        key: str,
        installed: Mapping[str, Callable[[], Plugin]],
        taken: dict[str, Plugin],
    ) -> tuple[Plugin, dict[str, object]] | None:
        name = key.removeprefix(PLUGIN_PREFIX)
        if name not in installed:
            known = f"installed are {listed(sorted(installed))}{nearest(name, installed)}"
            fields.at(key, f"no plug-in {name!r} is installed; {known}")
            return None
        try:
            if name not in taken:
                taken[name] = installed[name]()
        except PluginUnusable as error:
            fields.at(key, f"the plug-in {name} cannot be used: {error}")
            return None
        plugin = taken[name]
        return plugin, read_arguments(Fields(fields.keys[key], fields.findings, plugin.shape))
