"""Shadow: decided and recorded with what would have been said; nothing is sent, charged or kept from others."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.caps import expire
from streamproc.core.context import Context
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Campaign, Group, Policy
from tests.core.shopper import DAY_MS, HOUR_MS, Said, Shopper, shop


def with_campaigns(campaigns: dict[str, Campaign], **overall: object) -> Policy:
    policy = shop()
    return replace(
        policy,
        campaigns=campaigns,
        by_kind=index_by_kind(campaigns),
        overall=replace(policy.overall, **overall),  # type: ignore[arg-type]
    )


def shadowed(*names: str, **overall: object) -> Policy:
    """Return the shop's policy with these campaigns in shadow; `ghost` is a second one for wishes."""
    campaigns = dict(shop().campaigns)
    campaigns["ghost"] = replace(campaigns["wish"], id="ghost", priority=30)
    return with_campaigns(
        {name: replace(one, shadow=name in names) for name, one in campaigns.items()}, **overall
    )


def wishes(shopper: Shopper) -> Said:
    return shopper.does("wishlist.added", "coat-1", "coats")


def verdicts(said: Said) -> dict[str, str]:
    return {one.campaign: one.verdict for one in said.candidates}


def memory(shopper: Shopper) -> Context:
    assert shopper.customer.context is not None
    return shopper.customer.context


def test_what_would_have_been_said_is_recorded_and_nothing_is_sent_or_charged() -> None:
    shopper = Shopper.opted_in(shadowed("look"))
    said = shopper.views()
    (one,) = said.candidates
    assert (one.verdict, one.channel, one.reasons, one.creep and one.creep.rung) == (
        "shadow",
        "push",
        [],
        "send",
    )
    assert one.content is not None
    assert one.content["title"] == "Hello"
    assert (said.nudge, said.ahead, memory(shopper).charges) == (None, ["decisions"], [])
    decision = said.emission.decision if said.emission is not None else None
    assert decision is not None
    assert (decision.result, decision.nudge_id) == ("silent", None)


def test_a_shadow_that_fails_a_gate_is_suppressed_like_any_other() -> None:
    shopper = Shopper.opted_in(shadowed("look"))
    shopper.switch("campaign/look")
    assert (verdicts(shopper.views()), shopper.views().reasons) == (
        {"look": "suppressed"},
        [("CAMPAIGN_OFF", "stock-taking")],
    )


def test_a_shadow_outranks_no_live_campaign_and_is_outranked_by_one() -> None:
    assert verdicts(wishes(Shopper.opted_in(shadowed("wish", "wish_more")))) == {
        "wish": "shadow",
        "ghost": "nudged",
        "wish_more": "outranked",
    }


def test_of_several_shadows_one_would_have_spoken() -> None:
    said = wishes(Shopper.opted_in(shadowed("wish", "ghost")))
    assert verdicts(said) == {"wish": "shadow", "ghost": "outranked", "wish_more": "nudged"}
    assert said.candidates[1].reasons[0].detail == "by wish, priority 40"


def test_a_shadow_fills_no_cap_and_starts_no_gap() -> None:
    shopper = Shopper.opted_in(shadowed("look"))
    for _ in range(9):
        assert verdicts(shopper.views()) == {"look": "shadow"}
    assert wishes(shopper).nudge is not None


def test_a_shadow_silences_nobody_of_its_group_and_is_silenced_by_it() -> None:
    policy = shadowed("look")
    campaigns = {
        name: replace(one, group="winter" if name in ("look", "wish") else "")
        for name, one in policy.campaigns.items()
    }
    groups = {"winter": Group("winter", 3 * DAY_MS)}
    grouped = replace(policy, campaigns=campaigns, by_kind=index_by_kind(campaigns), groups=groups)
    shopper = Shopper.opted_in(grouped)
    shopper.views()
    assert verdicts(wishes(shopper))["wish"] == "nudged"
    shopper.now_ms += 2 * DAY_MS
    assert [code for code, _ in shopper.views().reasons] == ["EXCLUSIVE_GROUP"]


def test_a_whole_policy_in_shadow_sends_nothing_and_names_the_one_that_would_have_spoken() -> None:
    shopper = Shopper.opted_in(shadowed(shadow=True))
    said = wishes(shopper)
    assert verdicts(said) == {"wish": "shadow", "ghost": "outranked", "wish_more": "outranked"}
    assert (said.nudge, said.ahead, memory(shopper).charges) == (None, ["decisions"], [])


def test_who_is_held_out_would_not_have_been_spoken_to_and_live_campaigns_are_measured_as_before() -> None:
    said = wishes(Shopper.opted_in(shadowed("wish", holdout_ratio=1.0)))
    assert verdicts(said) == {"wish": "held_out", "ghost": "held_out", "wish_more": "outranked"}
    policy = shadowed("wish")
    campaigns = {**policy.campaigns, "wish": replace(policy.campaigns["wish"], holdout_ratio=1.0)}
    said = wishes(Shopper.opted_in(with_campaigns(campaigns)))
    assert verdicts(said) == {"wish": "held_out", "ghost": "nudged", "wish_more": "outranked"}


acts = st.lists(
    st.tuples(
        st.sampled_from(["views", "wishes", "dwells", "searches", "complains"]),
        st.sampled_from(["coats", "toys", "unheard of"]),
        st.integers(0, 30),
    ),
    max_size=10,
)


@given(acts, st.sets(st.sampled_from(["look", "wish", "ghost", "wish_more", "whisper"])), st.floats(0, 1))
def test_a_shadow_changes_nothing_for_what_is_live(
    history: list[tuple[str, str, int]], names: set[str], ratio: float
) -> None:
    """With shadows, live campaigns fare to the byte as they do without those campaigns."""
    with_shadows = shadowed(*names, holdout_ratio=ratio)
    live = {name: one for name, one in with_shadows.campaigns.items() if name not in names}
    both = Shopper.opted_in(with_shadows), Shopper.opted_in(with_campaigns(live, holdout_ratio=ratio))
    for what, category, hours in history:
        before, after = (take(shopper, what, category, hours) for shopper in both)
        kept = [one for one in before.candidates if one.campaign not in names]
        assert kept == after.candidates
        assert before.nudge == after.nudge
        assert {one.verdict for one in before.candidates if one.campaign in names}.isdisjoint({"nudged"})
    # A charge that restrains nobody any more is dropped with the next candidate, which may be one in shadow.
    spent = [expire(memory(shopper).charges, shopper.now_ms) for shopper in both]
    assert spent[0] == spent[1]


def take(shopper: Shopper, what: str, category: str, hours: int) -> Said:
    shopper.now_ms += hours * HOUR_MS
    match what:
        case "views":
            return shopper.views(f"{category} a", category)
        case "wishes":
            return shopper.does("wishlist.added", f"{category} a", category)
        case "dwells":
            return shopper.stays()
        case "searches":
            return shopper.does("search.performed")
        case _:
            return shopper.answers("complained")
