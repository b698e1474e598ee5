"""Conditions alone, without a campaign around them, and the scenes that they are asked about."""

from __future__ import annotations

import json
from typing import Any

from streamproc.core import zones
from streamproc.core.context import Context, Remembered, RememberedItem
from streamproc.core.event import Event, Item
from streamproc.core.memory import remembered_item
from streamproc.core.policy.document import read
from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.rule import Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.when import Conditions
from streamproc.core.recent import remember
from streamproc.core.scene import Scene
from tests.policy.samples import FILES

NOW_MS = 1_772_539_200_000  # Tuesday, 2026-03-03T12:00Z
HOUR_MS = 3_600_000
POLICY = load(FILES)
CATEGORIES = tuple(POLICY.categories)


def compiled(when: str | dict[str, Any], trigger: str = "product.viewed") -> tuple[Rule, Findings]:
    """Compile a condition as it stands in a file, or as data."""
    findings = Findings()
    node = read("when", when if isinstance(when, str) else json.dumps(when), findings)
    assert node is not None, findings.errors
    return Conditions(Scope(CATEGORIES, trigger=trigger), findings).read(node), findings


def rule_of(when: str | dict[str, Any], trigger: str = "product.viewed") -> Rule:
    """Compile a condition that must be sound."""
    rule, findings = compiled(when, trigger)
    assert findings.errors == [], [str(error) for error in findings.errors]
    return rule


def verdict(rule: Rule, scene: Scene) -> bool | None:
    """Ask a condition: it holds, it fails, or nobody knows."""
    holds, fails = rule.test(scene), rule.fails(scene)
    assert not (holds and fails)
    return True if holds else False if fails else None


def event(*items: Item, at_ms: int = NOW_MS, **fields: Any) -> Event:
    """Make the event at hand: a view on the web unless told otherwise."""
    given = {"event_id": "e", "dialect": "test", "kind": "product.viewed", "surface": "web", **fields}
    return Event(**given, items=items, occurred_at_ms=at_ms, received_at_ms=at_ms)


def scene(
    at_hand: Event | None = None,
    recent: list[Remembered] | None = None,
    *,
    context: Context | None = None,
    zone: str | None = None,
    now_ms: int = NOW_MS,
) -> Scene:
    """Set a scene in which these events are remembered, in the order of their arrival."""
    at_hand = at_hand or event()
    memory = context or Context(customer_id="c")
    for one in recent or ():
        remember(memory, one)
    item: RememberedItem | None = remembered_item(at_hand.items[0]) if at_hand.items else None
    return Scene(
        context=memory,
        event=at_hand,
        now_ms=now_ms,
        policy=POLICY,
        zone=None if zone is None else zones.zone(zone),
        item=item,
        category=None if item is None else POLICY.find_category(item.category),
    )
