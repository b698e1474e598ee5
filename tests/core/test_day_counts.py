"""How often something happened by day: against a list of days, within 48 of them, and nothing where nobody asks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.context import Context, Profile
from streamproc.core.day_counts import (
    COUNT_A_DAY_MAX,
    DAYS_KEPT_MAX,
    WINDOW_DAYS_MAX,
    Counts,
    count,
    counted,
    day_of,
)
from streamproc.core.event import Event, Item
from streamproc.core.memory import apply_moment, forget_convenience
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.stored_context import decode_context, encode_context
from tests.policy.rules import NOW_MS, rule_of, scene, verdict
from tests.policy.rules import event as at_hand
from tests.policy.samples import with_when

DAY_MS = 86_400_000
TODAY = day_of(NOW_MS, None)
AGES = st.lists(st.tuples(st.sampled_from(["a", "b|coats"]), st.integers(0, 100)), max_size=40)


def kept(ages: list[tuple[str, int]]) -> Counts:
    counts: Counts = {}
    for name, days_ago in ages:
        count(counts, [name], TODAY - days_ago)
    return counts


@settings(max_examples=100, deadline=None)
@given(AGES, st.sampled_from([["a"], ["b|coats"], ["a", "b|coats"], ["c"]]), st.integers(1, WINDOW_DAYS_MAX))
def test_it_is_how_often_each_day_of_the_window_was_counted(
    ages: list[tuple[str, int]], names: list[str], days: int
) -> None:
    """Forty events lie on 48 days at most, so nothing is forgotten; a day is 90 days behind its counter's newest."""
    ages = sorted(ages, key=lambda one: -one[1])
    found, is_whole = counted(kept(ages), names, TODAY - days + 1)
    inside = [days_ago for name, days_ago in ages if name in names and days_ago < days]
    assert found == {TODAY - days_ago: inside.count(days_ago) for days_ago in inside}
    assert is_whole


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 89)), min_size=60, max_size=150))
def test_of_more_than_48_days_the_oldest_are_forgotten_and_it_knows_that_it_forgot(
    ages: list[tuple[str, int]],
) -> None:
    counts = kept(ages)
    assert sum(map(len, counts.values())) // 3 <= DAYS_KEPT_MAX
    for days in (1, 7, 30, 90):
        inside = [days_ago for name, days_ago in ages if name == "a" and days_ago < days]
        found, is_whole = counted(counts, ["a"], TODAY - days + 1)
        assert sum(found.values()) <= len(inside)
        if is_whole:
            assert sum(found.values()) == len(inside)


def test_a_day_counts_255_times_at_most_and_impossible_days_not_at_all() -> None:
    counts: Counts = {}
    for _ in range(COUNT_A_DAY_MAX + 10):
        count(counts, ["a"], TODAY)
    assert counted(counts, ["a"], TODAY)[0] == {TODAY: COUNT_A_DAY_MAX}
    for day in (datetime(2019, 12, 31, tzinfo=UTC).toordinal(), datetime(2200, 1, 1, tzinfo=UTC).toordinal()):
        count(counts, ["b"], day)
    assert set(counts) == {"a"}


def policy_of(when: str) -> Policy:
    files = with_when(when)
    files["campaigns/look.yaml"] = files["campaigns/look.yaml"].replace("[viewed]", "[opted_in]")
    return load(files)


def moment(kind: str, at_ms: int, *categories: str) -> Event:
    items = tuple(Item(f"i-{number}", category=category) for number, category in enumerate(categories))
    return Event(
        event_id="e", dialect="test", kind=kind, occurred_at_ms=at_ms, received_at_ms=at_ms, items=items
    )


def remembered(policy: Policy, *events: Event, zone: str = "") -> Context:
    context = Context(profile=Profile(zone=zone, zone_declared=True))
    for one in events:
        apply_moment(context, one, policy, lambda category: category.consent is None, NOW_MS)
    return context


