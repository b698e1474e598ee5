"""Quiet hours by the customer's clock, also when the clocks change; `test_every_zone` walks through the world's."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.policy.model import Quiet
from streamproc.core.quiet_hours import is_open, next_open_ms
from streamproc.core.zones import zone, zone_names

MINUTE_MS = 60_000
DAY_MS = 86_400_000
DAYTIME = Quiet(open_min=9 * 60, close_min=20 * 60)
OVERNIGHT = Quiet(open_min=20 * 60, close_min=9 * 60)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def known(name: str) -> ZoneInfo:
    found = zone(name)
    assert found is not None
    return found


BERLIN = known("Europe/Berlin")
FROM_MS, UNTIL_MS = ms("2026-01-01T00:00Z"), ms("2028-01-01T00:00Z")


def shown_minute(now_ms: int, in_zone: ZoneInfo) -> int:
    """Read the wall clock another way than the code does: UTC plus the offset."""
    offset = datetime.fromtimestamp(now_ms // 1000, in_zone).utcoffset()
    assert offset is not None
    return (now_ms // MINUTE_MS + int(offset.total_seconds()) // 60) % 1440


def allowed_minutes(quiet: Quiet) -> set[int]:
    if quiet.open_min < quiet.close_min:
        return set(range(quiet.open_min, quiet.close_min))
    return {*range(quiet.open_min, 1440), *range(quiet.close_min)}


def test_a_window_opens_at_its_first_minute_and_closes_at_its_last() -> None:
    assert not is_open(DAYTIME, ms("2026-11-27T08:59:59.999+01:00"), BERLIN)
    assert is_open(DAYTIME, ms("2026-11-27T09:00+01:00"), BERLIN)
    assert is_open(DAYTIME, ms("2026-11-27T19:59:59.999+01:00"), BERLIN)
    assert not is_open(DAYTIME, ms("2026-11-27T20:00+01:00"), BERLIN)


def test_a_window_may_go_over_midnight() -> None:
    assert is_open(OVERNIGHT, ms("2026-11-27T23:00+01:00"), BERLIN)
    assert is_open(OVERNIGHT, ms("2026-11-27T08:59+01:00"), BERLIN)
    assert not is_open(OVERNIGHT, ms("2026-11-27T12:00+01:00"), BERLIN)


def test_nothing_may_go_where_the_zone_is_unknown() -> None:
    assert not is_open(Quiet(open_min=0, close_min=1440), ms("2026-11-27T12:00Z"), None)


def test_a_window_whose_ends_are_equal_never_opens() -> None:
    empty = Quiet(open_min=540, close_min=540)
    assert not is_open(empty, ms("2026-11-27T09:00+01:00"), BERLIN)
    with pytest.raises(ValueError, match="minute 540"):
        next_open_ms(empty, ms("2026-11-27T09:00+01:00"), BERLIN)


def test_what_may_go_now_opens_now_and_what_may_not_opens_at_the_next_opening() -> None:
    noon_ms, night_ms = ms("2026-11-27T12:00:30+01:00"), ms("2026-11-27T22:00:30+01:00")
    assert next_open_ms(DAYTIME, noon_ms, BERLIN) == noon_ms
    assert next_open_ms(DAYTIME, night_ms, BERLIN) == ms("2026-11-28T09:00+01:00")


def test_the_night_before_the_clocks_go_forward_is_an_hour_shorter() -> None:
    assert next_open_ms(DAYTIME, ms("2026-03-28T22:00+01:00"), BERLIN) == ms("2026-03-29T09:00+02:00")


def test_an_opening_that_the_clocks_skip_is_at_the_change() -> None:
    skipped = Quiet(open_min=150, close_min=240)
    assert next_open_ms(skipped, ms("2026-03-29T01:10+01:00"), BERLIN) == ms("2026-03-29T03:00+02:00")


def test_a_window_that_the_clocks_skip_whole_opens_a_day_later() -> None:
    skipped = Quiet(open_min=135, close_min=165)
    assert next_open_ms(skipped, ms("2026-03-29T01:10+01:00"), BERLIN) == ms("2026-03-30T02:15+02:00")


def test_an_hour_shown_twice_counts_as_what_the_clock_shows() -> None:
    twice = Quiet(open_min=120, close_min=150)
    between_ms = ms("2026-10-25T02:45+02:00")
    assert not is_open(twice, between_ms, BERLIN)
    assert next_open_ms(twice, between_ms, BERLIN) == ms("2026-10-25T02:00+01:00")


@given(
    st.integers(FROM_MS, UNTIL_MS),
    st.sampled_from(sorted(zone_names())).map(known),
    st.builds(Quiet, st.integers(0, 1439), st.integers(0, 1440)).filter(lambda q: q.open_min != q.close_min),
)
def test_the_next_opening_is_open_and_the_minute_before_it_is_quiet(
    now_ms: int, in_zone: ZoneInfo, quiet: Quiet
) -> None:
    opens_ms = next_open_ms(quiet, now_ms, in_zone)
    assert is_open(quiet, opens_ms, in_zone) == (shown_minute(opens_ms, in_zone) in allowed_minutes(quiet))
    assert is_open(quiet, opens_ms, in_zone)
    assert opens_ms == now_ms or not is_open(quiet, opens_ms - 1, in_zone)
    assert now_ms <= opens_ms <= now_ms + 2 * DAY_MS
