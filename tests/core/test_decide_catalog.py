"""What the catalog stops, and what news of it causes: decided from what the customer's memory says now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamproc.core.catalog import Catalog, Change, Offer
from streamproc.core.event import Item
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.refusal import refusal
from streamproc.core.watching import ITEM_AVAILABLE, ITEM_PRICE_DROPPED, WATCH_MS
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, REASONS, Said, Shopper, campaign

BACK = campaign("back", "{event: item.available}", "{wishlist.count: {max: 32}}", because="watching")
CHEAPER = campaign(
    "cheaper",
    "{event: item.price_dropped, drop_ratio_min: 0.1}",
    "{wishlist.count: {max: 32}}",
    because="watching",
    facts="{item: item.name, was: item.price_before, price: item.price}",
    say="{{ item }} costs {{ price }}, not {{ was }}.",
)
THERE = campaign(
    "there", "{event: item.available, sites: [berlin-1]}", "{wishlist.count: {max: 32}}", because="watching"
)


def policy() -> Policy:
    files = {name: text for name, text in FILES.items() if "wish" not in name}
    reasons = REASONS.replace("{viewed", "{watching: Watched., viewed")
    campaigns = {
        f"campaigns/{name}.yaml": text
        for name, text in (("back", BACK), ("cheaper", CHEAPER), ("there", THERE))
    }
    return load({**files, **campaigns, "reasons.yaml": reasons})


POLICY = policy()


def watcher() -> Shopper:
    """A customer who wished for a coat at 149 euros an hour ago."""
    shopper = Shopper.opted_in(POLICY)
    shopper.now_ms -= HOUR_MS
    item = Item("coat-1", name="Wool coat", category="coats", price_minor=14_900)
    shopper.does("wishlist.added", items=(item,), currency="EUR")
    shopper.now_ms += HOUR_MS
    return shopper


def says(shopper: Shopper, item: str = "coat-1", site: str = "", **said: object) -> None:
    """Let the catalog say something of an item now."""
    made = shopper.rules.catalog if len(shopper.rules.catalog) else Catalog()
    made.fold(Change(item, site, Offer(**{"at_ms": shopper.now_ms, **said})))  # type: ignore[arg-type]
    shopper.rules = replace(shopper.rules, catalog=made)


def hears(shopper: Shopper, kind: str = ITEM_AVAILABLE, price: int | None = None, **more: object) -> Said:
    """Meet news of the coat, as a fan-out writes it: without what only the customer knows."""
    given: dict[str, object] = {"items": (Item("coat-1", price_minor=price),), "currency": "EUR", **more}
    return shopper.does(kind, "", None, **given)


def test_an_item_that_is_known_to_be_gone_is_not_offered() -> None:
    shopper = Shopper.opted_in(POLICY)
    says(shopper, available=False)
    assert shopper.views().reasons == [("ITEM_UNAVAILABLE", "everywhere")]
    says(shopper, available=True)
    assert shopper.views().channel == "push"


def test_an_item_of_which_nothing_is_known_is_offered_as_ever() -> None:
    shopper = Shopper.opted_in(POLICY)
    says(shopper, available=False, until_ms=NOON_MS)
    says(shopper, "hat-1", available=False)
    assert shopper.views().channel == "push"


def test_a_message_that_is_not_about_the_item_is_not_stopped() -> None:
    shopper = Shopper.opted_in(POLICY)
    says(shopper, available=False)
    shopper.consents("*", "sensing")
    shopper.does("beacon.entered", site_id="berlin-1", occurred_at_ms=NOON_MS - 5 * MINUTE_MS)
    assert shopper.does("beacon.ranged", "coat-1", "coats", site_id="berlin-1").channel == "push"


def test_what_became_unavailable_since_is_not_handed_over() -> None:
    shopper = Shopper.opted_in(POLICY)
    said = shopper.views()
    assert said.emission is not None
    assert said.emission.handover is not None
    assert refusal(said.emission.handover, shopper.rules, shopper.now_ms, None) is None
    says(shopper, available=False)
    why = refusal(said.emission.handover, shopper.rules, shopper.now_ms, None)
    assert why is not None
    assert why.code.name == "ITEM_UNAVAILABLE"


def test_who_watches_hears_that_it_is_back_named_as_they_know_it() -> None:
    said = hears(watcher())
    assert said.nudge is not None
    assert (said.nudge.campaign, said.nudge.category) == ("back", "coats")
    assert said.nudge.content["body"] == "Wool coat is here. Watched."


def test_who_asked_to_be_told_watches_too() -> None:
    shopper = Shopper.opted_in(POLICY)
    shopper.does("alert.requested", "coat-1", "coats")
    assert hears(shopper).channel == "push"


@pytest.mark.parametrize("since", ["wishlist.removed", "order.completed"])
def test_who_does_not_watch_any_more_hears_nothing(since: str) -> None:
    shopper = watcher()
    shopper.does(since, "coat-1", "coats")
    said = hears(shopper)
    assert said.channel is None
    assert since == "order.completed" or said.candidates == []


def test_who_never_watched_or_watched_long_ago_hears_nothing() -> None:
    assert hears(Shopper.opted_in(POLICY)).candidates == []
    shopper = watcher()
    shopper.now_ms += WATCH_MS
    assert hears(shopper).candidates == []


def test_who_withdrew_or_was_erased_hears_nothing() -> None:
    shopper = watcher()
    shopper.consents("*", "processing", "withdrawn")
    assert hears(shopper).emission is None
    erased = watcher()
    erased.demands("erase")
    assert hears(erased).channel is None


def test_an_order_takes_back_the_request_to_be_told() -> None:
    shopper = Shopper.opted_in(POLICY)
    shopper.does("alert.requested", "coat-1", "coats")
    shopper.does("order.completed", "coat-1", "coats")
    shopper.now_ms += 200 * DAY_MS  # when the coat of the order may be worn out
    shopper.does("search.performed")
    assert hears(shopper).candidates == []


def test_news_is_not_gainsaid_by_a_catalog_that_is_behind_it() -> None:
    shopper = watcher()
    shopper.now_ms -= 1
    says(shopper, available=False)
    shopper.now_ms += 1
    assert hears(shopper).channel == "push"
    later = watcher()
    said_at = later.now_ms
    later.now_ms += 1
    says(later, available=False)
    assert hears(later, occurred_at_ms=said_at).reasons == [("ITEM_UNAVAILABLE", "everywhere")]


def test_news_of_one_store_is_for_campaigns_that_name_it() -> None:
    assert [one.campaign for one in hears(watcher(), site_id="berlin-1").candidates] == ["there"]
    assert hears(watcher(), site_id="munich-1").candidates == []


def drop(shopper: Shopper, before: int = 14_900, now: int = 11_900, currency: str = "EUR") -> Said:
    return hears(shopper, ITEM_PRICE_DROPPED, now, currency=currency, extra={"price_before_minor": before})


def test_a_price_that_fell_far_enough_is_told_with_what_it_was() -> None:
    said = drop(watcher())
    assert said.nudge is not None
    assert said.nudge.content["body"] == "Wool coat costs €119.00, not €149.00. Watched."
    assert drop(watcher(), 10_000, 9_000).channel == "push"
    assert drop(watcher(), 10_000, 9_001).candidates == []


def test_a_price_in_another_currency_than_the_customer_saw_is_no_drop() -> None:
    assert drop(watcher(), currency="USD").candidates == []


def test_a_price_that_rose_again_is_no_drop() -> None:
    shopper = watcher()
    says(shopper, price_minor=11_901, currency="EUR")
    assert drop(shopper).candidates == []
    says(shopper, price_minor=10_900, currency="EUR")
    assert drop(shopper).channel == "push"


def test_the_same_news_twice_is_one_message() -> None:
    shopper = watcher()
    assert hears(shopper, event_id="item.available/0/7").channel == "push"
    again = hears(shopper, event_id="item.available/0/7")
    assert (again.counted.value, again.emission) == ("duplicate", None)


def test_news_that_had_to_wait_compares_with_what_its_customer_saw() -> None:
    shopper = watcher()
    waited = hears(shopper, ITEM_PRICE_DROPPED, 11_900)
    assert waited.nudge is not None
    assert waited.nudge.content["body"] == "Wool coat costs €119.00, not €149.00. Watched."
    assert hears(watcher(), ITEM_PRICE_DROPPED, 14_900).candidates == []


HELD = load(
    {
        **dict(POLICY.files),
        "channels.yaml": POLICY.files["channels.yaml"].replace(
            '"09:00-20:00"', '"09:00-20:00", hold_max: 14h'
        ),
    }
)


def held(site: str = "", kind: str = ITEM_AVAILABLE, price: int | None = None) -> Shopper:
    """A customer for whom news of the coat, of this store or of everywhere, waits for the morning."""
    shopper = watcher()
    shopper.rules = replace(shopper.rules, policy=HELD)
    shopper.consents("email", state="withdrawn")
    shopper.consents("in_app", state="withdrawn")
    shopper.now_ms += 10 * HOUR_MS
    says(shopper, site=site, available=True)
    said = hears(shopper, kind, price, site_id=site or None, occurred_at_ms=shopper.now_ms)
    assert [one.verdict for one in said.candidates] == ["deferred"]
    return shopper


def released(shopper: Shopper) -> list[tuple[str, list[str]]]:
    shopper.now_ms += 12 * HOUR_MS
    said = shopper.does("timer.due")
    return [(one.verdict, [why.code.name for why in one.reasons][:1]) for one in said.candidates]


@pytest.mark.parametrize("site", ["", "berlin-1"])
def test_news_that_waited_for_the_morning_is_told_while_it_is_true(site: str) -> None:
    assert released(held(site)) == [("nudged", [])]


def test_an_item_that_went_again_over_night_is_not_told_of() -> None:
    shopper = held()
    says(shopper, available=False)
    assert released(shopper) == [("suppressed", ["ITEM_UNAVAILABLE"])]


def test_an_item_of_which_nothing_is_said_any_more_in_the_morning_is_not_told_of() -> None:
    shopper = held()
    shopper.rules.catalog.fold(Change("coat-1", "", None))
    assert released(shopper) == [("expired", ["STALE"])]
    shopper = held()
    says(shopper, available=True, until_ms=shopper.now_ms + HOUR_MS)
    assert released(shopper) == [("expired", ["STALE"])]


@pytest.mark.parametrize(("price", "verdict"), [(11_900, "nudged"), (None, "expired")])
def test_a_price_that_waited_for_the_morning_is_told_only_while_it_is_known(
    price: int | None, verdict: str
) -> None:
    shopper = held(kind=ITEM_PRICE_DROPPED, price=11_900)
    says(shopper, available=True, price_minor=price, currency="" if price is None else "EUR")
    assert [one for one, _ in released(shopper)] == [verdict]


def test_news_of_an_item_that_is_gone_again_is_not_told_whatever_group_the_campaign_is_of() -> None:
    back = campaign(
        "back",
        "{event: item.available}",
        "{wishlist.count: {max: 32}}",
        because="watching",
        category="coats",
        facts="{}",
        say="It is back.",
    )
    shopper = watcher()
    shopper.rules = replace(shopper.rules, policy=load({**dict(POLICY.files), "campaigns/back.yaml": back}))
    says(shopper, available=False)
    assert hears(shopper, occurred_at_ms=NOON_MS).reasons == [("ITEM_UNAVAILABLE", "everywhere")]
    assert hears(shopper, occurred_at_ms=NOON_MS + MINUTE_MS).channel == "push"


def test_who_took_it_off_the_list_over_night_is_not_told() -> None:
    shopper = held()
    shopper.does("wishlist.removed", "coat-1", "coats")
    assert released(shopper) == [("expired", ["STALE"])]
