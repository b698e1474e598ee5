"""Messages about an order: what they need in place of the opt-in, what they obey, and what they count for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.consent import allows, fold, tolerates
from streamproc.core.consent_head import NO_CONSENT, ConsentHead
from streamproc.core.context import Charge
from streamproc.core.decision import Handover, decode_emission, encode_emission
from streamproc.core.facts import CONSENT_STATES, ConsentChange
from streamproc.core.policy.loader import index_by_kind, load
from streamproc.core.policy.model import Policy
from streamproc.core.rank import constant
from streamproc.core.refusal import Standing, refusal
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper, campaign

EVERYTHING = "caps, gap, quiet_hours, hold, refusal"


@cache
def shop(exempt_from: str = "", counts: str = "true", **more: str) -> Policy:
    """Compile the shop's policy with a message for each order, by push or email, exempt from these."""
    words = {
        "because": "purchased",
        "facts": "{}",
        "say": "We have your order.",
        "channels": ("push", "email"),
    }
    text = campaign("ordered", "{event: order.completed}", "{cart.count: {max: 20}}", **words | more)  # type: ignore[arg-type]
    keys = f"purpose: transactional\nbasis: contract\ncounts: {counts}\nexempt_from: [{exempt_from}]"
    upsell = campaign(
        "upsell", "{event: order.completed}", "{cart.count: {max: 20}}", because="purchased", priority=90
    )
    return load(
        {
            **FILES,
            "campaigns/ordered.yaml": text.replace("purpose: marketing", keys),
            "campaigns/upsell.yaml": upsell,
        },
        "v1",
    )


def customer(policy: Policy, *agreed: tuple[str, str]) -> Shopper:
    """A customer in Berlin who agreed to processing, and to what is given, yesterday."""
    shopper = Shopper(replace(Shopper().rules, policy=policy))
    shopper.now_ms -= DAY_MS
    for channel, state in (("*", "processing"), *agreed):
        purpose = "processing" if state == "processing" else "marketing"
        shopper.consents(channel, purpose, "granted" if state == "processing" else state)
    shopper.tells(timezone="Europe/Berlin")
    shopper.now_ms += DAY_MS
    return shopper


def orders(shopper: Shopper, number: int = 1) -> Said:
    return shopper.does("order.completed", f"coat-{number}", "coats")


def own(said: Said) -> list[tuple[str, str]]:
    """Return why the order's message did not come, gate by gate."""
    (found,) = [one for one in said.candidates if one.campaign == "ordered"]
    return [(why.code.name, why.detail) for why in found.reasons]


def test_who_agreed_to_processing_alone_is_told_of_the_order() -> None:
    nudge = orders(customer(shop())).nudge
    assert nudge is not None
    assert (nudge.campaign, nudge.channel, nudge.purpose) == ("ordered", "push", "transactional")


def test_without_processing_there_is_no_message_of_any_kind() -> None:
    shopper = Shopper(replace(Shopper().rules, policy=shop(EVERYTHING)))
    shopper.consents("push")
    assert orders(shopper).counted == "quiet"


@pytest.mark.parametrize("state", ["withdrawn", "denied"])
def test_who_refused_a_channel_is_not_told_there(state: str) -> None:
    said = orders(customer(shop(), ("push", state)))
    assert said.channel == "email"
    at_ms = NOON_MS - DAY_MS
    assert own(said) == [("NOT_OPTED_IN", f"push: push/marketing: {state} at {at_ms}")]


def test_who_refused_every_channel_is_not_told_unless_the_policy_is_exempt() -> None:
    assert orders(customer(shop(), ("*", "withdrawn"))).nudge is None
    assert orders(customer(shop("refusal"), ("*", "withdrawn"))).channel == "push"


@pytest.mark.parametrize("state", ["pending", "expired"])
def test_what_is_pending_or_lapsed_is_no_refusal(state: str) -> None:
    assert orders(customer(shop(), ("push", state))).channel == "push"


