"""The fact topics: consents, profiles, outcomes and privacy requests, chosen by topic and read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from streamproc.core.event import Event, Reason
from streamproc.core.facts import (
    ANY_CHANNEL,
    CATEGORY_PURPOSE_PREFIX,
    CHANNELS,
    CONSENT_STATES,
    MARKETING,
    OUTCOMES,
    PRIVACY_KINDS,
    PROCESSING,
    SENSING,
    SIGNAL_PREFIX,
    TRAITS_MAX,
    ConsentChange,
    Fact,
    Outcome,
    Preferences,
    PrivacyRequest,
    ProfileChange,
)
from streamproc.core.folded import folded
from streamproc.core.record import Record
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import Id, count, identifier, one_of, text
from streamproc.ingest.times import Time, instant_ms, optional_ms, refuse_ahead

DIALECT: Final = "fact"
LISTED_MAX: Final = 64  # muted categories, facts and life events of one record
NUDGES_PER_WEEK_MAX: Final = 1000
NAME_CHARS_MAX: Final = 64
# As a policy names its categories.
_CATEGORY: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_CATEGORY_RULE: Final = "lower-case letters, digits and _, at most 48, a letter first"

_SHARED: Final = ("device", "mailbox")
_ABOUT: Final = ("self", "household", "other")
_CHANNELS: Final = (*CHANNELS, ANY_CHANNEL)
# What a customer says against us counts even where the dialect cannot say which nudge it was about.
_WITHOUT_NUDGE: Final = frozenset({"unsubscribed", "complained", "bounced", "uninstalled"})

_Shape = TypeVar("_Shape", bound=msgspec.Struct)
Trait = str | int | float | bool | list[str]


class _Consent(msgspec.Struct):
    customer_id: Id = None
    channel: str | None = None
    purpose: str | None = None
    state: str | None = None
    at_ms: Time = None
    expires_at_ms: Time = None
    source: str | None = None
    text_version: str | None = None


class _Preferences(msgspec.Struct):
    nudges_per_week_max: int | float | str | None = None
    muted_categories: list[str] | None = None
    paused_until_ms: int | None = None
    channels_off: list[str] | None = None


class _Known(msgspec.Struct):
    name: str | None = None
    value: str | int | float | bool | list[str] | None = None
    provenance: str | None = None
    category: str | None = None
    about: Any = None
    at_ms: Time = None


class _LifeEvent(msgspec.Struct):
    kind: str | None = None
    until_ms: Any = None


class _Profile(msgspec.Struct):
    customer_id: Id = None
    at_ms: Time = None
    timezone: str | None = None
    locale: str | None = None
    traits: dict[str, Trait | None] | None = None
    preferences: _Preferences | None = None
    shared: list[str] | None = None
    minor: bool | None = None
    facts: list[_Known] | None = None
    life_events: list[_LifeEvent] | None = None


class _Outcome(msgspec.Struct):
    event_id: Id = None
    nudge_id: Id = None
    customer_id: Id = None
    kind: str | None = None
    at_ms: Time = None
    channel: str | None = None


class _Privacy(msgspec.Struct):
    request_id: Id = None
    customer_id: Id = None
    kind: str | None = None
    at_ms: Time = None


def read(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:
    """Return the fact that a record of a fact topic states."""
    return READERS[record.topic](document, record, ahead_ms)


def consent(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:
    """Read a row of the consent ledger; it counts from the earlier of its own time and Kafka's.

    A grant stamped more than `ahead_ms` after Kafka's time is refused. A withdrawal never is: a wrong clock must not
    keep a customer's no from counting.
    """
    raw = _convert(document, _Consent)
    customer_id = _customer(raw.customer_id)
    channel = one_of(raw.channel, "channel", _CHANNELS)
    purpose = _purpose(raw.purpose, channel)
    state = one_of(raw.state, "state", CONSENT_STATES)
    at_ms = _required_ms(raw.at_ms, "at_ms")
    source = text(raw.source, "source") or ""
    if state == "granted":
        refuse_ahead(at_ms, record.timestamp_ms, ahead_ms, "at_ms")
        if source.startswith(SIGNAL_PREFIX) and purpose != PROCESSING:
            raise Refused(Reason.UNKNOWN_VALUE, "source", f"{SIGNAL_PREFIX}* grants nothing but {PROCESSING}")
    at_ms = min(at_ms, record.timestamp_ms)
    fact = ConsentChange(
        customer_id,
        channel,
        purpose,
        state,
        at_ms,
        optional_ms(raw.expires_at_ms, "expires_at_ms"),
        source,
        text(raw.text_version, "text_version") or "",
    )
    kind = "consent.granted" if state == "granted" else "consent.withdrawn"
    return _event(record, _position_id(record), kind, fact)


def _purpose(value: str | None, channel: str) -> str:
    if value and value.startswith(CATEGORY_PURPOSE_PREFIX):
        # However it is spelled: a withdrawal that names nothing would leave the grant standing.
        name = folded(value.removeprefix(CATEGORY_PURPOSE_PREFIX))
        if not _CATEGORY.fullmatch(name):
            raise Refused(Reason.UNKNOWN_VALUE, "purpose", f"category/<name>: {_CATEGORY_RULE}")
        purpose = CATEGORY_PURPOSE_PREFIX + name
    else:
        purpose = one_of(value, "purpose", (MARKETING, SENSING, PROCESSING))
    if purpose != MARKETING and channel != ANY_CHANNEL:
        raise Refused(
            Reason.UNKNOWN_VALUE, "channel", f"only {MARKETING} has a channel, this purpose stands on *"
        )
    return purpose


def profile(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:  # noqa: ARG001 - one signature
    """Read a partial profile; what it does not mention stays as it was."""
    raw = _convert(document, _Profile)
    at_ms = min(_required_ms(raw.at_ms, "at_ms"), record.timestamp_ms)
    fact = ProfileChange(
        _customer(raw.customer_id),
        at_ms,
        text(raw.timezone, "timezone", NAME_CHARS_MAX),
        text(raw.locale, "locale", NAME_CHARS_MAX),
        traits_of(raw.traits or {}),
        _preferences(raw.preferences),
        _listed(raw.shared, "shared", _SHARED),
        raw.minor,
        _known(raw.facts or []),
        _life_events(raw.life_events or []),
    )
    return _event(record, _position_id(record), "profile.updated", fact)


def traits_of(raw: dict[str, Trait | None]) -> dict[str, Trait]:
    """Return at most TRAITS_MAX traits with cleaned texts; null says nothing."""
    if len(raw) > TRAITS_MAX:
        raise Refused(Reason.TOO_MANY, "traits", f"{len(raw)} > {TRAITS_MAX}")
    traits: dict[str, Trait] = {}
    for name, value in raw.items():
        if not (0 < len(name) <= NAME_CHARS_MAX and name.isprintable()):
            raise Refused(Reason.BAD_TEXT, "traits", f"a name has 1 to {NAME_CHARS_MAX} printable characters")
        if isinstance(value, list):
            traits[name] = list(_texts(value, "traits"))
        elif isinstance(value, str):
            traits[name] = text(value, "traits") or ""
        elif isinstance(value, int) and abs(value) >= 2**63:
            raise Refused(Reason.OUT_OF_RANGE, "traits", "an integer beyond 64 bits")
        elif value is not None:
            traits[name] = value
    return traits


def _preferences(raw: _Preferences | None) -> Preferences | None:
    if raw is None:
        return None
    until = raw.paused_until_ms
    return Preferences(
        count(raw.nudges_per_week_max, "preferences.nudges_per_week_max", 0, NUDGES_PER_WEEK_MAX),
        None
        if raw.muted_categories is None
        else _texts(raw.muted_categories, "preferences.muted_categories"),
        # 0 ends a pause, since null says nothing.
        until if not until else instant_ms(until, "preferences.paused_until_ms"),
        _listed(raw.channels_off, "preferences.channels_off", CHANNELS),
    )


def _listed(values: list[str] | None, field: str, known: tuple[str, ...]) -> tuple[str, ...] | None:
    if values is None:
        return None
    _bounded(values, field)
    return tuple(one_of(value, f"{field}[{place}]", known) for place, value in enumerate(values))


def _texts(values: list[str], field: str) -> tuple[str, ...]:
    _bounded(values, field)
    cleaned = (text(value, f"{field}[{place}]", NAME_CHARS_MAX) for place, value in enumerate(values))
    return tuple(value for value in cleaned if value)


def _bounded(values: list[Any], field: str) -> None:
    if len(values) > LISTED_MAX:
        raise Refused(Reason.TOO_MANY, field, f"{len(values)} > {LISTED_MAX}")


def _known(raw: list[_Known]) -> tuple[dict[str, Any], ...]:
    _bounded(raw, "facts")
    return tuple(_known_fact(fact, f"facts[{place}]") for place, fact in enumerate(raw))


def _known_fact(raw: _Known, field: str) -> dict[str, Any]:
    name = text(raw.name, f"{field}.name", NAME_CHARS_MAX)
    if name is None:
        raise Refused(Reason.MISSING_FIELD, f"{field}.name")
    if raw.value is None:
        raise Refused(Reason.MISSING_FIELD, f"{field}.value")
    fact: dict[str, Any] = {"name": name, "value": traits_of({"value": raw.value})["value"]}
    for key in ("provenance", "category"):
        value = text(getattr(raw, key), f"{field}.{key}", NAME_CHARS_MAX)
        if value is not None:
            fact[key] = value
    if raw.about is not None:
        # Whoever else it may be about: what restrains is not lost to a word that is not known here.
        fact["about"] = raw.about if raw.about in _ABOUT else "other"
    at_ms = optional_ms(raw.at_ms, f"{field}.at_ms")
    if at_ms is not None:
        fact["at_ms"] = at_ms
    return fact


def _life_events(raw: list[_LifeEvent]) -> tuple[dict[str, Any], ...]:
    _bounded(raw, "life_events")
    events = []
    for place, life_event in enumerate(raw):
        field = f"life_events[{place}]"
        kind = text(life_event.kind, f"{field}.kind", NAME_CHARS_MAX)
        if kind is None:
            raise Refused(Reason.MISSING_FIELD, f"{field}.kind")
        until_ms = _readable_ms(life_event.until_ms)
        events.append({"kind": kind} if until_ms is None else {"kind": kind, "until_ms": until_ms})
    return tuple(events)


def _readable_ms(value: Any) -> int | None:
    """Return a time, or None where there is none that can be read: then the longest holds that is usual."""
    try:
        return optional_ms(value, "until_ms") if isinstance(value, str | int) else None
    except Refused:
        return None


def outcome(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:  # noqa: ARG001 - one signature
    """Read what became of a nudge; one nudge has one outcome of a kind, however often it is reported."""
    raw = _convert(document, _Outcome)
    kind = one_of(raw.kind, "kind", OUTCOMES)
    nudge_id = identifier(raw.nudge_id, "nudge_id")
    if not nudge_id and kind not in _WITHOUT_NUDGE:
        raise Refused(Reason.MISSING_FIELD, "nudge_id")
    channel = one_of(raw.channel, "channel", CHANNELS) if raw.channel else None
    at_ms = min(_required_ms(raw.at_ms, "at_ms"), record.timestamp_ms)
    fact = Outcome(nudge_id, _customer(raw.customer_id), kind, at_ms, channel)
    event_id = identifier(raw.event_id, "event_id") or (
        f"{kind}|{nudge_id}" if nudge_id else _position_id(record)
    )
    return _event(record, event_id, kind_of_outcome(kind), fact)


def kind_of_outcome(outcome_kind: str) -> str:
    """Return the kind of the event that tells of an outcome."""
    return "app.uninstalled" if outcome_kind == "uninstalled" else f"nudge.{outcome_kind}"


def privacy(document: dict[str, Any], record: Record, ahead_ms: int) -> Event:  # noqa: ARG001 - one signature
    """Read a customer's request under the law."""
    raw = _convert(document, _Privacy)
    request_id = identifier(raw.request_id, "request_id")
    if not request_id:
        raise Refused(Reason.MISSING_FIELD, "request_id")
    kind = one_of(raw.kind, "kind", PRIVACY_KINDS)
    at_ms = min(_required_ms(raw.at_ms, "at_ms"), record.timestamp_ms)
    fact = PrivacyRequest(request_id, _customer(raw.customer_id), kind, at_ms)
    return _event(record, request_id, f"privacy.{kind}", fact)


READERS: Final[dict[str, Callable[[dict[str, Any], Record, int], Event]]] = {
    "consents": consent,
    "profiles": profile,
    "outcomes": outcome,
    "privacy-requests": privacy,
}


def _convert(document: dict[str, Any], shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def _customer(value: Id) -> str:
    customer_id = identifier(value, "customer_id")
    if not customer_id:
        raise Refused(Reason.NO_IDENTITY, "customer_id")
    return customer_id


def _required_ms(value: Time, field: str) -> int:
    at_ms = optional_ms(value, field)
    if at_ms is None:
        raise Refused(Reason.MISSING_FIELD, field)
    return at_ms


def _position_id(record: Record) -> str:
    """Return an id for a fact that has none: stating the same twice changes nothing, so its place will do."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def _event(record: Record, event_id: str, kind: str, fact: Fact) -> Event:
    return Event(
        event_id=event_id,
        dialect=DIALECT,
        kind=kind,
        customer_id=fact.customer_id,
        occurred_at_ms=fact.at_ms,
        received_at_ms=record.timestamp_ms,
        fact=fact,
    )
