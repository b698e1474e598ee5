"""Find out which dialect a record speaks, and hand it over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from streamproc.core.event import Event, Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest import beacon, canonical, facts, segment
from streamproc.ingest.bounds import bounded, document
from streamproc.ingest.refusal import Refused
from streamproc.ingest.times import EVENT_AHEAD_MS_MAX

Recognise = Callable[[dict[str, Any]], bool]
Read = Callable[[dict[str, Any], Record, int], Event]

# The order decides: the first dialect that recognises a payload reads it. A new one is a file and a line here.
DIALECTS: Final[tuple[tuple[Recognise, Read], ...]] = (
    (segment.recognises, segment.read),
    (beacon.recognises, beacon.read),
)
LOOKED_FOR: Final = "no CloudEvents headers or attributes, no Segment type or batch, no beacon kind"


class Parser:
    """Turn records into events or rejections.

    Total: returns for every record, never raises and never returns nothing, in time linear in the payload, which is
    bounded by `bounds.PAYLOAD_BYTES_MAX`. `ahead_ms` is how far a moment may lie after Kafka's own timestamp.
    """

    __slots__ = ("_ahead_ms",)

    def __init__(self, ahead_ms: int = EVENT_AHEAD_MS_MAX) -> None:
        self._ahead_ms = ahead_ms

    def __call__(self, record: Record) -> Sequence[Event | Rejection]:
        """Return the events of a record, or why there are none; the place in the list is the index of an event."""
        try:
            value = bounded(record.value)
            if record.topic in facts.READERS:
                return (self._fact(value, record),)
            if record.topic == canonical.TOPIC:
                return (canonical.decode_event(value)[0],)
            call = segment.glance(value)
            if call is not None:
                return segment.events_of(call, value, record, self._ahead_ms)
            return (self._carefully(document(value), record),)
        except Refused as refused:
            return (refused.rejection(),)

    def _fact(self, value: bytes, record: Record) -> Event:
        return facts.read(document(value), record, self._ahead_ms)

    def _carefully(self, payload: dict[str, Any], record: Record) -> Event:
        for recognises, read in DIALECTS:
            if recognises(payload):
                return read(payload, record, self._ahead_ms)
        if record.topic == "beacons":
            return beacon.read(payload, record, self._ahead_ms)
        raise Refused(Reason.UNKNOWN_ENVELOPE, detail=LOOKED_FOR)
