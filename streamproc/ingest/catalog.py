"""The topic `catalog`: what the shop says of an item or a store; the key says of which."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final, TypeVar

import msgspec

from streamproc.core import zones
from streamproc.core.catalog import AT_SITE, ITEM_PREFIX, SITE_PREFIX, Change, Offer, Site
from streamproc.core.event import TEXT_CHARS_MAX, Reason, Rejection
from streamproc.core.money import MINOR_MAX
from streamproc.core.record import Record
from streamproc.core.store_hours import DAY_MIN, Week, Window
from streamproc.ingest.bounds import bounded, document
from streamproc.ingest.refusal import Refused, refused_by_type, shown
from streamproc.ingest.scalars import label, text
from streamproc.ingest.times import TIME_MS_MAX, TIME_MS_MIN

__all__ = ["TOPIC", "parse_catalog", "taken_back"]

TOPIC: Final = "catalog"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOWS_MAX: Final = 4
"""Of one day: before and after lunch, and as much again."""
CLOSED_ON_MAX: Final = 64
_WINDOW: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class _Offer(msgspec.Struct):
    available: bool | None = None
    price_minor: int | None = None
    currency: str | None = None
    until_ms: int | None = None
    name: str | None = None
    category: str | None = None
    at_ms: int | None = None


class _Site(msgspec.Struct):
    available: bool | None = None
    zone: str | None = None
    hours: dict[str, str | list[str]] | None = None
    closed_on: list[str] | None = None
    until_ms: int | None = None
    name: str | None = None


def parse_catalog(record: Record) -> Change | Rejection:
    """Return what a record of the catalog says, or why it is refused. Total, and nothing is guessed.

    A price is a whole number of minor units and names its currency: one in a text, or a negative one, is refused. What
    is said of an item was so at its own `at_ms`, if it names one that is before Kafka's time.
    """
    try:
        item_id, site_id = _key(record.key)
        if record.value is None:
            return Change(item_id, site_id, None)
        payload = document(bounded(record.value))
        return Change(item_id, site_id, _offer(payload, record.timestamp_ms) if item_id else _site(payload))
    except Refused as refused:
        return refused.rejection()


def taken_back(record: Record) -> Change | None:
    """Return what a record that is refused changes: its item or store is unknown from then on; None for neither.

    Once the topic is compacted, whoever starts reads nothing else of it either.
    """
    try:
        return Change(*_key(record.key), None)
    except Refused:
        return None


def _key(key: bytes | None) -> tuple[str, str]:
    """Read the item and the store that a key names: one of them may be empty. The last `@` comes before the store."""
    try:
        name = (key or b"").decode()
    except UnicodeDecodeError:
        raise Refused(Reason.BAD_TEXT, "key", "not UTF-8") from None
    if name.startswith(SITE_PREFIX):
        return "", _id(name.removeprefix(SITE_PREFIX), "key")
    if not name.startswith(ITEM_PREFIX):
        raise Refused(Reason.UNKNOWN_VALUE, "key", "known: item/<id>, item/<id>@<site>, site/<id>")
    item, at, site = name.removeprefix(ITEM_PREFIX).rpartition(AT_SITE)
    if not at:
        return _id(site, "key"), ""
    return _id(item, "key"), _id(site, "key")


def _id(value: str, field: str) -> str:
    found = label(value, field)
    if found is None:
        raise Refused(Reason.MISSING_FIELD, field, "names neither an item nor a store")
    return found


def _offer(payload: dict[str, Any], received_at_ms: int) -> Offer:
    raw = _convert(payload, _Offer)
    if raw.price_minor is not None:
        _between(raw.price_minor, "price_minor", 0, MINOR_MAX)
        if raw.currency is None:
            raise Refused(Reason.MISSING_FIELD, "currency", "a price needs one")
    if raw.currency is not None and not _CURRENCY.fullmatch(raw.currency):
        raise Refused(Reason.UNKNOWN_VALUE, "currency", "expected three capital letters, as in EUR")
    at_ms = raw.at_ms
    if at_ms is not None:
        _between(at_ms, "at_ms", TIME_MS_MIN, TIME_MS_MAX)
    return Offer(
        available=raw.available,
        price_minor=raw.price_minor,
        currency=raw.currency or "" if raw.price_minor is not None else "",
        until_ms=_until_ms(raw.until_ms),
        name=text(raw.name, "name") or "",
        category=text(raw.category, "category") or "",
        at_ms=received_at_ms if at_ms is None else min(at_ms, received_at_ms),
    )


def _site(payload: dict[str, Any]) -> Site:
    raw = _convert(payload, _Site)
    if raw.zone is not None and zones.zone(raw.zone) is None:
        raise Refused(Reason.UNKNOWN_VALUE, "zone", "expected a name of the tz database, as in Europe/Berlin")
    if raw.hours is not None and raw.zone is None:
        raise Refused(Reason.MISSING_FIELD, "zone", "hours need one")
    return Site(
        available=raw.available,
        zone=raw.zone or "",
        hours=None if raw.hours is None else _week(raw.hours),
        closed_on=frozenset(_closed_on(raw.closed_on or [])),
        until_ms=_until_ms(raw.until_ms),
        name=text(raw.name, "name", TEXT_CHARS_MAX) or "",
    )


def _week(hours: dict[str, str | list[str]]) -> Week:
    """Read the windows of each day; on a day that is not named the store is shut."""
    if not hours.keys() <= set(DAYS):
        raise Refused(Reason.UNKNOWN_VALUE, "hours", "known days: " + ", ".join(DAYS))
    return tuple(_day(hours.get(day, []), f"hours.{day}") for day in DAYS)


def _day(said: str | list[str], field: str) -> tuple[Window, ...]:
    texts = [said] if isinstance(said, str) else said
    if len(texts) > WINDOWS_MAX:
        raise Refused(Reason.TOO_MANY, field, f"{len(texts)} windows > {WINDOWS_MAX}")
    return tuple(_window(one, field) for one in texts)


def _window(said: str, field: str) -> Window:
    match = _WINDOW.fullmatch(said)
    if match is None:
        raise Refused(Reason.WRONG_TYPE, field, "expected a window such as 10:00-20:00")
    opens, closes = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
    if opens == closes or closes > DAY_MIN:
        detail = f"opens at minute {opens}, closes at minute {closes}; all day is 00:00-24:00"
        raise Refused(Reason.OUT_OF_RANGE, field, detail)
    return opens, closes


def _closed_on(days: list[str]) -> list[str]:
    if len(days) > CLOSED_ON_MAX:
        raise Refused(Reason.TOO_MANY, "closed_on", f"{len(days)} days > {CLOSED_ON_MAX}")
    for place, day in enumerate(days):
        try:
            if _DATE.fullmatch(day):
                date.fromisoformat(day)
                continue
        except ValueError:
            pass
        raise Refused(Reason.WRONG_TYPE, f"closed_on[{place}]", "expected a date such as 2026-12-25")
    return days


def _until_ms(value: int | None) -> int:
    if value is None:
        return 0
    _between(value, "until_ms", TIME_MS_MIN, TIME_MS_MAX)
    return value


def _between(value: int, field: str, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Refused(Reason.OUT_OF_RANGE, field, f"{shown(value)} not in {low} to {high}")


def _convert(payload: dict[str, Any], shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(payload, shape)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error
