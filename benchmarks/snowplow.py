"""Payloads of Snowplow: what a shop on the web sends as something is put into the cart."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Final

from streamproc.ingest.snowplow.atomic import FIELDS

SHOP: Final = "iglu:com.snowplowanalytics.snowplow.ecommerce"
SNOWPLOW: Final = "iglu:com.snowplowanalytics.snowplow"


def entities(number: int) -> list[tuple[str, dict[str, object]]]:
    """Return what trackers of a shop attach to a product that is put into the cart."""
    return [
        (
            f"{SHOP}/product/jsonschema/1-0-0",
            {
                "id": f"sku-{number % 997}",
                "name": "Winter coat, long",
                "category": "apparel/coats",
                "brand": "Nord",
                "variant": "blue",
                "price": 149.95,
                "quantity": 1,
                "currency": "EUR",
            },
        ),
        (
            f"{SHOP}/cart/jsonschema/1-0-0",
            {"cart_id": f"k-{number}", "total_value": 149.95, "currency": "EUR"},
        ),
        (f"{SHOP}/user/jsonschema/1-0-0", {"id": f"c-{number % 20_000}", "is_guest": False}),
        (f"{SNOWPLOW}/web_page/jsonschema/1-0-0", {"id": "024629f0-6b9b-440c-82d4-db3cf9d31533"}),
        (
            f"{SNOWPLOW}/client_session/jsonschema/1-0-2",
            {
                "userId": f"7a62ec9d-2aa0-4426-b014-{number:012d}",
                "sessionId": f"bca0fa0e-853c-41cf-9cc4-{number:012d}",
                "sessionIndex": 7,
                "eventIndex": 3,
                "previousSessionId": None,
                "storageMechanism": "COOKIE_1",
                "firstEventId": "40c3b5a3-4b1e-4a36-8a1b-4e4a1f6a6a0d",
                "firstEventTimestamp": "2026-01-01T00:00:00.000Z",
            },
        ),
    ]


def _contexts(number: int) -> str:
    found = [{"schema": schema, "data": data} for schema, data in entities(number)]
    return _json({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0", "data": found})


ACTION: Final = {"type": "add_to_cart"}
ACTION_SCHEMA: Final = f"{SHOP}/snowplow_ecommerce_action/jsonschema/1-0-2"


def _told() -> str:
    told = {"schema": ACTION_SCHEMA, "data": ACTION}
    return _json({"schema": f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0", "data": told})


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def tracked(number: int) -> dict[str, str]:
    """Return an event as the JavaScript tracker posts it."""
    return {
        "e": "ue",
        "eid": f"c6ef3124-b53a-4b13-a233-{number:012d}",
        "tv": "js-3.24.0",
        "tna": "sp",
        "aid": "shop",
        "p": "web",
        "cookie": "1",
        "cs": "UTF-8",
        "lang": "de-DE",
        "res": "1920x1080",
        "cd": "24",
        "tz": "Europe/Berlin",
        "dtm": "1767225600123",
        "stm": "1767225600456",
        "vp": "1903x969",
        "ds": "1903x3144",
        "vid": "7",
        "sid": f"bca0fa0e-853c-41cf-9cc4-{number:012d}",
        "duid": f"7a62ec9d-2aa0-4426-b014-{number:012d}",
        "uid": f"c-{number % 20_000}",
        "refr": "https://shop.example/coats",
        "url": "https://shop.example/p/coat",
        "page": "Winter coat",
        "cx": _base64(_contexts(number)),
        "ue_px": _base64(_told()),
    }


def tracker_batch(numbers: Sequence[int]) -> bytes:
    """Return what a tracker posts at once."""
    schema = f"{SNOWPLOW}/payload_data/jsonschema/1-0-4"
    return _json({"schema": schema, "data": [tracked(number) for number in numbers]}).encode()


def enriched_fields(number: int) -> dict[str, str]:
    """Return the fields of an event that the pipeline fills for a shop on the web, by their names."""
    return {
        "app_id": "shop",
        "platform": "web",
        "etl_tstamp": "2026-01-01 00:00:01.292",
        "collector_tstamp": "2026-01-01 00:00:00.500",
        "dvce_created_tstamp": "2026-01-01 00:00:00.123",
        "event": "unstruct",
        "event_id": f"c6ef3124-b53a-4b13-a233-{number:012d}",
        "name_tracker": "sp",
        "v_tracker": "js-3.24.0",
        "v_collector": "ssc-3.2.0-kafka",
        "v_etl": "snowplow-enrich-kafka-5.0.0",
        "user_id": f"c-{number % 20_000}",
        "user_ipaddress": "203.0.113.9",
        "domain_userid": f"7a62ec9d-2aa0-4426-b014-{number:012d}",
        "domain_sessionidx": "7",
        "network_userid": f"ecdff4d0-9175-40ac-a8bb-{number:012d}",
        "geo_country": "DE",
        "geo_city": "Berlin",
        "page_url": "https://shop.example/p/coat",
        "page_title": "Winter coat",
        "page_referrer": "https://shop.example/coats",
        "page_urlscheme": "https",
        "page_urlhost": "shop.example",
        "page_urlport": "443",
        "page_urlpath": "/p/coat",
        "refr_urlscheme": "https",
        "refr_urlhost": "shop.example",
        "refr_urlport": "443",
        "refr_urlpath": "/coats",
        "refr_medium": "internal",
        "useragent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "br_lang": "de-DE",
        "br_cookies": "1",
        "br_colordepth": "24",
        "br_viewwidth": "1903",
        "br_viewheight": "969",
        "os_timezone": "Europe/Berlin",
        "dvce_screenwidth": "1920",
        "dvce_screenheight": "1080",
        "doc_charset": "UTF-8",
        "doc_width": "1903",
        "doc_height": "3144",
        "dvce_sent_tstamp": "2026-01-01 00:00:00.456",
        "domain_sessionid": f"bca0fa0e-853c-41cf-9cc4-{number:012d}",
        "derived_tstamp": "2026-01-01 00:00:00.167",
        "event_vendor": "com.snowplowanalytics.snowplow.ecommerce",
        "event_name": "snowplow_ecommerce_action",
        "event_format": "jsonschema",
        "event_version": "1-0-2",
        "event_fingerprint": "e3dbfa9cca0412c3d4052863cefb547f",
    }


def enriched_line(number: int) -> bytes:
    """Return an enriched event as the pipeline writes it."""
    fields = enriched_fields(number) | {"contexts": _contexts(number), "unstruct_event": _told()}
    return "\t".join(fields.get(name, "") for name in FIELDS).encode()


def enriched_object(number: int) -> bytes:
    """Return an enriched event as the analytics SDKs write it."""
    fields: dict[str, object] = {**enriched_fields(number)}
    for schema, data in entities(number):
        fields[f"contexts_{_column(schema)}"] = [data]
    return _json(fields | {f"unstruct_event_{_column(ACTION_SCHEMA)}": ACTION}).encode()


def _column(schema: str) -> str:
    vendor, name, _, version = schema.removeprefix("iglu:").split("/")
    return f"{vendor.replace('.', '_')}_{name}_{version[0]}"
