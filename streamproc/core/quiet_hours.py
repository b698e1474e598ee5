"""When a channel may speak, by the clock on the customer's wall."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from streamproc.core.zones import minute_of_day

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from streamproc.core.policy.model import Quiet

_MINUTE_MS: Final = 60_000
_DAY_MIN: Final = 1440
# A zone changes its offset at most twice within the two days that an opening can be away.
_CHANGES_MAX: Final = 4


def is_open(quiet: Quiet, now_ms: int, zone: ZoneInfo | None) -> bool:
    """Tell whether messages may go now: the local clock shows a time from `open_min` until before
    `close_min`.

    Never, where the zone is unknown. A window whose ends are equal is empty. An hour that the clock shows
    twice counts as what it shows, both times; one that it skips does not exist.
    """
    return zone is not None and _shows_open(quiet, minute_of_day(now_ms, zone))


def next_open_ms(quiet: Quiet, now_ms: int, zone: ZoneInfo) -> int:
    """Return the first moment, not before now, at which messages may go; `now_ms` itself if they may now.

    Raises ValueError for a window that never opens.
    """
    if quiet.open_min == quiet.close_min:
        raise ValueError(f"quiet hours that open and close at minute {quiet.open_min} never open")
    at_ms = now_ms
    for _ in range(_CHANGES_MAX):
        minute = minute_of_day(at_ms, zone)
        if _shows_open(quiet, minute):
            return at_ms
        opens_ms = at_ms - at_ms % _MINUTE_MS + (quiet.open_min - minute) % _DAY_MIN * _MINUTE_MS
        changed_ms = _offset_change_ms(at_ms, opens_ms, zone)
        if changed_ms is None:
            return opens_ms
        # The clock is set in between: it may jump into the window, over it, or away from it.
        at_ms = changed_ms
    raise AssertionError(f"zone {zone.key} changes its offset more than {_CHANGES_MAX} times in two days")


def _shows_open(quiet: Quiet, minute: int) -> bool:
    if quiet.open_min <= quiet.close_min:
        return quiet.open_min <= minute < quiet.close_min
    return minute >= quiet.open_min or minute < quiet.close_min


def _offset_change_ms(from_ms: int, until_ms: int, zone: ZoneInfo) -> int | None:
    """Return the first moment in (from, until] with another offset than at `from_ms`, None if the ends agree.

    Zones change at whole minutes of UTC, and no zone changes to and fro within a day.
    """
    before = _offset_s(from_ms, zone)
    if _offset_s(until_ms, zone) == before:
        return None
    low, high = from_ms // _MINUTE_MS, until_ms // _MINUTE_MS
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(middle * _MINUTE_MS, zone) == before:
            low = middle
        else:
            high = middle
    return high * _MINUTE_MS


def _offset_s(at_ms: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(at_ms // 1000, zone).utcoffset()
    assert offset is not None, "every zone of the database has an offset"
    return offset.days * 86_400 + offset.seconds
