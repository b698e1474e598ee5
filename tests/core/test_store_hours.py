"""Opening hours by the clock on the store's own wall, also when the clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.store_hours import LOOK_AHEAD_MS, Week, Window, closes_ms
from streamproc.core.zones import zone, zone_names

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAYTIME: Week = (((600, 1200),),) * 5 + (((600, 780), (780, 960)), ())
BAR: Week = (((1080, 120),),) * 7
ALWAYS: Week = (((0, 1440),),) * 7
NEVER: Week = ((),) * 7


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def known(name: str) -> ZoneInfo:
    found = zone(name)
    assert found is not None
    return found


BERLIN = known("Europe/Berlin")
FROM_MS, UNTIL_MS = ms("2026-01-01T00:00Z"), ms("2028-01-01T00:00Z")


def shows_open(week: Week, at_ms: int, in_zone: ZoneInfo) -> bool:
    """Say by the wall clock alone whether some window of today, or one of yesterday over midnight, holds."""
    wall = datetime.fromtimestamp(at_ms // 1000, in_zone).replace(tzinfo=None)
    minute, day = wall.hour * 60 + wall.minute, wall.weekday()
    today = any(o <= minute < c if o < c else minute >= o for o, c in week[day])
    yesterday = (wall - timedelta(days=1)).weekday()
    return today or any(o >= c > minute for o, c in week[yesterday])


@pytest.mark.parametrize(
    ("week", "now", "closes"),
    [
        (DAYTIME, "2026-11-25T10:00+01:00", "2026-11-25T20:00+01:00"),  # a Wednesday, the minute it opens
        (DAYTIME, "2026-11-25T19:59+01:00", "2026-11-25T20:00+01:00"),
        (DAYTIME, "2026-11-28T10:30+01:00", "2026-11-28T16:00+01:00"),  # two windows that touch are one
        (BAR, "2026-11-25T18:30+01:00", "2026-11-26T02:00+01:00"),  # over midnight
        (BAR, "2026-11-26T01:00+01:00", "2026-11-26T02:00+01:00"),
        (BAR, "2026-10-24T23:00+02:00", "2026-10-25T02:00+02:00"),  # the night the clocks go back
        (BAR, "2026-03-28T23:00+01:00", "2026-03-29T03:00+02:00"),  # 02:00 does not exist
    ],
)
def test_an_open_store_closes_when_its_clock_says_so(week: Week, now: str, closes: str) -> None:
    assert closes_ms(week, frozenset(), ms(now), BERLIN) == ms(closes)


@pytest.mark.parametrize(
    "now", ["2026-11-25T09:59+01:00", "2026-11-25T20:00+01:00", "2026-11-29T12:00+01:00"]
)
def test_a_store_is_shut_before_it_opens_when_it_closes_and_on_a_day_without_hours(now: str) -> None:
    assert closes_ms(DAYTIME, frozenset(), ms(now), BERLIN) is None


def test_on_a_day_that_is_named_as_closed_no_window_begins() -> None:
    closed = frozenset({"2026-12-25"})
    assert closes_ms(DAYTIME, closed, ms("2026-12-25T12:00+01:00"), BERLIN) is None
    assert closes_ms(BAR, closed, ms("2026-12-25T01:00+01:00"), BERLIN) == ms("2026-12-25T02:00+01:00")
    assert closes_ms(BAR, closed, ms("2026-12-26T01:00+01:00"), BERLIN) is None


def test_a_store_that_never_closes_is_open_for_as_long_as_anybody_asks() -> None:
    for now in ("2026-11-25T00:00+01:00", "2026-11-25T23:59+01:00", "2026-03-29T01:59+01:00"):
        closes = closes_ms(ALWAYS, frozenset(), ms(now), BERLIN)
        assert closes is not None
        assert closes > ms(now) + LOOK_AHEAD_MS


def test_a_store_without_hours_is_never_open() -> None:
    assert closes_ms(NEVER, frozenset(), ms("2026-11-25T12:00+01:00"), BERLIN) is None


minutes = st.integers(0, 1439)
windows = st.tuples(minutes, st.integers(0, 1440)).filter(lambda ends: ends[0] != ends[1])
weeks = st.lists(st.lists(windows, max_size=2).map(tuple), min_size=7, max_size=7).map(tuple)


@given(st.sampled_from(sorted(zone_names())), weeks, st.integers(FROM_MS // MINUTE_MS, UNTIL_MS // MINUTE_MS))
def test_in_every_zone_a_store_is_open_until_the_minute_it_closes_and_not_after(
    name: str, week: tuple[tuple[Window, ...], ...], now_min: int
) -> None:
    in_zone, now_ms = known(name), now_min * MINUTE_MS
    closes = closes_ms(week, frozenset(), now_ms, in_zone)
    assert (closes is not None) == shows_open(week, now_ms, in_zone)
    if closes is not None:
        assert closes > now_ms
        inside = (*range(now_ms, closes, 37 * MINUTE_MS), closes - MINUTE_MS)
        assert all(shows_open(week, at_ms, in_zone) for at_ms in inside)
        assert closes - now_ms > LOOK_AHEAD_MS or not shows_open(week, closes, in_zone)


@given(st.sampled_from(["America/Santiago", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"]), weeks)
def test_in_the_hours_at_which_clocks_are_set_it_is_no_different(
    name: str, week: tuple[tuple[Window, ...], ...]
) -> None:
    in_zone = known(name)
    for day_ms in range(FROM_MS, UNTIL_MS, 24 * HOUR_MS):
        offsets = [
            datetime.fromtimestamp(at // 1000, in_zone).utcoffset() for at in (day_ms, day_ms + 24 * HOUR_MS)
        ]
        if offsets[0] == offsets[1]:
            continue
        for now_ms in range(day_ms, day_ms + 24 * HOUR_MS, HOUR_MS):
            closes = closes_ms(week, frozenset(), now_ms, in_zone)
            assert (closes is not None) == shows_open(week, now_ms, in_zone)
            assert closes is None or closes - now_ms > LOOK_AHEAD_MS or not shows_open(week, closes, in_zone)
