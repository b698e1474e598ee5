"""Measured numbers of a payload, which may have a fraction."""

from __future__ import annotations

from streamproc.core.event import Reason
from streamproc.ingest.refusal import Refused, shown


def measure(value: float | None, field: str, low: float, high: float) -> float | None:
    """Return a measured number in `low` to `high`."""
    if value is not None and not low <= value <= high:
        raise Refused(Reason.OUT_OF_RANGE, field, f"{shown(value)} not in {low} to {high}")
    return value
