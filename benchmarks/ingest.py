"""What it costs to turn one record into an event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median
from time import process_time_ns
from typing import Final

from benchmarks import snowplow
from streamproc.core.event import Event
from streamproc.core.record import Record
from streamproc.ingest import parse

RECEIVED_AT_MS: Final = 1_767_225_601_000
ROUNDS: Final = 7


def segment_call(number: int) -> bytes:
    """Return a call of about 550 bytes, as analytics.js sends it."""
    return json.dumps(
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": f"ajs-next-{number:08d}-4b7e-a1c9-6f1d",
            "userId": f"c-{number % 20_000}",
            "anonymousId": f"anon-{number % 20_000:012d}",
            "timestamp": "2026-01-01T00:00:00.123Z",
            "properties": {
                "product_id": f"sku-{number % 997}",
                "name": "Winter coat, long",
                "brand": "Nord",
                "category": "apparel/coats",
                "variant": "blue",
                "price": 149.95,
                "quantity": 1,
                "currency": "EUR",
            },
            "context": {
                "page": {"url": "https://shop.example/p/coat", "path": "/p/coat", "title": "Winter coat"},
                "locale": "de-DE",
                "timezone": "Europe/Berlin",
                "library": {"name": "analytics.js", "version": "next-1.70.0"},
            },
        },
        separators=(",", ":"),
    ).encode()


def cloud_event(number: int) -> bytes:
    """Return a structured CloudEvent with the same product."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"e-{number:08d}",
            "source": "/shop/web",
            "type": "product.viewed",
            "time": "2026-01-01T00:00:00.123Z",
            "subject": f"c-{number % 20_000}",
            "data": {
                "items": [
                    {"item_id": f"sku-{number % 997}", "name": "Winter coat, long", "price_minor": 14_995}
                ],
                "currency": "EUR",
                "page_url": "https://shop.example/p/coat",
            },
        },
        separators=(",", ":"),
    ).encode()


ITEM: Final = {
    "item_id": "sku-1",
    "item_name": "Winter coat, long",
    "item_brand": "Nord",
    "item_category": "apparel",
    "item_category2": "coats",
    "item_variant": "blue",
    "price": 149.95,
    "quantity": 1,
}


def ga4_request(number: int) -> bytes:
    """Return a request of the Measurement Protocol with the same product."""
    params = {
        "currency": "EUR",
        "value": 149.95,
        "items": [ITEM | {"item_id": f"sku-{number % 997}"}],
        "page_location": "https://shop.example/p/coat",
        "session_id": str(1_767_225_000 + number),
        "engagement_time_msec": 100,
        "language": "de-de",
    }
    return json.dumps(
        {
            "client_id": f"{number % 20_000}.1767225600",
            "user_id": f"c-{number % 20_000}",
            "timestamp_micros": 1_767_225_600_123_000 + number,
            "events": [{"name": "view_item", "params": params}],
        },
        separators=(",", ":"),
    ).encode()


def ga4_hit(number: int) -> bytes:
    """Return a hit of a server-side tag manager with the same product, as its Google client makes it."""
    return json.dumps(
        {
            "event_name": "view_item",
            "currency": "EUR",
            "value": 149.95,
            "items": [ITEM | {"item_id": f"sku-{number % 997}"}],
            "engagement_time_msec": 100,
            "x-ga-protocol_version": "2",
            "x-ga-measurement_id": "G-000000001",
            "x-ga-page_id": number,
            "client_id": f"{number % 20_000}.1767225600",
            "user_id": f"c-{number % 20_000}",
            "language": "de-de",
            "screen_resolution": "1920x1200",
            "x-sst-system_properties": {"uc": "DE", "request_start_time_ms": 1_767_225_600_123 + number},
            "ga_session_id": str(1_767_225_000 + number),
            "ga_session_number": 2,
            "page_location": "https://shop.example/p/coat",
            "page_title": "Winter coat",
            "ip_override": "192.0.2.7",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        },
        separators=(",", ":"),
    ).encode()


