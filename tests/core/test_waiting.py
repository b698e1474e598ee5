"""A campaign that waits: set, moved, cancelled, asked afresh when due; and what is held until the hour allows it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import msgspec
import pytest

from streamproc.core.context import TIMERS_MAX
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.receipt import Counted
from streamproc.core.stored_context import encode_context, ttl_ms
from tests.core.shopper import CHANNELS, DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper, campaign

HOLDING = CHANNELS.replace('quiet: {open: "09:00-20:00"}', 'quiet: {open: "09:00-20:00", hold_max: 14h}')
BASKET = campaign(
    "basket",
    "{event: cart.item_added}\nwait: 30m\nunless: [order.completed, cart.item_removed]",
    "{cart.count: {min: 1}}",
    because="cart",
)
AGAIN = campaign(
    "again",
    "{event: order.completed}\nwait: {repurchase: 0.9}",
    "{cart.count: {max: 9}}",
    because="purchased",
)
NIGHT_MS = 10 * HOUR_MS  # after noon: 22:00


@cache
def patient() -> Policy:
    return load(
        {**FILES, "channels.yaml": HOLDING, "campaigns/basket.yaml": BASKET, "campaigns/again.yaml": AGAIN},
        "v1",
    )


@pytest.fixture
def shopper() -> Shopper:
    return Shopper.opted_in(patient())


def verdicts(said: Said) -> list[tuple[str, str, list[str]]]:
    return [(one.campaign, one.verdict, [why.code.value for why in one.reasons]) for one in said.candidates]


def entered(said: Said) -> list[tuple[str, str]]:
    """What the ledger says of waitings: the kind and the digest of the event that set it."""
    ahead = said.emission.ahead if said.emission is not None else []
    rows = [msgspec.json.decode(one.value or b"") for one in ahead if one.topic == "ledger"]
    return [(row["kind"], row["event"]) for row in rows if row["kind"].startswith("timer")]


def test_a_trigger_sets_a_timer_and_says_nothing_yet(shopper: Shopper) -> None:
    said = shopper.does("cart.item_added", "coat-1", "coats")
    assert (said.nudge, said.candidates) == (None, [])
    assert [one.due_ms for one in shopper.timers] == [NOON_MS + 30 * MINUTE_MS]
    assert [kind for kind, _ in entered(said)] == ["timer_set"]


def test_the_campaign_speaks_when_its_time_has_come_and_only_once(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    said = shopper.wakes(30 * MINUTE_MS)
    assert verdicts(said) == [("basket", "nudged", [])]
    assert said.nudge is not None
    assert said.nudge.event_id.startswith("timer/basket/")
    assert said.emission is not None
    assert said.emission.decision is not None
    assert said.emission.decision.kind == "timer"
    assert [kind for kind, _ in entered(said)] == ["timer_done"]
    again = shopper.wakes()
    assert (again.counted, again.emission) == (Counted.QUIET, None)


def test_the_time_runs_from_the_moment_itself_not_from_its_arrival(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats", occurred_at_ms=NOON_MS - 20 * MINUTE_MS)
    assert [one.due_ms for one in shopper.timers] == [NOON_MS + 10 * MINUTE_MS]


def test_an_early_waking_finds_nothing_and_keeps_the_timer(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    assert shopper.wakes(29 * MINUTE_MS).counted is Counted.QUIET
    assert len(shopper.timers) == 1


def test_a_newer_trigger_moves_the_timer_and_an_older_one_does_not(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    moved = shopper.does("cart.item_added", "shoe-1", "shoes", occurred_at_ms=NOON_MS + MINUTE_MS)
    assert [kind for kind, _ in entered(moved)] == ["timer_done", "timer_set"]
    late = shopper.does("cart.item_added", "hat-1", "hats", occurred_at_ms=NOON_MS - MINUTE_MS)
    assert entered(late) == []
    assert [one.item.item_id for one in shopper.timers if one.item] == ["shoe-1"]


@pytest.mark.parametrize("kind", ["order.completed", "cart.item_removed"])
def test_what_comes_in_between_cancels_and_its_decision_says_so(shopper: Shopper, kind: str) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    shopper.now_ms += 9 * MINUTE_MS
    said = shopper.does(kind, "coat-1", "coats")
    assert verdicts(said) == [("basket", "cancelled", ["cancelled"])]
    assert said.candidates[0].reasons[0].detail == f"by {kind}"
    assert shopper.wakes(21 * MINUTE_MS).nudge is None


def test_a_cancellation_that_arrives_before_its_trigger_cancels_it(shopper: Shopper) -> None:
    shopper.does("order.completed", "coat-1", "coats")
    said = shopper.does("cart.item_added", "toy-1", "toys", occurred_at_ms=NOON_MS - MINUTE_MS)
    assert verdicts(said) == [("basket", "cancelled", ["cancelled"])]
    assert [one for one in shopper.timers if one.campaign == "basket"] == []


def test_an_order_before_the_basket_was_filled_cancels_nothing(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "toy-1", "toys")
    shopper.does("order.completed", "coat-1", "coats", occurred_at_ms=NOON_MS - MINUTE_MS)
    assert verdicts(shopper.wakes(30 * MINUTE_MS)) == [("basket", "nudged", [])]


def test_an_order_too_old_to_trigger_anything_still_cancels(shopper: Shopper) -> None:
    shopper.rules = replace(shopper.rules, event_age_max_ms=10 * MINUTE_MS)
    shopper.does("cart.item_added", "coat-1", "coats")
    shopper.now_ms += 20 * MINUTE_MS
    said = shopper.does("order.completed", "coat-1", "coats", occurred_at_ms=NOON_MS + MINUTE_MS)
    assert said.counted is Counted.TOO_OLD
    assert verdicts(said) == [("basket", "cancelled", ["cancelled"])]


def test_conditions_are_asked_afresh_when_the_time_has_come(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    assert shopper.customer.context is not None
    shopper.customer.context.cart = []
    assert verdicts(shopper.wakes(30 * MINUTE_MS)) == [("basket", "expired", ["stale"])]


def test_what_is_decided_long_after_it_was_due_comes_too_late(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    said = shopper.wakes(DAY_MS + 30 * MINUTE_MS + 1)
    assert verdicts(said) == [("basket", "expired", ["too_late"])]
    assert said.candidates[0].reasons[0].detail == f"{DAY_MS + 1} ms > {DAY_MS} ms after it was due"


def test_a_campaign_that_the_policy_no_longer_has_says_nothing(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    shopper.rules = replace(shopper.rules, policy=load({**FILES, "channels.yaml": HOLDING}, "v2"))
    assert verdicts(shopper.wakes(30 * MINUTE_MS)) == [("basket", "expired", ["campaign_off"])]


def test_a_campaign_that_was_renamed_and_changed_is_asked_as_it_is_now(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    renamed = BASKET.replace("campaign: basket", "campaign: cart\nformerly: basket").replace("30m", "2h")
    renamed = renamed.replace("{cart.count: {min: 1}}", "{cart.count: {min: 2}}")
    files = {**FILES, "channels.yaml": HOLDING, "campaigns/cart.yaml": renamed}
    shopper.rules = replace(shopper.rules, policy=load(files, "v2"))
    assert verdicts(shopper.wakes(30 * MINUTE_MS)) == [("cart", "expired", ["stale"])]


def test_an_erased_customer_waits_for_nothing(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    assert [kind for kind, _ in entered(shopper.demands("erase"))] == ["timer_done"]
    assert shopper.timers == []
    assert shopper.wakes(30 * MINUTE_MS).nudge is None


def test_without_consent_to_processing_nothing_is_waited_for(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    said = shopper.consents("*", "processing", "withdrawn")
    assert [kind for kind, _ in entered(said)] == ["timer_done"]
    assert shopper.timers == []
    assert shopper.wakes(30 * MINUTE_MS).counted is Counted.QUIET
    shopper.consents("*", "processing")
    assert shopper.wakes(MINUTE_MS).nudge is None


def test_an_item_that_may_not_be_remembered_is_not_waited_for(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "book-1", "maternity")
    assert shopper.timers == []
    shopper.consents("*", "category/pregnancy")
    shopper.does("cart.item_added", "book-1", "maternity")
    assert len(shopper.timers) == 1


def test_replenishment_waits_for_a_part_of_each_groups_interval(shopper: Shopper) -> None:
    shopper.does("order.completed", "coat-1", "coats")
    shopper.does("order.completed", "toy-1", "toys")
    assert [(one.campaign, one.due_ms) for one in shopper.timers] == [("again", NOON_MS + 162 * DAY_MS)]


def test_a_customer_with_a_shared_device_is_remembered_to_have_one(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "toy-1", "toys", identity="shared")
    assert "shared_device_private_category" in verdicts(shopper.wakes(30 * MINUTE_MS))[0][2]


def test_where_too_much_is_waited_for_the_answer_is_silence(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    first = shopper.timers[0]
    others = [msgspec.structs.replace(first, campaign=f"other-{n}") for n in range(TIMERS_MAX)]
    assert shopper.customer.context is not None
    shopper.customer.context.timers = others
    said = shopper.does("cart.item_added", "coat-1", "coats")
    assert verdicts(said) == [("basket", "suppressed", ["restraint_full"])]
    assert said.candidates[0].reasons[0].detail == "16 timers of 16"


def test_a_context_lives_as_long_as_it_waits(shopper: Shopper) -> None:
    shopper.does("order.completed", "coat-1", "coats")
    assert shopper.customer.context is not None
    shopper.customer.context.fulfilled = {}
    assert ttl_ms(shopper.customer.context, DAY_MS) == 163 * DAY_MS


def test_a_pending_timer_costs_at_most_250_bytes(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "8c5a3e0e-0f55-4c5e-9d1f-coat", "apparel/coats/winter", surface="app")
    context = shopper.customer.context
    assert context is not None
    whole = len(encode_context(context))
    context.timers = []
    hint = len(b"customer-id-of-36-characters-0000000") + 8 + 40  # member, score, and what a sorted set adds
    assert whole - len(encode_context(context)) + hint <= 250


def test_a_repeat_of_the_trigger_after_it_was_said_sets_nothing(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats", event_id="same")
    assert shopper.wakes(30 * MINUTE_MS).nudge is not None
    for n in range(20):
        shopper.does("search.performed", event_id=f"other-{n}")
    shopper.does("cart.item_added", "coat-1", "coats", event_id="same", occurred_at_ms=NOON_MS)
    assert shopper.timers == []


def test_several_that_are_due_at_once_are_ranked_and_one_speaks(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    first = shopper.timers[0]
    assert shopper.customer.context is not None
    shopper.customer.context.timers = [
        first,
        msgspec.structs.replace(first, campaign="wish_more", kind="wishlist.added"),
    ]
    shopper.does("wishlist.added", "hat-1", "hats", processing_consent=None, identity="known")
    shopper.customer.context.charges = []
    said = shopper.wakes(30 * MINUTE_MS)
    assert [(one.campaign, one.verdict) for one in said.candidates] == [
        ("basket", "nudged"),
        ("wish_more", "outranked"),
    ]
    assert shopper.timers == []


def test_a_clock_that_is_set_forward_an_hour_fires_early_and_never_again(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    assert shopper.wakes(HOUR_MS).nudge is not None
    shopper.now_ms -= HOUR_MS
    assert shopper.wakes(30 * MINUTE_MS).emission is None


def test_a_clock_that_is_set_back_an_hour_waits_for_the_time_to_come(shopper: Shopper) -> None:
    shopper.does("cart.item_added", "coat-1", "coats")
    shopper.now_ms -= HOUR_MS
    assert shopper.wakes(30 * MINUTE_MS).counted is Counted.QUIET
    assert len(shopper.timers) == 1
    assert shopper.wakes(HOUR_MS).nudge is not None
