"""What a message is about besides the category that is typed into its campaign, and what of that keeps it silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest

from streamproc.core import candidates
from streamproc.core.case import Case
from streamproc.core.catalog import Catalog, Change, Offer
from streamproc.core.decision import Weighed
from streamproc.core.event import Item
from streamproc.core.gates import candidate_reasons
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.reasons import Gate, Why
from streamproc.core.refusal import Standing, refusal
from tests.core.shopper import CATEGORIES, DAY_MS, FILES, HOUR_MS, MINUTE_MS, Said, Shopper, campaign

FRAME = {name: text for name, text in FILES.items() if not name.startswith("campaigns/")}
NO_WHEN = "{cart.count: {max: 20}}"
OPENED, VIEWED, ADDED = "{event: app.opened}", "{event: product.viewed}", "{event: cart.item_added}"
LAST: Final[dict[str, Any]] = {"facts": "{item: cart.last.name}", "because": "opted_in"}
WISHED: Final[dict[str, Any]] = {"facts": "{item: wishlist.last.name}", "because": "opted_in"}
COAT = Item("coat-1", name="Wool coat", category="coats")
RING = Item("ring-1", name="Engagement ring", category="toys/rings")
MORE: Final = """\
  tea: {match: ["tea*"], sensitivity: mild}
  knives: {match: ["knives*"], sensitivity: none, adults_only: true}
