"""Conditions that a team wrote in Python, as a policy's authors use them: `plugin.<name>` with its arguments."""

from __future__ import annotations

from typing import Final

from streamproc.core import conditions, plugins
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.rule import NOTHING, Rule
from streamproc.core.policy.scope import Scope

# A team's own code may be a thousand times as dear as ours: it is asked last.
COST: Final = 1_000


def read_plugin(parent: Fields, key: str, scope: Scope) -> Rule:
    """Read the use of a plug-in. It gives no reason: what a team's own code concludes, nobody can check."""
    taken = scope.shelf.condition(parent, key)
    if taken is None:
        return NOTHING
    plugin, arguments = taken
    for kind in sorted(plugin.reads):
        scope.expect(parent, key, kind)
    if scope.is_unplugged:
        return Rule(conditions.always, conditions.always)
    test, contrary = plugins.asked(plugin, arguments)
    return Rule(
        test,
        contrary,
        reads=plugin.reads,
        warmup_ms=plugin.within_ms,
        sensed=plugin.sensed,
        sensed_not=plugin.sensed,
        cost=COST,
        plugins=frozenset({plugin.name}),
    )
