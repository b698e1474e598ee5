"""What is known of items and stores, and what is not."""

from __future__ import annotations

from datetime import datetime

import pytest

from streamproc.core import catalog as catalogs
from streamproc.core.catalog import Catalog, Change, Offer, Site
from streamproc.core.values import Money

NOW = int(datetime.fromisoformat("2026-11-25T12:00+00:00").timestamp() * 1000)
HOUR_MS = 3_600_000


def catalog(**said: Offer | Site | None) -> Catalog:
    """Make a catalog of `item`, `item__site` and `_site` names."""
    made = Catalog()
    for name, word in said.items():
        item, _, site = name.partition("__")
        made.fold(Change(item, site, word))
    return made


def test_of_what_nobody_spoke_nothing_is_known() -> None:
    nothing = Catalog()
    assert nothing.available("coat", "", NOW) is None
    assert nothing.available("coat", "berlin", NOW) is None
    assert not nothing.is_unavailable("coat", "berlin", NOW)
    assert nothing.price("coat", "", NOW) is None
    assert nothing.closes_ms("berlin", NOW) is None
    assert len(nothing) == 0


def test_from_the_moment_it_names_a_word_tells_nothing_of_availability_and_price() -> None:
    made = catalog(
        coat=Offer(available=True, price_minor=100, currency="EUR", until_ms=NOW, name="Wool coat")
    )
    assert made.available("coat", "", NOW - 1) is True
    assert made.price("coat", "", NOW - 1) == Money(100, "EUR")
    assert made.available("coat", "", NOW) is None
    assert made.price("coat", "", NOW) is None
    gone = catalog(coat=Offer(available=False, until_ms=NOW))
    assert gone.is_unavailable("coat", "", NOW - 1)
    assert not gone.is_unavailable("coat", "", NOW)


def test_what_was_said_before_the_news_does_not_gainsay_it() -> None:
    made = catalog(coat=Offer(available=False, price_minor=100, currency="EUR", at_ms=NOW - 1))
    assert made.is_unavailable("coat", "", NOW, NOW - 1)
    assert not made.is_unavailable("coat", "", NOW, NOW)
    assert made.price("coat", "", NOW, NOW) is None


def test_a_shop_that_has_it_says_nothing_of_one_of_its_stores() -> None:
    assert catalog(coat=Offer(available=True)).available("coat", "berlin", NOW) is None


@pytest.mark.parametrize(
    ("everywhere", "at_site", "unavailable"),
    [
        (False, None, True),
        (False, True, False),
        (True, False, True),
        (None, False, True),
        (None, None, False),
    ],
)
def test_the_stores_own_word_comes_before_the_shops(
    *, everywhere: bool | None, at_site: bool | None, unavailable: bool
) -> None:
    made = catalog(coat=Offer(available=everywhere), coat__berlin=Offer(available=at_site))
    assert made.is_unavailable("coat", "berlin", NOW) is unavailable


def test_an_item_that_is_gone_in_one_store_is_not_gone_in_another_nor_in_the_shop() -> None:
    made = catalog(coat__berlin=Offer(available=False), coat__munich=Offer(available=True))
    assert made.is_unavailable("coat", "berlin", NOW)
    assert not made.is_unavailable("coat", "munich", NOW)
    assert not made.is_unavailable("coat", "", NOW)


def test_a_store_that_names_no_price_has_the_shops() -> None:
    shop = Offer(price_minor=100, currency="EUR")
    assert catalog(coat=shop, coat__berlin=Offer(available=True)).price("coat", "berlin", NOW) == Money(
        100, "EUR"
    )
    own = Offer(price_minor=90, currency="EUR")
    assert catalog(coat=shop, coat__berlin=own).price("coat", "berlin", NOW) == Money(90, "EUR")


def test_while_newer_words_may_be_missed_only_what_restrains_counts() -> None:
    hours = (((0, 1440),),) * 7
    made = catalog(
        coat=Offer(available=True, price_minor=100, currency="EUR"),
        hat=Offer(available=False),
        __berlin=Site(zone="Europe/Berlin", hours=hours),
        __munich=Site(available=False),
    )
    made.is_doubtful = True
    assert made.available("coat", "", NOW) is None
    assert made.price("coat", "", NOW) is None
    assert made.closes_ms("berlin", NOW) is None
    assert made.is_unavailable("hat", "", NOW)
    assert made.closes_ms("munich", NOW) == NOW


def test_a_word_that_is_taken_back_leaves_nothing() -> None:
    made = catalog(coat=Offer(available=True), __berlin=Site(available=False))
    made.fold(Change("coat", "", None))
    made.fold(Change("", "berlin", None))
    assert made.offer("coat") is None
    assert made.site("berlin") is None
    assert len(made) == 0


def test_what_finds_no_room_is_unknown_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "ENTRIES_MAX", 2)
    made = catalog(coat=Offer(available=False), __berlin=Site(), hat=Offer(available=False))
    assert (len(made), made.left_out) == (2, 1)
    assert not made.is_unavailable("hat", "", NOW)
    made.fold(Change("coat", "", Offer(available=True)))
    assert made.available("coat", "", NOW) is True


def test_a_stores_hours_are_by_its_own_clock_and_shut_is_shut() -> None:
    week = (((600, 1200),),) * 7
    made = catalog(
        __tokyo=Site(zone="Asia/Tokyo", hours=week), __berlin=Site(zone="Europe/Berlin", hours=week)
    )
    assert made.closes_ms("berlin", NOW) == NOW + 7 * HOUR_MS  # 13:00 in Berlin
    assert made.closes_ms("tokyo", NOW) == NOW  # 21:00 in Tokyo
    assert (
        catalog(__berlin=Site(available=False, zone="Europe/Berlin", hours=week)).closes_ms("berlin", NOW)
        == NOW
    )
    assert catalog(__berlin=Site(hours=week)).closes_ms("berlin", NOW) is None
