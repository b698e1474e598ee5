"""Write times for people."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["utc_text"]


def utc_text(at_ms: int) -> str:
    """Write milliseconds since the epoch as `2026-01-01 00:00:00Z`."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
