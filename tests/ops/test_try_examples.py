"""An example holds if exactly what it expects comes, from its own campaign."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamproc.core.policy.examples import Example, Expected
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Policy
from streamproc.ops.policy_files import check
from streamproc.ops.try_examples import Came, Outcome, try_example
from streamproc.shipped import shipped_folder


@pytest.fixture(scope="module")
def policy() -> Policy:
    found = check(shipped_folder("policy")).policy
    assert found is not None
    return found


@pytest.fixture(scope="module")
def wish() -> Example:
    """A first wish: `in_app` is confirmed at once."""
    (note,) = [one for one in check(shipped_folder("policy")).campaigns if one.id == "wishlist_saved"]
    return note.examples[0]


def outcome(example: Example, *came: Came) -> bool:
    return Outcome(example, came, ()).passed


def test_what_came_is_told_with_its_time_channel_rung_and_campaign(policy: Policy, wish: Example) -> None:
    tried = try_example(policy, wish)
    assert tried.passed
    assert tried.came == (Came(0, "in_app", "send", "wishlist_saved"),)


def test_a_silence_names_the_step_and_every_gate_with_its_numbers(policy: Policy, wish: Example) -> None:
    tried = try_example(policy, replace(wish, consents=()))
    assert not tried.passed
    (silence,) = tried.silences
    assert silence.startswith("step 1, ")
    assert "channel_not_opted_in (in_app: in_app/marketing: unknown)" in silence


def test_examples_show_a_customer_who_is_held_out_of_nothing(policy: Policy, wish: Example) -> None:
    campaigns = {name: replace(one, holdout_ratio=1.0) for name, one in policy.campaigns.items()}
    overall = replace(policy.overall, holdout_ratio=1.0)
    measured = replace(policy, campaigns=campaigns, by_kind=index_by_kind(campaigns), overall=overall)
    assert try_example(measured, wish).passed
    assert try_example(replace(policy, overall=overall), wish).passed


def test_examples_show_what_a_campaign_in_shadow_will_do_once_it_is_live(
    policy: Policy, wish: Example
) -> None:
    own = {**policy.campaigns, wish.campaign: replace(policy.campaigns[wish.campaign], shadow=True)}
    assert try_example(replace(policy, campaigns=own, by_kind=index_by_kind(own)), wish).passed
    assert try_example(replace(policy, overall=replace(policy.overall, shadow=True)), wish).passed
    rival = replace(own[wish.campaign], id="rival", priority=99)
    for others in ({**policy.campaigns, "rival": rival}, {**own, "rival": rival}):
        assert try_example(replace(policy, campaigns=others, by_kind=index_by_kind(others)), wish).passed


def test_times_channels_and_rungs_must_fit(wish: Example) -> None:
    wanted = replace(wish, expect=(Expected(60_000, "push", "soften"),))
    assert outcome(wanted, Came(60_000, "push", "soften", wish.campaign))
    assert not outcome(wanted, Came(60_001, "push", "soften", wish.campaign))
    assert not outcome(wanted, Came(60_000, "in_app", "soften", wish.campaign))
    assert not outcome(wanted, Came(60_000, "push", "send", wish.campaign))
    assert outcome(
        replace(wish, expect=(Expected(60_000, "push"),)), Came(60_000, "push", "send", wish.campaign)
    )


def test_another_campaigns_nudge_is_not_what_was_expected(wish: Example) -> None:
    wanted = replace(wish, expect=(Expected(0, "push"),))
    assert not outcome(wanted, Came(0, "push", "send", "another"))
    assert not outcome(wanted, Came(0, "push", "send", wish.campaign), Came(0, "push", "send", "another"))


def test_a_message_of_another_campaign_passes_where_the_example_expects_it(wish: Example) -> None:
    wanted = replace(wish, expect=(Expected(0, "push"), Expected(0, "push", campaign="another")))
    assert outcome(wanted, Came(0, "push", "send", wish.campaign), Came(0, "push", "soften", "another"))
    assert not outcome(wanted, Came(0, "push", "send", wish.campaign), Came(0, "push", "send", wish.campaign))


def test_the_customer_lives_where_the_example_says(policy: Policy, wish: Example) -> None:
    # Push keeps quiet hours: noon in UTC is night in Auckland.
    basket = next(
        one for one in check(shipped_folder("policy")).campaigns if one.id == "abandoned_cart"
    ).examples[0]
    abroad = try_example(policy, replace(basket, timezone="Pacific/Auckland", consents=("push",)))
    at_home = try_example(policy, replace(basket, consents=("push",)))
    assert [one.channel for one in at_home.came] == ["push"]
    assert [(one.at_ms, one.channel) for one in abroad.came] == [(9 * 3_600_000, "push")]
    assert "deferred: quiet_hours" in abroad.silences[0]
