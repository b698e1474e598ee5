"""Local time, from the packaged zone database alone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.policy.model import Period
from streamproc.core.zones import (
    local_day,
    minute_of_day,
    next_period_ms,
    period_of,
    period_start_ms,
    same_period,
    zone,
    zone_names,
)

CALENDAR = [Period.DAY, Period.WEEK, Period.MONTH]
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def known(name: str) -> ZoneInfo:
    found = zone(name)
    assert found is not None
    return found


BERLIN = known("Europe/Berlin")
MOMENTS = st.integers(ms("2026-01-01T00:00Z"), ms("2027-12-31T00:00Z"))
ZONES = st.sampled_from(sorted(zone_names())).map(known)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "europe/berlin",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe",
        "a\0b",
        "Europe/Berlin/",
    ],
)
def test_a_name_that_is_no_zone_has_none(name: str) -> None:
    assert zone(name) is None


@given(st.text())
def test_any_text_at_all_is_a_zone_or_none(name: str) -> None:
    assert (zone(name) is not None) == (name in zone_names())


def test_every_name_of_the_database_is_a_zone() -> None:
    assert len(zone_names()) > 500
    assert all(zone(name) for name in zone_names())


def test_a_zone_is_read_once() -> None:
    assert zone("Asia/Tokyo") is zone("Asia/Tokyo")


def test_the_hosts_zone_files_are_never_read(tmp_path: object) -> None:
    reset_tzpath([str(tmp_path)])
    try:
        assert minute_of_day(ms("2026-07-01T00:00Z"), known("Pacific/Auckland")) == 12 * 60
    finally:
        reset_tzpath()


def test_the_local_day_is_that_of_the_customers_clock() -> None:
    assert local_day(ms("2026-11-26T23:30Z"), BERLIN) == "2026-11-27"
    assert local_day(ms("2026-11-26T22:59:59.999Z"), BERLIN) == "2026-11-26"


def test_the_minute_of_day_follows_daylight_saving() -> None:
    assert minute_of_day(ms("2026-03-29T00:59Z"), BERLIN) == 1 * 60 + 59
    assert minute_of_day(ms("2026-03-29T01:00Z"), BERLIN) == 3 * 60
    assert (
        minute_of_day(ms("2026-10-25T00:30Z"), BERLIN)
        == minute_of_day(ms("2026-10-25T01:30Z"), BERLIN)
        == 150
    )


def test_a_week_begins_on_monday() -> None:
    sunday, monday, next_sunday = ms("2026-11-22T12:00Z"), ms("2026-11-23T12:00Z"), ms("2026-11-29T12:00Z")
    assert not same_period(sunday, monday, BERLIN, Period.WEEK)
    assert same_period(monday, next_sunday, BERLIN, Period.WEEK)


def test_a_month_of_another_year_is_another_month() -> None:
    assert not same_period(ms("2026-11-22T12:00Z"), ms("2027-11-22T12:00Z"), BERLIN, Period.MONTH)
    assert same_period(ms("2026-11-01T00:00Z"), ms("2026-11-30T22:59Z"), BERLIN, Period.MONTH)


def test_the_next_day_begins_at_the_change_where_midnight_is_skipped() -> None:
    cairo = known("Africa/Cairo")
    begins_ms = next_period_ms(ms("2026-04-23T12:00Z"), cairo, Period.DAY)
    assert begins_ms == ms("2026-04-23T22:00Z")
    assert minute_of_day(begins_ms, cairo) == 60


@pytest.mark.parametrize("period", CALENDAR[::2])
def test_a_day_and_a_month_begin_at_the_first_midnight_where_it_comes_twice(period: Period) -> None:
    havana = known("America/Havana")
    assert next_period_ms(ms("2020-10-31T12:00Z"), havana, period) == ms("2020-11-01T00:00-04:00")


def test_after_a_day_that_a_zone_left_out_comes_the_one_after_it() -> None:
    apia = known("Pacific/Apia")
    friday_ms = ms("2011-12-30T10:00Z")
    assert (local_day(friday_ms - 1, apia), local_day(friday_ms, apia)) == ("2011-12-29", "2011-12-31")
    assert period_start_ms(friday_ms, apia, Period.DAY) == friday_ms


@given(MOMENTS, ZONES, st.sampled_from(CALENDAR))
def test_the_next_period_begins_just_after_the_last_moment_of_this_one(
    now_ms: int, in_zone: ZoneInfo, period: Period
) -> None:
    begins_ms = next_period_ms(now_ms, in_zone, period)
    assert now_ms < begins_ms
    assert period_of(begins_ms, in_zone, period) == period_of(now_ms, in_zone, period) + 1
    assert same_period(begins_ms - 1, now_ms, in_zone, period)
    assert period_start_ms(begins_ms, in_zone, period) == begins_ms
    assert (
        period_start_ms(now_ms, in_zone, period) == period_start_ms(begins_ms - 1, in_zone, period) <= now_ms
    )


@given(MOMENTS, ZONES)
def test_a_local_day_is_the_date_that_the_offset_says(now_ms: int, in_zone: ZoneInfo) -> None:
    offset = datetime.fromtimestamp(now_ms // 1000, in_zone).utcoffset()
    assert offset is not None
    shown = datetime.fromtimestamp(now_ms // 1000, UTC).replace(tzinfo=None) + offset
    assert local_day(now_ms, in_zone) == f"{shown:%Y-%m-%d}"
    assert minute_of_day(now_ms, in_zone) == shown.hour * 60 + shown.minute
