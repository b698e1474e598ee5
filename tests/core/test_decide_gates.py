"""Every gate that a candidate must pass: what shuts it, what it says, and that it opens again."""

from __future__ import annotations

from dataclasses import replace

from streamproc.core.caps import CHARGES_MAX
from streamproc.core.context import Charge, Context
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.reasons import Gate
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, Shopper, campaign, shop

# One campaign more that a visit triggers, and one that may speak because of a visit or of something else.
WELCOMES = {
    **FILES,
    "campaigns/stay.yaml": campaign(
        "stay",
        "{event: visit.dwelled, dwell_min: 15m}",
        "{visit.open: true}",
        because="visiting",
        category="coats",
        facts="{}",
        say="Stay.",
    ),
    "campaigns/hint.yaml": campaign(
        "hint",
        "{event: search.performed}",
        "{any: [{wishlist.count: {max: 9}}, {visit.open: true}]}",
        because="opted_in",
        category="none",
        facts="{}",
        say="Look.",
    ),
}


def context(shopper: Shopper) -> Context:
    assert shopper.customer.context is not None
    return shopper.customer.context


def with_campaign(name: str, **changes: object) -> Policy:
    """Return the shop's policy with one campaign changed."""
    policy = shop()
    changed = replace(policy.campaigns[name], **changes)  # type: ignore[arg-type]
    kind = changed.trigger.kind
    others = tuple(one for one in policy.by_kind[kind] if one.id != name)
    return replace(
        policy,
        campaigns={**policy.campaigns, name: changed},
        by_kind={**policy.by_kind, kind: (changed, *others)},
    )


def test_who_opted_in_and_meets_no_gate_hears_one_message_on_the_loudest_channel() -> None:
    said = Shopper.opted_in().views()
    assert (said.channel, said.reasons, said.ahead) == ("push", [], ["ledger", "decisions"])


def test_nothing_is_said_while_everything_is_off() -> None:
    shopper = Shopper.opted_in()
    shopper.switch("all")
    assert shopper.views().reasons == [("ALL_OFF", "stock-taking")]
    shopper.switch("all", None)
    assert shopper.views().channel == "push"


def test_a_campaign_that_is_off_says_nothing_and_others_go_on() -> None:
    shopper = Shopper.opted_in()
    shopper.switch("campaign/look")
    assert shopper.views().reasons == [("CAMPAIGN_OFF", "stock-taking")]
    assert shopper.does("wishlist.added", "coat-1", "coats").channel == "push"


def test_a_campaign_that_the_policy_disables_says_nothing() -> None:
    shopper = Shopper.opted_in(with_campaign("look", enabled=False))
    assert shopper.views().reasons == [("CAMPAIGN_OFF", "disabled by the policy")]


def test_a_campaign_below_the_floor_says_nothing_and_one_at_it_speaks() -> None:
    assert Shopper.opted_in().does("search.performed").channel == "push"
    said = Shopper.opted_in(with_campaign("whisper", priority=9)).does("search.performed")
    assert said.reasons == [("BELOW_FLOOR", "priority 9 < 10")]


def test_a_complaint_holds_everything_for_thirty_days() -> None:
    shopper = Shopper.opted_in()
    shopper.answers("complained", channel="sms")
    until_ms = NOON_MS + 30 * DAY_MS
    shopper.now_ms = until_ms - 1
    assert shopper.views().reasons == [("HOLD", f"until {until_ms}")]
    shopper.now_ms = until_ms
    assert shopper.views().channel == "push"


def test_a_customer_who_pauses_hears_nothing_until_then() -> None:
    shopper = Shopper.opted_in()
    profile = context(shopper).profile
    assert profile is not None
    profile.paused_until_ms = NOON_MS + 1
    assert shopper.views().reasons == [("PAUSED", f"until {NOON_MS + 1}")]
    shopper.now_ms += 1
    assert shopper.views().channel == "push"


def test_a_category_that_the_customer_muted_is_never_spoken_of() -> None:
    shopper = Shopper.opted_in()
    profile = context(shopper).profile
    assert profile is not None
    profile.muted_categories = ("coats",)
    assert shopper.views().reasons == [("CATEGORY_MUTED", "coats")]
    assert shopper.views("bear-1", "toys").channel == "push"


def test_no_interest_mutes_the_category_of_that_nudge_for_thirty_days() -> None:
    shopper = Shopper.opted_in()
    nudge = shopper.views().nudge
    assert nudge is not None
    shopper.answers("not_interested", nudge.nudge_id)
    shopper.now_ms += 8 * DAY_MS
    until_ms = NOON_MS + 30 * DAY_MS
    assert shopper.views().reasons == [("CATEGORY_MUTED", f"coats until {until_ms}")]
    shopper.now_ms = until_ms
    assert shopper.views().channel == "push"


def test_a_special_category_needs_a_consent_of_its_own() -> None:
    shopper = Shopper.opted_in()
    assert not shopper.views("dress-1", "maternity").candidates  # it is not even remembered
    without_condition = with_campaign("look", when=lambda _: True)
    shopper = Shopper.opted_in(without_condition)
    said = shopper.views("dress-1", "maternity")
    assert said.reasons == [("SPECIAL_CATEGORY", "*/category/pregnancy: unknown")]
    shopper.consents("*", "category/pregnancy")
    assert shopper.views("dress-1", "maternity").channel == "push"


