"""Quiet hours by the customer's clock, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
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
# By day, over midnight, all day; inside, at the edge of and around the hours at which clocks are set.
WINDOWS = [
    DAYTIME,
    OVERNIGHT,
    *(Quiet(*ends) for ends in [(0, 1440), (135, 165), (120, 180), (30, 90), (1410, 150)]),
]


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


def days_of_change(in_zone: ZoneInfo) -> list[int]:
    """Find the days, in UTC, after which the zone's clocks show another offset than before."""
    days = range(FROM_MS, UNTIL_MS, DAY_MS)
    shown = [shown_minute(day_ms, in_zone) for day_ms in days]
    return [day_ms for day_ms, now, then in zip(days, shown, shown[1:], strict=False) if now != then]


def check_around_changes(name: str, windows: list[Quiet]) -> None:
    """Compare with a clock that is read at every minute from a day before each change until three days
    after."""
    in_zone = known(name)
    for day_ms in days_of_change(in_zone):
        minutes = range(day_ms - DAY_MS, day_ms + 4 * DAY_MS, MINUTE_MS)
        shown = [shown_minute(at_ms, in_zone) for at_ms in minutes]
        for quiet in windows:
            allowed = allowed_minutes(quiet)
            opens_ms = -1
            for index in range(len(minutes) - 1, -1, -1):
                if shown[index] in allowed:
                    opens_ms = minutes[index]
                if index < 2 * 1440 and index % 41 == 0:
                    assert is_open(quiet, minutes[index], in_zone) == (shown[index] in allowed)
                    assert next_open_ms(quiet, minutes[index], in_zone) == opens_ms, (
                        name,
                        quiet,
                        minutes[index],
                    )


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


# Changes at midnight, over it, by half an hour, by two hours, at a quarter to, at noon UTC, and the usual
# ones.
ODD_ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "Antarctica/Troll",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Chatham",
    "Pacific/Easter",
]


@pytest.mark.parametrize("name", ODD_ZONES)
def test_quiet_hours_hold_when_the_clocks_change(name: str) -> None:
    assert days_of_change(known(name))
    check_around_changes(name, WINDOWS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_quiet_hours_hold_when_the_clocks_change_in_every_zone_of_the_world() -> None:
    for name in sorted(zone_names()):
        check_around_changes(name, WINDOWS)


def test_most_zones_never_change_their_clocks_and_some_change_them_four_times() -> None:
    assert days_of_change(known("Asia/Tokyo")) == []
    assert [
        datetime.fromtimestamp(day_ms / 1000, UTC).date().isoformat() for day_ms in days_of_change(BERLIN)
    ] == [
        "2026-03-29",
        "2026-10-25",
        "2027-03-28",
        "2027-10-31",
    ]
