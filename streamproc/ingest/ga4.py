"""Google Analytics 4: a tag manager's hits, requests of the Measurement Protocol, rows of BigQuery's export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from streamproc.core.event import CUSTOM_PREFIX, MOMENT_KINDS, Event, Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest.bounds import bounded, document
from streamproc.ingest.consent_mode import SIGNALS, processing_consent
from streamproc.ingest.ga4_event import Sender, Source, event_of
from streamproc.ingest.ga4_params import NO_PARAMS, Params
from streamproc.ingest.ga4_shapes import (
    Forwarded,
    GlancedForwarded,
    GlancedHit,
    GlancedRequest,
    GlancedRow,
    Hit,
    Named,
    Request,
    Row,
    complete,
    params_of,
)
from streamproc.ingest.names import GA4_NAMES, ga4_kind
from streamproc.ingest.refusal import Refused, refused_by_type
from streamproc.ingest.scalars import identifier, is_true
from streamproc.ingest.times import instant_ms, micros, micros_of_millis

EVENTS_MAX: Final = 1000  # Google takes 25 a request; at 256 KiB more than this would be too short to be real

Results = Sequence[Event | Rejection]
_Shape = TypeVar("_Shape", bound=msgspec.Struct)
_Recognise = Callable[[dict[str, Any]], bool]
_Read = Callable[[dict[str, Any], Record, int], Results]

_glance_hit: Final = msgspec.json.Decoder(GlancedHit).decode
_glance_row: Final = msgspec.json.Decoder(GlancedRow).decode
_glance_request: Final = msgspec.json.Decoder(GlancedRequest).decode
_glance_forwarded: Final = msgspec.json.Decoder(GlancedForwarded).decode
_hit: Final = msgspec.json.Decoder(Hit).decode
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)

_BACKSLASH: Final = ord("\\")
_SURFACES: Final = {"WEB": "web", "ANDROID": "app", "IOS": "app"}
_STARTED: Final = "x-sst-system_properties.request_start_time_ms"
# Of a custom event the names of parameters are its own; an id of a session is one under any event's name.
_OWN_WORDS: Final = frozenset(Params.__struct_encode_fields__) - {"session_id", "ga_session_id"}


def recognises(payload: dict[str, Any]) -> bool:
    """Tell the shapes by the fields that each of them has."""
    return any(of_this_shape(payload) for of_this_shape, _ in _SHAPES)


def read(payload: dict[str, Any], record: Record, ahead_ms: int) -> Results:
    """Return the events of a payload the careful way, which names the field that is wrong."""
    for of_this_shape, read_shape in _SHAPES:
        if of_this_shape(payload):
            return read_shape(payload, record, ahead_ms)
    raise AssertionError("only what is recognised is read")


def at_a_glance(value: bytes, record: Record, ahead_ms: int) -> Results | None:
    """Return the events of a payload that plainly is of one of the shapes; None sends it the careful way.

    Looking for a name costs far less than decoding the wrong shape, and a wrong guess costs only time: whatever is
    read here is what the careful way would read.
    """
    at = value.find(b'"event')
    if at < 0:
        return None
    guess = value[at + 6 : at + 8]
    try:
        if guess == b's"':
            request = _glance_request(value)
            return _of_request(request, value, record, ahead_ms) if _is_plain_request(request) else None
        if value[at - 1] == _BACKSLASH:
            forwarded = _glance_forwarded(value)
            return _of_forwarded(forwarded, record, ahead_ms) if _is_plain_forwarded(forwarded) else None
        if guess == b"_n" or b'"client_id"' in value:
            hit = _glance_hit(value)
            if _is_plain_hit(hit):
                return (_of_hit(hit, value, record, ahead_ms),)
        if b'"event_params"' in value:
            row = _glance_row(value)
            return (_of_row(row, record, ahead_ms),) if _is_plain_row(row) else None
    except _UNREADABLE:
        return None
    return None


# The shapes


def _is_hit(payload: dict[str, Any]) -> bool:
    return (
        "event_name" in payload
        and ("client_id" in payload or "app_instance_id" in payload)
        and ("ga_session_id" in payload or any(name.startswith("x-ga-") for name in payload))
    )


def _is_plain_hit(hit: Hit) -> bool:
    return (
        hit.event_name is not None
        and (hit.client_id is not None or hit.app_instance_id is not None)
        and (
            hit.ga_session_id is not None
            or hit.protocol_version is not None
            or hit.measurement_id is not None
        )
    )


def _is_row(payload: dict[str, Any]) -> bool:
    return "event_name" in payload and "event_timestamp" in payload and "event_params" in payload


def _is_plain_row(row: Row) -> bool:
    return row.event_name is not None and row.event_timestamp is not None and row.event_params is not None


def _is_request(payload: dict[str, Any]) -> bool:
    return "events" in payload and ("client_id" in payload or "app_instance_id" in payload)


def _is_plain_request(request: Request) -> bool:
    sent = request.client_id is not None or request.app_instance_id is not None
    return sent and request.events is not None


def _is_forwarded(payload: dict[str, Any]) -> bool:
    data = payload.get("data")
    return ("data" in payload and "appId" in payload) or (isinstance(data, str) and '"event_name"' in data)


def _is_plain_forwarded(forwarded: Forwarded) -> bool:
    return '"event_name"' in (forwarded.data or "")


def _read_hit(payload: dict[str, Any], record: Record, ahead_ms: int) -> Results:
    return (_of_hit(_converted(payload, Hit), payload, record, ahead_ms),)


def _read_row(payload: dict[str, Any], record: Record, ahead_ms: int) -> Results:
    return (_of_row(_converted(payload, Row), record, ahead_ms),)


def _read_request(payload: dict[str, Any], record: Record, ahead_ms: int) -> Results:
    return _of_request(_converted(payload, Request), payload, record, ahead_ms)


def _read_forwarded(payload: dict[str, Any], record: Record, ahead_ms: int) -> Results:
    return _of_forwarded(_converted(payload, Forwarded), record, ahead_ms)


_SHAPES: Final[tuple[tuple[_Recognise, _Read], ...]] = (
    (_is_row, _read_row),
    (_is_hit, _read_hit),
    (_is_request, _read_request),
    (_is_forwarded, _read_forwarded),
)


def _converted(payload: dict[str, Any], shape: type[_Shape]) -> _Shape:
    """Convert a payload; a custom event's parameters are its own words, so those of another type are left out."""
    while True:
        try:
            return msgspec.convert(payload, shape)
        except msgspec.ValidationError as error:
            refused = refused_by_type(error)
            without = _without_own_word(payload, refused.field, shape)
            if without is None:
                raise refused from error
            payload = without


