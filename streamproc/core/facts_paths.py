"""The closed list of facts a text may use: where each comes from, what it reveals, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from streamproc.core import facts_catalog, interest
from streamproc.core.about import Named, Names
from streamproc.core.context import Line, RememberedItem
from streamproc.core.known_facts import category_of
from streamproc.core.policy.model import DEFAULT_CATEGORY, Category, FactGetter, Ground, Seen
from streamproc.core.scene import Scene
from streamproc.core.values import FactValue, Kind, Money, Term

Provenance = Literal["declared", "purchased", "viewed", "sensed", "inferred", "trigger"]
Specificity = Literal["none", "brand", "category", "family", "item", "place", "path"]
SPECIFICITIES: Final[tuple[Specificity, ...]] = (
    "none",
    "brand",
    "category",
    "family",
    "item",
    "place",
    "path",
)
SOFT_SPECIFICITY_MAX: Final = SPECIFICITIES.index("category")

TRAIT_PREFIX: Final = "trait."
# What the shop knows from elsewhere, as on `profiles`.
KNOWN_PREFIX: Final = "fact."
# What only fits a message about the item of the event itself.
OF_ITEM_PREFIX: Final = "item."
TOP_INTEREST: Final = "interest.top_category"
ITEM_CATEGORY: Final = "item.category"
ITEM_PRICE_BEFORE: Final = "item.price_before"
SITE_CLOSES: Final = "site.closes"
# The last day of a campaign: what a text may say of the campaign itself.
CAMPAIGN_UNTIL: Final = "campaign.until"


@dataclass(frozen=True)
class FactPath:
    """One fact. `provenance` `trigger` and a `code` of None mean: as the kind of the event that triggers.

    `get` gives the value for a scene, of this `kind`, or None where the fact is not known there; `seen` tells when and
    where it was learnt, None for what the event itself says. `sensed` marks what a beacon told. `names` gives what it
    is about, where that is something else than the event's item.
    """

    path: str
    get: FactGetter
    provenance: Provenance
    specificity: Specificity
    code: str | None
    sensed: bool = False
    kind: Kind = "text"
    seen: Callable[[Scene], Seen | None] | None = None
    names: Names | None = None

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Return what words rest on that use it, beyond the event itself."""
        return () if self.provenance == "trigger" else (Ground(self.provenance, self.seen),)


def _of_item(pick: Callable[[RememberedItem], str]) -> FactGetter:
    def get(scene: Scene) -> str | None:
        return (pick(scene.item) or None) if scene.item is not None else None

    return get


def _item_category(scene: Scene) -> FactValue | None:
    category = scene.category
    if category is None or category.name == DEFAULT_CATEGORY:
        return None
    return Term(category.names)


def _money(minor: int | None, currency: str | None) -> Money | None:
    return Money(minor, currency) if minor is not None and currency else None


def _of_last(lines: Callable[[Scene], list[Line]], pick: Callable[[RememberedItem], str]) -> FactGetter:
    """Read a fact of the newest line, unless it lies in a group of items that is private.

    A message about coats must not name what else lies in the basket, if that is nobody's business.
    """

    def get(scene: Scene) -> str | None:
        held = lines(scene)
        if not held:
            return None
        item = held[-1].item
        category = scene.policy.find_category(item.category)
        if category is scene.category:
            return pick(item) or None
        return None if _is_private(category) else pick(item) or None

    return get


def _count(lines: Callable[[Scene], list[Line]]) -> FactGetter:
    def get(scene: Scene) -> FactValue | None:
        return len(lines(scene)) or None

    return get


def _cart_value(scene: Scene) -> FactValue | None:
    """Sum the cart up, where every line has a price and all are in one currency: else the sum would be untrue."""
    lines = scene.context.cart
    prices = [line.item.price_minor for line in lines]
    if len({line.currency for line in lines}) != 1 or None in prices:
        return None
    total = sum((line.item.price_minor or 0) * line.item.quantity for line in lines)
    return _money(total, lines[0].currency)


def _cart(scene: Scene) -> list[Line]:
    return scene.context.cart