def ga4_row(number: int) -> bytes:
    """Return a row of BigQuery's export with the same product."""
    values = {
        "page_location": {"string_value": "https://shop.example/p/coat"},
        "page_title": {"string_value": "Winter coat"},
        "currency": {"string_value": "EUR"},
        "value": {"double_value": 149.95},
        "ga_session_id": {"int_value": str(1_767_225_000 + number)},
        "ga_session_number": {"int_value": "2"},
        "engagement_time_msec": {"int_value": "100"},
    }
    return json.dumps(
        {
            "event_date": "20260101",
            "event_timestamp": str(1_767_225_600_123_000 + number),
            "event_name": "view_item",
            "event_params": [{"key": key, "value": value} for key, value in values.items()],
            "user_id": f"c-{number % 20_000}",
            "user_pseudo_id": f"{number % 20_000}.1767225600",
            "privacy_info": {"analytics_storage": "Yes", "ads_storage": "Yes", "uses_transient_token": "No"},
            "device": {"category": "desktop", "language": "de-de"},
            "platform": "WEB",
            "items": [ITEM | {"item_id": f"sku-{number % 997}"}],
        },
        separators=(",", ":"),
    ).encode()


def sighting(number: int) -> bytes:
    """Return a beacon record as an app's gateway writes it."""
    return json.dumps(
        {
            "event_id": f"b-{number:08d}",
            "customer_id": f"c-{number % 20_000}",
            "kind": "beacon.ranged",
            "site_id": f"berlin-{number % 7}",
            "zone_id": "coats",
            "beacon": {"uuid": "f7826da6-4fa2-4e98-8024-bc5b71e0893e", "major": number % 7, "minor": 3},
            "rssi_dbm": -50 - number % 40,
            "occurred_at_ms": 1_767_225_600_000 + number,
        },
        separators=(",", ":"),
    ).encode()


def cost_us(values: Sequence[bytes]) -> float:
    """Return the CPU time of parsing in microseconds an event: the median of some rounds over the payloads."""
    records = [
        Record("clickstream", 0, offset, RECEIVED_AT_MS, append_time=False, key=b"c", value=value)
        for offset, value in enumerate(values)
    ]
    costs = []
    for _ in range(ROUNDS):
        events = 0
        begun_ns = process_time_ns()
        for record in records:
            events += len(parse(record))
        costs.append((process_time_ns() - begun_ns) / 1000 / events)
    return median(costs)


def costs() -> dict[str, float]:
    """Return microseconds of CPU time an event, by what is parsed."""
    calls = [segment_call(number) for number in range(10_000)]
    batches = [
        b'{"batch":[' + b",".join(calls[start : start + 100]) + b"]}" for start in range(0, len(calls), 100)
    ]
    cloud_events = [cloud_event(number) for number in range(10_000)]
    requests = [ga4_request(number) for number in range(10_000)]
    hits = [ga4_hit(number) for number in range(10_000)]
    rows = [ga4_row(number) for number in range(10_000)]
    sightings = [sighting(number) for number in range(10_000)]
    tracker = [snowplow.tracker_batch([number]) for number in range(10_000)]
    tens = [snowplow.tracker_batch(range(start, start + 10)) for start in range(0, 10_000, 10)]
    objects = [snowplow.enriched_object(number) for number in range(10_000)]
    lines = [snowplow.enriched_line(number) for number in range(10_000)]
    shapes = {
        f"segment call, {len(calls[0])} bytes": calls,
        "segment call in batches of 100": batches,
        f"structured CloudEvent, {len(cloud_events[0])} bytes": cloud_events,
        f"GA4 Measurement Protocol, {len(requests[0])} bytes": requests,
        f"GA4 tag manager's hit, {len(hits[0])} bytes": hits,
        f"GA4 row of BigQuery's export, {len(rows[0])} bytes": rows,
        f"Snowplow tracker's batch of one, {len(tracker[0])} bytes": tracker,
        "Snowplow tracker's batch of ten": tens,
        f"Snowplow enriched object, {len(objects[0])} bytes": objects,
        f"Snowplow enriched line, {len(lines[0])} bytes": lines,
        f"beacon record, {len(sightings[0])} bytes": sightings,
    }
    for value in (values[0] for values in shapes.values()):
        record = Record("clickstream", 0, 0, RECEIVED_AT_MS, append_time=False, key=None, value=value)
        first = parse(record)[0]
        if not isinstance(first, Event):
            raise SystemExit(f"the benchmark's own payload is refused: {first}")
    return {name: cost_us(values) for name, values in shapes.items()}


def main() -> None:
    for name, cost in costs().items():
        print(f"{name}: {cost:.2f} us/event")


if __name__ == "__main__":
    main()