def test_what_a_beacon_heard_is_used_only_with_consent_to_sensing() -> None:
    shopper = Shopper.opted_in()
    shopper.rules = replace(shopper.rules, policy=load(WELCOMES, "v2"))
    assert shopper.does("search.performed").reasons == [("SENSING", "*/sensing: unknown")]
    shopper.consents("*", "sensing")
    shopper.now_ms += DAY_MS
    assert shopper.does("search.performed").channel == "push"


def test_what_is_for_adults_is_not_said_to_minors_nor_where_the_age_is_unknown() -> None:
    shopper = Shopper.opted_in()
    assert shopper.views("red-1", "wine").reasons == [("ADULTS_ONLY", "age unknown")]
    shopper.tells(minor=True)
    assert shopper.views("red-1", "wine").reasons == [("ADULTS_ONLY", "minor")]
    shopper.tells(minor=False)
    assert shopper.views("red-1", "wine").channel == "push"


def test_a_shared_device_spoils_no_surprise() -> None:
    shopper = Shopper.opted_in()
    assert shopper.views("bear-1", "toys", identity="shared").reasons == [("SHARED_DEVICE", "toys")]
    assert shopper.views("coat-1", "coats", identity="shared").channel == "push"
    shopper = Shopper.opted_in()
    shopper.tells(shared=("device",))
    assert shopper.views("bear-1", "toys").reasons == [("SHARED_DEVICE", "toys")]


def test_who_bought_a_coat_hears_of_no_coat_until_they_may_need_another() -> None:
    shopper = Shopper.opted_in()
    shopper.does("order.completed", "coat-9", "coats")
    until_ms = NOON_MS + 180 * DAY_MS
    shopper.now_ms = until_ms - 1
    assert shopper.views("coat-1").reasons == [("INTENT_FULFILLED", f"until {until_ms}")]
    shopper.now_ms += 1
    assert shopper.views("coat-1").channel == "push"


def test_one_sensed_message_a_visit_is_the_most_anybody_hears() -> None:
    shopper = Shopper.opted_in()
    shopper.consents("*", "sensing")
    shopper.rules = replace(shopper.rules, policy=load(WELCOMES, "v2"))
    assert shopper.stays().channel == "push"
    shopper.now_ms += 10 * MINUTE_MS
    visit_cap = ("VISIT_CAP", f"berlin-1/{NOON_MS - 5 * MINUTE_MS}: 1 of 1")
    assert visit_cap in shopper.does("beacon.ranged", site_id="berlin-1").reasons
    shopper.now_ms += DAY_MS
    assert shopper.stays().channel == "push"


def test_between_two_messages_lies_the_smallest_gap() -> None:
    shopper = Shopper.opted_in()
    shopper.views()
    shopper.now_ms += HOUR_MS - 1
    assert ("GAP", "59 min of 60 min since the last") in shopper.views().reasons
    shopper.now_ms += 1
    assert shopper.views().channel == "email"


def test_a_channel_whose_cap_is_reached_gives_way_to_a_quieter_one() -> None:
    shopper = Shopper.opted_in()
    shopper.views()
    shopper.now_ms += HOUR_MS
    said = shopper.views()
    assert (said.channel, said.reasons) == ("email", [("FREQUENCY_CAP", "push 1 d: 1 of 1")])


def test_a_campaigns_cap_is_counted_over_all_channels() -> None:
    shopper = Shopper.opted_in()
    for _ in range(2):
        assert shopper.views().nudge is not None
        shopper.now_ms += HOUR_MS
    assert shopper.views().reasons[0] == ("FREQUENCY_CAP", "look 7 d rolling: 2 of 2")


def test_the_cap_over_all_counts_every_campaign() -> None:
    shopper = Shopper.opted_in()
    for _ in range(2):
        assert shopper.views().nudge is not None
        shopper.now_ms += HOUR_MS
    assert shopper.does("wishlist.added", "coat-1", "coats").nudge is not None
    shopper.now_ms += HOUR_MS
    assert shopper.does("search.performed").reasons[0] == ("FREQUENCY_CAP", "overall 1 d rolling: 3 of 3")


def test_a_customers_own_pace_is_a_cap() -> None:
    shopper = Shopper.opted_in()
    profile = context(shopper).profile
    assert profile is not None
    profile.nudges_per_week_max = 1
    shopper.views()
    shopper.now_ms += 6 * DAY_MS
    assert ("FREQUENCY_CAP", "customer 7 d rolling: 1 of 1") in shopper.views().reasons
    profile.nudges_per_week_max = 2
    assert shopper.views().channel == "push"


