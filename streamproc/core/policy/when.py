"""A campaign's `trigger` and `when`: from nodes to closures, with what each condition reads, implies and needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from streamproc.core import conditions
from streamproc.core.context import CART_LINES_MAX, RECENT_MAX, WISHLIST_MAX, Line
from streamproc.core.event import MOMENT_KINDS, SURFACES
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.money import MINOR_MAX, to_minor
from streamproc.core.policy import kinds
from streamproc.core.policy.caps import MEMORY_MS
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields, duration_text
from streamproc.core.policy.model import Condition, Trigger
from streamproc.core.policy.problems import listed, nearest
from streamproc.core.scene import Scene

BRANCHES_MAX: Final = 16
SAMES: Final = ("item", "category", "brand", "site")
_MATCHERS: Final[dict[str, conditions.MatcherMaker]] = {
    "item": conditions.same_item,
    "category": conditions.same_category,
    "brand": conditions.same_brand,
    "site": conditions.same_site,
}
KEYS: Final = (
    *("all", "any", "not", "count", "cart.value", "cart.count", "cart.has", "wishlist.count", "wishlist.has"),
    *("visit.open", "event.value", "surface", "trait.<name>"),
)


@dataclass(frozen=True)
class Rule:
    """A compiled condition. `implies` are the reason codes that are true whenever it holds.

    `reads` are the kinds that must be remembered for it, `warmup_ms` is how long until its windows are filled, `sensed`
    tells whether it holds because a beacon heard the customer, `sensed_not` whether its contrary does: to stay silent
    because somebody is in a store needs no consent. `needs_item` tells whether it compares with the event's item.
    """

    test: Condition
    implies: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    warmup_ms: int = 0
    sensed: bool = False
    sensed_not: bool = False
    needs_item: bool = False
    by_value: bool = False


NOTHING: Final = Rule(conditions.always)


def read_kind(fields: Fields, key: str, allowed: frozenset[str]) -> str | None:
    """Read the kind of an event; a producer's own kinds begin with `custom.`."""
    kind = fields.text(key)
    if kind is None:
        return None
    if kind in kinds.UNSUPPORTED_KINDS:
        fields.at(key, f"{kind} {kinds.UNSUPPORTED_KINDS[kind]}")
        return None
    if kind in allowed or kinds.is_custom(kind):
        return kind
    hint = nearest(kind, allowed) or "; a producer's own event is written custom.<name>"
    fields.at(key, f"{kind!r} is not a kind of event that is allowed here{hint}")
    return None


def read_trigger(fields: Fields) -> Trigger | None:
    """Read a campaign's trigger."""
    kind = read_kind(fields, "event", kinds.TRIGGER_KINDS)
    sites = fields.texts("sites")
    dwell_ms = fields.duration("dwell_min") or 0
    purpose = fields.choice("purpose")
    if kind is None:
        return None
    if "dwell_min" in fields and kind != "beacon.dwelled":
        fields.at("dwell_min", f"only beacon.dwelled tells how long, not {kind}")
    if "sites" in fields and not kinds.is_sensed(kind) and not kinds.is_custom(kind):
        fields.at("sites", f"only events of beacons name a store, not {kind}")
    if "purpose" in fields and kind != kinds.CONSENT_GRANTED:
        fields.at("purpose", f"only {kinds.CONSENT_GRANTED} has a purpose, not {kind}")
    return Trigger(kind, frozenset(sites), dwell_ms, purpose)


