"""The headers of a record that every dialect reads alike."""

from __future__ import annotations

from streamproc.core.record import Header
from streamproc.ingest.scalars import trace, trace_state


def by_name(headers: tuple[Header, ...]) -> dict[str, str]:
    """Return the headers that are UTF-8 by their names in lower case; of a repeated one the last."""
    named = {}
    for key, value in headers:
        try:
            named[key.lower()] = (value or b"").decode()  # Kafka allows a header without a value
        except UnicodeDecodeError:
            continue
    return named


def traceparent(headers: tuple[Header, ...]) -> str | None:
    """Return the W3C trace that a record belongs to, if any."""
    return trace(by_name(headers).get("traceparent")) if headers else None


def tracestate(headers: tuple[Header, ...]) -> str | None:
    """Return what vendors say of that trace, if anything."""
    return trace_state(by_name(headers).get("tracestate")) if headers else None
