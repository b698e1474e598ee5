"""Times: ISO 8601 with a zone, or milliseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from streamproc.core.event import Reason
from streamproc.ingest.refusal import Refused, shown

Time = str | int | None
Micros = str | int | None

EVENT_AHEAD_MS_MAX: Final = 5 * 60 * 1000
# March 1973. A number below it was meant in seconds; nobody's click is that old.
TIME_MS_MIN: Final = 10**11
TIME_MS_MAX: Final = 253_402_300_799_999  # the last millisecond of the year 9999

_TIME_US_MIN: Final = TIME_MS_MIN * 1000
_TIME_US_MAX: Final = TIME_MS_MAX * 1000
_COUNT: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS: Final = 86_400_000
_TEXT_CHARS_MAX: Final = (
    64  # longer than any spelling, so that what is cut is no time with or without its end
)


def instant_ms(value: str | int, field: str) -> int:
    """Return milliseconds since the epoch from ISO 8601 text with a zone or from such milliseconds."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value[:_TEXT_CHARS_MAX])
        except ValueError:
            raise Refused(
                Reason.WRONG_TYPE, field, "expected ISO 8601 with a zone, or milliseconds"
            ) from None
        return moment_ms(moment, field)
    if TIME_MS_MIN <= value <= TIME_MS_MAX:
        return value
    raise Refused(Reason.OUT_OF_RANGE, field, f"{shown(value)} ms not in {TIME_MS_MIN} to {TIME_MS_MAX}")


def moment_ms(moment: datetime, field: str) -> int:
    """Return milliseconds since the epoch, to the nearest, from a date and time with a zone."""
    if moment.tzinfo is None:
        raise Refused(Reason.WRONG_TYPE, field, "a time needs its zone")
    since = moment - _EPOCH
    value = since.days * _DAY_MS + since.seconds * 1000 + (since.microseconds + 500) // 1000
    if TIME_MS_MIN <= value <= TIME_MS_MAX:
        return value
    raise Refused(Reason.OUT_OF_RANGE, field, f"{value} ms not in {TIME_MS_MIN} to {TIME_MS_MAX}")


def optional_ms(value: Time, field: str) -> int | None:
    """Return `instant_ms`, or None for null and empty text."""
    return instant_ms(value, field) if value is not None and value != "" else None


def micros(value: Micros, field: str) -> int | None:
    """Return microseconds since the epoch, also from decimal text; None for null and empty text.

    Seconds and milliseconds are refused: read as microseconds they lie before 1973.
    """
    if type(value) is int and _TIME_US_MIN <= value <= _TIME_US_MAX:
        return value
    return _counted(value, field, 1, "us")


def micros_of_millis(value: Micros, field: str) -> int | None:
    """Return the same from milliseconds since the epoch."""
    if type(value) is int and TIME_MS_MIN <= value <= TIME_MS_MAX:
        return value * 1000
    return _counted(value, field, 1000, "ms")


def _counted(value: Micros, field: str, unit_us: int, unit: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if not _COUNT.fullmatch(value):
            raise Refused(Reason.WRONG_TYPE, field, f"expected a whole number of {unit}")
        value = int(value)
    low, high = _TIME_US_MIN // unit_us, _TIME_US_MAX // unit_us
    if low <= value <= high:
        return value * unit_us
    raise Refused(Reason.OUT_OF_RANGE, field, f"{shown(value)} {unit} not in {low} to {high}")


def refuse_ahead(occurred_at_ms: int, received_at_ms: int, ahead_ms: int, field: str) -> None:
    """Refuse a time more than `ahead_ms` after Kafka's own."""
    if occurred_at_ms - received_at_ms > ahead_ms:
        detail = f"{occurred_at_ms} ms > received {received_at_ms} ms + {ahead_ms} ms"
        raise Refused(Reason.IN_THE_FUTURE, field, detail)
