"""How often something happened, day by day: what stays of events that are no longer remembered one by one.

The newest events crowd each other out, and an order of last month is gone after an afternoon of browsing. A day of a
counter is three bytes, and only what some condition asks for is counted. A day is the customer's, as far as the zone
is known, else one of UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# 48 days of all counters together are 144 bytes and the counters' names.
DAYS_KEPT_MAX: Final = 48
WINDOW_DAYS_MAX: Final = 90
COUNT_A_DAY_MAX: Final = 255
# What a condition may ask: every category by itself, or no category in particular.
EACH_CATEGORY, ANY_ITEM = "*", ""
_DAY: Final = Struct("<HB")
# Days count from 2020-01-01; two bytes last until 2199.
_FIRST_DAY: Final = datetime(2020, 1, 1, tzinfo=UTC).toordinal()
_LAST_DAY: Final = _FIRST_DAY + 65_535

Counts = dict[str, bytes]


def counter(kind: str, category: str) -> str:
    """Name the counter of a kind of event, of one category or of none in particular."""
    return f"{kind}|{category}" if category else kind


def day_of(at_ms: int, zone: ZoneInfo | None) -> int:
    """Return the number of the day, that of 0001-01-01 being 1."""
    return datetime.fromtimestamp(at_ms // 1000, zone or UTC).toordinal()


def count(counts: Counts, names: Iterable[str], day: int) -> None:
    """Count an event of this day in each of these counters, and forget the oldest days beyond `DAYS_KEPT_MAX`."""
    if not _FIRST_DAY <= day <= _LAST_DAY:
        return
    for name in names:
        days = dict(_days(counts.get(name, b"")))
        days[day] = min(days.get(day, 0) + 1, COUNT_A_DAY_MAX)
        newest = max(days)
        counts[name] = _packed(
            {one: number for one, number in days.items() if newest - one < WINDOW_DAYS_MAX}
        )
    while sum(len(packed) for packed in counts.values()) > DAYS_KEPT_MAX * _DAY.size:
        # Packed days stand in their order, so the oldest of all is the first of some counter.
        oldest = min(counts, key=lambda name: (_DAY.unpack_from(counts[name])[0], name))
        counts[oldest] = counts[oldest][_DAY.size :]
        if not counts[oldest]:
            del counts[oldest]


def counted(counts: Counts, names: Iterable[str], first: int) -> tuple[Mapping[int, int], bool]:
    """Return how often it happened on each day since `first`, and whether that is whole.

    It is not where so many days are kept that some of the window may have been forgotten: then it may be more.
    """
    found: dict[int, int] = {}
    for name in names:
        for day, number in _days(counts.get(name, b"")):
            if day >= first:
                found[day] = found.get(day, 0) + number
    kept = sum(len(packed) for packed in counts.values())
    if kept < DAYS_KEPT_MAX * _DAY.size:
        return found, True
    oldest = min(_days(packed)[0][0] for packed in counts.values())
    return found, oldest < first


def _days(packed: bytes) -> list[tuple[int, int]]:
    return [(_FIRST_DAY + day, number) for day, number in _DAY.iter_unpack(packed)]


def _packed(days: Mapping[int, int]) -> bytes:
    return b"".join(_DAY.pack(day - _FIRST_DAY, days[day]) for day in sorted(days))
