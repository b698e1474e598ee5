"""Facts from the catalog: what an item costs now, what it did before, and when the store closes today."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from streamproc.core import zones
from streamproc.core.conditions_catalog import site_here
from streamproc.core.scene import Scene
from streamproc.core.values import FactValue, Money
from streamproc.core.watching import (
    ITEM_KINDS,
    ITEM_PRICE_DROPPED,
    PRICE_BEFORE,
    known_currency,
    watched,
)

_DAY_MS: Final = 86_400_000


def item_price(scene: Scene) -> FactValue | None:
    """Return what the event says that its item costs."""
    item, currency = scene.item, scene.event.currency
    if item is None or item.price_minor is None or not currency or not _is_familiar(scene, currency):
        return None
    return Money(item.price_minor, currency)


def price_now(scene: Scene) -> FactValue | None:
    """Return what the event's item costs now, by the catalog, if that is the currency that its customer saw."""
    if scene.item is None:
        return None
    price = scene.catalog.price(scene.item.item_id, site_here(scene), scene.now_ms)
    return price if price is not None and _is_familiar(scene, price.currency) else None


def price_before(scene: Scene) -> FactValue | None:
    """Return what the item cost before its price fell: where the news had to wait, what its customer saw then."""
    currency, item = scene.event.currency, scene.item
    if scene.event.kind != ITEM_PRICE_DROPPED or item is None or not currency:
        return None
    before = scene.event.extra.get(PRICE_BEFORE)
    if before is None:
        line = watched(scene.context, item.item_id, scene.now_ms)
        before = None if line is None or line.currency != currency else line.item.price_minor
    if not isinstance(before, int) or not _is_familiar(scene, currency):
        return None
    return Money(before, currency)


def closes(scene: Scene) -> FactValue | None:
    """Return when the store of the event, or of the visit, closes today by its own clock, as in `20:00`.

    None where that is not known, where it is shut, and where it stays open until another day.
    """
    site_id = site_here(scene)
    site = scene.catalog.site(site_id) if site_id else None
    zone = None if site is None else zones.zone(site.zone)
    closes_ms = scene.catalog.closes_ms(site_id, scene.now_ms)
    if zone is None or closes_ms is None or not scene.now_ms < closes_ms < scene.now_ms + _DAY_MS:
        return None
    return datetime.fromtimestamp(closes_ms // 1000, zone).strftime("%H:%M")


def _is_familiar(scene: Scene, currency: str) -> bool:
    """Tell whether a price in this currency may stand beside those that the customer saw of the item."""
    if scene.item is None:
        return False
    seen = known_currency(scene.context, scene.item.item_id, scene.now_ms)
    if not seen and scene.event.kind not in ITEM_KINDS and scene.item.price_minor is not None:
        seen = scene.event.currency or ""
    return seen in ("", currency)
