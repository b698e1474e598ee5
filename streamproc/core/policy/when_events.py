"""Conditions over remembered events as their authors write them: how many, how different, worth what, how long ago.

`count`, `distinct` and `sum` take the event at hand in; the others look at what came before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from streamproc.core import conditions, conditions_events
from streamproc.core.context import RECENT_ITEMS_MAX, RECENT_MAX
from streamproc.core.policy import kinds
from streamproc.core.policy.amounts import read_kept, read_money
from streamproc.core.policy.caps import MEMORY_MS
from streamproc.core.policy.event_shapes import DAY
from streamproc.core.policy.fields import Fields, duration_text
from streamproc.core.policy.model import Condition
from streamproc.core.policy.problems import listed
from streamproc.core.policy.rule import NOTHING, Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.when_days import count_by_day, days_with, read_window
from streamproc.core.policy.which import FILTERS, LOOKS_AT, Which, read_which, read_within

Leaf = Callable[[Fields, Scope], Rule]
COST: Final = 10
ORDERED: Final = frozenset({"order.completed"})


def _rule(which: Which, test: Condition, contrary: Condition | None = None) -> Rule:
    """Make the rule of a condition that holds only where one of these events is remembered."""
    return Rule(
        test,
        contrary,
        implies=which.implied(),
        reads=which.kinds,
        needs=which.needed(1),
        warmup_ms=which.selection.within_ms or 0,
        sensed=which.is_sensed,
        about=which.categories,
        needs_item=which.needs_item,
        # Memory is decoded only where somebody asks: everything else goes first.
        cost=COST,
    )


def _bounded(rule: Rule, which: Which, low: int | None, high: int | None) -> Rule:
    """Correct a rule for its bounds: without a lower one it holds where nothing happened, and gives no reason."""
    bounded = _contrary_of(rule, which) if high is not None else rule
    return bounded if low else replace(bounded, implies=frozenset(), sensed=False, about=frozenset())


def _contrary_of(rule: Rule, which: Which) -> Rule:
    """Note that also the contrary of a rule holds because of one of these events."""
    return replace(rule, sensed_not=which.is_sensed, about_not=which.categories)


def _count(fields: Fields, scope: Scope) -> Rule:
    if read_window(fields):
        return count_by_day(fields, scope)
    low, high = read_kept(fields, RECENT_MAX, "events", f"the newest {RECENT_MAX}")
    within_ms = read_within(fields)
    which = read_which(fields, scope, within_ms=within_ms)
    if which is None or within_ms is None or (low is None and high is None):
        return NOTHING
    is_crowded = scope.sharing.is_crowded(scope.trigger)
    test = None if is_crowded else _quick_count(which, within_ms, low, high)
    test = test or conditions_events.count_of(which.selection, low, high)
    return replace(_bounded(_rule(which, test), which, low, high), needs=which.needed(low or 0))


def _quick_count(which: Which, within_ms: int, low: int | None, high: int | None) -> Condition | None:
    """Return the count in its quicker form, where it has one."""
    if len(which.kinds) > 1:
        return None
    (kind,) = which.kinds
    match which.same, tuple(which.named.items()):
        case ("item",), ():
            return conditions.counted_same_item(kind, within_ms, low, high)
        case ("category",), ():
            return conditions.counted_in_category(kind, within_ms, low, high, None)
        case (), (("category", (name,)),):
            return conditions.counted_in_category(kind, within_ms, low, high, name)
        case (), ():
            return conditions.counted(kind, within_ms, low, high, None)
    return None


def _distinct(fields: Fields, scope: Scope) -> Rule:
    of = fields.choice("of")
    if read_window(fields) or of == DAY:
        return days_with(fields, scope, of)
    apiece = 1 if of == "site" else RECENT_ITEMS_MAX
    kept = RECENT_MAX * apiece
    memory = (
        f"{kept}: the newest {RECENT_MAX} events, and {apiece} {'site' if of == 'site' else 'items'} of each"
    )
    low, high = read_kept(fields, kept, "different ones", memory)
    within_ms = read_within(fields)
    which = read_which(fields, scope, within_ms=within_ms)
    if which is None or of is None or within_ms is None or (low is None and high is None):
        return NOTHING
    _expect_of(fields, scope, which, of)
    pair = conditions_events.distinct(which.selection, of, low, high)
    rule = _bounded(_rule(which, *pair), which, low, high)
    needed = which.needed(-(-(low or 0) // apiece))
    return replace(rule, needs=needed, by_spending=of == "item" and _are_orders(which))


def _sum(fields: Fields, scope: Scope) -> Rule:
    of = fields.choice("of")
    low, high, currency = read_money(fields)
    within_ms = read_within(fields)
    which = read_which(fields, scope, within_ms=within_ms)
    if which is None or of is None or within_ms is None:
        return NOTHING
    _expect_of(fields, scope, which, of)
    pair = conditions_events.total(which.selection, of, currency, low, high)
    rule = _bounded(_rule(which, *pair), which, low, high)
    needed = which.needed(1 if low else 0)
    return replace(rule, sums=which.kinds, needs=needed, by_spending=_are_orders(which))


def _expect_of(fields: Fields, scope: Scope, which: Which, of: str) -> None:
    for kind in sorted(which.kinds):
        if of not in ("site", "value") and not kinds.has_item(kind):
            fields.at("of", f"events of {kind} name no item")
        else:
            scope.expect(fields, "of", kind, LOOKS_AT[of])


def _are_orders(which: Which) -> bool:
    return any(kind.startswith("order.") for kind in which.kinds)


def _since(fields: Fields, scope: Scope) -> Rule:
    if "min" not in fields and "max" not in fields and fields.node.kind == "mapping":
        fields.error(fields.node, "needs min or max")
    low_ms, high_ms = read_within(fields, "min"), read_within(fields, "max")
    if low_ms is not None and high_ms is not None and low_ms > high_ms:
        fields.at("max", f"{duration_text(high_ms)} is below min {duration_text(low_ms)}")
    which = read_which(fields, scope, earlier=True)
    if which is None or (low_ms is None and high_ms is None):
        return NOTHING
    rule = _rule(which, conditions_events.since(which.selection, low_ms, high_ms))
    rule = replace(rule, warmup_ms=max(low_ms or 0, high_ms or 0))
    # Whoever was heard too lately for `min` fails it because a beacon heard them.
    return rule if low_ms is None else _contrary_of(rule, which)


def _present(fields: Fields, scope: Scope) -> Rule:
    which = _read_window(fields, scope)
    return NOTHING if which is None else _rule(which, conditions_events.present(which.selection))


def _ordered(fields: Fields, scope: Scope) -> Rule:
    which = _read_window(fields, scope, event=ORDERED)
    return NOTHING if which is None else _rule(which, conditions_events.present(which.selection))


def _absent(fields: Fields, scope: Scope) -> Rule:
    which = _read_window(fields, scope)
    if which is None:
        return NOTHING
    rule = _rule(which, conditions_events.absent(which.selection))
    return replace(_contrary_of(rule, which), implies=frozenset(), needs={}, sensed=False, about=frozenset())


def _read_window(fields: Fields, scope: Scope, event: frozenset[str] | None = None) -> Which | None:
    within_ms = read_within(fields)
    which = read_which(fields, scope, within_ms=within_ms, earlier=True, event=event)
    return None if within_ms is None else which


def _first(fields: Fields, scope: Scope) -> Rule:
    which = read_which(fields, scope, earlier=True)
    if which is None:
        return NOTHING
    if scope.trigger and scope.trigger not in which.kinds:
        meant = f"the event that triggers is {scope.trigger}, not {' or '.join(sorted(which.kinds))}"
        fields.at("event", f"{meant}; for what happened before it use absent")
    rule = _rule(which, conditions_events.first(which.selection))
    return replace(_contrary_of(rule, which), warmup_ms=MEMORY_MS)


def _last(fields: Fields, scope: Scope) -> Rule:
    within_ms = read_within(fields)
    if not any(part in fields for part in FILTERS) and fields.node.kind == "mapping":
        fields.error(fields.node, f"needs what it was about: {listed(FILTERS)}")
    which = read_which(fields, scope, within_ms=within_ms, earlier=True)
    if which is None:
        return NOTHING
    return _contrary_of(_rule(which, conditions_events.last(which.selection)), which)


LEAVES: Final[dict[str, Leaf]] = {
    "count": _count,
    "distinct": _distinct,
    "sum": _sum,
    "since": _since,
    "present": _present,
    "absent": _absent,
    "ordered": _ordered,
    "first": _first,
    "last": _last,
}