def _without_own_word(payload: dict[str, Any], field: str, shape: type) -> dict[str, Any] | None:
    """Return the event without the parameter at `field`, or None if that is not for the event to name."""
    if shape not in (Hit, Named):
        return None
    name = payload.get("event_name" if shape is Hit else "name")
    if not (isinstance(name, str) and ga4_kind(name).startswith(CUSTOM_PREFIX)):
        return None
    inside = field.removeprefix("params.") if shape is Named else field
    word = inside.partition(".")[0].partition("[")[0]
    if word not in _OWN_WORDS or (shape is Named and inside == field):
        return None
    if shape is Hit:
        return {key: value for key, value in payload.items() if key != word}
    kept = {key: value for key, value in payload["params"].items() if key != word}
    return {**payload, "params": kept}


def _counted(found: Sequence[Any] | None, field: str) -> Sequence[Any]:
    """Return a list of events that is neither empty nor too long."""
    if not found:
        raise Refused(Reason.EMPTY, field, "0 events")
    if len(found) > EVENTS_MAX:
        raise Refused(Reason.TOO_MANY, field, f"{len(found)} > {EVENTS_MAX}")
    return found


# From a shape to its events


def _who(sent: Hit | Request) -> tuple[str, str, str]:
    """Return known id, anonymous id and surface: browsers have a client, apps an instance."""
    if sent.app_instance_id:
        anonymous_id, surface = identifier(sent.app_instance_id, "app_instance_id"), "app"
    else:
        anonymous_id, surface = identifier(sent.client_id, "client_id"), "web"
    customer_id = identifier(sent.user_id, "user_id")
    if not (customer_id or anonymous_id):
        raise Refused(Reason.NO_IDENTITY, "client_id", "no user_id, client_id or app_instance_id")
    return customer_id, anonymous_id, surface


def _of_hit(
    hit: Hit, source: Source, record: Record, ahead_ms: int, passed_on_us: int | None = None
) -> Event:
    """Build the event of a hit; one without a time of its own happened when it was passed on, if that is known."""
    if not hit.event_name:
        raise Refused(Reason.MISSING_FIELD, "event_name")
    known, anonymous, surface = _who(hit)
    system = hit.system
    consent = None
    if (
        hit.gcs is not None
        or hit.gcd is not None
        or hit.mp2_gcd is not None
        or hit.npa is not None
        or hit.consent is not None
        or hit.ad_storage is not None
        or hit.analytics_storage is not None
        or hit.ad_user_data is not None
        or hit.ad_personalization is not None
        or (system is not None and (system.consent is not None or system.gcd is not None))
    ):
        consent = _consent_of(hit)
    sender = Sender(known, anonymous, surface, None, consent)
    if hit.timestamp_micros is not None:
        at_us, field = micros(hit.timestamp_micros, "timestamp_micros"), "timestamp_micros"
    elif system is not None:
        at_us, field = micros_of_millis(system.request_start_time_ms, _STARTED), _STARTED
    else:
        at_us, field = None, "timestamp"
    if at_us is None:
        at_us = passed_on_us
    return event_of(hit.event_name, hit, source, sender, at_us, field, record, ahead_ms)


def _consent_of(hit: Hit) -> bool | None:
    if hit.npa is not None and is_true(hit.npa):
        return False
    system = hit.system
    state = system.consent.granted if system is not None and system.consent is not None else None
    gcd = hit.gcd or hit.mp2_gcd or (system.gcd if system is not None else None)
    stated = {signal: getattr(hit, signal) for signal in SIGNALS}
    if isinstance(hit.consent, dict):
        stated |= hit.consent
    return processing_consent(stated, state, hit.gcs, gcd)


