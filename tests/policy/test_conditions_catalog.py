"""Conditions and facts on stock, prices and store hours: what the shop did not say is neither true nor false."""

from __future__ import annotations

import pytest

from streamproc.core.catalog import Catalog, Change, Offer, Site
from streamproc.core.context import Context, Line, RememberedItem, Visit
from streamproc.core.event import Event, Item
from streamproc.core.facts_paths import FACT_PATHS
from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.scene import Scene
from streamproc.core.values import FactValue, Money
from tests.policy.rules import HOUR_MS, NOW_MS, compiled, event, rule_of, scene, verdict
from tests.policy.samples import FILES

COAT = Item("coat-1", name="Wool coat", category="coats", price_minor=14_900)
WEEK = (((9 * 60, 20 * 60),),) * 7  # 12:00Z is 13:00 in Berlin
IN_BERLIN = Visit("berlin-1", NOW_MS - HOUR_MS, NOW_MS - 60_000)


def catalog(**said: Offer | Site) -> Catalog:
    """Make a catalog of `coat`, `coat__berlin` and `__berlin`, each standing for an id that ends in `-1`."""
    made = Catalog()
    for name, word in said.items():
        item, _, site = name.partition("__")
        made.fold(Change(item and f"{item}-1", site and f"{site}-1", word))
    return made


def at(made: Catalog, *, context: Context | None = None, at_hand: Event | None = None) -> Scene:
    found = scene(at_hand or event(COAT, currency="EUR"), context=context)
    found.catalog = made
    return found


def asked(
    when: str, made: Catalog, *, context: Context | None = None, at_hand: Event | None = None
) -> bool | None:
    return verdict(rule_of(when), at(made, context=context, at_hand=at_hand))


@pytest.mark.parametrize(("said", "expected"), [(True, True), (False, False), (None, None)])
def test_an_item_is_available_where_the_shop_says_so(*, said: bool | None, expected: bool | None) -> None:
    made = catalog(coat=Offer(available=said))
    assert asked("{item.available: shop}", made) is expected
    assert asked("{not: {item.available: shop}}", made) is (None if expected is None else not expected)


def test_here_is_the_store_of_the_event_or_else_of_the_visit_and_nowhere_else() -> None:
    made = catalog(
        coat=Offer(available=True), coat__berlin=Offer(available=False), coat__munich=Offer(available=True)
    )
    here = "{item.available: here}"
    visiting = Context(visit=IN_BERLIN)
    assert asked(here, made) is None
    assert asked(here, made, context=visiting) is False
    assert asked(here, made, context=visiting, at_hand=event(COAT, site_id="munich-1")) is True
    left = Context(visit=Visit("berlin-1", NOW_MS - HOUR_MS, NOW_MS - 60_000, over_ms=NOW_MS))
    long_ago = Context(visit=Visit("berlin-1", NOW_MS - 4 * HOUR_MS, NOW_MS - 4 * HOUR_MS))
    assert asked(here, made, context=left) is None
    assert asked(here, made, context=long_ago) is None


def test_a_price_now_is_compared_in_its_own_currency_alone() -> None:
    made = catalog(coat=Offer(price_minor=9_900, currency="EUR"))
    assert asked("{item.price_now: {max: 99, currency: EUR}}", made) is True
    assert asked("{item.price_now: {max: 98.99, currency: EUR}}", made) is False
    assert asked("{item.price_now: {max: 99, currency: USD}}", made) is None
    assert asked("{item.price_now: {max: 99, currency: EUR}}", Catalog()) is None


def wishes(*items: str) -> Context:
    return Context(visit=IN_BERLIN, wishlist=[Line(1, RememberedItem(item)) for item in items])


def test_the_wish_list_meets_the_stock_of_the_store_the_customer_is_in() -> None:
    made = catalog(
        coat__berlin=Offer(available=True), hat__berlin=Offer(available=False), hat=Offer(available=True)
    )
    one, none = "{wishlist.available: {min: 1, at: here}}", "{wishlist.available: {max: 0, at: here}}"
    assert asked(one, made, context=wishes("coat-1", "hat-1")) is True
    assert asked(one, made, context=wishes("hat-1")) is False
    assert asked(one, made, context=wishes("hat-1", "scarf-1")) is None  # nobody spoke of the scarf
    assert asked(none, made, context=wishes("hat-1")) is True
    assert asked(none, made, context=wishes("hat-1", "scarf-1")) is None
    assert asked("{wishlist.available: {min: 1, at: shop}}", made, context=wishes("hat-1")) is True
    nowhere = Context(wishlist=wishes("coat-1").wishlist)
    assert asked(one, made, context=nowhere) is None


def test_a_store_is_open_by_its_own_clock_and_for_so_long() -> None:
    made = catalog(__berlin=Site(zone="Europe/Berlin", hours=WEEK))
    visiting = Context(visit=IN_BERLIN)
    assert asked("{site.open: true}", made, context=visiting) is True
    assert asked("{site.open: false}", made, context=visiting) is False
    assert asked("{site.open_for: {min: 7h}}", made, context=visiting) is True
    assert asked("{site.open_for: {min: 8h}}", made, context=visiting) is False
    assert asked("{site.open: true}", made) is None
    assert asked("{site.open: false}", Catalog(), context=visiting) is None
    assert asked("{site.open: false}", catalog(__berlin=Site(available=False)), context=visiting) is True


