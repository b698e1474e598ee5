"""When the simulated days are: fixed days in the past, so that the story is the same whenever it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

__all__ = ["DAY_MS", "MINUTE_MS", "at", "day_of", "moved", "shown", "shown_day"]

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000

SALE_BEGINS: Final = date(2025, 11, 28)
"""The first day of the winter sale; the simulated day is its fourth and last."""
DAY: Final = date(2025, 12, 1)
# Berlin's clock in winter. The simulated days hold no change of the clock.
_BERLIN: Final = timedelta(hours=1)

_DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_ACTIVE_FROM: Final = re.compile(r"^active:\s*\{\s*from:\s*(\d{4}-\d{2}-\d{2})", re.MULTILINE)


def at(day: int, clock: str) -> int:
    """Return the instant of a Berlin wall clock, `HH:MM`, so many days after the simulated one."""
    hours, minutes = clock.split(":")
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - _BERLIN
    when = midnight + timedelta(days=day, hours=int(hours), minutes=int(minutes))
    return int(when.timestamp()) * 1000


def day_of(at_ms: int) -> int:
    """Return on which day an instant is, counted from the simulated one."""
    return (at_ms - at(0, "00:00")) // DAY_MS


def shown(at_ms: int) -> str:
    """Write an instant as Berlin's clocks show it: `14:03`."""
    return _local(at_ms).strftime("%H:%M")


def shown_day(at_ms: int) -> str:
    """Write an instant with its day, as in `Mon 1 Dec 14:03`."""
    local = _local(at_ms)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC) + _BERLIN


def moved(files: Mapping[str, str]) -> dict[str, str]:
    """Move the dates of a policy's campaigns so that the first dated sale begins with the simulated one.

    A policy carries the dates of the sale that it is for, which may still be to come. Nothing else is changed.
    """
    begins = [
        date.fromisoformat(found[1]) for text in files.values() for found in _ACTIVE_FROM.finditer(text)
    ]
    if not begins:
        return dict(files)
    by = SALE_BEGINS - min(begins)

    def move(found: re.Match[str]) -> str:
        return (date.fromisoformat(found[0]) + by).isoformat()

    return {
        name: _DATE.sub(move, text) if name.startswith("campaigns/") else text for name, text in files.items()
    }
