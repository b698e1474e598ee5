"""What producers write: Segment calls, beacon records, consents and profiles, as bytes of one moment.

A `Timed` is a record to be produced and the moment, in milliseconds, that Kafka shall note for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from streamproc.core.record import Output
from streamproc.ops.demo.catalogue import Item

__all__ = ["Timed", "beacon", "consent", "page", "profile", "raw", "segment", "shop", "stop", "track"]

Timed = tuple[int, Output]

BEACON_UUID: Final = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
SITES: Final = ("berlin-1", "berlin-2")


def raw(topic: str, at_ms: int, key: str | None, value: bytes | None) -> Timed:
    """Make a record of any bytes."""
    return at_ms, Output(topic, key.encode() if key is not None else None, value)


def segment(at_ms: int, call: dict[str, Any], *, key: str, received_ms: int | None = None) -> Timed:
    """Make a Segment call that happened at `at_ms`; it reaches Kafka then, or at `received_ms`."""
    timestamp = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    value = orjson.dumps(call | {"timestamp": timestamp.replace("+00:00", "Z")})
    return raw("clickstream", at_ms if received_ms is None else received_ms, key, value)


def track(
    at_ms: int,
    name: str,
    customer: str,
    message_id: str,
    *,
    app: bool = False,
    timezone: str | None = None,
    item: Item | None = None,
    properties: dict[str, Any] | None = None,
    received_ms: int | None = None,
) -> Timed:
    """Make a `track` call from the web shop or the app, about one item or none."""
    about = item.properties() if item is not None else {}
    call = {
        "type": "track",
        "event": name,
        "messageId": message_id,
        "userId": customer,
        "properties": about | (properties or {}),
        "context": _context(app=app, timezone=timezone, page="/item/" + item.item_id if item else "/"),
    }
    return segment(at_ms, call, key=customer, received_ms=received_ms)


def page(at_ms: int, customer: str, message_id: str, *, app: bool, timezone: str | None, path: str) -> Timed:
    """Make the call that opens a session: a page on the web, the app coming to the front."""
    call: dict[str, Any] = {
        "messageId": message_id,
        "userId": customer,
        "context": _context(app=app, timezone=timezone, page=path),
    }
    if app:
        call |= {"type": "track", "event": "Application Opened", "properties": {}}
    else:
        call |= {"type": "page", "name": "Home", "properties": {"url": "https://shop.example" + path}}
    return segment(at_ms, call, key=customer)


def _context(*, app: bool, timezone: str | None, page: str) -> dict[str, Any]:
    context: dict[str, Any] = {"locale": "en-GB"}
    if timezone is not None:
        context["timezone"] = timezone
    if app:
        return context | {"library": {"name": "analytics-ios", "version": "4.1.8"}, "device": {"type": "ios"}}
    return context | {
        "library": {"name": "analytics.js", "version": "2.11.1"},
        "page": {"url": "https://shop.example" + page},
    }


def beacon(
    at_ms: int,
    kind: str,
    customer: str,
    event_id: str,
    site: str,
    *,
    rssi_dbm: int | None = None,
    dwell_ms: int | None = None,
) -> Timed:
    """Make what a store's gateway writes of a phone it hears; `kind` as in `entered`."""
    sighting: dict[str, Any] = {
        "event_id": event_id,
        "customer_id": customer,
        "kind": f"beacon.{kind}",
        "site_id": site,
        "zone_id": "entrance" if kind in {"entered", "exited"} else "coats",
        "beacon": {"uuid": BEACON_UUID, "major": 1 + SITES.index(site), "minor": 7, "tx_power_dbm": -59},
        "occurred_at_ms": at_ms,
    }
    if rssi_dbm is not None:
        sighting["rssi_dbm"] = rssi_dbm
    if dwell_ms is not None:
        sighting["dwell_ms"] = dwell_ms
    return raw("beacons", at_ms, customer, orjson.dumps(sighting))


def consent(at_ms: int, customer: str, channel: str, purpose: str, state: str = "granted") -> Timed:
    """Make one row of the consent ledger."""
    row = {
        "customer_id": customer,
        "channel": channel,
        "purpose": purpose,
        "state": state,
        "at_ms": at_ms,
        "source": "preference-centre",
        "text_version": "2025-10",
    }
    return raw("consents", at_ms, customer, orjson.dumps(row))


def profile(at_ms: int, customer: str, fields: dict[str, Any]) -> Timed:
    """Make a partial profile."""
    return raw("profiles", at_ms, customer, orjson.dumps({"customer_id": customer, **fields, "at_ms": at_ms}))


def shop(at_ms: int, item_id: str, **said: Any) -> Timed:
    """Make what the shop says of an item in its catalog."""
    return raw("catalog", at_ms, f"item/{item_id}", orjson.dumps({**said, "at_ms": at_ms}))


def stop(at_ms: int, customer: str, channel: str) -> Timed:
    """Make the outcome of somebody who unsubscribed from a channel."""
    told = {"customer_id": customer, "kind": "unsubscribed", "channel": channel, "at_ms": at_ms}
    return raw("outcomes", at_ms, customer, orjson.dumps(told))
