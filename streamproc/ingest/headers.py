"""The headers of a record that every dialect reads alike."""

from __future__ import annotations

from streamproc.core.record import Header
from streamproc.ingest.scalars import trace


def header(headers: tuple[Header, ...], name: str) -> str | None:
    """Return a header's text by its lower-case name, the last if it is repeated; None if absent or not UTF-8."""
    for key, value in reversed(headers):
        if key.lower() == name:
            try:
                return (value or b"").decode()  # Kafka allows a header without a value
            except UnicodeDecodeError:
                return None
    return None


def traceparent(headers: tuple[Header, ...]) -> str | None:
    """Return the W3C trace that a record belongs to, if any."""
    return trace(header(headers, "traceparent")) if headers else None