def test_a_channel_granted_since_all_were_refused_is_free() -> None:
    shopper = customer(shop(), ("*", "withdrawn"))
    shopper.consents("email")
    assert orders(shopper).channel == "email"


def test_it_speaks_before_all_marketing_however_high_that_stands() -> None:
    said = orders(Shopper.opted_in(shop()))
    assert [(one.campaign, one.verdict) for one in said.candidates] == [
        ("ordered", "nudged"),
        ("upsell", "suppressed"),
    ]
    campaigns = {**shop().campaigns, "upsell": replace(shop().campaigns["upsell"], value=constant(10**6))}
    by_value = replace(
        shop(),
        campaigns=campaigns,
        by_kind=index_by_kind(campaigns),
        overall=replace(shop().overall, rank="value", currency="EUR"),
    )
    assert orders(Shopper.opted_in(by_value)).candidates[0].campaign == "ordered"


def test_that_the_item_was_bought_is_no_obstacle_to_a_message_about_the_order() -> None:
    shopper = customer(shop("gap, caps"))
    assert orders(shopper).nudge is not None
    shopper.now_ms += MINUTE_MS
    assert orders(shopper).nudge is not None


@pytest.mark.parametrize(
    ("exemption", "gate"), [("gap", "GAP"), ("caps", "FREQUENCY_CAP"), ("quiet_hours", "QUIET_HOURS")]
)
def test_what_it_is_not_exempt_from_it_obeys(exemption: str, gate: str) -> None:
    others = ", ".join(one for one in EVERYTHING.split(", ") if one != exemption)
    night = 10 * HOUR_MS if exemption == "quiet_hours" else 0
    for exempt, expected in ((others, True), (EVERYTHING, False)):
        shopper = customer(shop(exempt))
        shopper.now_ms += night
        for number in range(4):
            said = orders(shopper, number)
        assert (gate in {code for code, _ in own(said)}) is expected


def test_a_complaint_holds_it_back_unless_it_is_exempt_and_an_objection_always() -> None:
    for exempt, held in (("", ["HOLD"]), ("hold, refusal", [])):
        shopper = customer(shop(exempt))
        shopper.answers("complained", channel="sms")
        assert [code for code, _ in own(orders(shopper))] == held
    shopper = customer(shop(EVERYTHING))
    shopper.demands("object")
    assert [code for code, _ in own(orders(shopper))] == ["HOLD"]


def test_what_the_customer_asked_for_wins_over_every_exemption() -> None:
    wishes = (
        {"paused_until_ms": NOON_MS + DAY_MS},
        {"channels_off": ("push", "email")},
        {"muted_categories": ("coats",)},
        {"nudges_per_week_max": 0},
    )
    for wish in wishes:
        shopper = customer(shop(EVERYTHING))
        context = shopper.customer.context
        assert context is not None
        assert context.profile is not None
        for name, value in wish.items():
            setattr(context.profile, name, value)
        assert orders(shopper).nudge is None


def test_its_own_caps_hold_whatever_it_is_exempt_from_and_whether_it_counts_or_not() -> None:
    for counts in ("true", "false"):
        policy = shop(EVERYTHING, counts, caps="[{max: 2, rolling: 7d}]")
        shopper = customer(policy)
        assert [orders(shopper, number).nudge is not None for number in range(4)] == [
            True,
            True,
            False,
            False,
        ]
        assert own(orders(shopper, 9)) == [("FREQUENCY_CAP", "ordered 7 d rolling: 2 of 2")]


@pytest.mark.parametrize(("counts", "fills"), [("true", True), ("false", False)])
def test_whether_it_fills_the_caps_and_the_gap_of_others_is_the_policys_choice(
    counts: str, *, fills: bool
) -> None:
    shopper = Shopper.opted_in(shop(EVERYTHING, counts))
    assert orders(shopper).nudge is not None
    said = shopper.views("shoe-1", "toys")
    assert said.channel == (None if fills else "push")
    assert {code for code, _ in said.reasons} == ({"GAP", "FREQUENCY_CAP"} if fills else set())


