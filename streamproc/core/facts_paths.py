"""The closed list of facts a text may use: where each comes from, what it reveals, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from streamproc.core.context import Line, RememberedItem
from streamproc.core.policy.model import DEFAULT_CATEGORY, FactGetter
from streamproc.core.scene import Scene

Provenance = Literal["declared", "purchased", "viewed", "sensed", "trigger"]
Specificity = Literal["none", "brand", "category", "family", "item", "place"]
SPECIFICITIES: Final[tuple[Specificity, ...]] = ("none", "brand", "category", "family", "item", "place")
SOFT_SPECIFICITY_MAX: Final = SPECIFICITIES.index("category")

TRAIT_PREFIX: Final = "trait."
# What only fits a message about the item of the event itself.
OF_ITEM_PREFIX: Final = "item."


@dataclass(frozen=True)
class FactPath:
    """One fact. `provenance` `trigger` and a `code` of None mean: as the kind of the event that triggers.

    `get` gives the text for a scene, or None where the fact is not known there. `sensed` marks what a beacon told.
    """

    path: str
    get: FactGetter
    provenance: Provenance
    specificity: Specificity
    code: str | None
    sensed: bool = False


def _of_item(pick: Callable[[RememberedItem], str]) -> FactGetter:
    def get(scene: Scene) -> str | None:
        return (pick(scene.item) or None) if scene.item is not None else None

    return get


def _item_category(scene: Scene) -> str | None:
    category = scene.category
    return None if category is None or category.name == DEFAULT_CATEGORY else category.name


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
        if category.adults_only or category.sensitivity in ("intimate", "special"):
            return None
        return pick(item) or None

    return get


def _count(lines: Callable[[Scene], list[Line]]) -> FactGetter:
    def get(scene: Scene) -> str | None:
        return str(len(lines(scene))) if lines(scene) else None

    return get


def _cart(scene: Scene) -> list[Line]:
    return scene.context.cart


def _wishlist(scene: Scene) -> list[Line]:
    return scene.context.wishlist


def _name(item: RememberedItem) -> str:
    return item.name


def _brand(item: RememberedItem) -> str:
    return item.brand


def _site(scene: Scene) -> str | None:
    return scene.event.site_id or None


FACT_PATHS: Final[dict[str, FactPath]] = {
    fact.path: fact
    for fact in (
        FactPath("item.name", _of_item(_name), "trigger", "item", None),
        FactPath("item.brand", _of_item(_brand), "trigger", "brand", None),
        FactPath("item.category", _item_category, "trigger", "category", None),
        FactPath("cart.last.name", _of_last(_cart, _name), "viewed", "item", "cart"),
        FactPath("cart.last.brand", _of_last(_cart, _brand), "viewed", "brand", "cart"),
        FactPath("cart.count", _count(_cart), "viewed", "category", "cart"),
        FactPath("wishlist.last.name", _of_last(_wishlist, _name), "declared", "item", "wishlist"),
        FactPath("wishlist.last.brand", _of_last(_wishlist, _brand), "declared", "brand", "wishlist"),
        FactPath("wishlist.count", _count(_wishlist), "declared", "category", "wishlist"),
        FactPath("visit.site", _site, "sensed", "place", "visiting", sensed=True),
    )
}


def trait_fact(name: str) -> FactPath:
    """Return the fact of a trait that the customer declared; lists give their first entry."""

    def get(scene: Scene) -> str | None:
        profile = scene.context.profile
        value = None if profile is None else profile.traits.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        if value is None or isinstance(value, bool):
            return None
        return str(value) or None

    return FactPath(f"{TRAIT_PREFIX}{name}", get, "declared", "item", "declared")
