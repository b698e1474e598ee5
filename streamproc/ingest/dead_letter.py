"""A refused record, on its way to `dead-letters`: untouched, with the reason in its headers."""

from __future__ import annotations

from streamproc import __version__
from streamproc.core.event import Rejection
from streamproc.core.record import Output, Record


def dead_letter(record: Record, rejection: Rejection, attempts: int = 1) -> Output:
    """Write a record to `dead-letters` with its key, value and headers as received.

    The place is named under the Kafka Connect names too, so that tools that redrive dead letters work as they are.
    """
    place = {
        "topic": record.topic.encode(),
        "partition": str(record.partition).encode(),
        "offset": str(record.offset).encode(),
    }
    why = {
        "reason": str(rejection.reason).encode(),
        "field": rejection.field.encode(),
        "detail": rejection.detail.encode(),
        "timestamp": str(record.timestamp_ms).encode(),
        "attempts": str(attempts).encode(),
        "service": b"streamproc",
        "version": __version__.encode(),
    }
    return Output(
        topic="dead-letters",
        key=record.key,
        value=record.value,
        headers=(
            *record.headers,
            *((f"x-dlq-{name}", value) for name, value in {**why, **place}.items()),
            *((f"__connect.errors.{name}", value) for name, value in place.items()),
        ),
    )