def test_the_nudge_lists_the_caps_that_it_obeyed_and_no_others() -> None:
    for exempt, scopes in (
        ("", {"channel/push", "campaign/ordered", "overall"}),
        ("caps", {"campaign/ordered"}),
    ):
        nudge = orders(customer(shop(exempt))).nudge
        assert nudge is not None
        assert {cap.scope for cap in nudge.caps} == scopes


def test_a_special_category_needs_its_own_consent_and_neutral_words_need_none() -> None:
    for category, gate in (("from_item", "SPECIAL_CATEGORY"), ("none", None)):
        said = customer(shop(category=category)).does("order.completed", "dress-1", "maternity")
        assert [code for code, _ in own(said)][:1] == ([gate] if gate else [])


def test_nobody_is_held_out_of_it() -> None:
    policy = replace(shop(), overall=replace(shop().overall, holdout_ratio=1.0))
    assert orders(customer(policy)).nudge is not None


def refused(shopper: Shopper, handover: Handover) -> str | None:
    standing = Standing(shopper.customer.consent, shopper.customer.context)
    why = refusal(handover, shopper.rules, shopper.now_ms, standing)
    return None if why is None else why.code.name


@pytest.mark.parametrize(
    ("exemption", "gate"), [("refusal", "NOT_OPTED_IN"), ("hold", "HOLD"), ("quiet_hours", "QUIET_HOURS")]
)
def test_at_hand_over_it_is_asked_what_it_was_asked_before(exemption: str, gate: str) -> None:
    for exempt, expected in (("", gate), (exemption, None)):
        shopper = customer(shop(exempt))
        emission = orders(shopper).emission
        assert emission is not None
        assert emission.handover is not None
        handover = msgspec.structs.replace(emission.handover, expires_at_ms=NOON_MS + DAY_MS)
        assert refused(shopper, handover) is None
        match exemption:
            case "refusal":
                shopper.consents("push", state="withdrawn")
            case "hold":
                shopper.answers("complained", channel="sms")
            case _:
                shopper.now_ms += 10 * HOUR_MS
        assert refused(shopper, handover) == expected


def test_what_an_earlier_version_stored_obeys_everything_and_counts_for_all() -> None:
    emission = orders(customer(shop(EVERYTHING))).emission
    assert emission is not None
    ahead, nudge, handover, _ = msgspec.msgpack.decode(encode_emission(emission))
    kept = decode_emission(msgspec.msgpack.encode([ahead, nudge, handover[:10]]))
    assert kept.handover is not None
    assert (kept.handover.exempt_from, kept.handover.purpose) == ((), "transactional")
    charge = Charge(NOON_MS, NOON_MS, b"n", b"e", "push", "ordered", "coats", counts=False, group="winter")
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(msgspec.msgpack.encode(charge))[:9])
    restored = msgspec.msgpack.decode(older, type=Charge)
    assert (restored.counts, restored.group, restored.campaign) == (True, "", "ordered")


rows = st.lists(
    st.tuples(st.sampled_from(["push", "email", "*"]), st.sampled_from(CONSENT_STATES), st.integers(0, 5)),
    max_size=6,
)


def head_of(said: list[tuple[str, str, int]]) -> ConsentHead:
    head = NO_CONSENT
    for offset, (channel, state, at_ms) in enumerate(said):
        head = fold(head, ConsentChange("c-1", channel, "marketing", state, at_ms), at_ms, 0, offset)
    return head


@given(rows)
def test_who_opted_in_has_not_refused(said: list[tuple[str, str, int]]) -> None:
    head = head_of(said)
    for channel in ("push", "email"):
        assert tolerates(head, channel).ok or not allows(head, channel, "marketing", 9).ok


@given(rows, st.sampled_from(["push", "*"]), st.sampled_from(["withdrawn", "denied"]))
def test_a_last_word_that_refuses_is_always_heard(
    said: list[tuple[str, str, int]], channel: str, state: str
) -> None:
    assert not tolerates(head_of([*said, (channel, state, 9)]), "push").ok
