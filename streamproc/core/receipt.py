"""The receipt of a unit: which records were read, and what became of each event."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class SourceCount(msgspec.Struct):
    """What became of the records of one topic partition, offsets `first` to `last` both included.

    `rekeyed` counts events that were forwarded to their customer's own lane and are decided there.
    """

    topic: str
    partition: int
    first: int
    last: int
    records: int = 0
    events: int = 0
    decided: int = 0
    quiet: int = 0
    duplicate: int = 0
    redelivered: int = 0
    too_old: int = 0
    rejected: int = 0
    rekeyed: int = 0
    withheld: int = 0
    holes: int = 0


class Receipt(msgspec.Struct):
    """One record on `receipts`: a unit's part of one lane."""

    unit: str
    lane: int
    worker: str
    sources: list[SourceCount]
    policy: str
    config_offset: int
    at_ms: int


class Counted(StrEnum):
    """What a receipt counts an event as."""

    DECIDED = "decided"
    QUIET = "quiet"
    DUPLICATE = "duplicate"
    REDELIVERED = "redelivered"
    TOO_OLD = "too_old"