def _of_forwarded(forwarded: Forwarded, record: Record, ahead_ms: int) -> Results:
    if forwarded.compression:
        raise Refused(Reason.UNKNOWN_VALUE, "compression", "only plain JSON is read")
    if forwarded.timestamp is not None and forwarded.timestamp != "":
        passed_on_us: int | None = instant_ms(forwarded.timestamp, "timestamp") * 1000
    else:
        passed_on_us = micros_of_millis(forwarded.server_ingest_time, "server_ingest_time")
    try:
        hits = bounded((forwarded.data or "").encode())
        if not hits.lstrip().startswith(b"["):
            return (_of_raw_hit(hits, record, ahead_ms, passed_on_us),)
        raws = _raws(hits)
    except Refused as refused:
        raise refused.under("data") from None
    except _UNREADABLE as error:
        raise Refused(Reason.NOT_JSON, "data") from error
    found: list[Event | Rejection] = []
    for index, raw in enumerate(_counted(raws, "data")):
        try:
            found.append(_of_raw_hit(raw, record, ahead_ms, passed_on_us))
        except Refused as refused:
            found.append(refused.under(f"data[{index}]").rejection(index))
    return found


def _of_raw_hit(value: bytes | msgspec.Raw, record: Record, ahead_ms: int, passed_on_us: int | None) -> Event:
    try:
        return _of_hit(_hit(value), value, record, ahead_ms, passed_on_us)
    except _UNREADABLE:
        payload = document(bytes(value))
        return _of_hit(_converted(payload, Hit), payload, record, ahead_ms, passed_on_us)


def _of_request(request: Request, source: Source, record: Record, ahead_ms: int) -> Results:
    """Return the event or rejection of each event of a request, which were decoded with it or not yet."""
    known, anonymous, surface = _who(request)
    consent = None
    if request.non_personalized_ads:
        consent = False
    elif request.consent:
        consent = processing_consent(request.consent)
    locale = request.device.language if request.device is not None else None
    sender = Sender(known, anonymous, surface, locale, consent)
    request_us = micros(request.timestamp_micros, "timestamp_micros")
    found: list[Event | Rejection] = []
    for index, event in enumerate(_counted(request.events, "events")):
        try:
            if type(event) is Named:
                named = event
                if GA4_NAMES.get(named.name or "") not in MOMENT_KINDS and isinstance(source, bytes):
                    source = document(source)  # once for all events that may be custom ones
            else:
                named = _converted(_an_object(event), Named)
            own = source if isinstance(source, bytes) else source["events"][index]
            found.append(_of_named(named, own, sender, request_us, record, ahead_ms))
        except Refused as refused:
            found.append(refused.under(f"events[{index}]").rejection(index))
    return found


def _an_object(event: object) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise Refused(Reason.NOT_AN_OBJECT)
    return event


def _of_named(
    named: Named, source: Source, sender: Sender, request_us: int | None, record: Record, ahead_ms: int
) -> Event:
    if not named.name:
        raise Refused(Reason.MISSING_FIELD, "name")
    at_us = request_us
    if named.timestamp_micros is not None:
        at_us = micros(named.timestamp_micros, "timestamp_micros") or request_us
    params = named.params or NO_PARAMS
    try:
        return event_of(named.name, params, source, sender, at_us, "timestamp_micros", record, ahead_ms)
    except Refused as refused:
        raise refused if refused.field == "timestamp_micros" else refused.under("params") from None


def _of_row(row: Row, record: Record, ahead_ms: int) -> Event:
    if not row.event_name:
        raise Refused(Reason.MISSING_FIELD, "event_name")
    at_us = micros(row.event_timestamp, "event_timestamp")
    if at_us is None:
        raise Refused(Reason.MISSING_FIELD, "event_timestamp")
    known, anonymous = identifier(row.user_id, "user_id"), identifier(row.user_pseudo_id, "user_pseudo_id")
    if not (known or anonymous):
        raise Refused(Reason.NO_IDENTITY, "user_pseudo_id", "neither user_id nor user_pseudo_id")
    consent = processing_consent(row.privacy_info) if row.privacy_info else None
    locale = row.device.language if row.device is not None else None
    sender = Sender(known, anonymous, _SURFACES.get(row.platform or "", "none"), locale, consent)
    try:
        source = {"name": row.event_name, "params": params_of(row)}
        params = _converted(source, Named).params or NO_PARAMS
        complete(params, row)
        return event_of(row.event_name, params, source, sender, at_us, "event_timestamp", record, ahead_ms)
    except Refused as refused:
        raise _inside_row(refused) from None


def _inside_row(refused: Refused) -> Refused:
    """Name a field as the export does: items stand beside the parameters."""
    field = refused.field.removeprefix("params.")
    if field.startswith(("items", "event_")):
        return refused
    return Refused(refused.reason, field, refused.detail).under("event_params")
