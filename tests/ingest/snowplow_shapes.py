"""One Snowplow event in each of the shapes in which it may arrive."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

Entity = tuple[str, Any]  # the address of a schema, and the data
Payload = bytes | dict[str, Any]
Shape = Callable[..., Payload]

SHOP = "iglu:com.snowplowanalytics.snowplow.ecommerce"
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"

# Snowplow's tracker protocol and the fields of its enriched events, written out a second time.
TRACKER_KEYS = {
    "event": "e",
    "event_id": "eid",
    "platform": "p",
    "app_id": "aid",
    "true_tstamp": "ttm",
    "dvce_created_tstamp": "dtm",
    "dvce_sent_tstamp": "stm",
    "user_id": "uid",
    "domain_userid": "duid",
    "network_userid": "nuid",
    "domain_sessionid": "sid",
    "domain_sessionidx": "vid",
    "page_url": "url",
    "page_title": "page",
    "page_referrer": "refr",
    "br_lang": "lang",
    "os_timezone": "tz",
    "se_category": "se_ca",
    "se_action": "se_ac",
    "se_label": "se_la",
    "se_property": "se_pr",
    "se_value": "se_va",
    "tr_orderid": "tr_id",
    "tr_affiliation": "tr_af",
    "tr_total": "tr_tt",
    "tr_tax": "tr_tx",
    "tr_shipping": "tr_sh",
    "tr_currency": "tr_cu",
    "ti_orderid": "ti_id",
    "ti_sku": "ti_sk",
    "ti_name": "ti_nm",
    "ti_category": "ti_ca",
    "ti_price": "ti_pr",
    "ti_quantity": "ti_qu",
    "ti_currency": "ti_cu",
}
LINE = tuple(
    """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker
    v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx
    network_userid geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude
    geo_region_name ip_isp ip_organization ip_domain ip_netspeed page_url page_title page_referrer
    page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery page_urlfragment refr_urlscheme
    refr_urlhost refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source
    refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action
    se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping
    tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
    pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version
    br_type br_renderengine br_lang br_features_pdf br_features_flash br_features_java
    br_features_director br_features_quicktime br_features_realplayer br_features_windowsmedia
    br_features_gears br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight
    os_name os_family os_manufacturer os_timezone dvce_type dvce_ismobile dvce_screenwidth
    dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base tr_tax_base
    tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network
    etl_tags dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid
    derived_tstamp event_vendor event_name event_format event_version event_fingerprint true_tstamp
    """.split()  # noqa: SIM905 - a word a field
)

EVENT_ID = "c6ef3124-b53a-4b13-a233-0088f79dcbcb"
FIELDS = {"event": "unstruct", "event_id": EVENT_ID, "platform": "web", "user_id": "c-17"}
COAT = {"id": "coat-1", "name": "Winter coat", "category": "coats", "price": 149.0, "currency": "EUR"}


def product(**fields: Any) -> Entity:
    return f"{SHOP}/product/jsonschema/1-0-0", COAT | fields


def entity(name: str, version: str = "1-0-0", /, **fields: Any) -> Entity:
    vendor = SNOWPLOW if name in ("client_session", "mobile_context", "geolocation_context") else SHOP
    return f"{vendor}/{name}/jsonschema/{version}", fields


def action(kind: str, name: str | None = None) -> Entity:
    told = {"type": kind} | ({"name": name} if name else {})
    return f"{SHOP}/snowplow_ecommerce_action/jsonschema/1-0-2", told


def told(name: str, vendor: str = SNOWPLOW, version: str = "1-0-0", /, **fields: Any) -> Entity:
    return f"{vendor}/{name}/jsonschema/{version}", fields


def base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def contexts(entities: Sequence[Entity]) -> dict[str, Any]:
    data = [{"schema": schema, "data": data} for schema, data in entities]
    return {"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0", "data": data}


def unstruct(one: Entity) -> dict[str, Any]:
    data = {"schema": one[0], "data": one[1]}
    return {"schema": f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0", "data": data}


def tracked(
    fields: dict[str, Any], one: Entity | None = None, entities: Sequence[Entity] = (), *, base64: bool = True
) -> dict[str, Any]:
    """Return an event of a batch; a field without a key of a tracker stands under its own name."""
    event = {TRACKER_KEYS.get(name, name): value for name, value in fields.items()}
    if one is not None:
        text = json.dumps(unstruct(one))
        event |= {"ue_px": base64url(text)} if base64 else {"ue_pr": text}
    if entities:
        text = json.dumps(contexts(entities))
        event |= {"cx": base64url(text)} if base64 else {"co": text}
    return event


def batch(*events: Any) -> dict[str, Any]:
    return {"schema": f"{SNOWPLOW}/payload_data/jsonschema/1-0-4", "data": list(events)}


def tracker(
    fields: dict[str, Any], one: Entity | None = None, entities: Sequence[Entity] = ()
) -> dict[str, Any]:
    return batch(tracked(fields, one, entities))


def plain_tracker(
    fields: dict[str, Any], one: Entity | None = None, entities: Sequence[Entity] = ()
) -> dict[str, Any]:
    return batch(tracked(fields, one, entities, base64=False))


def column(prefix: str, schema: str) -> str:
    vendor, name, _, version = schema.removeprefix("iglu:").split("/")
    return f"{prefix}_{vendor.replace('.', '_')}_{name}_{version.partition('-')[0]}"


def enriched(fields: dict[str, Any], one: Entity | None, entities: Sequence[Entity]) -> dict[str, Any]:
    found = {"collector_tstamp": "2026-01-01T00:00:00.500Z"} | fields
    if one is not None:
        vendor, name, _, version = one[0].removeprefix("iglu:").split("/")
        found |= {"event_vendor": vendor, "event_name": name, "event_version": version}
    return found


def sdk_object(
    fields: dict[str, Any], one: Entity | None = None, entities: Sequence[Entity] = ()
) -> dict[str, Any]:
    """Return an event as the analytics SDKs write it."""
    found = enriched(fields, one, entities)
    if one is not None:
        found[column("unstruct_event", one[0])] = one[1]
    for schema, data in entities:
        found.setdefault(column("contexts", schema), []).append(data)
    return found


def lossless_object(
    fields: dict[str, Any], one: Entity | None = None, entities: Sequence[Entity] = ()
) -> dict[str, Any]:
    """Return an event as the SDKs write it with its envelopes."""
    found = enriched(fields, one, entities)
    if one is not None:
        found["unstruct_event"] = unstruct(one)
    if entities:
        found |= {"contexts": contexts(entities[:1]), "derived_contexts": contexts(entities[1:])}
    return found


def line(fields: dict[str, Any], one: Entity | None = None, entities: Sequence[Entity] = ()) -> bytes:
    found = enriched(fields, one, entities)
    if one is not None:
        found["unstruct_event"] = json.dumps(unstruct(one))
    if entities:
        found |= {"contexts": json.dumps(contexts(entities))}
    texts = ["" if found.get(name) is None else str(found[name]) for name in LINE]
    return "\t".join(texts).encode()


SHAPES: dict[str, Shape] = {
    "tracker": tracker,
    "plain_tracker": plain_tracker,
    "sdk_object": sdk_object,
    "lossless_object": lossless_object,
    "line": line,
}
