"""Whatever Snowplow's own schemas allow is read without a loss that the guide does not tell of."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Event, Rejection
from streamproc.core.money import scale_of
from streamproc.core.record import Record
from streamproc.ingest import parse
from tests.ingest import snowplow_shapes as shapes
from tests.ingest.schemas import SCHEMAS

GUIDE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text("utf-8")
SECTION = GUIDE.split("\n## Snowplow")[1].split("\n## ")[0]
VENDORS = ("com.snowplowanalytics.snowplow.ecommerce", "com.snowplowanalytics.snowplow")
FILES = sorted(SCHEMAS.glob("com.snowplowanalytics.snowplow*.json")) if SCHEMAS.exists() else []
pytestmark = pytest.mark.skipif(not FILES, reason="the schemas are not at ../shared/data/iglu")

# Within the documented bounds of ids and texts; what lies outside of them other tests hold.
PRINTABLE = st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u200e\u200f")
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40).filter(
    lambda text: text != "0"
)
TEXTS = st.text(PRINTABLE, max_size=20)
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "eur", "SEK"])
ID_NAMES = {"id", "sku", "transaction_id", "cart_id", "userId", "sessionId"}


def load(name: str) -> dict[str, Any]:
    """Return the schema of an event or entity, by `name/version`."""
    short, version = name.split("/")
    names = {f"{vendor}_{short}_jsonschema_{version}.json" for vendor in VENDORS}
    (file,) = [one for one in FILES if one.name in names]
    loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return loaded


def address(name: str) -> str:
    short, version = name.split("/")
    return f"iglu:{load(name)['self']['vendor']}/{short}/jsonschema/{version}"


def instances(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw what a schema of an object allows, any of its optional fields left out."""
    needed = schema.get("required", ())
    fields = {name: values(name, one) for name, one in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: one for name, one in fields.items() if name in needed},
        optional={name: one for name, one in fields.items() if name not in needed},
    )


