"""Show what ingest makes of payloads, before any of them is sent: the body of `streamproc check-events`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from streamproc.core.event import Rejection
from streamproc.core.record import Record
from streamproc.ingest import Parser, parse
from streamproc.ingest.catalog import TOPIC as CATALOG
from streamproc.ingest.catalog import parse_catalog
from streamproc.ingest.record_file import RecordFileError, decode_record, is_record_line

_encode: Final = msgspec.json.Encoder().encode


# A payload of a batch holds 500 events at most and Kafka takes a megabyte; more lines than this are no one payload.
WHOLE_BYTES_MAX: Final = 4 * 1_048_576


class Tally(msgspec.Struct, frozen=True):
    """How many events came out of the lines, and how many were refused."""

    events: int
    rejected: int


def check_events(
    lines: Iterable[bytes],
    write: Callable[[bytes], object],
    *,
    now_ms: int,
    topic: str = "clickstream",
    parser: Parser = parse,
) -> Tally:
    """Parse each line, a raw payload or a line of a record file, and write one JSON line an event or rejection.

    Where all lines together are one JSON value, as people print it, that is one payload, at line 1. A raw payload is
    taken as received on `topic` at `now_ms`; a record's own topic and timestamp stand, and one of `catalog` gives what
    it says of its item or store. Empty lines are skipped. A line that claims to be a record and is none counts as
    rejected, and the rest is still read.
    """
    events = rejected = 0
    for line_number, line in enumerate(_payloads(lines), start=1):
        payload = line.strip(b"\r\n")  # tabs at an end part the fields of some producers
        if not payload.strip():
            continue
        try:
            record = _record(payload, line_number, topic, now_ms)
        except RecordFileError as error:
            write(_encode({"rejected": {"reason": "not_a_record", "detail": error.why, "line": line_number}}))
            rejected += 1
            continue
        read = (parse_catalog(record),) if record.topic == CATALOG else parser(record)
        for result in read:
            if not isinstance(result, Rejection):
                events += 1
                write(_encode(result))
            else:
                rejected += 1
                write(_encode({"rejected": _told(result, line_number)}))
    return Tally(events, rejected)


def _payloads(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines or, where the first of them is no JSON value and all of them are one, that value."""
    rest = iter(lines)
    held: list[bytes] = []
    held_bytes = 0
    for line in rest:
        held.append(line)
        held_bytes += len(line)
        # Lines that each hold a value are read one by one, however many there are.
        if held_bytes > WHOLE_BYTES_MAX or (
            line.strip() and not any(map(bytes.strip, held[:-1])) and _is_json(line)
        ):
            return chain(held, rest)
    whole = b"".join(held)
    return iter([whole] if _is_json(whole) else held)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _record(payload: bytes, line_number: int, topic: str, now_ms: int) -> Record:
    try:
        decoded = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = None  # whatever it is, the parser has a reason for it
    if is_record_line(decoded):
        return decode_record(payload, line_number, ordinal=line_number - 1)
    return Record(topic, 0, line_number - 1, now_ms, append_time=False, key=None, value=payload)


def _told(rejection: Rejection, line_number: int) -> dict[str, Any]:
    told: dict[str, Any] = {"reason": rejection.reason, "field": rejection.field}
    if rejection.detail:
        told["detail"] = rejection.detail
    if rejection.index:
        told["index"] = rejection.index
    return told | {"line": line_number}