"""
MAT = Item("mat-1", name="Mat", category="maternity/mats")


def shop(
    trigger: str = OPENED,
    when: str = NO_WHEN,
    *,
    facts: str = "{}",
    because: str = "opted_in",
    category: str = "none",
    say: str = "",
    purpose: str = "marketing",
    waits: bool = False,
    throttled: bool = False,
) -> Policy:
    """Compile a shop with one campaign, `x`; of this purpose."""
    say = say or ("{{ item }} is here." if "item" in facts else "Hello.")
    text = campaign("x", trigger, when, facts=facts, because=because, category=category, say=say)
    files = {name: one for name, one in FRAME.items() if not (throttled and name == "creep.yaml")}
    files["categories.yaml"] = CATEGORIES.replace(
        "consent: category/pregnancy", "consent: category/pregnancy, traits: [pregnan*]"
    ).replace("gift_prone: true}\n  wine", f"gift_prone: true, traits: [toy]}}\n{MORE}  wine")
    text = text.replace("purpose: marketing", f"purpose: {purpose}")
    return load(
        {**files, "campaigns/x.yaml": text.replace("channels:", "wait: 30m\nchannels:", 1) if waits else text}
    )


def customer(policy: Policy, *consents: str, **profile: object) -> Shopper:
    shopper = Shopper.opted_in(policy)
    for purpose in consents:
        shopper.consents("*", purpose)
    if profile:
        shopper.tells(**profile)
    shopper.now_ms += 30 * DAY_MS
    return shopper


def codes(said: Said) -> list[tuple[str, str]]:
    """Return what silenced it; empty where it was said."""
    return [] if said.nudge is not None else said.reasons


# What a campaign's file says.

PREGNANCY = ("pregnancy",)


@pytest.mark.parametrize(
    "when",
    [
        "{item.category: {in: [coats, pregnancy]}}",
        "{count: {event: product.viewed, category: pregnancy, within: 24h, min: 2}}",
        "{count: {event: product.viewed, category: pregnancy, days: 30, min: 2}}",
        "{distinct: {event: product.viewed, category: pregnancy, of: day, days: 30, min: 2}}",
        "{distinct: {event: product.viewed, category: pregnancy, of: item, within: 24h, min: 2}}",
        "{sum: {event: cart.item_added, category: pregnancy, of: price, within: 24h, min: 2.00, currency: EUR}}",
        "{since: {event: product.viewed, category: pregnancy, max: 24h}}",
        "{present: {event: product.viewed, category: pregnancy, within: 24h}}",
        "{ordered: {category: pregnancy, within: 24h}}",
        "{last: {event: product.viewed, category: pregnancy, within: 24h}}",
        "{first: {event: product.viewed, category: pregnancy}}",
        "{interest.top_category: {in: [pregnancy]}}",
        "{cart.has: {category: pregnancy}}",
        "{wishlist.has: {category: pregnancy}}",
        "{trait.pregnant: {is: true}}",
        "{not: {trait.pregnant: {is: false}}}",
        "{extra.is_pregnant: {is: true}}",
        "{count: {event: custom.pregnancy_quiz_done, within: 24h, min: 1}}",
        "{not: {not: {cart.has: {category: pregnancy}}}}",
        "{not: {absent: {event: product.viewed, category: pregnancy, within: 24h}}}",
        "{not: {count: {event: product.viewed, category: pregnancy, days: 30, max: 0}}}",
        "{any: [{surface: {in: [web]}}, {cart.has: {category: pregnancy}}]}",
        "{all: [{surface: {in: [web]}}, {cart.has: {category: pregnancy}}]}",
    ],
)
def test_a_condition_that_names_a_category_makes_the_message_one_about_it(when: str) -> None:
    about = shop(VIEWED, when).campaigns["x"].about
    assert "pregnancy" in about.categories


def test_a_trigger_that_a_producer_named_tells_by_its_name_what_the_message_is_about() -> None:
    assert shop("{event: custom.pregnancy_quiz_done}").campaigns["x"].about.categories == PREGNANCY
    assert shop("{event: custom.quiz_done}").campaigns["x"].about.categories == ()


@pytest.mark.parametrize(
    "when",
    [
        "{not: {item.category: {in: [pregnancy]}}}",
        "{not: {cart.has: {category: pregnancy}}}",
        "{count: {event: product.viewed, category: pregnancy, within: 24h, max: 0}}",
        "{count: {event: product.viewed, category: pregnancy, days: 30, max: 0}}",
        "{absent: {event: product.viewed, category: pregnancy, within: 24h}}",
    ],
)
def test_to_stay_silent_because_of_a_category_is_not_about_it(when: str) -> None:
    assert shop(VIEWED, when).campaigns["x"].about.categories == ()


# A special category.


@pytest.mark.parametrize("category", ["none", "coats"])
def test_what_a_condition_names_needs_its_consent_whatever_the_campaign_says_it_is_about(
    category: str,
) -> None:
    policy = shop(
        OPENED, "{any: [{surface: {in: [none]}}, {cart.has: {category: pregnancy}}]}", category=category
    )
    ((code, detail),) = codes(customer(policy).does("app.opened"))
    assert (code, detail.endswith("(when)")) == ("SPECIAL_CATEGORY", True)
    assert codes(customer(policy, "category/pregnancy").does("app.opened")) == []


@pytest.mark.parametrize("items", [(MAT,), (COAT, MAT), (MAT, COAT)])
def test_an_event_about_a_special_item_triggers_nothing_without_consent(items: tuple[Item, ...]) -> None:
    policy = shop(VIEWED)
    ((code, detail),) = codes(customer(policy).does("product.viewed", items=items))
    assert (code, detail.endswith("(trigger)")) == ("SPECIAL_CATEGORY", True)
    assert codes(customer(policy, "category/pregnancy").does("product.viewed", items=items)) == []


def test_what_a_trait_tells_of_is_a_subject_where_a_fact_names_it() -> None:
    policy = shop(facts="{item: trait.favourite_toy}")
    shopper = customer(policy, shared=("device",), traits={"favourite_toy": "a doll"})
    assert codes(shopper.does("app.opened")) == [("SHARED_DEVICE", "toys (trait.favourite_toy)")]
    assert codes(customer(policy, shared=("device",)).does("app.opened")) == []


def test_a_message_about_an_order_is_about_the_order_and_not_about_what_was_in_it() -> None:
    def bought(when: str, purpose: str) -> list[str]:
        policy = shop("{event: order.completed}", when, because="purchased", purpose=purpose)
        said = customer(policy).does("order.completed", order_id="o-1", items=(COAT, MAT))
        return [code for code, _ in codes(said)]

    service = "transactional\nbasis: contract"
    named = "{any: [{surface: {in: [none]}}, {ordered: {category: pregnancy, within: 24h}}]}"
    assert bought(NO_WHEN, service) == []
    assert bought(NO_WHEN, "marketing") == ["SPECIAL_CATEGORY", "INTENT_FULFILLED"]
    assert bought(named, service) == ["SPECIAL_CATEGORY"]


# What others may see, who may see it, and what the customer does not want to hear of.


@pytest.mark.parametrize("category", ["none", "coats", "from_item"])
def test_a_ring_beside_a_coat_is_not_spoken_of_on_a_shared_device(category: str) -> None:
    policy = shop(ADDED, category=category, **LAST)

    def added(*items: Item, **profile: object) -> list[tuple[str, str]]:
        return codes(customer(policy, **profile).does("cart.item_added", items=items))

    assert added(COAT, shared=("device",)) == added(COAT, RING) == []
    assert added(COAT, RING, shared=("device",)) == [("SHARED_DEVICE", "toys (trigger)")]


@pytest.mark.parametrize("category", ["none", "coats"])
def test_a_ring_that_a_fact_names_is_not_spoken_of_on_a_shared_device(category: str) -> None:
    shopper = customer(shop(category=category, **LAST), shared=("device",))
    shopper.does("cart.item_added", items=(RING,))
    assert codes(shopper.does("app.opened")) == [("SHARED_DEVICE", "toys (cart.last.name)")]
    shopper.does("cart.item_added", items=(COAT,), occurred_at_ms=shopper.now_ms + 1)
    shopper.now_ms += HOUR_MS
    assert codes(shopper.does("app.opened")) == []


def test_neither_a_top_interest_nor_a_known_fact_tells_of_a_gift_on_a_shared_device() -> None:
    said: dict[str, Any] = {"say": "More {{ item }}.", "because": "opted_in"}
    interested = customer(shop(facts="{item: interest.top_category}", **said), shared=("device",))
    interested.does("product.viewed", items=(RING,))
    assert codes(interested.does("app.opened")) == [("SHARED_DEVICE", "toys (interest.top_category)")]
    fact = {"name": "wish", "value": "a doll", "provenance": "declared", "category": "toys"}
    told = customer(shop(facts="{item: fact.wish}", **said), shared=("device",), facts=(fact,))
    assert codes(told.does("app.opened")) == [("SHARED_DEVICE", "toys (fact.wish)")]
    fact = {**fact, "name": "toy", "category": "coats"}
    named = customer(shop(facts="{item: fact.toy}", **said), shared=("device",), facts=(fact,))
    assert codes(named.does("app.opened")) == [("SHARED_DEVICE", "toys (fact.toy)")]


SUMS: Final = {
    "cart.value": "cart.item_added",
    "cart.count": "cart.item_added",
    "wishlist.count": "wishlist.added",
}


def told_of(path: str, *items: Item, **more: Any) -> Said:
    """Tell of all that lies in the basket or on the wish list, priced, in a message about nothing else."""
    profile = more.pop("profile", {})
    shopper = customer(
        shop(facts=f"{{item: {path}}}", because="opted_in", **more), "category/pregnancy", **profile
    )
    for item in items:
        priced = (msgspec.structs.replace(item, price_minor=900_00),)
        shopper.does(SUMS[path], items=priced, currency="EUR")
    return shopper.does("app.opened")


@pytest.mark.parametrize("path", SUMS)
@pytest.mark.parametrize("items", [(RING,), (RING, COAT), (COAT, RING)])
def test_a_sum_tells_of_each_that_it_sums_on_a_shared_device(path: str, items: tuple[Item, ...]) -> None:
    shared = {"shared": ("device",)}
    assert codes(told_of(path, *items, profile=shared)) == [("SHARED_DEVICE", f"toys ({path})")]
    assert codes(told_of(path, *items)) == codes(told_of(path, COAT, profile=shared)) == []


@pytest.mark.parametrize("path", SUMS)
def test_of_what_a_sum_tells_of_the_most_private_counts(path: str) -> None:
    shared = {"shared": ("device",)}
    unknown, wine = Item("odd-1", name="Odd", category="odds"), Item("port-1", name="Port", category="wine")
    tea, knife = Item("tea-1", name="Tea", category="tea"), Item("knife-1", name="Knife", category="knives")
    least_first = (COAT, tea, knife, wine, RING, unknown, MAT)
    for items in (least_first, least_first[::-1]):
        said = told_of(path, *items, profile=shared)
        assert codes(said) == [("SHARED_DEVICE", f"pregnancy ({path})")]
    private = codes(told_of(path, *least_first[:-1], profile={**shared, "minor": False}))
    assert private == [("SHARED_DEVICE", f"default ({path})")]
    assert codes(told_of(path, wine, RING, profile=shared)) == [("SHARED_DEVICE", f"toys ({path})")]
    for_adults = codes(told_of(path, tea, knife, COAT, profile={"minor": True}))
    assert for_adults == [("ADULTS_ONLY", f"minor: knives ({path})")]
    assert weighed(told_of(path, COAT, tea, throttled=True)).factors["sensitivity"] > 0
    assert "sensitivity" not in weighed(told_of(path, COAT, throttled=True)).factors


def test_what_is_for_adults_is_for_adults_wherever_it_is_named() -> None:
    shopper = customer(shop(ADDED), minor=True)
    said = shopper.does("cart.item_added", items=(COAT, Item("port-1", category="wine")))
    assert codes(said) == [("ADULTS_ONLY", "minor: wine (trigger)")]


def test_of_a_muted_category_nothing_is_said_by_another_name() -> None:
    shopper = customer(shop(**LAST))
    shopper.does("cart.item_added", items=(RING,))
    assert codes(shopper.does("app.opened")) == []
    context = shopper.customer.context
    assert context is not None
    assert context.profile is not None
    context.charges = []
    context.profile.muted_categories = ("toys",)
    context.holds["category/toys"] = shopper.now_ms + 10 * DAY_MS
    until = f"toys (cart.last.name) until {shopper.now_ms + 10 * DAY_MS}"
    muted_by = [("CATEGORY_MUTED", "toys (cart.last.name)"), ("CATEGORY_MUTED", until)]
    assert codes(shopper.does("app.opened")) == muted_by


# How private a message is.


def weighed(said: Said) -> Weighed:
    creep = said.candidates[0].creep
    assert creep is not None
    return creep


def test_a_message_is_as_private_as_the_most_private_category_that_its_conditions_name() -> None:
    gifts = "{any: [{surface: {in: [none]}}, {cart.has: {category: toys}}]}"
    plain, named = (customer(shop(OPENED, when, throttled=True)) for when in (NO_WHEN, gifts))
    assert "sensitivity" not in weighed(plain.does("app.opened")).factors
    assert weighed(named.does("app.opened")).factors["sensitivity"] == 0.2


def test_a_fact_makes_private_only_the_words_that_show_it() -> None:
    def factors(say: str) -> dict[str, float]:
        shopper = customer(shop(facts="{item: cart.last.name}", say=say, throttled=True))
        shopper.does("cart.item_added", items=(RING,))
        said = weighed(shopper.does("app.opened"))
        return said.factors

    assert factors("{{ item }} is here.")["sensitivity"] > 0
    assert "sensitivity" not in factors("It is here.")


@pytest.mark.interpreted
def test_what_a_fact_names_and_was_bought_is_as_good_as_gone_for_the_score_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without(case: Case) -> list[Why]:
        return [why for why in candidate_reasons(case) if why.code != Gate.INTENT_FULFILLED]

    monkeypatch.setattr(candidates, "candidate_reasons", without)
    shopper = customer(shop(throttled=True, **WISHED))
    shopper.does("wishlist.added", items=(COAT,))
    shopper.does("order.completed", order_id="o-1", items=(COAT,))
    assert weighed(shopper.does("app.opened")).factors["invalidity"] == 1


# What was bought, and what is not to be had.


def test_what_a_fact_names_and_was_bought_is_not_offered_again() -> None:
    shopper = customer(shop(**WISHED))
    shopper.does("wishlist.added", items=(COAT,))
    assert codes(shopper.does("app.opened")) == []
    shopper.now_ms += 2 * DAY_MS
    shopper.does("order.completed", order_id="o-1", items=(COAT,))
    ((code, detail),) = codes(shopper.does("app.opened"))
    assert (code, detail.endswith("(wishlist.last.name)")) == ("INTENT_FULFILLED", True)
    shopper.does("wishlist.added", items=(RING,), occurred_at_ms=shopper.now_ms + 1)
    shopper.now_ms += MINUTE_MS
    assert codes(shopper.does("app.opened")) == []


def test_what_triggers_and_a_fact_names_is_told_of_once() -> None:
    shopper = customer(shop("{event: wishlist.added}", category="from_item", **WISHED))
    shopper.does("order.completed", order_id="o-1", items=(COAT,))
    said = shopper.does("wishlist.added", items=(COAT,))
    assert [code for code, _ in codes(said)] == ["INTENT_FULFILLED"]


def test_what_a_fact_names_and_is_not_to_be_had_is_not_offered_nor_handed_over() -> None:
    shopper = customer(shop(**WISHED))
    shopper.does("wishlist.added", items=(COAT,))
    said = shopper.does("app.opened")
    assert said.emission is not None
    assert said.emission.handover is not None
    catalog = Catalog()
    catalog.fold(Change("coat-1", "", Offer(available=False, at_ms=shopper.now_ms)))
    shopper.rules = replace(shopper.rules, catalog=catalog)
    why = refusal(said.emission.handover, shopper.rules, shopper.now_ms, None)
    assert why is not None
    assert why.code.name == "ITEM_UNAVAILABLE"
    shopper.now_ms += 2 * DAY_MS
    assert codes(shopper.does("app.opened")) == [("ITEM_UNAVAILABLE", "everywhere")]


def test_of_two_items_that_a_message_offers_each_is_asked_for_at_hand_over() -> None:
    shopper = customer(shop(ADDED, category="from_item", **LAST))
    said = shopper.does("cart.item_added", items=(COAT, RING))
    assert said.emission is not None
    handover = said.emission.handover
    assert handover is not None
    assert (handover.sold, handover.sold_too) == (("coat-1", "", 0), (("ring-1", "", 0),))
    catalog = Catalog()
    catalog.fold(Change("ring-1", "", Offer(available=False, at_ms=shopper.now_ms)))
    why = refusal(handover, replace(shopper.rules, catalog=catalog), shopper.now_ms, None)
    assert why is not None


def test_a_consent_or_a_wish_that_changed_is_heeded_for_all_a_nudge_is_about() -> None:
    policy = shop(OPENED, "{any: [{surface: {in: [none]}}, {cart.has: {category: pregnancy}}]}")
    for change, code in (
        (lambda one: one.consents("*", "category/pregnancy", "withdrawn"), "SPECIAL_CATEGORY"),
        (lambda one: one.customer.context.holds.update({"category/pregnancy": one.now_ms + 1}), "HOLD"),
        (lambda one: setattr(one.customer.context.profile, "muted_categories", PREGNANCY), "CATEGORY_MUTED"),
    ):
        shopper = customer(policy, "category/pregnancy")
        said = shopper.does("app.opened")
        assert said.emission is not None
        assert said.emission.handover is not None
        standing = Standing(shopper.customer.consent, shopper.customer.context)
        assert refusal(said.emission.handover, shopper.rules, shopper.now_ms, standing) is None
        change(shopper)
        standing = Standing(shopper.customer.consent, shopper.customer.context)
        why = refusal(said.emission.handover, shopper.rules, shopper.now_ms, standing)
        assert why is not None
        assert why.code.name == code
