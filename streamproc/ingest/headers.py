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


def trace_of(headers: tuple[Header, ...]) -> tuple[str | None, str | None]:
    """Return the W3C trace that a record belongs to, and what vendors say of that trace; None where there is none."""
    named = by_name(headers) if headers else {}
    parent = trace(named.get("traceparent"))
    return parent, trace_state(named.get("tracestate")) if parent is not None else None
