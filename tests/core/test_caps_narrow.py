"""`narrow` spares the caps that cannot fail, and only those."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core import caps
from streamproc.core.context import Charge
from streamproc.core.policy.model import Cap, Period
from streamproc.core.zones import zone

NOW_MS = 1_767_225_600_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WINDOWS: Final[tuple[dict[str, Any], ...]] = (
    {"rolling_ms": 24 * HOUR_MS},
    {"per": Period.DAY},
    {"per": Period.WEEK},
    {"per": Period.MONTH},
    {"per": Period.VISIT},
    {"ever": True},
)

charges = st.lists(
    st.builds(
        Charge,
        at_ms=st.integers(NOW_MS - 72 * HOUR_MS, NOW_MS),
        until_ms=st.just(NOW_MS + HOUR_MS),
        nudge_id=st.sampled_from([b"a", b"b", b"c"]),
        event=st.just(b"e"),
        channel=st.sampled_from(["push", "email"]),
        campaign=st.just("basket"),
        category=st.just("coats"),
        visit=st.sampled_from(["", "s-1"]),
        counts=st.booleans(),
    ),
    max_size=6,
)
scoped = st.builds(
    lambda most, window: caps.Scoped(
        "channel", "push", Cap(max=most, text="x", **window), lambda charge: charge.channel == "push"
    ),
    st.integers(0, 3),
    st.sampled_from(WINDOWS),
)


@given(
    st.lists(scoped, max_size=4),
    charges,
    st.sampled_from([None, zone("Etc/UTC")]),
    st.sampled_from(["", "s-1"]),
)
def test_a_cap_that_is_spared_would_have_passed(
    all_caps: list[caps.Scoped], remembered: list[Charge], in_zone: ZoneInfo | None, visit: str
) -> None:
    kept = caps.narrow(all_caps, remembered, NOW_MS, in_zone, visit)
    spared = [one for one in all_caps if not any(one is other for other in kept)]
    assert all(check.ok for check in caps.check(spared, remembered, NOW_MS, in_zone, visit))


@given(
    st.lists(scoped, max_size=4),
    charges,
    st.sampled_from([None, zone("Etc/UTC")]),
    st.sampled_from(["", "s-1"]),
)
def test_caps_that_surely_hold_pass_the_check(
    all_caps: list[caps.Scoped], remembered: list[Charge], in_zone: ZoneInfo | None, visit: str
) -> None:
    if caps.surely_hold([one.cap for one in all_caps], remembered, in_zone, visit):
        assert all(check.ok for check in caps.check(all_caps, remembered, NOW_MS, in_zone, visit))


def test_a_cap_is_sure_to_hold_while_fewer_nudges_are_remembered_than_it_allows() -> None:
    charge = Charge(NOW_MS, NOW_MS + HOUR_MS, b"a", b"e", "push", "basket", "coats")
    twice = [Cap(max=2, text="x", rolling_ms=HOUR_MS)]
    assert caps.surely_hold(twice, [charge], None, "")
    assert not caps.surely_hold(twice, [charge, charge], None, "")
    assert not caps.surely_hold([Cap(max=2, text="x", per=Period.DAY)], [], None, "")


def test_a_cap_that_nobody_came_near_is_spared() -> None:
    cap = caps.Scoped("overall", "", Cap(max=2, text="x", per=Period.DAY), lambda _: True)
    charge = Charge(NOW_MS, NOW_MS + HOUR_MS, b"a", b"e", "push", "basket", "coats")
    assert caps.narrow([cap], [charge], NOW_MS, zone("Etc/UTC"), "") == []
    assert caps.narrow([cap], [charge, charge], NOW_MS, zone("Etc/UTC"), "") == [cap]


@pytest.mark.parametrize(
    ("per", "begins", "ends"),
    [
        (Period.DAY, "2025-10-26T00:00", "2025-10-26T23:59"),
        (Period.WEEK, "2025-10-20T00:00", "2025-10-26T23:59"),
        (Period.MONTH, "2025-10-01T00:00", "2025-10-31T23:59"),
    ],
)
def test_a_nudge_counts_to_the_end_of_a_window_that_has_an_hour_more(
    per: Period, begins: str, ends: str
) -> None:
    berlin = zone("Europe/Berlin")
    at_ms, now_ms = (
        int(datetime.fromisoformat(text).replace(tzinfo=berlin).timestamp() * 1000) for text in (begins, ends)
    )
    cap = caps.Scoped("overall", "", Cap(max=1, text="x", per=per), lambda _: True)
    charge = Charge(at_ms, now_ms + HOUR_MS, b"a", b"e", "push", "basket", "coats")
    assert caps.narrow([cap], [charge], now_ms, berlin, "") == [cap]


def test_a_nudge_that_no_window_still_holds_is_spared() -> None:
    caps_of_all = [
        caps.Scoped("overall", "", Cap(max=1, text="x", **window), lambda _: True) for window in WINDOWS
    ]
    charge = Charge(NOW_MS - 40 * DAY_MS, NOW_MS + HOUR_MS, b"a", b"e", "push", "basket", "coats")
    kept = caps.narrow(caps_of_all, [charge], NOW_MS, zone("Etc/UTC"), "s-1")
    assert [one.cap for one in kept] == [
        Cap(max=1, text="x", per=Period.VISIT),
        Cap(max=1, text="x", ever=True),
    ]
