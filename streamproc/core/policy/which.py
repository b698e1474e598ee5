"""Which events and items a condition means, as authors write it: `event`, `same`, and what is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamproc.core import selection
from streamproc.core.policy import kinds
from streamproc.core.policy.caps import MEMORY_MS
from streamproc.core.policy.document import Node
from streamproc.core.policy.event_shapes import SAMES
from streamproc.core.policy.fields import Fields, duration_text
from streamproc.core.policy.problems import nearest
from streamproc.core.policy.scope import Scope
from streamproc.core.selection import ItemTestMaker, Selection, SitesMaker

FILTERS: Final = ("same", *SAMES)
_OF_ITEM: Final = ("item", "category", "brand")
_SAME: Final[dict[str, ItemTestMaker]] = {
    "item": selection.same_item,
    "category": selection.same_category,
    "brand": selection.same_brand,
}
NAMED: Final[dict[str, Callable[[Iterable[str]], ItemTestMaker]]] = {
    "category": selection.in_categories,
    "brand": selection.of_brands,
    "item": selection.with_ids,
}
# The fields of an event that each of these looks at.
LOOKS_AT: Final = {
    "item": "items",
    "category": "items.category",
    "brand": "items.brand",
    "site": "site_id",
    "value": "value_minor",
    "price": "items.price_minor",
}


@dataclass(frozen=True)
class Which:
    """Which events are meant: what to select, what they share with the event at hand, and what of them is named."""

    selection: Selection
    same: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of event."""
        return self.selection.kinds

    @property
    def is_sensed(self) -> bool:
        """Tell whether a beacon may have heard what is looked for."""
        return any(kinds.is_sensed(kind) for kind in self.kinds)

    @property
    def categories(self) -> frozenset[str]:
        """Return the categories that are named."""
        return frozenset(self.named.get("category", ()))

    @property
    def needs_item(self) -> bool:
        """Tell whether they are compared with the item of the event at hand."""
        return any(part != "site" for part in self.same)

    def implied(self) -> frozenset[str]:
        """Return the reason that is true wherever one of these events happened."""
        codes = {kinds.code_of(kind) for kind in self.kinds}
        return frozenset({code for code in codes if code is not None} if len(codes) == 1 else ())

    def needed(self, events: int) -> dict[str, int]:
        """Say how many events must be remembered at once, where they are of one kind."""
        return {kind: events for kind in self.kinds if events} if len(self.kinds) == 1 else {}


def read_kind(fields: Fields, node: Node, allowed: frozenset[str]) -> str | None:
    """Read the kind of an event; a producer's own kinds begin with `custom.`."""
    kind = node.raw
    if kind in kinds.UNSUPPORTED_KINDS:
        fields.error(node, f"{kind} {kinds.UNSUPPORTED_KINDS[kind]}")
    elif kind in allowed or kinds.is_custom(kind):
        return kind
    else:
        hint = nearest(kind, allowed) or "; a producer's own event is written custom.<name>"
        fields.error(node, f"{kind!r} is not a kind of event that is allowed here{hint}")
    return None


def read_within(fields: Fields, key: str = "within") -> int | None:
    """Read a window, no longer than events are remembered."""
    within_ms = fields.duration(key, 1_000, 10 * MEMORY_MS)
    if within_ms is not None and within_ms > MEMORY_MS:
        longest = duration_text(MEMORY_MS)
        fields.at(key, f"a window of {duration_text(within_ms)} is longer than the memory of {longest}")
        return None
    return within_ms


def read_which(
    fields: Fields,
    scope: Scope,
    *,
    within_ms: int | None = None,
    earlier: bool = False,
    event: frozenset[str] | None = None,
) -> Which | None:
    """Read which events are meant, of the kinds `event` if these are given; None where that cannot be told.

    Warns of kinds and fields that no producer sends.
    """
    found = _read_kinds(fields, scope) if event is None else event
    same = fields.one_or_more("same")
    named = read_named(fields, scope)
    sites = fields.one_or_more("site")
    for kind in found:
        _expect_filters(fields, scope, kind, same)
    if not found:
        return None
    selected = Selection(found, within_ms, meant_items(same, named), _at_sites(same, sites), earlier)
    return Which(selected, same, named | ({"site": sites} if sites else {}))


def read_named(fields: Fields, scope: Scope) -> dict[str, tuple[str, ...]]:
    """Read which categories, brands and items are named."""
    named = {
        "category": fields.one_or_more("category", scope.categories, "a category"),
        "brand": fields.one_or_more("brand"),
        "item": fields.one_or_more("item"),
    }
    return {part: names for part, names in named.items() if names}


def meant_items(same: Sequence[str], named: Mapping[str, Sequence[str]]) -> ItemTestMaker | None:
    """Say which items are meant: like the one at hand, and of what is named; None where any will do."""
    tests = [_SAME[part] for part in same if part in _SAME]
    tests += [NAMED[part](names) for part, names in named.items()]
    return selection.every(tests)


def _read_kinds(fields: Fields, scope: Scope) -> frozenset[str]:
    node = fields.keys.get("event")
    fields.one_or_more("event")
    nodes: Sequence[Node] = () if node is None else (node.items if node.kind == "list" else (node,))
    found = [read_kind(fields, one, kinds.PAST_KINDS) for one in nodes if one.kind in ("text", "number")]
    for kind in found:
        if kind is not None:
            scope.expect(fields, "event", kind)
    return frozenset(kind for kind in found if kind is not None)


def _at_sites(same: Sequence[str], named: Sequence[str]) -> SitesMaker | None:
    wanted = frozenset(named)
    if "site" not in same:
        return (lambda _scene: wanted) if named else None
    return (lambda scene: selection.same_site(scene) & wanted) if named else selection.same_site


def _expect_filters(fields: Fields, scope: Scope, kind: str, same: Sequence[str]) -> None:
    """Refuse what compares items of events that have none, and warn of what no producer sends."""
    for key in FILTERS:
        looked_at = () if key not in fields else same if key == "same" else (key,)
        if not kinds.has_item(kind) and any(part in _OF_ITEM for part in looked_at):
            fields.at(key, f"events of {kind} name no item")
            continue
        for part in looked_at:
            scope.expect(fields, key, kind, LOOKS_AT[part])