def test_what_is_asked_of_the_place_a_beacon_told_needs_the_consent_to_sensing() -> None:
    sensed = ["{item.available: here}", "{wishlist.available: {min: 1, at: here}}", "{site.open: true}"]
    assert all(rule_of(when).sensed for when in [*sensed, "{site.open_for: {min: 30m}}"])
    assert not rule_of("{item.available: shop}").sensed


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ("{item.available: online}", "item.available: 'online' is not a place; allowed are shop, here"),
        ("{wishlist.available: {min: 1}}", "wishlist.available.at: is required"),
        (
            "{site.open_for: {min: 30}}",
            "site.open_for.min: '30' is not a duration; write a number and a unit,",
        ),
        ("{site.open_for: {min: 48h}}", "site.open_for.min: 2 d is not between 1 m and 1 d"),
        ("{item.price_now: {max: 99}}", "item.price_now.currency: is required"),
    ],
)
def test_a_mistake_is_named(when: str, error: str) -> None:
    _, findings = compiled(when)
    assert len(findings.errors) == 1
    assert error in str(findings.errors[0])


def fact(path: str, found: Scene) -> FactValue | None:
    return FACT_PATHS[path].get(found)


def test_a_price_now_is_told_in_the_currency_that_the_customer_saw_or_not_at_all() -> None:
    euros, dollars = (catalog(coat=Offer(price_minor=9_900, currency=code)) for code in ("EUR", "USD"))
    assert fact("item.price_now", at(euros)) == Money(9_900, "EUR")
    assert fact("item.price_now", at(dollars)) is None
    assert fact("item.price_now", at(dollars, at_hand=event(Item("coat-1")))) == Money(9_900, "USD")
    wished = Context(wishlist=[Line(NOW_MS, RememberedItem("coat-1", price_minor=1), "EUR")])
    assert fact("item.price_now", at(dollars, at_hand=event(Item("coat-1")), context=wished)) is None


def test_what_the_price_was_is_known_where_it_fell() -> None:
    fell = event(COAT, kind="item.price_dropped", currency="EUR", extra={"price_before_minor": 19_900})
    assert fact("item.price_before", at(Catalog(), at_hand=fell)) == Money(19_900, "EUR")
    assert fact("item.price_before", at(Catalog())) is None
    saw_dollars = Context(wishlist=[Line(NOW_MS, RememberedItem("coat-1", price_minor=1), "USD")])
    assert fact("item.price_before", at(Catalog(), at_hand=fell, context=saw_dollars)) is None
    assert fact("item.price", at(Catalog(), at_hand=fell, context=saw_dollars)) is None


def test_when_a_store_closes_is_told_for_today_by_its_own_clock() -> None:
    here = event(kind="visit.dwelled", site_id="berlin-1")
    made = catalog(__berlin=Site(zone="Europe/Berlin", hours=WEEK))
    assert fact("site.closes", at(made, at_hand=here)) == "20:00"
    assert fact("site.closes", at(Catalog(), at_hand=here)) is None
    for shut in (
        Site(available=False, zone="Europe/Berlin"),
        Site(zone="Europe/Berlin", hours=(((0, 1440),),) * 7),
    ):
        assert fact("site.closes", at(catalog(__berlin=shut), at_hand=here)) is None


def errors_with(old: str, new: str, reasons: str = "") -> list[str]:
    campaign = FILES["campaigns/look.yaml"].replace(old, new)
    files = {**FILES, "campaigns/look.yaml": campaign, "reasons.yaml": FILES["reasons.yaml"] + reasons}
    try:
        load(files)
    except PolicyErrors as error:
        return [str(one) for one in error.errors]
    return []


def test_a_reason_that_is_newer_than_the_sentences_needs_one_only_where_it_is_given() -> None:
    assert errors_with("", "") == []
    news = "trigger: {event: item.available}"
    campaign = FILES["campaigns/look.yaml"].replace("trigger: {event: product.viewed}", news)
    campaign = campaign.replace("because: [viewed]", "because: [watching]")
    with pytest.raises(PolicyErrors) as refused:
        load({**FILES, "campaigns/look.yaml": campaign})
    said = "campaigns/look.yaml:13: because: watching has no sentence in reasons.yaml, in en"
    assert [str(one) for one in refused.value.errors] == [said]
    reasons = FILES["reasons.yaml"].replace("  asked:", "  watching: You watch it.\n  asked:")
    assert load({**FILES, "campaigns/look.yaml": campaign, "reasons.yaml": reasons}).campaigns


def test_facts_of_news_and_of_a_store_need_a_trigger_that_knows_them() -> None:
    (before,) = errors_with("{item: item.name}", "{item: item.name, was: item.price_before}")
    assert before.endswith(
        "facts: item.price_before is only known of item.price_dropped, not of product.viewed"
    )
    (closes,) = errors_with("{item: item.name}", "{item: item.name, until: site.closes}")
    assert closes.endswith("facts: site.closes is only known where a visit triggers, not product.viewed")