def _wishlist(scene: Scene) -> list[Line]:
    return scene.context.wishlist


def _top_interest(scene: Scene) -> FactValue | None:
    """Name the category looked at most lately, unless it is private and not what the event itself is about."""
    name, _ = interest.top(scene.context.interests, scene.now_ms)
    category = scene.policy.categories.get(name)
    if category is None or (category is not scene.category and _is_private(category)):
        return None
    return Term(category.names)


def _is_private(category: Category) -> bool:
    return category.adults_only or category.sensitivity in ("intimate", "special")


def _id(item: RememberedItem) -> str:
    return item.item_id


def _name(item: RememberedItem) -> str:
    return item.name


def _brand(item: RememberedItem) -> str:
    return item.brand


def _site(scene: Scene) -> str | None:
    return scene.event.site_id or None


def _seen_last(lines: Callable[[Scene], list[Line]]) -> Callable[[Scene], Seen | None]:
    def seen(scene: Scene) -> Seen | None:
        held = lines(scene)
        return Seen(held[-1].at_ms, held[-1].surface) if held else None

    return seen


def _seen_all(lines: Callable[[Scene], list[Line]]) -> Callable[[Scene], Seen | None]:
    """Tell when the oldest line was put there: a sum, or a number, needs them all."""

    def seen(scene: Scene) -> Seen | None:
        held = lines(scene)
        return Seen(min(line.at_ms for line in held), held[-1].surface) if held else None

    return seen


def _names_last(lines: Callable[[Scene], list[Line]]) -> Names:
    def names(scene: Scene) -> Named | None:
        held = lines(scene)
        return Named(scene.policy.find_category(held[-1].item.category), held[-1]) if held else None

    return names


def _names_all(lines: Callable[[Scene], list[Line]]) -> Names:
    """Name the most private category among the lines: a sum, or a number, tells of each of them."""

    def names(scene: Scene) -> Named | None:
        find = scene.policy.find_category
        found = [find(line.item.category) for line in lines(scene)]
        return Named(max(found, key=_privacy)) if found else None

    return names


def _privacy(category: Category) -> tuple[int, bool, bool, bool]:
    """Order categories by how private they are: by what no other eyes may see first, then by who may see it."""
    sensitivity = category.sensitivity
    unseen = {"intimate": 1, "special": 2}.get(sensitivity, 0)
    return unseen, category.gift_prone, category.adults_only, sensitivity == "mild"


def _names_interest(scene: Scene) -> Named | None:
    name, _ = interest.top(scene.context.interests, scene.now_ms)
    category = scene.policy.categories.get(name)
    return None if category is None else Named(category)


def _interest_seen(scene: Scene) -> Seen | None:
    name, _ = interest.top(scene.context.interests, scene.now_ms)
    return Seen(scene.context.interests[name][1] * interest.DAY_MS, "none") if name else None


def _visit_seen(scene: Scene) -> Seen:
    """Tell of the beacon at hand, which the app on the customer's phone heard."""
    return Seen(scene.event.occurred_at_ms, "app")


def _last(
    path: str,
    lines: Callable[[Scene], list[Line]],
    pick: Callable[[RememberedItem], str],
    provenance: Provenance,
    specificity: Specificity,
) -> FactPath:
    """Make a fact of the newest line; the list's name is the reason that it gives."""
    code, _, _ = path.partition(".")
    seen, names = _seen_last(lines), _names_last(lines)
    return FactPath(path, _of_last(lines, pick), provenance, specificity, code, seen=seen, names=names)


def _all(
    path: str,
    lines: Callable[[Scene], list[Line]],
    get: FactGetter,
    provenance: Provenance,
    specificity: Specificity,
    kind: Kind,
) -> FactPath:
    """Make a fact of all lines; the list's name is the reason that it gives."""
    code, _, _ = path.partition(".")
    seen, names = _seen_all(lines), _names_all(lines)
    return FactPath(path, get, provenance, specificity, code, kind=kind, seen=seen, names=names)


