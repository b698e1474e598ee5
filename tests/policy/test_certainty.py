"""What holds, what fails and what nobody knows, joined by `all`, `any` and `not`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.context import Context, Line, RememberedItem
from tests.policy.rules import NOW_MS, event, rule_of, scene, verdict

# Without a zone nobody knows what the customer's clock shows.
LEAVES: tuple[tuple[dict[str, Any], bool | None], ...] = (
    ({"surface": {"in": ["web"]}}, True),
    ({"surface": {"in": ["app"]}}, False),
    ({"cart.count": {"max": 0}}, True),
    ({"present": {"event": "app.opened", "within": "1d"}}, False),
    ({"time.weekday": {"in": ["tue"]}}, None),
    ({"time.of_day": {"in": ["09:00-20:00"]}}, None),
)
Tree = tuple[dict[str, Any], bool | None]


def conjunction(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def disjunction(truths: list[bool | None]) -> bool | None:
    return True if True in truths else None if None in truths else False


def negation(truth: bool | None) -> bool | None:  # noqa: FBT001
    return None if truth is None else not truth


TREES: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda one: ({"not": one[0]}, negation(one[1]))),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda many: ({"all": [when for when, _ in many]}, conjunction([truth for _, truth in many]))
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda many: ({"any": [when for when, _ in many]}, disjunction([truth for _, truth in many]))
        ),
    ),
    max_leaves=8,
)


def depth(when: Any) -> int:
    if not isinstance(when, dict) or next(iter(when)) not in ("all", "any", "not"):
        return 0
    inner = next(iter(when.values()))
    return 1 + max(depth(one) for one in (inner if isinstance(inner, list) else [inner]))


SHALLOW = TREES.filter(lambda tree: depth(tree[0]) <= 4)
LAW = settings(max_examples=50, deadline=None)


@LAW
@given(SHALLOW)
def test_conditions_join_as_logic_with_an_unknown_does(tree: Tree) -> None:
    assert verdict(rule_of(tree[0]), scene()) is tree[1]


@LAW
@given(st.lists(SHALLOW, min_size=1, max_size=3))
def test_not_all_is_any_not_and_not_any_is_all_not(trees: list[Tree]) -> None:
    whens = [when for when, _ in trees]
    each = [{"not": when} for when in whens]
    for outer, inner in (("all", "any"), ("any", "all")):
        apart = verdict(rule_of({inner: each}), scene())
        assert verdict(rule_of({"not": {outer: whens}}), scene()) is apart


@LAW
@given(SHALLOW)
def test_a_double_negation_changes_nothing(tree: Tree) -> None:
    assert verdict(rule_of({"not": {"not": tree[0]}}), scene()) is tree[1]


@pytest.mark.parametrize("when", [leaf for leaf, truth in LEAVES if truth is None])
def test_what_nobody_knows_never_lets_a_message_through(when: dict[str, Any]) -> None:
    assert not rule_of(when).test(scene())
    assert not rule_of({"not": when}).test(scene())
    assert not rule_of({"any": [when, {"not": when}]}).test(scene())


def test_a_cart_with_a_price_missing_is_neither_known_to_be_small_nor_large() -> None:
    lines = [Line(NOW_MS, RememberedItem("a", price_minor=1_000), "EUR"), Line(NOW_MS, RememberedItem("b"))]
    small = {"cart.value": {"max": 30, "currency": "EUR"}}
    assert verdict(rule_of(small), scene(context=Context(cart=lines))) is None
    dear = Line(NOW_MS, RememberedItem("c", price_minor=9_000), "EUR")
    assert verdict(rule_of(small), scene(context=Context(cart=[*lines, dear]))) is False


ZONES = ("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC")
# Around both changes of Berlin's clock in 2026, and around midnights.
MOMENTS = st.one_of(
    st.integers(1_774_740_000_000, 1_774_760_000_000),
    st.integers(1_792_880_000_000, 1_792_900_000_000),
    st.integers(NOW_MS - 40 * 3_600_000, NOW_MS + 40 * 3_600_000),
)
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@LAW
@given(MOMENTS, st.sampled_from(ZONES), CLOCK, CLOCK)
def test_time_of_day_is_what_the_customers_clock_shows(
    at_ms: int, zone: str, opens: str, closes: str
) -> None:
    if opens == closes:
        return
    shown = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).strftime("%H:%M")
    is_within = opens <= shown < closes if opens < closes else shown >= opens or shown < closes
    rule = rule_of({"time.of_day": {"in": f"{opens}-{closes}"}})
    assert verdict(rule, scene(zone=zone, now_ms=at_ms)) is is_within


@LAW
@given(MOMENTS, st.sampled_from(ZONES), st.sets(st.sampled_from(["mon", "tue", "sat", "sun"]), min_size=1))
def test_weekday_is_the_day_where_the_customer_is(at_ms: int, zone: str, days: set[str]) -> None:
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).strftime("%a").lower()
    rule = rule_of({"time.weekday": {"in": sorted(days)}})
    assert verdict(rule, scene(zone=zone, now_ms=at_ms)) is (local in days)


@pytest.mark.parametrize(
    ("window", "minutes", "expected"),
    [
        ("09:00-20:00", 9 * 60 - 1, False),
        ("09:00-20:00", 9 * 60, True),
        ("09:00-20:00", 20 * 60 - 1, True),
        ("09:00-20:00", 20 * 60, False),
        ("22:00-06:00", 22 * 60 - 1, False),
        ("22:00-06:00", 0, True),
        ("22:00-06:00", 6 * 60, False),
        ("20:00-24:00", 24 * 60 - 1, True),
    ],
)
def test_a_window_of_the_day_holds_from_its_first_minute_until_before_its_last(
    window: str, minutes: int, *, expected: bool
) -> None:
    midnight_ms = NOW_MS - 12 * 3_600_000
    rule = rule_of({"time.of_day": {"in": [window]}})
    assert rule.test(scene(event(), zone="UTC", now_ms=midnight_ms + minutes * 60_000)) is expected
