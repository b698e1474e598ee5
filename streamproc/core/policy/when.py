"""A campaign's `trigger` and `when`: from nodes to closures, with what each condition reads, implies and needs."""

from __future__ import annotations

from typing import Final

from streamproc.core.context import RECENT_MAX
from streamproc.core.event import VISIT_DWELLED, VISIT_ENDED
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.plugins import PLUGIN_PREFIX
from streamproc.core.policy import kinds, rule, when_catalog, when_events, when_state
from streamproc.core.policy.catalog_shapes import CATALOG_SHAPES
from streamproc.core.policy.document import Node
from streamproc.core.policy.event_shapes import EVENT_SHAPES
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.model import Trigger
from streamproc.core.policy.problems import Findings, listed, nearest
from streamproc.core.policy.rule import NOTHING, Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.state_shapes import STATE_SHAPES
from streamproc.core.policy.when_plugins import read_plugin
from streamproc.core.policy.when_shapes import BRANCHES_MAX
from streamproc.core.policy.which import read_kind
from streamproc.core.producers import EXTRA_PREFIX
from streamproc.core.watching import ITEM_PRICE_DROPPED

# Deeper than three levels nobody reads; 64 conditions of a microsecond are more than all other steps of an event.
DEPTH_MAX: Final = 6
CONDITIONS_MAX: Final = 64
_LEAVES: Final = {**when_events.LEAVES, **when_state.LEAVES, **when_catalog.LEAVES}
_SHAPES: Final = {**EVENT_SHAPES, **STATE_SHAPES, **CATALOG_SHAPES}
_PLAIN: Final = {**when_state.PLAIN, **when_catalog.PLAIN}
KEYS: Final = (
    *("all", "any", "not"),
    *_LEAVES,
    *_PLAIN,
    *("trait.<name>", "extra.<name>", "plugin.<name>"),
)


def read_trigger(fields: Fields, scope: Scope) -> Trigger | None:
    """Read a campaign's trigger."""
    node = fields.keys.get("event")
    kind = None
    if node is not None and fields.text("event") is not None:
        kind = read_kind(fields, node, kinds.TRIGGER_KINDS)
    sites = fields.texts("sites")
    dwell_ms = fields.duration("dwell_min") or 0
    purpose = fields.choice("purpose")
    drop_ratio = fields.number("drop_ratio_min")
    if kind is None:
        return None
    scope.expect(fields, "event", kind)
    if "dwell_min" in fields and kind not in (VISIT_DWELLED, VISIT_ENDED):
        fields.at("dwell_min", f"only {VISIT_DWELLED} and {VISIT_ENDED} tell how long, not {kind}")
    if "dwell_min" not in fields and kind == VISIT_DWELLED:
        fields.at("event", f"{kind} needs dwell_min: how long must somebody have stayed?")
    if fields.is_empty("sites"):
        fields.at("sites", "is empty; leave it out for all stores")
    if "sites" in fields and not kinds.names_site(kind):
        fields.at("sites", f"only visits, and items, name a store, not {kind}")
    if "drop_ratio_min" in fields and kind != ITEM_PRICE_DROPPED:
        fields.at("drop_ratio_min", f"only {ITEM_PRICE_DROPPED} tells by how much, not {kind}")
    if "purpose" in fields and kind != kinds.CONSENT_GRANTED:
        fields.at("purpose", f"only {kinds.CONSENT_GRANTED} has a purpose, not {kind}")
    return Trigger(kind, frozenset(sites), dwell_ms, purpose, float(drop_ratio or 0))


class Conditions:
    """Compiles one campaign's conditions."""

    def __init__(self, scope: Scope, findings: Findings) -> None:
        self._scope: Final = scope
        self._findings: Final = findings
        self._count = 0

    def read(self, node: Node, depth: int = 0) -> Rule:
        """Read one condition: a mapping with one key."""
        fields = Fields(node, self._findings)
        if node.kind != "mapping":
            return NOTHING
        if len(fields.keys) != 1:
            found = ", ".join(fields.keys) or "none"
            fields.error(node, f"a condition has one key, this one has {found}; join several with all: [...]")
            return NOTHING
        key = next(iter(fields.keys))
        if key in ("all", "any", "not"):
            if depth == DEPTH_MAX:
                fields.at(key, f"stands {depth + 1} levels deep, {DEPTH_MAX} are allowed")
                return NOTHING
            return self._negated(fields, depth) if key == "not" else self._joined(fields, key, depth)
        self._count += 1
        if self._count == CONDITIONS_MAX + 1:
            fields.at(key, f"is one condition too many: a campaign may have {CONDITIONS_MAX}")
        return self._shared(node, self._leaf(fields, key))

    def _shared(self, node: Node, leaf: Rule) -> Rule:
        """Let a dear condition that other campaigns of the trigger ask as well be answered once for all."""
        if leaf.cost < when_events.COST:
            return leaf
        slot = self._scope.sharing.slot(self._scope.trigger, node)
        return leaf if slot is None else rule.answered_once(leaf, slot)

    def _leaf(self, fields: Fields, key: str) -> Rule:
        if key in _LEAVES:
            return _LEAVES[key](Fields(fields.keys[key], self._findings, _SHAPES[key]), self._scope)
        if key in _PLAIN:
            return _PLAIN[key](fields, key)
        if key.startswith(TRAIT_PREFIX):
            return when_state.read_trait(fields, key)
        if key.startswith(EXTRA_PREFIX):
            return when_state.read_extra(fields, key, self._scope)
        if key.startswith(PLUGIN_PREFIX):
            return read_plugin(fields, key, self._scope)
        # Of thirty names the one that was meant says more than all of them.
        hint = nearest(key, KEYS) or f"; allowed are {listed(KEYS)}"
        fields.at(key, f"unknown condition{hint}")
        return NOTHING

    def _negated(self, fields: Fields, depth: int) -> Rule:
        return rule.negated(self.read(fields.keys["not"], depth + 1))

    def _joined(self, fields: Fields, key: str, depth: int) -> Rule:
        nodes = fields.nodes(key)
        if fields.is_empty(key):
            fields.at(key, "is empty")
        if len(nodes) > BRANCHES_MAX:
            fields.at(key, f"has {len(nodes)} conditions, {BRANCHES_MAX} are allowed")
        rules = [self.read(node, depth + 1) for node in nodes[:BRANCHES_MAX]]
        if not rules:
            return NOTHING
        if key == "any":
            return rule.any_of(rules)
        joined = rule.all_of(rules)
        needed = sum(joined.needs.values())
        if needed > RECENT_MAX >= max(sum(one.needs.values()) for one in rules):
            fields.at(key, f"needs {needed} events at once, the memory keeps the newest {RECENT_MAX}")
        return joined
