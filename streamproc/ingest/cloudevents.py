"""CloudEvents 1.0 over Kafka, binary and structured: the attributes of an event and its data.

An event that breaks the specification is refused by the name of its attribute; it is not ours to mend.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from streamproc.core.event import Event, Reason
from streamproc.core.record import Record
from streamproc.ingest.bounds import document
from streamproc.ingest.cloudevents_event import Attributes, Data, event_of, payload_of
from streamproc.ingest.headers import by_name
from streamproc.ingest.refusal import Refused, refused_by_type

STRUCTURED: Final = "application/cloudevents"
SPECVERSION: Final = "1.0"
_REQUIRED: Final = ("specversion", "id", "source", "type")
_NOT_EMPTY: Final = (*_REQUIRED, "subject", "datacontenttype", "dataschema", "partitionkey")
_PREFIX: Final = "ce_"
_ANNOUNCING: Final = "ce_specversion"
_ATTRIBUTE_CHARS_MAX: Final = 1024
# A URI reference holds none of these, so the first bar of "source|id" ends the source.
_NOT_URI: Final = re.compile(r'[\s|<>"{}^`\\]')


class _Glanced(Attributes, gc=False):
    """An event in JSON format, its data left as it is."""

    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: str | None = None


class _Structured(Attributes, gc=False):
    """The same of a payload that is decoded already."""

    data: Any = None
    data_base64: str | None = None


class CloudEvent(msgspec.Struct, frozen=True):
    """The attributes of an event and its data, empty if it has none.

    `prefix` is what stood before the names of the attributes where they were read: `ce_` for headers.
    """

    attributes: Attributes
    data: Data
    prefix: str = ""

    @property
    def payload(self) -> dict[str, Any]:
        """Return the data as an object, empty if there is none. Raises Refused for anything else."""
        return payload_of(self.data) or {}


_decode: Final = msgspec.json.Decoder(_Glanced).decode
_HEADERS: Final = {
    _PREFIX + field.encode_name: field.encode_name for field in msgspec.structs.fields(Attributes)
}


def carried(record: Record, value: bytes) -> CloudEvent | None:
    """Return the event that a record's headers announce, or None if they announce none."""
    named = by_name(record.headers)
    content_type = named.get("content-type", "").strip().lower()
    if content_type.startswith(STRUCTURED):
        if not content_type.removeprefix(STRUCTURED).startswith("+json"):
            raise Refused(Reason.UNKNOWN_ENVELOPE, "content-type", f"only {STRUCTURED}+json is read")
        return glance(value) or structured(document(value))
    return _binary(named, value) if _ANNOUNCING in named else None


def glance(value: bytes) -> CloudEvent | None:
    """Decode a payload that plainly is an event in JSON format; None sends it the careful way."""
    if b'"specversion"' not in value:
        return None
    try:
        raw = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _checked(raw) if raw.specversion is not None else None


def at_a_glance(value: bytes, record: Record, ahead_ms: int) -> tuple[Event] | None:
    """Return the event of a payload that plainly is one in JSON format; None sends it the careful way."""
    cloud_event = glance(value)
    return None if cloud_event is None else (read(cloud_event, record, ahead_ms),)


def recognises(payload: dict[str, Any]) -> bool:
    """Tell a structured event without its header by the attribute that nothing else has."""
    return "specversion" in payload


def read(cloud_event: CloudEvent, record: Record, ahead_ms: int) -> Event:
    """Return the event of ours that a CloudEvent tells of."""
    return event_of(cloud_event.attributes, cloud_event.data, cloud_event.prefix, record, ahead_ms)


def structured(payload: dict[str, Any]) -> CloudEvent:
    """Take an event in JSON format apart the careful way, which names the attribute that is wrong."""
    try:
        return _checked(msgspec.convert(payload, _Structured))
    except msgspec.ValidationError as error:
        raise refused_by_type(error) from error


def _checked(raw: _Glanced | _Structured) -> CloudEvent:
    _validate(raw, "")
    data: Data = raw.data
    if raw.data_base64 is not None:
        if payload_of(data) is not None:
            raise Refused(Reason.TOO_MANY, "data_base64", "data stands beside it")
        data = _from_base64(raw.data_base64)
    elif not _is_json(raw.datacontenttype):
        raise _not_json("datacontenttype", raw)
    return CloudEvent(raw, data)


def _binary(named: dict[str, str], value: bytes) -> CloudEvent:
    given = {_HEADERS[name]: text for name, text in named.items() if name in _HEADERS}
    if "content-type" in named:
        given["datacontenttype"] = named["content-type"]
    try:
        attributes = msgspec.convert(given, Attributes)
    except msgspec.ValidationError as error:
        refused = refused_by_type(error)
        raise Refused(refused.reason, _PREFIX + refused.field, refused.detail) from error
    _validate(attributes, _PREFIX)
    if not _is_json(attributes.datacontenttype):
        raise _not_json("content-type", attributes)
    return CloudEvent(attributes, value, _PREFIX)


def _validate(attributes: Attributes, prefix: str) -> None:
    """Refuse an event that breaks the specification."""
    ce_id, source, ce_type = attributes.id, attributes.source, attributes.type
    if not (
        attributes.specversion == SPECVERSION
        and ce_id
        and ce_type
        and source
        and len(ce_id) + len(ce_type) < _ATTRIBUTE_CHARS_MAX
        and ce_id.isprintable()
        and len(source) <= _ATTRIBUTE_CHARS_MAX
        and _is_uri_reference(source)
        and attributes.subject != ""
        and attributes.datacontenttype != ""
        and attributes.dataschema != ""
        and attributes.partitionkey != ""
    ):
        _refuse(attributes, prefix)


def _refuse(attributes: Attributes, prefix: str) -> None:
    """Say which attribute it was; none, if two long ones are only long together."""
    for name in _NOT_EMPTY:
        value = getattr(attributes, name)
        if value == "" or (value is None and name in _REQUIRED):
            detail = "" if value is None else "present and empty"
            raise Refused(Reason.MISSING_FIELD, prefix + name, detail)
    if attributes.specversion != SPECVERSION:
        raise Refused(Reason.UNKNOWN_VALUE, prefix + "specversion", f"known: {SPECVERSION}")
    for name in ("id", "source", "type"):
        chars = len(getattr(attributes, name))
        if chars > _ATTRIBUTE_CHARS_MAX:
            raise Refused(Reason.BAD_TEXT, prefix + name, f"{chars} characters > {_ATTRIBUTE_CHARS_MAX}")
    if not _is_uri_reference(attributes.source or ""):
        raise Refused(Reason.BAD_TEXT, prefix + "source", "expected a URI reference")
    if not (attributes.id or "").isprintable():
        raise Refused(Reason.BAD_TEXT, prefix + "id", "control characters in an id")


@lru_cache(maxsize=1024)
def _is_uri_reference(source: str) -> bool:
    return source.isprintable() and not _NOT_URI.search(source)


def _is_json(content_type: str | None) -> bool:
    if content_type is None or content_type == "application/json":
        return True  # JSON is the specification's default
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _not_json(field: str, attributes: Attributes) -> Refused:
    chars = len(attributes.datacontenttype or "")
    return Refused(Reason.UNKNOWN_VALUE, field, f"known: application/json; got {chars} characters")


def _from_base64(value: str) -> bytes:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(Reason.BAD_TEXT, "data_base64", "not base64") from error
    try:
        document(decoded)
    except Refused as refused:
        raise refused.under("data_base64") from None
    return decoded