def values(name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([of_kind(kind, name, schema) for kind in kinds])


def of_kind(kind: str, name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", 0), schema.get("maximum", 10_000)
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(low, min(high, 2**53 - 1))
        case "number" if name == "quantity":
            return st.integers(0, 1000).map(float)
        case "number":
            cents = st.integers(round(low * 100), round(high * 100)).map(lambda cents: cents / 100)
            return cents | cents.map(str) if "multipleOf" in schema else cents
        case "array":
            return st.lists(values("", schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    if name == "currency":
        return CURRENCIES
    if name in ID_NAMES:
        return st.uuids().map(str) if "pattern" in schema or "format" in schema else IDS
    return TEXTS.map(lambda text: text[: schema.get("maxLength", 20)])


Told = tuple[
    str, str, tuple[str, ...]
]  # an event, its action if it is one, and the entities that belong to it

# For each entity the event that it belongs to.
ENTITIES = {
    "product/1-0-0": "product_view",
    "cart/1-0-0": "list_view",
    "transaction/1-0-0": "transaction",
    "transaction_error/1-0-0": "trns_error",
    "refund/1-0-0": "refund",
    "checkout_step/1-0-0": "checkout_step",
    "promotion/1-0-0": "promo_click",
    "page/1-0-0": "list_view",
    "user/1-0-0": "list_view",
    **{f"client_session/1-0-{version}": "list_view" for version in range(3)},
    **{f"mobile_context/1-0-{version}": "list_view" for version in range(4)},
    "geolocation_context/1-0-0": "list_view",
    "geolocation_context/1-1-0": "list_view",
    "web_page/1-0-0": "list_view",
}
TOLD = (
    *(f"snowplow_ecommerce_action/1-0-{version}" for version in range(3)),
    *("add_to_cart/1-0-0", "consent_preferences/1-0-0", "consent_withdrawn/1-0-0"),
    *("link_click/1-0-0", "link_click/1-0-1"),
)
# Of these schemas the guide names every field; of the others it says in a sentence what is not kept.
NAMED = (
    *(name for name in ENTITIES if FILES and load(name)["self"]["vendor"] == VENDORS[0]),
    *("client_session/1-0-2", "consent_preferences/1-0-0", "consent_withdrawn/1-0-0"),
)


def minor(value: float | str | None, event: Event) -> int | None:
    if value is None:
        return None
    return int((Decimal(str(value)) * scale_of(event.currency)).to_integral_value(ROUND_HALF_UP))


def extra(name: str) -> Callable[[Event], Any]:
    return lambda event: event.extra.get(name)


def item(name: str) -> Callable[[Event], Any]:
    return lambda event: getattr(event.items[0], name)


# Where each field arrives. What is missing here is not kept, and the guide says so.
ARRIVES: dict[str, dict[str, Callable[[Event], Any]]] = {
    "product": {
        **{name: item(name) for name in ("name", "category", "brand", "variant", "quantity")},
        **{
            name: extra(name)
            for name in ("list_price", "size", "inventory_status", "position", "creative_id")
        },
        "id": item("item_id"),
        "price": item("price_minor"),
        "currency": lambda event: event.currency,
    },
    "cart": {
        "cart_id": lambda event: event.cart_id,
        "total_value": lambda event: event.value_minor,
        "currency": lambda event: event.currency,
    },
    "transaction": {
        "transaction_id": lambda event: event.order_id,
        "revenue": lambda event: event.value_minor,
        "currency": lambda event: event.currency,
        **{
            name: extra(name)
            for name in ("payment_method", "total_quantity", "tax", "shipping", "credit_order")
        },
        "discount_code": extra("coupon"),
        "discount_amount": extra("discount"),
    },
    "transaction_error": {
        name: extra(name)
        for name in ("error_code", "error_shortcode", "error_description", "error_type", "resolution")
    },
    "refund": {
        "transaction_id": lambda event: event.order_id,
        "refund_amount": lambda event: event.value_minor,
        "currency": lambda event: event.currency,
        "refund_reason": extra("reason"),
    },
    "checkout_step": {
        **{name: extra(name) for name in ("step", "delivery_provider", "delivery_method", "account_type")},
        **{name: extra(name) for name in ("payment_method", "proof_of_payment")},
        "coupon_code": extra("coupon"),
    },
    "promotion": {
        **{name: extra(name) for name in ("name", "position", "type", "slot")},
        "id": extra("promotion_id"),
        "creative_id": extra("creative"),
    },
    "page": {"type": extra("page_type")},
    "user": {"id": lambda event: event.customer_id or event.anonymous_id},
    "client_session": {
        "userId": lambda event: event.anonymous_id,
        "sessionId": lambda event: event.session_id,
        "sessionIndex": extra("session_index"),
        "eventIndex": extra("event_index"),
    },
    "mobile_context": {"language": lambda event: event.locale},
    "snowplow_ecommerce_action": {"name": extra("list_id")},
    "add_to_cart": {
        "sku": item("item_id"),
        **{name: item(name) for name in ("name", "category", "quantity")},
        "unitPrice": item("price_minor"),
        "currency": lambda event: event.currency,
    },
    "consent_preferences": {
        name: extra(name)
        for name in ("eventType", "basisForProcessing", "consentVersion", "consentUrl", "gdprApplies")
    }
    | {name: extra(name) for name in ("consentScopes", "domainsApplied")},
    "consent_withdrawn": {"all": extra("all")},
    "link_click": {
        name: extra(name) for name in ("elementId", "elementTarget", "targetUrl", "elementContent")
    },
}
MONEY = {"price", "total_value", "revenue", "refund_amount", "unitPrice"}
SHAPES = st.sampled_from(list(shapes.SHAPES.values()))


def read(payload: shapes.Payload) -> Event | Rejection:
    value = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    (found,) = parse(Record("clickstream", 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value))
    return found


def assert_arrived(name: str, data: dict[str, Any], event: Event) -> None:
    for field, where in ARRIVES[name].items():
        sent: Any = data.get(field)
        if field in MONEY:
            sent = minor(sent, event)
        elif field == "currency" and sent:
            sent = sent.upper()
        elif isinstance(sent, list):
            sent = ", ".join(sent)
        assert where(event) == (None if sent == "" else sent), field


@given(st.data(), SHAPES, st.sampled_from(list(ENTITIES)))
def test_an_entity_arrives_with_every_field(data: st.DataObject, shape: shapes.Shape, name: str) -> None:
    drawn = data.draw(instances(load(name)))
    short = name.partition("/")[0]
    fields = {} if short in ("user", "client_session") else {"user_id": "c-17"}
    other = (
        shapes.entity("client_session", userId="d-9") if short == "user" else shapes.entity("user", id="c-17")
    )
    entities = [(address(name), drawn), *([] if fields else [other])]
    fields |= {"event": "unstruct", "event_id": "x", "platform": "mob"}
    event = read(shape(fields, shapes.action(ENTITIES[name]), entities))
    assert isinstance(event, Event), event
    if short == "user" and drawn.get("is_guest"):
        assert (event.customer_id, event.anonymous_id) == ("", "d-9")
    elif short in ARRIVES:
        assert_arrived(short, drawn, event)


@given(st.data(), SHAPES, st.sampled_from(TOLD))
def test_what_an_event_tells_arrives_with_every_field(
    data: st.DataObject, shape: shapes.Shape, name: str
) -> None:
    drawn = data.draw(instances(load(name)))
    entities = [shapes.product()] if name.startswith("snowplow_ecommerce_action") else []
    event = read(shape(shapes.FIELDS, (address(name), drawn), entities))
    assert isinstance(event, Event), event
    assert_arrived(name.partition("/")[0], drawn, event)


@given(st.data(), SHAPES, st.lists(st.sampled_from(list(ENTITIES)), max_size=6), st.sampled_from(TOLD))
def test_any_entities_together_with_any_event_are_read_or_refused_by_name(
    data: st.DataObject, shape: shapes.Shape, names: list[str], told: str
) -> None:
    entities = [(address(name), data.draw(instances(load(name)))) for name in names]
    result = read(shape(shapes.FIELDS, (address(told), data.draw(instances(load(told)))), entities))
    if isinstance(result, Rejection):
        assert (result.reason, result.field.removeprefix("data[0].")) == ("missing_field", "product")


BATCHES = [f"payload_data/1-0-{version}" for version in range(5)]
KEYS = st.sampled_from(["pv", "pp", "se", "tr", "ti", "ue", "ad"])
TIMES = {"dtm", "stm", "ttm"}


def keys_of(name: str, event: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an event of a tracker: all keys are text, and some of it has to be what the key is for."""
    schema = load(name)["items"]
    numbers = st.integers(0, 10**6).map(lambda cents: str(cents / 100))
    own: dict[str, st.SearchStrategy[Any]] = {
        "e": st.just(event),
        **dict.fromkeys(TIMES, st.integers(1_767_225_000_000, 1_767_225_601_000).map(str)),
        **dict.fromkeys(("tr_tt", "tr_tx", "tr_sh", "ti_pr"), numbers),
        **dict.fromkeys(("ti_qu", "vid"), st.integers(0, 1000).map(str)),
        **dict.fromkeys(("tr_cu", "ti_cu"), CURRENCIES),
        **dict.fromkeys(("eid", "uid", "duid", "nuid", "tnuid", "sid", "tr_id", "ti_id", "ti_sk"), IDS),
        "co": st.just(json.dumps(shapes.contexts([shapes.product()]))),
        "ue_pr": st.just(json.dumps(shapes.unstruct(shapes.told("quiz", "iglu:com.acme", score=3)))),
    }
    own |= {"cx": own["co"].map(shapes.base64url), "ue_px": own["ue_pr"].map(shapes.base64url)}
    needed = {"e", "eid", "uid"} | ({"ti_sk"} if event == "ti" else {"ue_px"} if event == "ue" else set())
    drawn = {key: own.get(key, TEXTS) for key in schema["properties"]}
    return st.fixed_dictionaries(
        {key: drawn[key] for key in needed},
        optional={key: one for key, one in drawn.items() if key not in needed},
    )


@given(st.data(), st.sampled_from(BATCHES), KEYS)
def test_an_event_of_a_tracker_arrives_with_every_key_of_the_table(
    data: st.DataObject, name: str, event: str
) -> None:
    keys = data.draw(keys_of(name, event))
    seen = read({"schema": address(name), "data": [keys]})
    assert isinstance(seen, Event), seen
    sent = {key: value or None for key, value in keys.items()}
    network = sent.get("tnuid") or sent.get("nuid")
    assert (seen.event_id, seen.customer_id) == (sent["eid"], sent["uid"])
    assert seen.anonymous_id == (sent.get("duid") or network or "")
    assert (seen.session_id, seen.page_url) == (sent.get("sid"), sent.get("url"))
    assert (seen.locale, seen.timezone) == (sent.get("lang"), sent.get("tz"))
    further = {"page_title": "page", "page_referrer": "refr", "app_id": "aid"}
    if event == "se":
        further |= {"se_category": "se_ca", "se_label": "se_la", "se_property": "se_pr", "se_value": "se_va"}
    if event == "tr":
        currency = sent.get("tr_cu") or ("EUR" if {"co", "cx"} & set(sent) else None)
        further |= {"affiliation": "tr_af", "tax": "tr_tx", "shipping": "tr_sh"}
        assert (seen.order_id, seen.currency) == (sent.get("tr_id"), currency and currency.upper())
        assert seen.value_minor == minor(sent.get("tr_tt"), seen)
    if event == "ti":
        (thing,) = seen.items
        assert (seen.order_id, thing.item_id) == (sent.get("ti_id"), sent["ti_sk"])
        assert (thing.name, thing.category) == (sent.get("ti_nm") or sent.get("ti_na"), sent.get("ti_ca"))
        assert thing.price_minor == minor(sent.get("ti_pr"), seen)
    assert {ours: seen.extra.get(ours) for ours in further} == {
        ours: sent.get(theirs) for ours, theirs in further.items()
    }


@pytest.mark.parametrize("name", NAMED)
def test_the_guide_names_each_field_of_the_shop_that_is_kept_and_each_that_is_not(name: str) -> None:
    for field in load(name)["properties"]:
        assert f"`{field}`" in SECTION, field