class Conditions:
    """Compiles one campaign's conditions."""

    def __init__(self, fields: Fields, categories: Sequence[str]) -> None:
        self.findings: Final = fields.findings
        self.categories: Final = categories
        self._leaves: Final[dict[str, Callable[[Fields, str], Rule]]] = {
            "count": self._count,
            "cart.value": self._cart_value,
            "event.value": self._event_value,
            "cart.count": self._line_count,
            "wishlist.count": self._line_count,
            "cart.has": self._has,
            "wishlist.has": self._has,
            "visit.open": self._visit_open,
            "surface": self._surface,
        }

    def read(self, node: Node) -> Rule:
        """Read one condition: a mapping with one key."""
        fields = Fields(node, self.findings)
        if node.kind != "mapping":
            return NOTHING
        if len(fields.keys) != 1:
            found = ", ".join(fields.keys) or "none"
            fields.error(node, f"a condition has one key, this one has {found}; join several with all: [...]")
            return NOTHING
        key = next(iter(fields.keys))
        if key in ("all", "any"):
            return self._joined(fields, key)
        if key == "not":
            return self._negated(fields)
        if key in self._leaves:
            return self._leaves[key](fields, key)
        if key.startswith(TRAIT_PREFIX):
            return self._trait(fields, key)
        fields.at(key, f"unknown condition; allowed are {listed(KEYS)}{nearest(key, KEYS)}")
        return NOTHING

    def _joined(self, fields: Fields, key: str) -> Rule:
        nodes = fields.nodes(key)
        if fields.is_empty(key):
            fields.at(key, "is empty")
        if len(nodes) > BRANCHES_MAX:
            fields.at(key, f"has {len(nodes)} conditions, {BRANCHES_MAX} are allowed")
        rules = [self.read(node) for node in nodes[:BRANCHES_MAX]]
        if not rules:
            return NOTHING
        # A reason must be true on every way to the message: `any` implies only what all its branches share.
        merge = frozenset[str].union if key == "all" else frozenset[str].intersection
        join = conditions.all_of if key == "all" else conditions.any_of
        return Rule(
            join([rule.test for rule in rules]),
            merge(*(rule.implies for rule in rules)),
            frozenset[str]().union(*(rule.reads for rule in rules)),
            max(rule.warmup_ms for rule in rules),
            any(rule.sensed for rule in rules),
            any(rule.sensed_not for rule in rules),
            any(rule.needs_item for rule in rules),
            any(rule.by_value for rule in rules),
        )

    def _negated(self, fields: Fields) -> Rule:
        rule = self.read(fields.keys["not"])
        return replace(
            rule,
            test=conditions.negated(rule.test),
            implies=frozenset(),
            sensed=rule.sensed_not,
            sensed_not=rule.sensed,
        )

    def _bounds(self, fields: Fields, high: int) -> tuple[int | None, int | None]:
        """Read `min` and `max` as whole numbers: at least one, and not the wrong way round."""
        low_bound, high_bound = fields.integer("min", 0, high), fields.integer("max", 0, high)
        if "min" not in fields and "max" not in fields:
            fields.error(fields.node, "needs min or max")
        if low_bound is not None and high_bound is not None and low_bound > high_bound:
            fields.at("max", f"{high_bound} is below min {low_bound}")
        return low_bound, high_bound

    def _count(self, parent: Fields, key: str) -> Rule:
        fields = Fields(parent.keys[key], self.findings)
        fields.only(("event", "same", "category", "within", "min", "max"))
        fields.require("event", "within")
        kind = read_kind(fields, "event", MOMENT_KINDS)
        low, high = self._count_bounds(fields)
        within_ms = self._within(fields)
        same = fields.choice("same", SAMES, "something to compare")
        category = fields.choice("category", self.categories, "a category")
        make = _MATCHERS.get(same or "")
        if category is not None:
            named = conditions.in_category(category)
            make = named if make is None else conditions.both(make, named)
        if kind is None or within_ms is None or (low is None and high is None):
            return NOTHING
        for part in ("same", "category"):
            if part in fields and same != "site" and not kinds.has_item(kind):
                fields.at(part, f"events of {kind} name no item")
        code = kinds.code_of(kind) if low else None
        test = conditions.counted(kind, within_ms, low, high, make)
        if make is conditions.same_item:
            test = conditions.counted_same_item(kind, within_ms, low, high)
        elif same == "category" and category is None:
            test = conditions.counted_in_category(kind, within_ms, low, high, None)
        elif same is None and category is not None:
            test = conditions.counted_in_category(kind, within_ms, low, high, category)
        return Rule(
            test,
            frozenset() if code is None else frozenset({code}),
            frozenset({kind}),
            within_ms,
            sensed=kinds.is_sensed(kind) and bool(low),
            sensed_not=kinds.is_sensed(kind) and high is not None,
            needs_item=same in ("item", "brand", "category"),
        )

    def _count_bounds(self, fields: Fields) -> tuple[int | None, int | None]:
        for key in ("min", "max"):
            node = fields.keys.get(key)
            if node is not None and node.kind == "number" and Decimal(node.raw) > RECENT_MAX:
                message = f"{node.raw} events are asked for, the memory keeps the newest {RECENT_MAX}"
                fields.at(key, message)
                return None, None
        low, high = self._bounds(fields, RECENT_MAX)
        if high == RECENT_MAX:
            fields.at("max", f"{high} always holds: the memory keeps the newest {RECENT_MAX}")
        return low, high

    def _within(self, fields: Fields) -> int | None:
        within_ms = fields.duration("within", 1_000, 10 * MEMORY_MS)
        if within_ms is not None and within_ms > MEMORY_MS:
            fields.at(
                "within",
                f"a window of {duration_text(within_ms)} is longer than the memory of {duration_text(MEMORY_MS)}",
            )
            return None
        return within_ms

    def _money(self, parent: Fields, key: str) -> tuple[int | None, int | None, str]:
        fields = Fields(parent.keys[key], self.findings)
        fields.only(("min", "max", "currency"))
        fields.require("currency")
        currency = fields.text("currency") or ""
        if currency and not (len(currency) == 3 and currency.isascii() and currency.isupper()):  # noqa: PLR2004
            fields.at("currency", f"{currency!r} is not a currency such as EUR")
        if "min" not in fields and "max" not in fields:
            fields.error(fields.node, "needs min or max")
        bounds: list[int | None] = []
        for bound in ("min", "max"):
            amount = fields.number(bound, 0, MINOR_MAX)
            try:
                bounds.append(None if amount is None else to_minor(amount, currency))
            except ValueError as error:
                fields.at(bound, str(error))
                bounds.append(None)
        low, high = bounds
        if low is not None and high is not None and low > high:
            fields.at("max", "is below min")
        return low, high, currency

    def _cart_value(self, parent: Fields, key: str) -> Rule:
        low, high, currency = self._money(parent, key)
        return Rule(conditions.cart_value(low, high, currency), frozenset({"cart"} if low else ()))

    def _event_value(self, parent: Fields, key: str) -> Rule:
        return Rule(conditions.event_value(*self._money(parent, key)), by_value=True)

    def _line_count(self, parent: Fields, key: str) -> Rule:
        fields = Fields(parent.keys[key], self.findings)
        fields.only(("min", "max"))
        kept = CART_LINES_MAX if key == "cart.count" else WISHLIST_MAX
        low, high = self._bounds(fields, kept)
        lines, code = _lines(key)
        return Rule(conditions.line_count(lines, low, high), frozenset({code} if low else ()))

    def _has(self, parent: Fields, key: str) -> Rule:
        fields = Fields(parent.keys[key], self.findings)
        fields.only(("same",))
        fields.require("same")
        same = fields.choice("same", ("item", "category"), "something to compare")
        lines, code = _lines(key)
        test = conditions.has_category(lines) if same == "category" else conditions.has_item(lines)
        return Rule(test, frozenset({code}), needs_item=True)

    def _visit_open(self, parent: Fields, key: str) -> Rule:
        wanted = parent.flag(key, default=True)
        implied = frozenset({"visiting"} if wanted else ())
        return Rule(conditions.visit_open(wanted=wanted), implied, sensed=wanted, sensed_not=not wanted)

    def _surface(self, parent: Fields, key: str) -> Rule:
        fields = Fields(parent.keys[key], self.findings)
        fields.only(("in",))
        fields.require("in")
        return Rule(conditions.surface_in(frozenset(fields.texts("in", SURFACES, "a surface"))))

    def _trait(self, parent: Fields, key: str) -> Rule:
        name = key.removeprefix(TRAIT_PREFIX)
        if not NAME.fullmatch(name):
            parent.at(key, f"{name!r} is not the name of a trait: {NAME_RULE}")
        fields = Fields(parent.keys[key], self.findings)
        fields.only(("in", "is", "min", "max"))
        if ("in" in fields) + ("is" in fields) + ("min" in fields or "max" in fields) != 1:
            fields.error(fields.node, "needs either in, or is, or min and max")
            return NOTHING
        declared = frozenset({"declared"})
        if "min" in fields or "max" in fields:
            low, high = (
                fields.number("min", -MINOR_MAX, MINOR_MAX),
                fields.number("max", -MINOR_MAX, MINOR_MAX),
            )
            bounds = [None if bound is None else float(bound) for bound in (low, high)]
            return Rule(conditions.trait_between(name, *bounds), declared)
        nodes = fields.nodes("in") if "in" in fields else (fields.keys["is"],)
        values = [value for node in nodes if (value := _trait_value(fields, node)) is not None]
        if fields.is_empty("in"):
            fields.at("in", "is empty")
        return Rule(conditions.trait_in(name, values), declared)


def _lines(key: str) -> tuple[Callable[[Scene], list[Line]], str]:
    if key.startswith("cart."):
        return conditions.cart_lines, "cart"
    return conditions.wishlist_lines, "wishlist"


def _trait_value(fields: Fields, node: Node) -> conditions.TraitValue | None:
    """Read a value as YAML has it: text, number or truth."""
    if node.kind == "bool":
        return node.raw.lower() == "true"
    if node.kind == "number":
        number = Decimal(node.raw)
        return int(number) if number == number.to_integral_value() else float(number)
    if node.kind == "text" and node.raw:
        return node.raw
    fields.error(node, f"{node} is not a text, a number, true or false")
    return None
