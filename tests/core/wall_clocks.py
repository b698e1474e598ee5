"""The clocks on the world's walls, read off the tz database without the code under test.

A clock is a list of pieces between two settings of it; what it shows is UTC and an offset, in whole minutes since the
epoch. The database is that of the `tzdata` package: what the host has may be older.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
HOUR_MIN, DAY_MIN = 60, 1440
# More than a month on either side, so that every week and month of the two years is seen whole.
MARGIN_MIN = 40 * DAY_MIN
# No zone is set to and fro within so short a time; a test holds each setting to lie alone in its step.
STEP_MIN = 12 * HOUR_MIN
EPOCH = date(1970, 1, 1)


def minute_of(text: str) -> int:
    """Return the minute since the epoch of a time with a zone."""
    return int(datetime.fromisoformat(text).timestamp()) // 60


FROM_MIN, UNTIL_MIN = minute_of("2026-01-01T00:00Z"), minute_of("2028-01-01T00:00Z")


@dataclass(frozen=True)
class Piece:
    """From `begins` until before `ends`, in minutes of UTC, the clock shows so many minutes more than UTC."""

    begins: int
    ends: int
    offset: int


@dataclass(frozen=True)
class WallClock:
    """What all zones show that are set alike in these years."""

    pieces: tuple[Piece, ...]

    @cached_property
    def changes(self) -> tuple[int, ...]:
        """The minutes of 2026 and 2027 at which the clock is set."""
        return tuple(one.begins for one in self.pieces[1:] if FROM_MIN <= one.begins < UNTIL_MIN)

    def offset(self, minute: int) -> int:
        return next(one.offset for one in self.pieces if one.begins <= minute < one.ends)

    def shown(self, minute: int) -> tuple[int, int]:
        """Return the days since 1970-01-01 and the minutes after midnight that the clock shows."""
        return divmod(minute + self.offset(minute), DAY_MIN)

    def walk(self, first: int, until: int) -> Iterator[tuple[int, int, int]]:
        """Yield each minute of UTC with the day and the minute of the day that the clock shows then."""
        for piece in self.pieces:
            for minute in range(max(first, piece.begins), min(until, piece.ends)):
                yield minute, *divmod(minute + piece.offset, DAY_MIN)

    def first_minute(self, day: int) -> int:
        """Return the first minute at which the clock shows this day or a later one."""
        for piece in self.pieces:
            minute = max(piece.begins, day * DAY_MIN - piece.offset)
            if minute < piece.ends:
                return minute
        raise AssertionError(f"day {day} lies outside of the years that are tested")


def days_of(day: int, period: str) -> tuple[int, int]:
    """Return the first day of the calendar window that a day lies in, and that of the next window."""
    if period == "day":
        return day, day + 1
    if period == "week":
        monday = day - (day + 3) % 7  # 1970-01-01 was a Thursday.
        return monday, monday + 7
    first = (EPOCH + timedelta(days=day)).replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return (first - EPOCH).days, (following - EPOCH).days


@cache
def clocks() -> dict[WallClock, list[str]]:
    """Return every clock of the database with the names of the zones that show it."""
    by_content: dict[bytes, list[str]] = {}
    for name in names():
        content = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        by_content.setdefault(content, []).append(name)
    found: dict[WallClock, list[str]] = {}
    for content, alike in by_content.items():
        found.setdefault(_read(content, alike[0]), []).extend(alike)
    return found


def names() -> list[str]:
    """Return the names of all zones in the database."""
    return sorted(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def clock_of(name: str) -> WallClock:
    return next(clock for clock, zones in clocks().items() if name in zones)


def _read(content: bytes, name: str) -> WallClock:
    zone = ZoneInfo.from_file(BytesIO(content))
    first, until = FROM_MIN - MARGIN_MIN, UNTIL_MIN + MARGIN_MIN
    pieces: list[Piece] = []
    begins, offset = first, _offset(first, zone)
    for step in range(first, until, STEP_MIN):
        if _offset(step + STEP_MIN, zone) != offset:
            change = _change(step, step + STEP_MIN, zone)
            pieces.append(Piece(begins, change, offset))
            begins, offset = change, _offset(change, zone)
            assert offset == _offset(step + STEP_MIN, zone), f"{name} is set twice within twelve hours"
    return WallClock((*pieces, Piece(begins, until, offset)))


def _change(low: int, high: int, zone: ZoneInfo) -> int:
    """Return the first minute in (low, high] with another offset than at low."""
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _offset(minute: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    minutes, rest = divmod(offset, timedelta(minutes=1))
    assert not rest, "no zone of these years has seconds in its offset"
    return minutes
