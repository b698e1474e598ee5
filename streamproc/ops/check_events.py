"""Show what ingest makes of payloads, before any of them is sent: the body of `streamproc check-events`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from streamproc.core.event import Event, Rejection
from streamproc.core.record import Record
from streamproc.ingest import Parser, parse
from streamproc.ingest.record_file import RecordFileError, decode_record, is_record_line

_encode: Final = msgspec.json.Encoder().encode


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

    A raw payload is taken as received on `topic` at `now_ms`; a record's own topic and timestamp stand. Empty lines
    are skipped. A line that claims to be a record and is none counts as rejected, and the rest is still read.
    """
    events = rejected = 0
    for line_number, line in enumerate(lines, start=1):
        payload = line.strip()
        if not payload:
            continue
        try:
            record = _record(payload, line_number, topic, now_ms)
        except RecordFileError as error:
            write(_encode({"rejected": {"reason": "not_a_record", "detail": error.why, "line": line_number}}))
            rejected += 1
            continue
        for result in parser(record):
            if isinstance(result, Event):
                events += 1
                write(_encode(result))
            else:
                rejected += 1
                write(_encode({"rejected": _told(result, line_number)}))
    return Tally(events, rejected)


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
