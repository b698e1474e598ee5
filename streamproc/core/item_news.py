"""What the watchers of an item are told of: it is to be had again, or costs less."""

from __future__ import annotations

from typing import Final

import msgspec

from streamproc.core.catalog import Change, Offer
from streamproc.core.event import Event, Item
from streamproc.core.policy.model import Policy
from streamproc.core.watching import ITEM_AVAILABLE, ITEM_PRICE_DROPPED, PRICE_BEFORE

# What flaps is told once in so long: watchers heard of it already.
TOLD_AGAIN_MS_MIN: Final = 3_600_000


class Word(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last word on an item, said at `at_ms`, and when its watchers were last told of each kind of news.

    While they are being told, `telling` is the id of the news and `told_to` the last watcher who was, in the order of
    their hashes.
    """

    available: bool | None = None
    price_minor: int | None = None
    currency: str = ""
    at_ms: int = 0
    available_told_ms: int = 0
    dropped_told_ms: int = 0
    telling: str = ""
    told_to: str = ""


class News(msgspec.Struct, frozen=True):
    """One thing that the watchers of an item are told. `site_id` is empty where it is so everywhere.

    `event_id` is the same whenever the same record is read, so that a customer who hears it twice knows it.
    """

    kind: str
    event_id: str
    at_ms: int
    item_id: str
    site_id: str
    offer: Offer
    price_before_minor: int | None = None

    @property
    def drop_ratio(self) -> float:
        """By what part of it the price fell, in [0, 1]; 0 where it did not."""
        before, now = self.price_before_minor, self.offer.price_minor
        return (before - now) / before if before and now is not None else 0.0


def news_of(before: Word, change: Change, source: str) -> tuple[Word, News | None]:
    """Compare a record with the word before; return the new word, and the news if there is any.

    An item is back if it was said not to be had, not if nothing was known; its price fell if it is lower in the same
    currency, and the item is not known to be gone. A record whose time is over says nothing, nor does one that is older
    than the word before, so that reading records again makes no news. `source` names the record.
    """
    offer = change.said
    if not isinstance(offer, Offer):
        return msgspec.structs.replace(before, available=None, price_minor=None, currency=""), None
    at_ms = offer.at_ms
    if (
        0 < offer.until_ms <= at_ms
        or at_ms < before.at_ms
        or (at_ms == before.at_ms and _is_same(before, offer))
    ):
        return before, None
    kind = _kind(before, offer)
    told_ms = before.available_told_ms if kind == ITEM_AVAILABLE else before.dropped_told_ms
    word = Word(
        offer.available,
        offer.price_minor,
        offer.currency,
        at_ms,
        before.available_told_ms,
        before.dropped_told_ms,
    )
    if kind is None or (told_ms and at_ms - told_ms < TOLD_AGAIN_MS_MIN):
        return word, None
    dropped = before.price_minor if kind == ITEM_PRICE_DROPPED else None
    return word, News(kind, f"{kind}/{source}", at_ms, change.item_id, change.site_id, offer, dropped)


def event_of(news: News, customer_id: str) -> Event:
    """Return the news as one customer's lane gets to know it."""
    offer = news.offer
    before = news.price_before_minor
    item = Item(
        news.item_id, name=offer.name or None, category=offer.category or None, price_minor=offer.price_minor
    )
    return Event(
        event_id=news.event_id,
        dialect="catalog",
        kind=news.kind,
        customer_id=customer_id,
        occurred_at_ms=news.at_ms,
        received_at_ms=news.at_ms,
        items=(item,),
        currency=offer.currency or None,
        site_id=news.site_id or None,
        extra={} if before is None else {PRICE_BEFORE: before},
    )


def _is_same(before: Word, offer: Offer) -> bool:
    said = (before.available, before.price_minor, before.currency)
    return said == (offer.available, offer.price_minor, offer.currency)


def _kind(before: Word, offer: Offer) -> str | None:
    if before.available is False and offer.available:
        return ITEM_AVAILABLE
    prices = before.price_minor, offer.price_minor
    if (
        offer.available is False
        or prices[0] is None
        or prices[1] is None
        or before.currency != offer.currency
    ):
        return None
    return ITEM_PRICE_DROPPED if prices[1] < prices[0] else None


def told(word: Word, news: News) -> Word:
    """Return the word after all watchers were told."""
    if news.kind == ITEM_AVAILABLE:
        return msgspec.structs.replace(word, available_told_ms=news.at_ms)
    return msgspec.structs.replace(word, dropped_told_ms=news.at_ms)


def is_asked_for(news: News, policy: Policy) -> bool:
    """Tell whether some campaign would speak of it: news of one store interests only who names that store."""
    for campaign in policy.by_kind.get(news.kind, ()):
        trigger = campaign.trigger
        is_there = news.site_id in trigger.sites if trigger.sites else not news.site_id
        if is_there and news.drop_ratio >= trigger.drop_ratio_min:
            return True
    return False
