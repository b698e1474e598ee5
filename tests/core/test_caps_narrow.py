"""`narrow` spares the caps that cannot fail, and only those."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core import caps
from streamproc.core.context import Charge
from streamproc.core.policy.model import Cap, Period
from streamproc.core.zones import zone

NOW_MS = 1_767_225_600_000
HOUR_MS = 3_600_000
WINDOWS: Final[tuple[dict[str, Any], ...]] = (
    {"rolling_ms": 24 * HOUR_MS},
    {"per": Period.DAY},
    {"per": Period.VISIT},
    {"ever": True},
)

charges = st.lists(
    st.builds(
        Charge,
        at_ms=st.integers(NOW_MS - 48 * HOUR_MS, NOW_MS),
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
    kept = caps.narrow(all_caps, remembered, in_zone, visit)
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
    assert caps.narrow([cap], [charge], zone("Etc/UTC"), "") == []
    assert caps.narrow([cap], [charge, charge], zone("Etc/UTC"), "") == [cap]
