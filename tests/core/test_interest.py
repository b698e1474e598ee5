"""What was looked at lately: a score that halves in a fortnight, and what may be said of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.context import Context
from streamproc.core.event import Event, Item
from streamproc.core.facts_paths import FACT_PATHS, TOP_INTEREST
from streamproc.core.interest import CATEGORIES_MAX, DAY_MS, LOOK, Interests, look, top
from streamproc.core.memory import apply_moment
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.values import Term
from tests.policy.rules import NOW_MS, rule_of, scene, verdict
from tests.policy.rules import event as at_hand
from tests.policy.samples import FILES, changed, with_when

LOOKS = st.lists(st.tuples(st.sampled_from(["coats", "shoes", "toys"]), st.integers(0, 60)), max_size=20)


def looked(looks: list[tuple[str, int]]) -> Interests:
    interests: Interests = {}
    for name, days_ago in looks:
        look(interests, [name], NOW_MS - days_ago * DAY_MS)
    return interests


@pytest.mark.parametrize(("days", "left"), [(0, 1.0), (14, 0.5), (28, 0.25), (42, 0.125)])
def test_a_look_counts_half_after_a_fortnight(days: int, left: float) -> None:
    name, score = top(looked([("coats", days)]), NOW_MS)
    assert name == "coats"
    assert score == pytest.approx(LOOK * left, abs=10)


@settings(max_examples=100, deadline=None)
@given(LOOKS, st.randoms())
def test_the_score_is_the_sum_of_faded_looks_in_whatever_order_they_came(
    looks: list[tuple[str, int]], chance: random.Random
) -> None:
    name, score = top(looked(looks), NOW_MS)
    sums = {one: sum(LOOK * 0.5 ** (days / 14) for seen, days in looks if seen == one) for one, _ in looks}
    if not sums:
        assert (name, score) == ("", 0)
        return
    # Each day of each look loses less than a thousandth of a look to whole numbers.
    assert sums[name] == pytest.approx(max(sums.values()), abs=60 * len(looks))
    assert score == pytest.approx(sums[name], abs=60 * len(looks))
    shuffled = list(looks)
    chance.shuffle(shuffled)
    assert top(looked(shuffled), NOW_MS)[1] == pytest.approx(score, abs=60 * len(looks))


def test_the_faintest_of_more_than_twelve_is_forgotten() -> None:
    interests = looked([("old", 40), *((f"c-{number}", number) for number in range(CATEGORIES_MAX))])
    assert len(interests) == CATEGORIES_MAX
    assert "old" not in interests


WHEN = "{interest.top_category: {in: [coats, shoes]}}"


def policy_of(files: dict[str, str]) -> Policy:
    return load(files)


def context_of(policy: Policy, *looks: tuple[str, str]) -> Context:
    context = Context()
    for kind, category in looks:
        one = Event(
            event_id="e",
            dialect="test",
            kind=kind,
            occurred_at_ms=NOW_MS,
            received_at_ms=NOW_MS,
            items=(Item("i", category=category),),
        )
        apply_moment(context, one, policy, lambda found: found.consent is None, NOW_MS)
    return context


def test_only_looks_count_at_items_of_a_known_and_permitted_category() -> None:
    policy = policy_of(with_when(WHEN))
    context = context_of(
        policy,
        *[("product.viewed", "Coats/Long"), ("product.clicked", "coats"), ("cart.item_added", "shoes")],
        *[("product.viewed", "maternity"), ("product.viewed", "unheard of")],
    )
    assert context.interests == {"coats": (2 * LOOK, NOW_MS // DAY_MS)}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (WHEN, True),
        ("{interest.top_category: {in: shoes}}", False),
        ("{interest.top_category: {in: coats, min: 2}}", True),
        ("{interest.top_category: {in: coats, min: 3}}", False),
    ],
)
def test_the_category_looked_at_most_is_asked_for_with_how_strongly(when: str, *, expected: bool) -> None:
    context = Context(interests=looked([("coats", 0), ("coats", 0), ("shoes", 0)]))
    assert verdict(rule_of(when), scene(context=context)) is expected
    assert verdict(rule_of(when), scene()) is False


def test_it_is_a_fact_that_names_no_private_category_but_the_event_s_own() -> None:
    fact = FACT_PATHS[TOP_INTEREST]
    coats = scene(at_hand(Item("c", category="coats")), context=Context(interests=looked([("coats", 0)])))
    assert fact.get(coats) == Term(coats.policy.categories["coats"].names)
    private = looked([("pregnancy", 0)])
    assert fact.get(scene(at_hand(Item("c", category="coats")), context=Context(interests=private))) is None
    assert (
        fact.get(scene(at_hand(Item("d", category="maternity")), context=Context(interests=private)))
        is not None
    )
    assert fact.get(scene()) is None


def test_interests_are_kept_where_a_condition_or_a_fact_asks_for_them_and_else_not() -> None:
    said = changed("campaigns/look.yaml", "item: item.name}", "item: interest.top_category}")
    for files, expected in ((with_when(WHEN), True), (said, True), (FILES, False)):
        assert policy_of(files).keeps_interests is expected
    assert context_of(policy_of(FILES), ("product.viewed", "coats")).interests == {}
