"""Find out which dialect a record speaks, and hand it over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from streamproc.core.event import Event, Reason, Rejection
from streamproc.core.record import Record
from streamproc.ingest import (
    airship,
    beacon,
    canonical,
    cloudevents,
    facts,
    ga4,
    inside,
    radar,
    segment,
    snowplow,
)
from streamproc.ingest.bounds import bounded, document
from streamproc.ingest.refusal import Refused
from streamproc.ingest.times import EVENT_AHEAD_MS_MAX

Results = Sequence[Event | Rejection]
Recognise = Callable[[dict[str, Any]], bool]
Read = Callable[[dict[str, Any], Record, int], Results]
Glance = Callable[[bytes, Record, int], Results | None]


def _one(read: Callable[[dict[str, Any], Record, int], Event]) -> Read:
    return lambda payload, record, ahead_ms: (read(payload, record, ahead_ms),)


def _structured(payload: dict[str, Any], record: Record, ahead_ms: int) -> Event:
    return cloudevents.read(cloudevents.structured(payload), record, ahead_ms)


# The order decides: the first dialect that recognises a payload reads it. A new one is a file and a line here.
DIALECTS: Final[tuple[tuple[Recognise, Read], ...]] = (
    (cloudevents.recognises, _one(_structured)),
    (ga4.recognises, ga4.read),
    (segment.recognises, _one(segment.read)),
    (snowplow.recognises, snowplow.read),
    (beacon.recognises, _one(beacon.read)),
    (airship.recognises, _one(airship.read)),
    (radar.recognises, radar.read),
)
# How each finds out at little cost that a payload plainly is its own; None leaves it to the others and to the above.
GLANCES: Final[tuple[Glance, ...]] = (
    segment.at_a_glance,
    ga4.at_a_glance,
    snowplow.at_a_glance,
    cloudevents.at_a_glance,
    beacon.at_a_glance,
)
LOOKED_FOR: Final = (
    "no CloudEvents headers or attributes, no Segment type or batch, no GA4 events or event_name with its sender, "
    "no Snowplow payload_data or event_id with its time, no beacon kind, no REGION with a body, no user.* event "
    "with an _id"
)

# Segment's calls tell of the same facts as these two topics, so they may also be sent there.
_CALLS_TOO: Final = frozenset({"profiles", "outcomes"})
_BEACONS: Final = "beacons"
_FACTS: Final = frozenset(facts.READERS)
# What only our own workers write.
_OURS: Final[dict[str, Callable[[bytes, Record], Event]]] = {
    canonical.TOPIC: lambda value, _record: canonical.decode_event(value)[0],
    inside.TOPIC: inside.decode,
}


class Parser:
    """Turn records into events or rejections.

    Total: returns for every record, never raises and never returns nothing, in time linear in the payload, which is
    bounded by `bounds.PAYLOAD_BYTES_MAX`. `ahead_ms` is how far a moment may lie after Kafka's own timestamp.
    """

    __slots__ = ("_ahead_ms", "_spoke")

    def __init__(self, ahead_ms: int = EVENT_AHEAD_MS_MAX) -> None:
        self._ahead_ms = ahead_ms
        # Producers seldom alternate, so the dialect of the record before is looked for first. Only time depends on
        # it: no payload is plainly of two dialects.
        self._spoke: Glance = GLANCES[0]

    def __call__(self, record: Record) -> Results:
        """Return the events of a record, or why there are none; an event's place in the list is its index."""
        try:
            value = bounded(record.value)
            topic = record.topic
            if topic in _FACTS:
                return self._facts(value, record)
            if topic in _OURS:
                return (_OURS[topic](value, record),)
            if record.headers and (announced := cloudevents.carried(record, value)) is not None:
                return (cloudevents.read(announced, record, self._ahead_ms),)
            found = self._spoke(value, record, self._ahead_ms)
            return found if found is not None else self._look(value, record)
        except Refused as refused:
            return (refused.rejection(),)

    def _look(self, value: bytes, record: Record) -> Results:
        for glance in GLANCES:
            if glance is not self._spoke and (found := glance(value, record, self._ahead_ms)) is not None:
                self._spoke = glance
                return found
        return self._carefully(document(value), record)

    def _facts(self, value: bytes, record: Record) -> Results:
        if record.topic in _CALLS_TOO and (call := segment.glance(value)) is not None:
            events = segment.events_of(call, value, record, self._ahead_ms)
            return [_fact_alone(event, index) for index, event in enumerate(events)]
        payload = document(value)
        if cloudevents.recognises(payload):
            payload = cloudevents.structured(payload).payload
        if record.topic in _CALLS_TOO and segment.recognises(payload):
            return (_fact_alone(segment.read(payload, record, self._ahead_ms), 0),)
        return (facts.read(payload, record, self._ahead_ms),)

    def _carefully(self, payload: dict[str, Any], record: Record) -> Results:
        for recognises, read in DIALECTS:
            if recognises(payload):
                return read(payload, record, self._ahead_ms)
        if record.topic == _BEACONS:
            return (beacon.read(payload, record, self._ahead_ms),)
        raise Refused(Reason.UNKNOWN_ENVELOPE, detail=LOOKED_FOR)


def _fact_alone(result: Event | Rejection, index: int) -> Event | Rejection:
    """Refuse a moment on a topic of facts, where it would be applied before its time."""
    if isinstance(result, Event) and result.fact is None:
        return Rejection(Reason.UNKNOWN_VALUE, "event", "neither an identify call nor an outcome", index)
    return result
