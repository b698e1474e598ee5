"""Turn what the client read into records, their topics named without the installation's prefix."""

from __future__ import annotations

from typing import Any, Final

from streamproc.core.record import Record

__all__ = ["to_record"]

# Kafka's name for "the broker set the timestamp".
LOG_APPEND_TIME: Final = 1


def to_record(read: Any, prefix: str) -> Record:
    """Return a record of the client's, which ships no types."""
    return Record(
        topic=read.topic.removeprefix(prefix),
        partition=read.partition,
        offset=read.offset,
        timestamp_ms=read.timestamp,
        append_time=read.timestamp_type == LOG_APPEND_TIME,
        key=read.key,
        value=read.value,
        headers=tuple(read.headers),
    )