def test_where_no_further_charge_can_be_remembered_nothing_is_said() -> None:
    shopper = Shopper.opted_in()
    old = [
        Charge(NOON_MS - 60 * DAY_MS, NOON_MS + DAY_MS, bytes([n] * 16), bytes(8), "sms", "other", "toys")
        for n in range(CHARGES_MAX)
    ]
    context(shopper).charges = old
    assert shopper.views().reasons == [("RESTRAINT_FULL", "64 charges of 64")]
    context(shopper).charges = old[1:]
    assert shopper.views().channel == "push"


def test_a_channel_that_is_off_gives_way_to_a_quieter_one() -> None:
    shopper = Shopper.opted_in()
    shopper.switch("channel/push")
    said = shopper.views()
    assert (said.channel, said.reasons) == ("email", [("CHANNEL_OFF", "push: stock-taking")])


def test_a_switch_that_cannot_be_read_is_off() -> None:
    shopper = Shopper.opted_in()
    shopper.switch("channel/push", b'{"enabled": "no"}')
    assert shopper.views().reasons == [("CHANNEL_OFF", "push: unreadable switch, taken as off")]


def test_a_channel_that_the_customer_turned_off_is_not_used() -> None:
    shopper = Shopper.opted_in()
    profile = context(shopper).profile
    assert profile is not None
    profile.channels_off = ("push", "email")
    said = shopper.views()
    assert said.channel == "in_app"
    assert said.reasons == [("CHANNEL_DECLINED", "push"), ("CHANNEL_DECLINED", "email")]


def test_a_channel_without_opt_in_is_never_used() -> None:
    shopper = Shopper.opted_in()
    for channel in ("push", "email", "in_app"):
        shopper.consents(channel, state="withdrawn")
    said = shopper.views()
    assert said.nudge is None
    assert said.reasons == [
        ("NOT_OPTED_IN", f"{channel}: {channel}/marketing: withdrawn at {NOON_MS}")
        for channel in ("push", "email", "in_app")
    ]


def test_a_sleeping_customer_is_not_woken() -> None:
    shopper = Shopper.opted_in()
    shopper.now_ms = NOON_MS + 8 * HOUR_MS
    opens_ms = NOON_MS + 21 * HOUR_MS
    said = shopper.views()
    assert (said.channel, said.reasons) == ("email", [("QUIET_HOURS", f"push opens at {opens_ms}")])
    shopper.now_ms = opens_ms
    assert shopper.views("coat-2").channel == "push"


def test_where_the_zone_is_unknown_a_channel_with_hours_stays_silent() -> None:
    shopper = Shopper.opted_in()
    context(shopper).profile = None
    said = shopper.views()
    assert said.channel == "email"
    assert said.reasons == [
        ("ZONE_UNKNOWN", "push: quiet hours"),
        ("FREQUENCY_CAP", "push 1 d: zone unknown"),
    ]


def test_words_whose_facts_are_missing_give_way_to_soft_ones() -> None:
    shopper = Shopper.opted_in(with_campaign("look", facts={"item": lambda _: None}))
    said = shopper.views()
    assert said.candidates[0].creep is not None
    assert (said.channel, said.candidates[0].creep.rung) == ("push", "soften")


def test_where_even_the_soft_words_lack_a_fact_nothing_is_said() -> None:
    look = shop().campaigns["look"]
    copies = {name: replace(copy, soft=copy.say) for name, copy in look.content["en"].items()}
    silent = with_campaign("look", facts={"item": lambda _: None}, content={"en": copies})
    assert Shopper.opted_in(silent).views().reasons == [
        ("FACT_MISSING", f"{channel}: fact_missing: item") for channel in ("push", "email", "in_app")
    ]


def test_where_no_words_can_be_written_nothing_is_said() -> None:
    speechless = with_campaign("look", content={"en": {}})
    codes = {code for code, _ in Shopper.opted_in(speechless).views().reasons}
    assert codes == {"COPY_FAILED"}


def test_of_two_candidates_the_one_of_higher_priority_speaks_alone() -> None:
    said = Shopper.opted_in().does("wishlist.added", "coat-1", "coats")
    assert [(one.campaign, one.verdict) for one in said.candidates] == [
        ("wish", "nudged"),
        ("wish_more", "outranked"),
    ]
    assert said.candidates[1].reasons[0].detail == "by wish, priority 40"


def test_an_item_of_no_known_category_is_spoken_of_in_soft_words_only() -> None:
    said = Shopper.opted_in().views("thing-1", "unheard of")
    assert said.candidates[0].creep is not None
    assert said.candidates[0].creep.rung == "soften"


def test_the_reasons_stand_in_the_order_of_the_gates() -> None:
    shopper = Shopper.opted_in(with_campaign("look", when=lambda _: True, priority=1, enabled=False))
    shopper.views()
    shopper.answers("complained")
    shopper.switch("all")
    shopper.tells(shared=("device",))
    said = shopper.views("dress-1", "maternity")
    order = list(Gate)
    before_channels = [why.code for why in said.candidates[0].reasons if why.code != Gate.NOT_OPTED_IN]
    assert before_channels == sorted(before_channels, key=order.index)
    assert {Gate.ALL_OFF, Gate.HOLD, Gate.SPECIAL_CATEGORY, Gate.SHARED_DEVICE} <= set(before_channels)