FACT_PATHS: Final[dict[str, FactPath]] = {
    fact.path: fact
    for fact in (
        FactPath("item.id", _of_item(_id), "trigger", "item", None),
        FactPath("item.name", _of_item(_name), "trigger", "item", None),
        FactPath("item.brand", _of_item(_brand), "trigger", "brand", None),
        FactPath(ITEM_CATEGORY, _item_category, "trigger", "category", None),
        FactPath("item.price", facts_catalog.item_price, "trigger", "item", None, kind="money"),
        FactPath("item.price_now", facts_catalog.price_now, "trigger", "item", None, kind="money"),
        FactPath(ITEM_PRICE_BEFORE, facts_catalog.price_before, "trigger", "item", None, kind="money"),
        _last("cart.last.name", _cart, _name, "viewed", "item"),
        _last("cart.last.brand", _cart, _brand, "viewed", "brand"),
        _all("cart.count", _cart, _count(_cart), "viewed", "category", "number"),
        _all("cart.value", _cart, _cart_value, "viewed", "item", "money"),
        _last("wishlist.last.name", _wishlist, _name, "declared", "item"),
        _last("wishlist.last.brand", _wishlist, _brand, "declared", "brand"),
        _all("wishlist.count", _wishlist, _count(_wishlist), "declared", "category", "number"),
        FactPath(
            TOP_INTEREST,
            _top_interest,
            "viewed",
            "category",
            "viewed",
            seen=_interest_seen,
            names=_names_interest,
        ),
        FactPath("visit.site", _site, "sensed", "place", "visiting", sensed=True, seen=_visit_seen),
        FactPath(
            SITE_CLOSES, facts_catalog.closes, "sensed", "place", "visiting", sensed=True, seen=_visit_seen
        ),
    )
}


def trait_fact(name: str) -> FactPath:
    """Return the fact of a trait that the customer declared; lists give their first entry."""

    def get(scene: Scene) -> FactValue | None:
        profile = scene.context.profile
        value = None if profile is None else profile.traits.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        if value is None or isinstance(value, bool):
            return None
        return None if value == "" else value

    def seen(scene: Scene) -> Seen | None:
        profile = scene.context.profile
        if profile is None or profile.traits.get(name) in (None, "", []):
            return None
        return Seen(profile.at.get(f"{TRAIT_PREFIX}{name}", 0))

    def names(scene: Scene) -> Named | None:
        category = scene.policy.category_of_trait(name)
        return None if category is None or seen(scene) is None else Named(category)

    path = f"{TRAIT_PREFIX}{name}"
    return FactPath(path, get, "declared", "item", "declared", kind="any", seen=seen, names=names)


def known_fact(name: str) -> FactPath:
    """Return a fact that the shop knows from elsewhere, with where that was; never one about somebody else."""

    def get(scene: Scene) -> FactValue | None:
        known = None if scene.context.profile is None else scene.context.profile.facts.get(name)
        if known is None or known.about == "other" or isinstance(known.value, bool):
            return None
        value = known.value[0] if isinstance(known.value, list) and known.value else known.value
        return None if value in ("", []) or isinstance(value, list) else value

    def seen(scene: Scene) -> Seen | None:
        known = None if scene.context.profile is None else scene.context.profile.facts.get(name)
        return None if known is None else Seen(known.at_ms, "none", known.provenance)

    def names(scene: Scene) -> Named | None:
        known = None if scene.context.profile is None else scene.context.profile.facts.get(name)
        if known is None:
            return None
        # Its own name may tell of something more private than what its record says.
        category, told = category_of(known, scene.policy), scene.policy.category_of_trait(name)
        if told is not None and (category is None or category.consent is None):
            category = told
        return None if category is None else Named(category)

    path = f"{KNOWN_PREFIX}{name}"
    return FactPath(path, get, "inferred", "item", None, kind="any", seen=seen, names=names)


def until_fact(day: date) -> FactPath:
    """Return the fact of a campaign's last day, which reveals nothing of anybody."""
    return FactPath(CAMPAIGN_UNTIL, lambda _: day, "trigger", "none", None, kind="date")
