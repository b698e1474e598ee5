"""A window of the day as authors write it: `09:00-20:00`, over midnight where it ends before it begins."""

from __future__ import annotations

import re
from typing import Final

from streamproc.core.policy.fields import Fields

DAY_MIN: Final = 24 * 60
HOURS_PATTERN: Final = r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)"
_HOURS: Final = re.compile(HOURS_PATTERN)


def read_hours(fields: Fields, key: str, text: str) -> tuple[int, int] | None:
    """Read when a window opens and closes, in minutes after midnight; report what is none under the key."""
    match = _HOURS.fullmatch(text)
    if match is None:
        fields.at(key, f"{text!r} is not a window such as 09:00-20:00")
        return None
    opens, closes = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
    if closes > DAY_MIN or opens == closes:
        fields.at(key, f"{text!r} is not a window: it must open and close at different minutes of one day")
        return None
    return opens, closes
