"""Record files: one Kafka record a line, as JSON, without loss."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from streamproc.core.record import Header, Record

_JSON_FIELDS: Final = ("value", "value_text", "value_base64")


class RecordFileError(ValueError):
    """Say which line of a record file is wrong, and why."""

    def __init__(self, line_number: int, why: str) -> None:
        super().__init__(f"line {line_number}: {why}")
        self.line_number = line_number
        self.why = why


class _Line(msgspec.Struct, omit_defaults=True):
    """A line; of the three values one is present, and `value` null is a tombstone."""

    topic: str
    timestamp_ms: int
    partition: int | None = None
    offset: int | None = None
    append_time: bool = False
    key: str | None = None
    key_base64: str | None = None
    headers: dict[str, str | list[str]] | None = None
    headers_base64: dict[str, str | list[str]] | None = None
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    value_text: str | msgspec.UnsetType = msgspec.UNSET
    value_base64: str | msgspec.UnsetType = msgspec.UNSET


_decode: Final = msgspec.json.Decoder(_Line).decode
_decode_any: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def encode_record(record: Record) -> bytes:
    """Return a record as a line without its end; `decode_record` gives the same record back, byte for byte."""
    line = _Line(
        topic=record.topic,
        timestamp_ms=record.timestamp_ms,
        partition=record.partition,
        offset=record.offset,
        append_time=record.append_time,
    )
    if record.key is not None:
        line.key = _text(record.key)
        line.key_base64 = None if line.key is not None else _base64(record.key)
    readable = all(_text(value) is not None for _, value in record.headers)
    if record.headers and readable:
        line.headers = _grouped((name, value.decode()) for name, value in record.headers)
    elif record.headers:
        line.headers_base64 = _grouped((name, _base64(value)) for name, value in record.headers)
    _set_value(line, record.value)
    return _encode(line)


def _set_value(line: _Line, value: bytes | None) -> None:
    if value is None:
        line.value = msgspec.Raw(b"null")
        return
    readable = _text(value)
    if readable is None:
        line.value_base64 = _base64(value)
    elif _is_embeddable(value):
        line.value = msgspec.Raw(value)
    else:
        line.value_text = readable


def _is_embeddable(value: bytes) -> bool:
    """Tell JSON that may stand inside a line as it is: not a bare null, which would read as a tombstone."""
    if b"\n" in value or b"\r" in value or value != value.strip() or value == b"null":
        return False
    try:
        _decode_any(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def decode_record(line: bytes, line_number: int = 1, ordinal: int = 0) -> Record:
    """Return the record of a line; partition 0 and offset `ordinal` if it names none.

    Raises `RecordFileError` with the line's number and the field that is wrong.
    """
    try:
        raw = _decode(line)
    except msgspec.ValidationError as error:
        raise RecordFileError(line_number, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordFileError(line_number, "not a JSON object on one line") from error
    try:
        key = raw.key.encode() if raw.key is not None else _from_base64(raw.key_base64, "key_base64")
        return Record(
            raw.topic,
            raw.partition or 0,
            raw.offset if raw.offset is not None else ordinal,
            raw.timestamp_ms,
            raw.append_time,
            key,
            _value(raw),
            _headers(raw),
        )
    except ValueError as error:
        raise RecordFileError(line_number, str(error)) from error


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Return the records of a file in its order; a record without an offset gets its ordinal in its topic.

    Empty lines are skipped. Raises `RecordFileError` at the first line that is no record.
    """
    ordinals: dict[str, int] = {}
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = decode_record(line, line_number, ordinal=-1)
        ordinal = ordinals.get(record.topic, 0)
        ordinals[record.topic] = ordinal + 1
        yield record if record.offset >= 0 else msgspec.structs.replace(record, offset=ordinal)


def is_record_line(payload: Any) -> bool:
    """Tell a decoded line of a record file from a raw payload."""
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("topic"), str)
        and "timestamp_ms" in payload
        and any(name in payload for name in _JSON_FIELDS)
    )


def _value(raw: _Line) -> bytes | None:
    given = [name for name in _JSON_FIELDS if getattr(raw, name) is not msgspec.UNSET]
    if len(given) != 1:
        raise ValueError(f"needs one of {', '.join(_JSON_FIELDS)}; has {len(given)}")
    if isinstance(raw.value_text, str):
        return raw.value_text.encode()
    if isinstance(raw.value_base64, str):
        return _from_base64(raw.value_base64, "value_base64")
    value = bytes(raw.value) if isinstance(raw.value, msgspec.Raw) else b"null"
    return None if value == b"null" else value


def _headers(raw: _Line) -> tuple[Header, ...]:
    found: list[Header] = []
    for name, texts in (raw.headers or {}).items():
        found += [(name, text.encode()) for text in ([texts] if isinstance(texts, str) else texts)]
    for name, texts in (raw.headers_base64 or {}).items():
        encoded = [texts] if isinstance(texts, str) else texts
        found += [(name, _from_base64(text, f"headers_base64.{name}") or b"") for text in encoded]
    return tuple(found)


def _grouped(headers: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Put headers under their names; a repeated name keeps its values in order, as a list."""
    grouped: dict[str, str | list[str]] = {}
    for name, value in headers:
        before = grouped.get(name)
        if before is None:
            grouped[name] = value
        elif isinstance(before, str):
            grouped[name] = [before, value]
        else:
            before.append(value)
    return grouped


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _from_base64(value: str | None, field: str) -> bytes | None:
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{field} is not base64") from error
