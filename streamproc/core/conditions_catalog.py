"""Conditions on what the shop says of items and stores.

What it does not say is unknown, and then neither a condition nor its contrary holds.
"""

from __future__ import annotations

from typing import Final

from streamproc.core.certainty import Certain, measured
from streamproc.core.conditions import is_between, is_in_store
from streamproc.core.scene import Scene

SHOP: Final = "shop"
HERE: Final = "here"
PLACES: Final = (SHOP, HERE)
"""Where an item is to be had: from the shop as such, or in the store of the event, else of the visit."""


def site_here(scene: Scene) -> str:
    """Return the store of the event, or else the one in which the customer is, as far as is known; empty for none."""
    if scene.event.site_id:
        return scene.event.site_id
    visit = scene.context.visit
    return visit.site_id if visit is not None and is_in_store(scene) else ""


def item_available(place: str) -> Certain:
    """Hold where the event's item is to be had at this place."""

    def answer(scene: Scene) -> bool | None:
        site_id = site_here(scene) if place == HERE else ""
        if scene.item is None or (place == HERE and not site_id):
            return None
        return scene.catalog.available(scene.item.item_id, site_id, scene.now_ms)

    return (lambda scene: answer(scene) is True), (lambda scene: answer(scene) is False)


def item_price_now(low: int | None, high: int | None, currency: str) -> Certain:
    """Hold where the event's item costs so much apiece now, in minor units of this currency."""
    is_within = is_between(low, high)

    def answer(scene: Scene) -> bool | None:
        if scene.item is None:
            return None
        price = scene.catalog.price(scene.item.item_id, site_here(scene), scene.now_ms)
        return None if price is None or price.currency != currency else is_within(price.minor)

    return (lambda scene: answer(scene) is True), (lambda scene: answer(scene) is False)


def wishlist_available(low: int | None, high: int | None, place: str) -> Certain:
    """Hold where so many items of the wish list are to be had at this place."""

    def measure(scene: Scene) -> tuple[int, bool]:
        site_id = site_here(scene) if place == HERE else ""
        if place == HERE and not site_id:
            return 0, False
        catalog, now_ms = scene.catalog, scene.now_ms
        found = [catalog.available(line.item.item_id, site_id, now_ms) for line in scene.context.wishlist]
        return found.count(True), None not in found

    return measured(measure, low, high)


def site_open(for_ms: int = 0) -> Certain:
    """Hold where the store of the event, or of the visit, is open now and stays so for at least so long."""

    def answer(scene: Scene) -> bool | None:
        site_id = site_here(scene)
        closes_ms = scene.catalog.closes_ms(site_id, scene.now_ms) if site_id else None
        return None if closes_ms is None else closes_ms - scene.now_ms >= max(for_ms, 1)

    return (lambda scene: answer(scene) is True), (lambda scene: answer(scene) is False)
