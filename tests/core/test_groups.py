"""Exclusive groups: who heard one campaign of a group hears no other of it while the window lasts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.caps import group_gap
from streamproc.core.context import Charge
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Group, Policy
from tests.core.shopper import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper, shop

WINDOW_MS = 3 * DAY_MS
WINTER = Group("winter", WINDOW_MS)
MEMBERS = ("look", "wish", "whisper")


def grouped(*members: str) -> Policy:
    policy = shop()
    campaigns = {
        name: replace(one, group="winter" if name in members else "")
        for name, one in policy.campaigns.items()
    }
    return replace(
        policy,
        campaigns=campaigns,
        by_kind=index_by_kind(campaigns),
        groups={"winter": WINTER},
        charge_ms_max=7 * DAY_MS,
    )


def wishes(shopper: Shopper) -> Said:
    return shopper.does("wishlist.added", "coat-1", "coats")


def test_after_one_of_a_group_the_others_are_silent_and_say_the_numbers_compared() -> None:
    shopper = Shopper.opted_in(grouped("look", "wish"))
    assert shopper.views().nudge is not None
    shopper.now_ms += 2 * DAY_MS
    said = wishes(shopper)
    assert said.reasons == [("EXCLUSIVE_GROUP", "winter: 2880 min of 4320 min since look")]
    assert said.candidates[0].reasons[0].next_at_ms == NOON_MS + WINDOW_MS
    assert [one.verdict for one in said.candidates] == ["suppressed", "nudged"]


def test_the_window_ends_to_the_millisecond() -> None:
    for passed_ms, code in ((WINDOW_MS - 1, ["EXCLUSIVE_GROUP"]), (WINDOW_MS, [])):
        shopper = Shopper.opted_in(grouped("look", "wish"))
        shopper.views()
        shopper.now_ms += passed_ms
        assert [name for name, _ in wishes(shopper).reasons] == code


def test_the_one_that_spoke_may_speak_again_as_its_own_caps_allow() -> None:
    shopper = Shopper.opted_in(grouped("look", "wish"))
    for _ in range(2):
        assert shopper.views().nudge is not None
        shopper.now_ms += DAY_MS
    assert [code for code, _ in wishes(shopper).reasons] == ["EXCLUSIVE_GROUP"]


def test_campaigns_outside_of_the_group_are_not_concerned() -> None:
    shopper = Shopper.opted_in(grouped("look", "whisper"))
    shopper.views()
    shopper.now_ms += DAY_MS
    assert wishes(shopper).reasons == []


def test_a_campaign_of_the_group_that_is_renamed_is_still_the_one_that_spoke() -> None:
    policy = grouped("look", "wish")
    campaigns = {
        **policy.campaigns,
        "glance": replace(policy.campaigns["look"], id="glance", formerly=("look",)),
    }
    del campaigns["look"]
    shopper = Shopper.opted_in(policy)
    shopper.views()
    shopper.now_ms += DAY_MS
    shopper.rules = replace(
        shopper.rules, policy=replace(policy, campaigns=campaigns, by_kind=index_by_kind(campaigns))
    )
    assert shopper.views().reasons == []


def test_who_left_the_group_or_the_policy_still_silences_the_others() -> None:
    policy = grouped("look", "wish")
    shopper = Shopper.opted_in(policy)
    shopper.views()
    shopper.now_ms += DAY_MS
    shopper.rules = replace(shopper.rules, policy=grouped("wish"))
    assert [code for code, _ in wishes(shopper).reasons] == ["EXCLUSIVE_GROUP"]


charges = st.lists(
    st.builds(
        lambda at_min, campaign, group: Charge(
            at_ms=NOON_MS + at_min * MINUTE_MS,
            until_ms=NOON_MS + 90 * DAY_MS,
            nudge_id=bytes(16),
            event=bytes(8),
            channel="push",
            campaign=campaign,
            category="coats",
            group=group,
        ),
        st.integers(-5 * 24 * 60, 60),
        st.sampled_from(MEMBERS),
        st.sampled_from(["winter", "summer", ""]),
    ),
    max_size=6,
)


@given(charges, st.sampled_from(MEMBERS))
def test_a_group_opens_again_at_the_moment_that_it_names_and_not_before(
    spent: list[Charge], name: str
) -> None:
    found = group_gap(spent, WINTER, (name,), NOON_MS)
    rivals = [one.at_ms for one in spent if one.group == "winter" and one.campaign != name]
    assert (found is None) == all(at_ms <= NOON_MS - WINDOW_MS for at_ms in rivals)
    if found is not None:
        assert found.next_at_ms == max(rivals) + WINDOW_MS
        assert group_gap(spent, WINTER, (name,), found.next_at_ms - 1) is not None
        assert group_gap(spent, WINTER, (name,), found.next_at_ms) is None


@given(st.lists(st.tuples(st.sampled_from(["views", "wishes", "searches"]), st.integers(0, 40)), max_size=12))
def test_no_window_ever_holds_nudges_of_two_campaigns_of_a_group(acts: list[tuple[str, int]]) -> None:
    shopper = Shopper.opted_in(grouped(*MEMBERS))
    for what, hours in acts:
        shopper.now_ms += hours * HOUR_MS
        match what:
            case "views":
                shopper.views()
            case "wishes":
                wishes(shopper)
            case _:
                shopper.does("search.performed")
    assert shopper.customer.context is not None
    spent = [one for one in shopper.customer.context.charges if one.group]
    for one in spent:
        for other in spent:
            assert one.campaign == other.campaign or abs(one.at_ms - other.at_ms) >= WINDOW_MS
