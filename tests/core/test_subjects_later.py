"""What a message is about that was waited for or held, and which category soft words may call by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from streamproc.core.event import Item
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from tests.core.shopper import CATEGORIES, HOUR_MS, MINUTE_MS, Said, Shopper, campaign
from tests.core.test_holding import OPENS_MS
from tests.core.test_subjects import (
    ADDED,
    COAT,
    FRAME,
    LAST,
    MAT,
    NO_WHEN,
    RING,
    VIEWED,
    codes,
    customer,
    shop,
)
from tests.core.test_waiting import HOLDING, NIGHT_MS

PAN: Final = Item("pan-1", name="Pan", category="coats/pans")
PORT: Final = Item("port-1", name="Port", category="wine")
INTEREST: Final = "interest.top_category"
MORE: Final = "More things. Agreed."
PREGNANCY: Final = "category/pregnancy"


def waiting(*consents: str, purpose: str = "marketing", **profile: object) -> Shopper:
    trigger = ADDED if purpose == "marketing" else "{event: order.completed}"
    because = "opted_in" if purpose == "marketing" else "purchased"
    return customer(shop(trigger, because=because, purpose=purpose, waits=True), *consents, **profile)


# What is waited for.


@pytest.mark.parametrize("items", [(COAT, RING, PAN), (RING, COAT)])
@pytest.mark.parametrize("category", ["none", "from_item"])
def test_a_ring_beside_a_coat_is_not_spoken_of_later_on_a_shared_device(
    items: tuple[Item, ...], category: str
) -> None:
    for profile, reasons in (({}, []), ({"shared": ("device",)}, [("SHARED_DEVICE", "toys (trigger)")])):
        policy = shop(ADDED, category=category, waits=True, **(LAST if category == "none" else {}))
        shopper = customer(policy, **profile)
        shopper.does("cart.item_added", items=items)
        found = codes(shopper.wakes(30 * MINUTE_MS))
        assert [code for code, _ in found] == [code for code, _ in reasons]


def test_a_category_that_the_policy_knows_no_longer_counts_as_private() -> None:
    shopper = waiting(shared=("device",))
    shopper.does("cart.item_added", items=(COAT, PORT))
    policy = shopper.rules.policy
    left = {name: one for name, one in policy.categories.items() if name != "wine"}
    shopper.rules = replace(shopper.rules, policy=replace(policy, categories=left))
    said = shopper.wakes(30 * MINUTE_MS)
    assert codes(said)[-1] == ("SHARED_DEVICE", "default (trigger)")


@pytest.mark.parametrize("items", [(MAT,), (COAT, MAT), (MAT, COAT)])
def test_nothing_is_waited_for_because_of_a_special_item_without_its_consent(items: tuple[Item, ...]) -> None:
    shopper = waiting()
    shopper.does("cart.item_added", items=items)
    assert shopper.timers == []
    allowed = waiting(PREGNANCY)
    allowed.does("cart.item_added", items=items)
    assert codes(allowed.wakes(30 * MINUTE_MS)) == []


def test_a_consent_that_ends_ends_what_is_waited_for_because_of_an_item_beside_another() -> None:
    shopper = waiting(PREGNANCY)
    shopper.does("cart.item_added", items=(COAT, MAT))
    said = shopper.consents("*", PREGNANCY, "withdrawn")
    assert [(one.verdict, one.reasons[0].detail) for one in said.candidates] == [("cancelled", "pregnancy")]
    assert shopper.timers == []


@pytest.mark.parametrize(
    ("items", "about"),
    [((), ()), ((COAT,), ()), ((COAT, PAN), ()), ((RING, COAT, PAN), ("coats", "toys"))],
)
def test_a_timer_keeps_the_names_of_categories_only_where_there_are_several(
    items: tuple[Item, ...], about: tuple[str, ...]
) -> None:
    shopper = waiting()
    shopper.does("cart.item_added", items=items)
    assert [one.about for one in shopper.timers] == [about]


def test_a_message_about_an_order_waits_whatever_was_in_it_and_keeps_no_name_of_it() -> None:
    shopper = waiting(purpose="transactional\nbasis: contract")
    shopper.does("order.completed", order_id="o-1", items=(COAT, MAT, RING))
    assert [one.about for one in shopper.timers] == [()]
    assert codes(shopper.wakes(30 * MINUTE_MS)) == []


# What is held.


def test_what_was_held_for_a_night_is_about_all_that_it_was_about_in_the_evening() -> None:
    text = campaign("x", ADDED, NO_WHEN, facts="{}", because="opted_in", category="none", say="Hello.")
    shopper = Shopper.opted_in(load({**FRAME, "channels.yaml": HOLDING, "campaigns/x.yaml": text}))
    for channel in ("email", "in_app"):
        shopper.consents(channel, state="withdrawn")
    shopper.now_ms += NIGHT_MS
    shopper.does("cart.item_added", items=(COAT, RING))
    assert [one.about for one in shopper.timers] == [("coats", "toys")]
    shopper.tells(shared=("device",))
    said = shopper.wakes(OPENS_MS - shopper.now_ms)
    assert ("SHARED_DEVICE", "toys (trigger)") in codes(said)


# What soft words call by its name.


def softly(
    path: str, *, category: str = "none", trigger: str = VIEWED, soft: str = "More {{ kind }}."
) -> Policy:
    """Compile a shop whose words as written are never known, so that soft ones stand in."""
    facts = f"{{kind: {path}, item: wishlist.last.name}}"
    text = campaign("x", trigger, NO_WHEN, facts=facts, because="opted_in", category=category)
    named = CATEGORIES.replace("match:", "names: {en: things}, match:").replace(
        "  wine:", '  lingerie: {names: {en: lingerie}, match: ["lingerie*"], sensitivity: intimate}\n  wine:'
    )
    text = text.replace("It is here.", f'"{soft}"')
    return load({**FRAME, "categories.yaml": named, "campaigns/x.yaml": text})


def body(said: Said) -> str:
    return "" if said.nudge is None else str(said.nudge.content["body"])


@pytest.mark.parametrize("named", ["toys/rings", "lingerie/tops", "maternity/mats"])
def test_soft_words_do_not_call_a_private_category_of_an_item_by_its_name(named: str) -> None:
    shopper = customer(softly("item.category", category="from_item"), PREGNANCY)
    said = shopper.views("a-1", named)
    assert said.nudge is None
    assert ("FACT_MISSING", "push: fact_missing: kind") in said.reasons
    shopper.now_ms += HOUR_MS
    assert body(shopper.views()) == MORE


def test_soft_words_of_a_private_campaign_call_no_category_by_its_name() -> None:
    assert body(customer(softly(INTEREST, category="toys")).views()) == ""
    assert body(customer(softly(INTEREST, category="coats")).views()) == MORE


def test_soft_words_do_not_call_a_private_interest_by_its_name() -> None:
    for named, said in (("coats", MORE), ("toys/rings", ""), ("lingerie", "")):
        shopper = customer(softly(INTEREST, trigger="{event: app.opened}"))
        shopper.views("a-1", named)
        assert body(shopper.does("app.opened")) == said


def test_words_as_written_may_call_a_gift_by_its_name() -> None:
    shopper = customer(shop(VIEWED, facts="{item: item.category}", category="from_item"))
    assert body(shopper.does("product.viewed", items=(RING,))) == "toys is here. Agreed."


def test_soft_words_still_count_what_is_private() -> None:
    policy = softly(
        "interest.top_category, n: cart.count", trigger="{event: app.opened}", soft="Still {{ n }}."
    )
    shopper = customer(policy)
    shopper.does("cart.item_added", items=(RING,))
    assert body(shopper.does("app.opened")) == "Still 1. Agreed."
