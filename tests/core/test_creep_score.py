"""The laws of the score, the ladder, the budget and wariness, whatever the factors and the weights."""

from __future__ import annotations

from math import inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streamproc.core.creep import budget
from streamproc.core.creep import score as scoring
from streamproc.core.creep.factors import Factors, deferred, softened, strengths
from streamproc.core.creep.ladder import DEFER, QUIETER, RUNGS, SEND, SOFTEN, Bounds, Ladder, Step
from streamproc.core.creep.model import DAY_MS, INTERACTIONS, SHIPPED, WEIGHTS, Model, Wariness
from streamproc.core.creep.score import contributions, score
from streamproc.core.creep.wariness import moved, wariness_at

EXACT = 2e-6  # scores are rounded to six digits
SHARES = st.floats(0, 1, allow_nan=False).map(lambda share: round(share, 4))
FACTORS = st.builds(Factors, **dict.fromkeys(WEIGHTS, SHARES))
BELOW_ONE = st.floats(0, 0.99)
MODELS = st.builds(
    Model,
    weights=st.fixed_dictionaries(dict.fromkeys(WEIGHTS, BELOW_ONE)),
    interactions=st.fixed_dictionaries(dict.fromkeys(INTERACTIONS, BELOW_ONE)),
)
WARY = st.floats(0.5, 4)
NAMES = st.sampled_from(list(WEIGHTS))


def ladder(written: Factors, quieter: list[Factors], wariness: float) -> list[Step]:
    scales, found = SHIPPED.scales, Ladder(SHIPPED, wariness)
    found.offer(SEND, "loud", written)
    found.offer(SOFTEN, "loud", softened(written, scales))
    for number, one in enumerate(quieter):
        found.offer(QUIETER, f"quieter {number}", softened(one, scales))
    found.offer(DEFER, "last", deferred(softened(quieter[-1] if quieter else written, scales), scales))
    return found.offered


def verdict(written: Factors, quieter: list[Factors], wariness: float, room: float) -> int:
    """Return how far down the ladder the verdict is; silence is the last."""
    fits = Bounds(SHIPPED.limit, room).fits
    return next(
        (RUNGS.index(step.rung) for step in ladder(written, quieter, wariness) if fits(step)), len(RUNGS)
    )


@given(MODELS, FACTORS, WARY)
def test_a_score_is_a_share_and_nothing_costs_nothing(
    model: Model, factors: Factors, wariness: float
) -> None:
    assert 0 <= score(model, factors, wariness) <= 1
    assert score(model, Factors(), wariness) == 0


@given(FACTORS)
def test_a_score_stays_below_one_while_every_weight_does(factors: Factors) -> None:
    assert score(SHIPPED, factors) < 1


@given(MODELS, FACTORS, NAMES, SHARES, WARY)
def test_more_of_a_cause_never_lowers_a_score(
    model: Model, factors: Factors, name: str, more: float, wariness: float
) -> None:
    raised = replace(factors, **{name: max(more, getattr(factors, name))})
    assert score(model, raised, wariness) >= score(model, factors, wariness)


@given(FACTORS, NAMES)
def test_a_cause_that_is_not_there_counts_as_one_without_weight(factors: Factors, name: str) -> None:
    gone = replace(factors, **{name: 0.0})
    without = Model(weights={**WEIGHTS, name: 0.0})
    assert score(SHIPPED, gone) == score(without, gone)


@given(FACTORS, WARY)
def test_a_score_is_what_the_formula_says_in_any_order(factors: Factors, wariness: float) -> None:
    parts = [weight * value for weight, value in zip(SHIPPED.order, strengths(factors), strict=True)]
    for order in (parts, parts[::-1], sorted(parts)):
        calm = 1.0
        for part in order:
            calm *= 1 - part
        assert score(SHIPPED, factors, wariness) == pytest.approx(1 - calm**wariness, abs=EXACT)


@given(FACTORS, st.lists(FACTORS, max_size=3), NAMES, SHARES, WARY, SHARES)
def test_more_of_a_cause_never_moves_the_verdict_up_the_ladder(
    written: Factors, quieter: list[Factors], name: str, more: float, wariness: float, room: float
) -> None:
    raised = replace(written, **{name: max(more, getattr(written, name))})
    louder = [replace(one, **{name: max(more, getattr(one, name))}) for one in quieter]
    assert verdict(raised, louder, wariness, room) >= verdict(written, quieter, wariness, room)


@given(FACTORS, st.lists(FACTORS, max_size=3), WARY, WARY, SHARES, SHARES)
def test_less_room_or_more_wariness_never_moves_the_verdict_up(
    written: Factors, quieter: list[Factors], one: float, other: float, room: float, less: float
) -> None:
    calm, wary = sorted((one, other))
    before = verdict(written, quieter, calm, max(room, less))
    assert verdict(written, quieter, wary, max(room, less)) >= before
    assert verdict(written, quieter, calm, min(room, less)) >= before


@given(FACTORS, st.lists(FACTORS, max_size=3), WARY)
def test_each_step_scores_below_the_one_before(
    written: Factors, quieter: list[Factors], wariness: float
) -> None:
    scores = [step.score for step in ladder(written, quieter, wariness)]
    assert scores == sorted(set(scores), reverse=True)


