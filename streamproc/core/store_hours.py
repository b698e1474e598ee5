"""When a store is open, by the clock on its own wall."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from streamproc.core.policy.model import Quiet
from streamproc.core.quiet_hours import next_open_ms
from streamproc.core.zones import minute_of_day

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Window = tuple[int, int]
"""Minutes after midnight, from the first until before the second; over midnight where the second is not greater."""
Week = tuple[tuple[Window, ...], ...]
"""The windows of each day, Monday first."""

DAY_MIN: Final = 24 * 60
DAY_MS: Final = 86_400_000
# Asked is for hours; a store that never closes is not walked through for ever.
LOOK_AHEAD_MS: Final = 2 * DAY_MS
_NOON: Final = DAY_MIN // 2
_OVERNIGHT: Final = timedelta(days=1)


def closes_ms(week: Week, closed_on: frozenset[str], now_ms: int, zone: ZoneInfo) -> int | None:
    """Return the first moment after now at which the store is not open, None if it is not open now.

    Open is what the clock shows: an hour that comes twice counts both times, one that is skipped does not exist, as in
    `quiet_hours`. A window belongs to the day on which it begins; on the local dates `closed_on` none does. Windows
    that touch are one. Beyond `LOOK_AHEAD_MS` the answer is that moment or a later one.
    """
    at_ms = now_ms
    while at_ms - now_ms <= LOOK_AHEAD_MS:
        window = _window_at(week, closed_on, at_ms, zone)
        if window is None:
            return at_ms if at_ms > now_ms else None
        at_ms = _end_ms(window, at_ms, zone)
    return at_ms


def _window_at(week: Week, closed_on: frozenset[str], at_ms: int, zone: ZoneInfo) -> Window | None:
    local = datetime.fromtimestamp(at_ms // 1000, zone)
    minute = local.hour * 60 + local.minute
    if not _is_closed(local, closed_on):
        for opens, closes in week[local.weekday()]:
            if opens <= minute and (minute < closes or closes <= opens):
                return opens, closes
    before = local.replace(tzinfo=None) - _OVERNIGHT
    if not _is_closed(before, closed_on):
        for opens, closes in week[before.weekday()]:
            if closes <= opens and minute < closes:
                return opens, closes
    return None


def _is_closed(day: datetime, closed_on: frozenset[str]) -> bool:
    return bool(closed_on) and day.date().isoformat() in closed_on


def _end_ms(window: Window, at_ms: int, zone: ZoneInfo) -> int:
    """Return the moment after `at_ms`, at which the window holds, from which the clock shows a time outside of it.

    Outside of a window is a window too, and when that opens is known to the minute in every zone. A whole day has
    nothing outside, so it is taken for its two halves.
    """
    opens, closes = window
    if window == (0, DAY_MIN):
        opens, closes = (0, _NOON) if minute_of_day(at_ms, zone) < _NOON else (_NOON, DAY_MIN)
    return next_open_ms(Quiet(open_min=closes % DAY_MIN, close_min=opens), at_ms, zone)