def views(*ages_days: int) -> list[Event]:
    return [moment("product.viewed", NOW_MS - age * DAY_MS, "coats/long") for age in ages_days]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{count: {event: product.viewed, days: 3, min: 4}}", True),
        ("{count: {event: product.viewed, days: 3, min: 5}}", False),
        ("{count: {event: product.viewed, days: 30, min: 5, max: 5}}", True),
        ("{count: {event: product.viewed, category: coats, days: 3, min: 4}}", True),
        ("{count: {event: product.viewed, category: shoes, days: 3, min: 1}}", False),
        ("{count: {event: product.viewed, same: category, days: 3, min: 4}}", True),
        ("{count: {event: [product.viewed, order.completed], days: 3, min: 5}}", True),
        ("{count: {event: order.completed, days: 3, max: 0}}", False),
        ("{distinct: {of: day, event: product.viewed, days: 3, min: 2}}", True),
        ("{distinct: {of: day, event: product.viewed, days: 3, min: 3}}", False),
        ("{distinct: {of: day, event: product.viewed, days: 30, max: 3}}", True),
    ],
)
def test_days_are_counted_of_a_kind_and_of_a_category(when: str, *, expected: bool) -> None:
    policy = policy_of(when)
    events = [*views(5, 2, 2, 2, 0), moment("order.completed", NOW_MS - DAY_MS, "shoes")]
    context = remembered(policy, *events)
    here = scene(at_hand(Item("x", category="coats")), context=context)
    assert verdict(rule_of(when), here) is expected
    assert context.recent == []


def test_the_first_of_the_days_is_in_and_the_day_before_it_is_not() -> None:
    when = "{count: {event: product.viewed, days: 3, min: 1}}"
    for age, expected in ((2, True), (3, False)):
        assert verdict(rule_of(when), scene(context=remembered(policy_of(when), *views(age)))) is expected


def test_a_day_is_the_customer_s() -> None:
    """Half past eleven in the evening in Berlin is another day than half an hour later, though one in UTC."""
    when = "{distinct: {of: day, event: app.opened, days: 2, min: 2}}"
    evening_ms = int(datetime(2026, 3, 2, 23, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1_000)
    opened = [moment("app.opened", evening_ms), moment("app.opened", evening_ms + 3_600_000)]
    for zone, expected in (("Europe/Berlin", True), ("", False)):
        context = remembered(policy_of(when), *opened, zone=zone)
        assert rule_of(when, "app.opened").test(scene(context=context, zone=zone or None)) is expected


def test_where_days_were_forgotten_a_count_is_known_to_be_no_less_and_no_more() -> None:
    when = "{{count: {{event: product.viewed, days: 90, {}}}}}"
    policy = policy_of(when.format("min: 1"))
    full = remembered(policy, *views(*range(60, -1, -1)))
    for bounds, expected in (("min: 48", True), ("min: 49", None), ("max: 61", None), ("max: 47", False)):
        assert verdict(rule_of(when.format(bounds)), scene(context=full)) is expected
    recent = "{count: {event: product.viewed, days: 40, max: 40}}"
    assert verdict(rule_of(recent), scene(context=full)) is True


def test_what_needs_a_consent_that_is_missing_is_not_counted() -> None:
    policy = policy_of("{count: {event: product.viewed, days: 3, min: 1}}")
    assert remembered(policy, moment("product.viewed", NOW_MS, "maternity")).day_counts == {}


def test_nothing_is_counted_that_no_rule_asks_for() -> None:
    policy = policy_of("{count: {event: product.viewed, within: 3d, min: 1}}")
    context = remembered(policy, *views(1), moment("order.completed", NOW_MS))
    assert (context.day_counts, context.interests) == ({}, {})
    coats = policy_of("{count: {event: product.viewed, category: coats, days: 3, min: 1}}")
    assert set(remembered(coats, *views(1), moment("product.viewed", NOW_MS, "shoes")).day_counts) == {
        "product.viewed|coats"
    }


def test_a_customer_who_comes_every_day_costs_a_few_hundred_bytes() -> None:
    counts = [
        f"{{count: {{event: product.viewed, {more}days: 90, min: 1}}}}" for more in ("", "same: category, ")
    ]
    policy = policy_of(f"{{all: [{', '.join(counts)}]}}")
    context = remembered(policy, *views(*range(89, -1, -1)))
    plain = Context(profile=context.profile)
    assert len(encode_context(context)) - len(encode_context(plain)) < 220
    assert decode_context(encode_context(context)) == context


def test_all_of_it_goes_with_the_consent_to_processing() -> None:
    context = Context(day_counts={"a": b"abc"}, interests={"coats": (1, 1)})
    forget_convenience(context)
    assert (context.day_counts, context.interests) == ({}, {})


def test_a_context_from_before_there_were_counters_is_readable() -> None:
    context = Context(customer_id="c", seq=7)
    fields = msgspec.msgpack.decode(encode_context(context))
    assert len(fields) > 16
    older = msgspec.msgpack.encode(fields[:16])
    assert decode_context(older) == context