@given(FACTORS, st.sampled_from([0.5, 1.0]))
def test_a_reason_or_a_control_that_is_shown_never_raises_a_score(factors: Factors, shown: float) -> None:
    less = replace(factors, opacity=max(0.0, factors.opacity - shown))
    assert score(SHIPPED, less) <= score(SHIPPED, factors)


@given(MODELS, FACTORS, WARY)
def test_contributions_add_up_to_the_score_the_greatest_first(
    model: Model, factors: Factors, wariness: float
) -> None:
    total = score(model, factors, wariness)
    parts = contributions(model, factors, total)
    assert sum(parts.values()) == pytest.approx(total if parts else 0, abs=1e-9)
    assert list(parts.values()) == sorted(parts.values(), reverse=True)


@given(FACTORS)
def test_the_greatest_contribution_is_what_the_score_loses_most_without(factors: Factors) -> None:
    total = score(SHIPPED, factors)
    parts = contributions(SHIPPED, factors, total)
    if not parts:
        return
    named = zip(scoring.NAMES, SHIPPED.order, strengths(factors), strict=True)
    left = {name: 1 - (1 - total) / (1 - weight * value) for name, weight, value in named}
    assert left[next(iter(parts))] == pytest.approx(min(left.values()), abs=1e-9)


LEVELS = st.floats(0, 2)
TIMES = st.integers(0, 400 * DAY_MS)


@given(LEVELS, TIMES, TIMES)
def test_a_level_drains_alike_in_one_go_or_two(level: float, first: int, second: int) -> None:
    half = SHIPPED.half_life_ms
    once = budget.level_at(level, 0, first + second, half)
    twice = budget.level_at(budget.level_at(level, 0, first, half), first, first + second, half)
    assert once == pytest.approx(twice, abs=1e-12)
    assert 0 <= once <= level


@given(LEVELS, TIMES)
def test_a_clock_that_went_back_drains_nothing(level: float, back: int) -> None:
    assert budget.level_at(level, back + 1, 0, SHIPPED.half_life_ms) == level


@given(st.floats(0.01, 0.95))
def test_messages_of_one_cost_that_keep_their_distance_fit_for_ever(cost: float) -> None:
    apart_ms, level = budget.spacing_ms(SHIPPED, cost), 0.0
    for _ in range(60):
        assert level + cost <= SHIPPED.capacity + 1e-9
        level = budget.level_at(level + cost, 0, int(apart_ms) + 1, SHIPPED.half_life_ms)


@given(st.lists(st.tuples(st.integers(0, 3 * DAY_MS), st.floats(0.01, 0.4)), max_size=60))
def test_no_window_admits_more_than_the_budget_promises(asked: list[tuple[int, float]]) -> None:
    now_ms, level, since_ms, admitted = 0, 0.0, 0, []
    for wait_ms, cost in asked:
        now_ms += wait_ms
        level, since_ms = budget.level_at(level, since_ms, now_ms, SHIPPED.half_life_ms), now_ms
        if cost <= budget.room(SHIPPED, level):
            level += cost
            admitted.append((now_ms, cost))
    window_ms = 7 * DAY_MS
    bound = SHIPPED.capacity * (1 + log(2) * window_ms / SHIPPED.half_life_ms)
    for end_ms, _ in admitted:
        assert sum(cost for at, cost in admitted if end_ms - window_ms < at <= end_ms) <= bound + 1e-9


@given(st.floats(0.5, 4), TIMES, TIMES)
def test_wariness_drifts_to_what_is_usual_and_never_past_it(stored: float, first: int, second: int) -> None:
    scale = Wariness()
    sooner = wariness_at(scale, stored, 0, 0, first)
    later = wariness_at(scale, stored, 0, 0, first + second)
    assert abs(later - 1) <= abs(sooner - 1) + 1e-12
    assert (later - 1) * (stored - 1) >= 0


def test_bad_news_is_remembered_longer_than_good_news() -> None:
    scale = Wariness()
    assert wariness_at(scale, 2.0, 0, 0, 60 * DAY_MS) == pytest.approx(1.5)
    assert wariness_at(scale, 0.5, 0, 0, 14 * DAY_MS) == pytest.approx(0.75)


def test_a_newcomer_is_warier_for_a_fortnight() -> None:
    scale = Wariness()
    assert wariness_at(scale, 0, 0, 1, 14 * DAY_MS) == 1.2
    assert wariness_at(scale, 0, 0, 1, 14 * DAY_MS + 1) == 1.0
    assert wariness_at(scale, 0, 0, 0, 1) == 1.0, "heard of before that was written down"


@given(st.floats(0.5, 4), st.floats(0.5, 1), st.sampled_from([1.0, 0.0]))
def test_good_news_lowers_wariness_to_its_floor_at_most(wary: float, factor: float, floor: float) -> None:
    after = moved(Wariness(), wary, factor, floor)
    assert min(wary, max(floor, 0.5)) <= after <= wary


@given(st.floats(0.5, 4), st.floats(1, 10))
def test_bad_news_never_lowers_wariness(wary: float, factor: float) -> None:
    assert wary <= moved(Wariness(), wary, factor, -inf) <= 4
