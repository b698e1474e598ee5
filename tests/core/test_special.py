"""What needs a consent of its own is forgotten once it is without: at a word on consent, or when one ran out."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest

from streamproc.core.event import Item
from streamproc.core.facts import ConsentChange
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.recent import remembered
from streamproc.core.stored_context import encode_context
from streamproc.core.watching import watches_after
from tests.core.shopper import CATEGORIES, FILES, HOUR_MS, MINUTE_MS, Said, Shopper, campaign

SPECIAL = "category/pregnancy"
WORDS = "consent: category/pregnancy, traits: [pregnan*, due_date]"
DAYS = "{any: [{count: {event: product.viewed, same: category, days: 30, min: 1}}, \
{interest.top_category: {in: [coats], min: 1}}]}"
COUNTS = campaign("counts", "{event: product.viewed}", DAYS, because="opted_in", priority=20)
BASKET = campaign(
    "basket", "{event: cart.item_added}\nwait: 30m", "{cart.count: {min: 1}}", because="cart", priority=30
)


@cache
def shop() -> Policy:
    categories = CATEGORIES.replace("consent: category/pregnancy", WORDS)
    files = {**FILES, "categories.yaml": categories, "campaigns/counts.yaml": COUNTS}
    return load({**files, "campaigns/basket.yaml": BASKET}, "v1")


@pytest.fixture
def shopper() -> Shopper:
    """A customer who agreed to it, of whom all is remembered twice: of a dress and of a coat."""
    shopper = Shopper.opted_in(shop())
    shopper.consents("*", SPECIAL)
    items = (
        Item("dress-1", name="Dress", category="maternity"),
        Item("coat-1", name="Coat", category="coats"),
    )
    for kind in ("product.viewed", "cart.item_added", "wishlist.added", "alert.requested"):
        shopper.does(kind, items=items)
    shopper.views("dress-2", "maternity")
    shopper.tells(
        facts=(
            {"name": "due", "value": "August", "provenance": "declared", "category": "pregnancy"},
            {"name": "size", "value": "M", "provenance": "declared", "category": "coats"},
        ),
        traits={"due_date": "2027-08-01", "diet": "vegan"},
    )
    shopper.now_ms += HOUR_MS // 4
    return shopper


def stored(shopper: Shopper) -> bytes:
    context = shopper.customer.context
    assert context is not None
    return encode_context(context)


def verdicts(said: Said) -> list[tuple[str, str, list[str]]]:
    return [(one.campaign, one.verdict, [why.code.value for why in one.reasons]) for one in said.candidates]


@pytest.mark.parametrize("state", ["withdrawn", "denied", "pending", "expired"])
def test_all_that_is_of_a_category_goes_with_its_consent_and_nothing_else_does(
    shopper: Shopper, state: str
) -> None:
    shopper.consents("*", SPECIAL, state)
    context = shopper.customer.context
    assert context is not None
    profile = context.profile
    assert profile is not None
    assert (sorted(profile.facts), profile.traits) == (["size"], {"diet": "vegan"})
    assert [line.item.item_id for line in (*context.cart, *context.wishlist, *context.watching)] == [
        "coat-1"
    ] * 3
    assert [[item.item_id for item in event.items] for event in remembered(context)] == [["coat-1"]]
    assert list(context.interests) == ["coats"]
    assert sorted(context.day_counts) == ["product.viewed|coats"]


def test_not_a_byte_of_it_is_left(shopper: Shopper) -> None:
    traces = (b"dress", b"maternity", b"August", b"2027-08", b"due", b"pregnancy")
    assert all(trace in stored(shopper) for trace in traces)
    shopper.consents("*", SPECIAL, "withdrawn")
    context = shopper.customer.context
    assert context is not None
    # A message that was sent restrains the next: its charge names the category until the last cap over it ends.
    context.charges = []
    assert [trace for trace in traces if trace in stored(shopper)] == []


def test_another_word_on_consent_forgets_what_lapsed_meanwhile_and_keeps_what_is_agreed_to(
    shopper: Shopper,
) -> None:
    shopper.consents("sms", state="withdrawn")
    assert b"dress" in stored(shopper)
    head, rows = shopper.customer.consent, dict(shopper.customer.consent.rows)
    rows[f"*/{SPECIAL}"] = msgspec.structs.replace(rows[f"*/{SPECIAL}"], expires_at_ms=shopper.now_ms)
    shopper.customer.consent = msgspec.structs.replace(head, rows=rows)
    shopper.consents("sms")
    assert b"dress" not in stored(shopper)


def test_what_is_waited_for_about_it_is_cancelled_on_the_record(shopper: Shopper) -> None:
    assert [timer.item.item_id for timer in shopper.timers if timer.item] == ["dress-1"]
    said = shopper.consents("*", SPECIAL, "withdrawn")
    assert shopper.timers == []
    assert ("basket", "cancelled", ["special_category_without_consent"]) in verdicts(said)
    assert said.emission is not None
    kinds = [
        msgspec.json.decode(one.value or b"")["kind"] for one in said.emission.ahead if one.topic == "ledger"
    ]
    assert kinds.count("timer_done") == 1


def test_what_is_waited_for_about_something_else_goes_on(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-2", "coats")
    shopper.consents("*", SPECIAL, "withdrawn")
    assert [timer.item.item_id for timer in shopper.timers if timer.item] == ["coat-2"]


def test_nobody_is_told_of_an_item_that_was_forgotten(shopper: Shopper) -> None:
    shopper.consents("*", SPECIAL, "withdrawn")
    told = watches_after(shopper.customer, [])
    assert {(one.item_id, one.at_ms) for one in told} == {("dress-1", None)}


def test_who_agrees_again_starts_from_nothing(shopper: Shopper) -> None:
    shopper.consents("*", SPECIAL, "withdrawn")
    shopper.now_ms += HOUR_MS
    shopper.consents("*", SPECIAL)
    assert b"dress" not in stored(shopper)
    shopper.does("cart.item_added", "dress-3", "maternity")
    assert b"dress-3" in stored(shopper)


# A consent that runs out, with no word said.


def runs_out(shopper: Shopper) -> None:
    """Agree to it for a minute more, and let a minute pass."""
    shopper.consents("*", SPECIAL, ends_ms=shopper.now_ms + MINUTE_MS)
    shopper.now_ms += MINUTE_MS


def test_what_a_consent_that_ran_out_allowed_goes_before_campaigns_are_asked(shopper: Shopper) -> None:
    shopper.consents("*", SPECIAL, ends_ms=shopper.now_ms + MINUTE_MS)
    shopper.now_ms += MINUTE_MS - 1
    shopper.views()
    assert b"dress" in stored(shopper)
    shopper.now_ms += 1
    said = shopper.views()
    context = shopper.customer.context
    assert context is not None
    assert (list(context.interests), sorted(context.day_counts)) == (["coats"], ["product.viewed|coats"])
    context.charges = []
    assert [one for one in (b"dress", b"maternity", b"August", b"2027-08") if one in stored(shopper)] == []
    assert shopper.timers == []
    assert ("basket", "cancelled", ["special_category_without_consent"]) in verdicts(said)
    assert {(one.item_id, one.at_ms) for one in watches_after(shopper.customer, [])} >= {("dress-1", None)}


@pytest.mark.parametrize(
    "when",
    [
        "{count: {event: product.viewed, item: [test-1], within: 7d, min: 1}}",
        "{count: {event: product.viewed, brand: Clearblue, within: 7d, min: 1}}",
        "{cart.has: {item: [test-1]}}",
        "{cart.has: {brand: [Clearblue]}}",
    ],
)
def test_no_campaign_finds_an_item_that_a_consent_that_ran_out_allowed(when: str) -> None:
    asked = campaign(
        "x", "{event: app.opened}", when, because="opted_in", category="none", facts="{}", say="Hi."
    )
    frame = {name: text for name, text in FILES.items() if not name.startswith("campaigns/")}
    policy = load({**frame, "campaigns/x.yaml": asked})

    def opened(after_ms: int) -> bool:
        shopper = Shopper.opted_in(policy)
        shopper.consents("*", SPECIAL, ends_ms=shopper.now_ms + HOUR_MS)
        items = (Item("test-1", name="Test", brand="Clearblue", category="maternity"),)
        for kind in ("product.viewed", "cart.item_added"):
            shopper.does(kind, items=items)
        shopper.now_ms += after_ms
        return shopper.does("app.opened").nudge is not None

    assert [opened(HOUR_MS - 1), opened(HOUR_MS)] == [True, False]


def test_what_comes_due_after_a_consent_ran_out_is_cancelled_on_the_record(shopper: Shopper) -> None:
    runs_out(shopper)
    said = shopper.wakes(HOUR_MS // 4)
    assert verdicts(said) == [("basket", "cancelled", ["special_category_without_consent"])]
    assert b"dress" not in stored(shopper)


def test_who_agrees_again_after_a_consent_ran_out_starts_from_nothing(shopper: Shopper) -> None:
    runs_out(shopper)
    shopper.consents("*", SPECIAL)
    assert b"dress" not in stored(shopper)
    assert b"coat-1" in stored(shopper)


def test_who_agrees_to_more_time_before_a_consent_runs_out_keeps_all(shopper: Shopper) -> None:
    shopper.consents("*", SPECIAL, ends_ms=shopper.now_ms + MINUTE_MS)
    shopper.now_ms += MINUTE_MS - 1
    shopper.consents("*", SPECIAL, ends_ms=shopper.now_ms + HOUR_MS)
    before = stored(shopper).count(b"dress")
    shopper.now_ms += 1
    shopper.views()
    assert stored(shopper).count(b"dress") == before > 0


def test_a_trait_that_tells_of_it_is_kept_only_with_its_consent() -> None:
    shopper = Shopper.opted_in(shop())
    shopper.tells(traits={"isPregnant": True, "diet": "vegan"})
    assert b"Pregnant" not in stored(shopper)
    assert b"vegan" in stored(shopper)
    shopper.consents("*", SPECIAL)
    shopper.tells(traits={"isPregnant": True})
    assert b"isPregnant" in stored(shopper)


def test_facts_of_no_known_category_are_counted_and_not_kept() -> None:
    shopper = Shopper.opted_in(shop())
    said = shopper.tells(
        facts=(
            {"name": "a", "value": "guessed", "provenance": "inferred"},
            {"name": "b", "value": "odd", "provenance": "declared", "category": "horoscopes"},
            {"name": "c", "value": "known", "provenance": "inferred", "category": "coats"},
            {"name": "d", "value": "own", "provenance": "declared"},
            {"name": "e", "value": "secret", "provenance": "declared", "category": "pregnancy"},
        )
    )
    assert said.emission is not None
    assert said.emission.unknown_categories == 2
    context = shopper.customer.context
    assert context is not None
    assert context.profile is not None
    assert sorted(context.profile.facts) == ["c", "d"]


def test_of_strangers_and_somebody_else_it_is_kept_that_there_is_something() -> None:
    shopper = Shopper.opted_in(shop())
    shopper.tells(
        facts=(
            {"name": "a", "value": "secret", "provenance": "broker", "category": "horoscopes"},
            {"name": "b", "value": "secret", "provenance": "declared", "about": "other"},
        )
    )
    context = shopper.customer.context
    assert context is not None
    assert context.profile is not None
    kept = context.profile.facts
    assert {name: (one.value, one.category) for name, one in kept.items()} == {"a": ("", ""), "b": ("", "")}


def test_a_word_on_consent_changes_nothing_where_all_is_agreed_to(shopper: Shopper) -> None:
    context = shopper.customer.context
    assert context is not None
    before = (list(context.recent), list(context.cart), dict(context.day_counts), list(context.timers))
    word = ConsentChange("c-1", "sms", "marketing", "granted", shopper.now_ms)
    shopper._learns("consent.granted", "consents", word)
    assert before == (context.recent, context.cart, context.day_counts, context.timers)
