"""Local time: zones by name, and the calendar windows that a customer lives in."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from streamproc.core.policy.model import Period

_MONTHS: Final = 12
# Today and tomorrow, this week and the next, this month and the next in each of about 600 zones: 3,600.
_BEGINNINGS_MAX: Final = 4_096
# Looking up a member of an enum costs as much as a third of reading the local clock.
_DAY, _MONTH, _VISIT = Period.DAY, Period.MONTH, Period.VISIT
_ZONES: Final[dict[str, ZoneInfo]] = {}


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all known zones: those of the `tzdata` package, never those of the host.

    The host's files may be older or newer, and a replay elsewhere must come to the same answers.
    """
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def zone(name: str) -> ZoneInfo | None:
    """Return the zone of this IANA name, or None if there is none. The name may be any text: it never makes a
    path.

    The same name gives the same object. Case counts, as in the database.
    """
    # Names come from customers' phones: only known ones are kept, so that the cache stays as small as the database.
    found = _ZONES.get(name)
    if found is None and name in zone_names():
        found = _ZONES[name] = _load(name)
    return found


def local_day(now_ms: int, in_zone: ZoneInfo) -> str:
    """Return the local date, like `2026-11-27`."""
    return datetime.fromtimestamp(now_ms // 1000, in_zone).date().isoformat()


def minute_of_day(now_ms: int, in_zone: ZoneInfo) -> int:
    """Return the minutes that the local clock shows after midnight, in [0, 1440)."""
    local = datetime.fromtimestamp(now_ms // 1000, in_zone)
    return local.hour * 60 + local.minute


def period_of(now_ms: int, in_zone: ZoneInfo, period: Period) -> int:
    """Return the number of the local day, week (from Monday) or month; the next one has the next number."""
    local = datetime.fromtimestamp(now_ms // 1000, in_zone)
    if period is _MONTH:
        return local.year * _MONTHS + local.month - 1
    assert period is not _VISIT, "a visit is no calendar window"
    # Day 1 of the proleptic calendar, 0001-01-01, is a Monday.
    day = local.toordinal() - 1
    return day if period is _DAY else day // 7


def same_period(a_ms: int, b_ms: int, in_zone: ZoneInfo, period: Period) -> bool:
    """Tell whether both moments lie in the same local day, week (from Monday) or month."""
    return period_of(a_ms, in_zone, period) == period_of(b_ms, in_zone, period)


def period_start_ms(now_ms: int, in_zone: ZoneInfo, period: Period) -> int:
    """Return the moment at which the local day, week or month of now began: midnight, the first if it came
    twice.

    Where the clock was set forward at midnight that is the moment of the change. A change that skips over
    midnight from before it, last seen a century ago, would give a moment up to that change's length too late.
    """
    return _begins_ms(period_of(now_ms, in_zone, period), in_zone, period)


def next_period_ms(now_ms: int, in_zone: ZoneInfo, period: Period) -> int:
    """Return the moment at which the next local day, week or month begins, as `period_start_ms` has it."""
    return _begins_ms(period_of(now_ms, in_zone, period) + 1, in_zone, period)


@lru_cache(maxsize=_BEGINNINGS_MAX)
def _begins_ms(number: int, in_zone: ZoneInfo, period: Period) -> int:
    if period is _MONTH:
        begins = datetime(number // _MONTHS, number % _MONTHS + 1, 1, tzinfo=in_zone)
    else:
        day = number if period is _DAY else number * 7
        begins = datetime.fromordinal(day + 1).replace(tzinfo=in_zone)
    return int(begins.timestamp()) * 1000


def _load(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
