"""Read record files: one Kafka record a line."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec


class UnreadableLine(ValueError):
    """A line is not a record; the message carries its number, and `number` counts from 1 over all lines."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number} is no record: {why}")
        self.number = number
        self.why = why


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record. `value` holds the bytes as filed, None for a tombstone; `where` names it to people."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    headers: dict[str, Any]
    value: bytes | None
    where: str


class _Line(msgspec.Struct, gc=False):
    topic: str
    key: str | None = None
    timestamp_ms: int = 0
    headers: dict[str, Any] | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")
    value_text: str | None = None
    value_base64: str | None = None
    partition: int | None = None
    offset: int | None = None


_decoder = msgspec.json.Decoder(_Line)


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the record of each line; empty lines are passed over.

    A line without an offset gets its ordinal among the lines of its topic, one without a partition gets 0:
    so does replay. Raises UnreadableLine.
    """
    ordinals: Counter[str] = Counter()
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = _decoder.decode(text)
            value = _value(line)
        except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError) as error:
            raise UnreadableLine(number, str(error)) from error
        ordinal = ordinals[line.topic]
        ordinals[line.topic] += 1
        partition = line.partition if line.partition is not None else 0
        offset = line.offset if line.offset is not None else ordinal
        where = f"{line.topic}/{partition}@{offset}"
        if line.offset is None:
            where = f"{line.topic}, line {number}"
        yield Record(
            topic=line.topic,
            partition=partition,
            offset=offset,
            timestamp_ms=line.timestamp_ms,
            key=line.key,
            headers=line.headers or {},
            value=value,
            where=where,
        )


def _value(line: _Line) -> bytes | None:
    if line.value_text is not None:
        return line.value_text.encode()
    if line.value_base64 is not None:
        return base64.b64decode(line.value_base64, validate=True)
    raw = bytes(line.value)
    return None if raw == b"null" else raw
