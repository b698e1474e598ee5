"""Ranking orders the candidates of one event, and does nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import Context, Line, Profile, RememberedItem
from streamproc.core.event import Event
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Campaign, Policy
from streamproc.core.rank import Found, cart_value, constant, event_value, rank, trait_propensity, worth
from streamproc.core.reasons import Gate
from streamproc.core.scene import Scene
from tests.core.shopper import NOON_MS, Said, Shopper, shop

NAMES = ("wish", "wish_more", "wish_too")
shares = st.one_of(st.none(), st.floats(0, 1))
values = st.one_of(st.none(), st.integers(0, 10**6))


def scene(context: Context | None = None, policy: Policy | None = None, **fields: Any) -> Scene:
    event = Event(
        event_id="e-1",
        dialect="segment",
        kind="wishlist.added",
        customer_id="c-1",
        occurred_at_ms=NOON_MS,
        received_at_ms=NOON_MS,
        **fields,
    )
    return Scene(
        context=context or Context(),
        event=event,
        now_ms=NOON_MS,
        policy=policy or shop(),
        zone=None,
        item=None,
        category=None,
    )


def campaign(
    name: str, *, value: float | None = None, propensity: float | None = None, priority: int = 40
) -> Campaign:
    return replace(
        shop().campaigns["wish"],
        id=name,
        priority=priority,
        value=None if value is None else constant(value),
        propensity=None if propensity is None else constant(propensity),
    )


def shop_with(ranking: str, *campaigns: Campaign) -> Policy:
    policy, by_id = shop(), {one.id: one for one in campaigns}
    overall = replace(policy.overall, rank=ranking, currency="EUR")
    return replace(policy, overall=overall, campaigns=by_id, by_kind=index_by_kind(by_id))


def order(ranking: str, *campaigns: Campaign) -> list[str]:
    policy = shop_with(ranking, *campaigns)
    found = Found(scene(policy=policy), policy.by_kind["wishlist.added"])
    return [one.id for _, one in rank([found])]


def test_by_priority_the_highest_goes_first_and_of_equals_the_first_name() -> None:
    wanted = (campaign("b", priority=30), campaign("a", priority=30), campaign("c", value=9, priority=50))
    assert order("priority", *wanted) == ["c", "a", "b"]


def test_by_value_what_a_message_is_expected_to_bring_goes_first() -> None:
    wanted = (
        campaign("dear", value=100_00, propensity=0.1),
        campaign("likely", value=20_00, propensity=0.6),
        campaign("sure", value=11_00),
        campaign("unknown", propensity=1.0, priority=90),
    )
    assert order("value", *wanted) == ["likely", "sure", "dear", "unknown"]


def test_of_equal_worth_the_policys_order_stands() -> None:
    wanted = [
        campaign(name, value=5, priority=priority) for name, priority in (("b", 30), ("a", 30), ("c", 50))
    ]
    assert order("value", *wanted) == order("priority", *wanted) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("fields", "minor"),
    [
        ({"value_minor": 4_990, "currency": "EUR"}, 4_990),
        ({"value_minor": 4_990, "currency": "USD"}, 0),
        ({"value_minor": 4_990}, 0),
        ({"value_minor": -4_990, "currency": "EUR"}, 0),
        ({"currency": "EUR"}, 0),
    ],
)
def test_the_events_value_counts_in_the_policys_currency_alone(fields: dict[str, Any], minor: int) -> None:
    assert event_value("EUR")(scene(**fields)) == minor


def test_the_carts_value_is_that_of_its_lines_in_the_policys_currency() -> None:
    lines = [
        Line(NOON_MS, RememberedItem("a", price_minor=1_000, quantity=2), "EUR"),
        Line(NOON_MS, RememberedItem("b", price_minor=500), "USD"),
        Line(NOON_MS, RememberedItem("c"), "EUR"),
    ]
    assert cart_value("EUR")(scene(Context(cart=lines))) == 2_000
    assert cart_value("EUR")(scene()) == 0


@pytest.mark.parametrize(
    ("stated", "likely"),
    [(0.25, 0.25), (1, 1.0), (0, 0.0), (1.01, 0.0), (-0.1, 0.0), (True, 0.0), ("0.5", 0.0), (["0.5"], 0.0)],
)
def test_a_trait_is_a_propensity_only_where_it_is_a_number_from_0_to_1(stated: Any, likely: float) -> None:
    known = scene(Context(profile=Profile(traits={"loves_coats": stated})))
    assert trait_propensity("loves_coats")(known) == likely
    assert trait_propensity("loves_hats")(known) == 0
    assert trait_propensity("loves_coats")(scene()) == 0


def wishes(policy: Policy, *, muted: bool = False) -> Said:
    shopper = Shopper.opted_in(policy)
    if muted:
        shopper.switch("campaign/wish_more")
    return shopper.does("wishlist.added", "coat-1", "coats")


def test_who_is_outranked_by_value_is_told_both_numbers() -> None:
    policy = shop_with(
        "value", campaign("dear", value=100_00, propensity=0.5), campaign("cheap", value=3_00, priority=90)
    )
    said = wishes(policy)
    assert [(one.campaign, one.verdict) for one in said.candidates] == [
        ("dear", "nudged"),
        ("cheap", "outranked"),
    ]
    assert said.candidates[1].reasons[0].detail == "by dear, worth 5000 >= 300"


def test_the_priority_floor_holds_however_much_a_message_is_worth() -> None:
    said = wishes(shop_with("value", campaign("dear", value=10**9, priority=9)))
    assert said.reasons == [("BELOW_FLOOR", "priority 9 < 10")]


@given(values, st.integers(0, 10**6), shares, shares)
def test_more_value_or_propensity_never_ranks_lower(
    value: int | None, more: int, propensity: float | None, other: float | None
) -> None:
    low = campaign("a", value=value, propensity=propensity)
    high = replace(low, value=constant((value or 0) + more))
    assert worth(high, scene()) >= worth(low, scene()) >= 0
    likelier = replace(low, propensity=constant(max(propensity or 0, other or 0)))
    if propensity is not None:
        assert worth(likelier, scene()) >= worth(low, scene())


standing = st.tuples(values, shares, st.integers(0, 100))


@given(
    one=st.lists(standing, min_size=3, max_size=3),
    other=st.lists(standing, min_size=3, max_size=3),
    ranking=st.sampled_from(["priority", "value"]),
    muted=st.booleans(),
)
def test_ranking_only_orders_candidates(
    one: list[tuple[int | None, float | None, int]],
    other: list[tuple[int | None, float | None, int]],
    ranking: str,
    *,
    muted: bool,
) -> None:
    """Whatever a message is worth, each candidate meets the gates that it meets alone, and one speaks if any could."""
    # The priority is a floor too, so both sides have the same; what they are worth differs.
    priorities = [priority for _, _, priority in one]

    def campaigns(worths: list[tuple[int | None, float | None, int]]) -> list[Campaign]:
        return [
            campaign(name, value=value, propensity=propensity, priority=priority)
            for name, (value, propensity, _), priority in zip(NAMES, worths, priorities, strict=True)
        ]

    before = wishes(shop_with("priority", *campaigns(one)), muted=muted)
    after = wishes(shop_with(ranking, *campaigns(other)), muted=muted)
    assert gates(before) == gates(after)
    alone = {
        name: wishes(shop_with(ranking, c), muted=muted)
        for name, c in zip(NAMES, campaigns(other), strict=True)
    }
    assert gates(after) == {name: gates(said)[name] for name, said in alone.items()}
    assert (after.nudge is not None) == any(said.nudge is not None for said in alone.values())
    verdicts = [candidate.verdict for candidate in after.candidates if candidate.verdict != "suppressed"]
    assert verdicts == ["nudged", "outranked", "outranked"][: len(verdicts)]


def gates(said: Said) -> dict[str, list[tuple[str, str]]]:
    """Return the gates that each candidate failed, whoever else there was."""
    return {
        one.campaign: [(why.code, why.detail) for why in one.reasons if why.code != Gate.OUTRANKED]
        for one in said.candidates
    }
