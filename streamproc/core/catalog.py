"""What the shop says of its items and stores: what is to be had, what it costs, and when stores are open."""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core import zones
from streamproc.core.store_hours import Week, closes_ms
from streamproc.core.values import Money

# About 400 B an entry, with its key and a name: 400 MB at the most.
ENTRIES_MAX: Final = 1_000_000
ITEM_PREFIX: Final = "item/"
SITE_PREFIX: Final = "site/"
AT_SITE: Final = "@"


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What was said of an item at `at_ms`, of one store or of everywhere: None and "" where nothing was.

    Past `until_ms`, unless that is 0, nothing is known of availability and price any more. `name` and `category` last.
    """

    available: bool | None = None
    price_minor: int | None = None
    currency: str = ""
    until_ms: int = 0
    name: str = ""
    category: str = ""
    at_ms: int = 0


class Site(msgspec.Struct, frozen=True, gc=False):
    """What is said of a store. `available` False: it is shut whatever its hours; `hours` None: they are not known.

    `zone` is the store's own, a name of the tz database. Past `until_ms`, unless that is 0, nothing is known.
    """

    available: bool | None = None
    zone: str = ""
    hours: Week | None = None
    closed_on: frozenset[str] = frozenset()
    until_ms: int = 0
    name: str = ""


class Change(msgspec.Struct, frozen=True):
    """One record of the catalog: of an item (at a store, or everywhere where `site_id` is empty) or of a store.

    `said` is None where the record takes back what was said.
    """

    item_id: str
    site_id: str
    said: Offer | Site | None

    @property
    def is_site(self) -> bool:
        """Tell whether it is of a store."""
        return not self.item_id


class Catalog:
    """The newest word on every item and store. What nobody said is unknown, and unknown is never "available".

    It is folded in place by whoever reads the topic; those who decide only look things up.
    """

    __slots__ = ("_offers", "_sites", "is_doubtful", "left_out")

    def __init__(self) -> None:
        """Know nothing."""
        self._offers: dict[str, Offer] = {}
        self._sites: dict[str, Site] = {}
        self.is_doubtful = False
        """Whether newer words may have been missed: then only what restrains still counts."""
        self.left_out = 0
        """How many words found no room: their items and stores are unknown."""

    def __len__(self) -> int:
        """Count the items, items at a store, and stores of which something is known."""
        return len(self._offers) + len(self._sites)

    def fold(self, change: Change) -> None:
        """Take a word over in place of the one before; the first of what finds no room is left out."""
        table: dict[str, Offer] | dict[str, Site] = self._sites if change.is_site else self._offers
        key = change.site_id if change.is_site else offer_key(change.item_id, change.site_id)
        if change.said is None:
            table.pop(key, None)
        elif key in table or len(self) < ENTRIES_MAX:
            table[key] = change.said  # type: ignore[assignment]
        else:
            self.left_out += 1

    def offer(self, item_id: str, site_id: str = "") -> Offer | None:
        """Return the newest word on an item, whatever its age; None if there is none."""
        return self._offers.get(offer_key(item_id, site_id))

    def available(self, item_id: str, site_id: str, now_ms: int, since_ms: int = 0) -> bool | None:
        """Tell whether an item is to be had at this store, or, where `site_id` is empty, from the shop as such.

        None: unknown. What is said of the shop says nothing of one of its stores, and what was said before `since_ms`
        nothing any more.
        """
        offer = _holding(self.offer(item_id, site_id), now_ms, since_ms)
        if offer is None or (offer.available and self.is_doubtful):
            return None
        return offer.available

    def is_unavailable(self, item_id: str, site_id: str, now_ms: int, since_ms: int = 0) -> bool:
        """Tell whether an item is known not to be had: where the store does not say, the word on the shop counts.

        What was said before `since_ms` counts for nothing: whoever decides about news of the catalog may have read
        less of it than whoever found the news.
        """
        found = self.available(item_id, site_id, now_ms, since_ms) if site_id else None
        if found is None:
            found = self.available(item_id, "", now_ms, since_ms)
        return found is False

    def price(self, item_id: str, site_id: str, now_ms: int, since_ms: int = 0) -> Money | None:
        """Return what an item costs at this store, or else what it costs everywhere; None if that is not known.

        What was said before `since_ms` counts for nothing.
        """
        if self.is_doubtful:
            return None
        for site in (site_id, "") if site_id else ("",):
            offer = _holding(self.offer(item_id, site), now_ms, since_ms)
            if offer is not None and offer.price_minor is not None:
                return Money(offer.price_minor, offer.currency)
        return None

    def closes_ms(self, site_id: str, now_ms: int) -> int | None:
        """Return the moment at which a store closes: now if it is not open, None if that is not known."""
        site = self._sites.get(site_id)
        if site is None or _is_past(site.until_ms, now_ms):
            return None
        if site.available is False:
            return now_ms
        zone = zones.zone(site.zone)
        if site.hours is None or zone is None or self.is_doubtful:
            return None
        closes = closes_ms(site.hours, site.closed_on, now_ms, zone)
        return now_ms if closes is None else closes

    def site(self, site_id: str) -> Site | None:
        """Return the newest word on a store, whatever its age; None if there is none."""
        return self._sites.get(site_id)


NO_CATALOG: Final = Catalog()
"""What is known where no catalog is read: nothing. Nobody folds anything into it."""


def offer_key(item_id: str, site_id: str) -> str:
    """Name an item at a store, or everywhere, as the keys of the topic do behind `item/`."""
    return f"{item_id}{AT_SITE}{site_id}" if site_id else item_id


def _holding(offer: Offer | None, now_ms: int, since_ms: int) -> Offer | None:
    if offer is None or offer.at_ms < since_ms or _is_past(offer.until_ms, now_ms):
        return None
    return offer


def _is_past(until_ms: int, now_ms: int) -> bool:
    return 0 < until_ms <= now_ms
