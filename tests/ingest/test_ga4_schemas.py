"""Whatever Google's own events may hold, by their JSON Schemas, is read without a loss or refused by its name."""

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamproc.core.event import Event, Rejection
from streamproc.core.money import scale_of
from streamproc.core.record import Record
from streamproc.ingest import parse

SCHEMAS = Path(__file__).parents[2] / "../shared/data/iglu"
PREFIX = "com.google.tag-manager.server-side_"
# Not events: what a tag manager's preview adds, and the addresses of a person, which are never kept.
CONTEXTS = {"preview_mode", "user_data"}
EVENTS = {
    name: json.loads(file.read_text("utf-8"))
    for file in sorted(SCHEMAS.glob(f"{PREFIX}*.json"))
    if (name := file.name.removeprefix(PREFIX).partition("_jsonschema")[0]) not in CONTEXTS
}
pytestmark = pytest.mark.skipif(not EVENTS, reason="needs ../shared/data, which is not here")

Text = Callable[[int, int], st.SearchStrategy[str]]
Params = dict[str, Any]

CURRENCIES = ("EUR", "USD", "JPY", "KWD", "SEK")
CHARS_MAX = 40  # what is longer is cut at 512, which other tests hold
PRINTABLE = st.characters(categories=["L", "N", "P", "S"])
IN_EXTRA = {
    **{name: name for name in ("coupon", "tax", "shipping", "affiliation", "shipping_tier", "payment_type")},
    "item_list_id": "list_id",
    "item_list_name": "list_name",
    "promotion_id": "promotion_id",
    "promotion_name": "name",
    "creative_name": "creative",
    "creative_slot": "position",
}
OF_THE_ONLY_ITEM = {
    **{name: name for name in ("coupon", "discount", "affiliation", "location_id")},
    "index": "position",
    "item_list_id": "list_id",
    "item_list_name": "list_name",
}


def anything(shortest: int, longest: int) -> st.SearchStrategy[str]:
    return st.text(min_size=shortest, max_size=longest)


def well_formed(shortest: int, longest: int) -> st.SearchStrategy[str]:
    if shortest == longest == 3:
        return st.sampled_from(CURRENCIES)
    return st.text(PRINTABLE, min_size=shortest, max_size=min(longest, CHARS_MAX))


def drawn_from(schema: dict[str, Any], text: Text) -> st.SearchStrategy[Any]:
    """Derive a strategy from the part of JSON Schema that these schemas use."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    low, step = schema.get("minimum", -1000), schema.get("multipleOf")
    floats = st.floats(low, 1e9, allow_nan=False, allow_subnormal=False)
    numbers = st.integers(int(low), 10**9).map(lambda whole: whole * step if step else whole)
    options: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "null": st.none,
        "boolean": st.booleans,
        "integer": lambda: st.integers(int(low), 10**6),
        "number": lambda: numbers if step else floats | numbers,
        "string": lambda: text(schema.get("minLength", 0), schema.get("maxLength", CHARS_MAX)),
        "array": lambda: st.lists(drawn_from(schema["items"], text), max_size=3),
        "object": lambda: _objects(schema, text),
    }
    return st.one_of([options[name]() for name in types])


def _objects(schema: dict[str, Any], text: Text) -> st.SearchStrategy[Params]:
    fields = {name: drawn_from(field, text) for name, field in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


def events(text: Text) -> st.SearchStrategy[tuple[str, Params]]:
    return st.one_of(
        [st.tuples(st.just(name), drawn_from(schema, text)) for name, schema in EVENTS.items()]
        or [st.nothing()]
    )


def hit(name: str, params: Params) -> Params:
    return {"event_name": name, "client_id": "5.17", "ga_session_id": "1", **params}


def request(name: str, params: Params) -> Params:
    return {"client_id": "5.17", "events": [{"name": name, "params": params}]}


def parsed(payload: Params) -> Event | Rejection:
    value = json.dumps(payload).encode()
    (result,) = parse(
        Record("clickstream", 0, 0, 1_767_225_601_000, append_time=False, key=None, value=value)
    )
    return result


QUIETLY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUIETLY
@given(events(anything), st.sampled_from([hit, request]))
def test_any_event_of_the_schemas_is_read_or_refused_by_the_name_of_its_field(
    event: tuple[str, Params], shape: Callable[[str, Params], Params]
) -> None:
    name, params = event
    result = parsed(shape(name, params))
    if isinstance(result, Rejection):
        field = result.field.removeprefix("events[0].params.")
        assert field.partition("[")[0] in params
    else:
        assert result.kind != "custom.unnamed"


@QUIETLY
@given(events(well_formed), st.sampled_from([hit, request]))
def test_no_field_of_the_tables_is_lost(
    event: tuple[str, Params], shape: Callable[[str, Params], Params]
) -> None:
    name, params = event
    one_currency_and_a_name_each(params)
    result = parsed(shape(name, params))
    assert isinstance(result, Event), result
    assert result.currency == params.get("currency")
    assert result.value_minor == minor(params.get("value"), result.currency)
    assert result.order_id == (params.get("transaction_id") or None)
    assert result.query == (params.get("search_term") or None)
    if result.kind.startswith("custom."):
        told = {key: value for key, value in params.items() if key != "currency"}
        assert set(said(told).items()) <= set(result.extra.items())
        return
    told = said({IN_EXTRA[key]: value for key, value in params.items() if key in IN_EXTRA})
    assert set(told.items()) <= set(result.extra.items())
    items = params.get("items") or []
    assert [told_of(item, result.currency) for item in items] == [
        (item.item_id, item.name, item.brand, item.category, item.variant, item.price_minor, item.quantity)
        for item in result.items
    ]
    if len(items) == 1 and not result.kind.startswith("promo."):
        offered = said(
            {OF_THE_ONLY_ITEM[key]: value for key, value in items[0].items() if key in OF_THE_ONLY_ITEM}
        )
        assert set((offered | told).items()) <= set(result.extra.items())


def one_currency_and_a_name_each(params: Params) -> None:
    """Keep within what Google's guide asks for and its schemas do not."""
    for place, item in enumerate(params.get("items") or ()):
        item.pop("currency", None)
        if not item.get("item_name"):
            item["item_id"] = item.get("item_id") or f"item-{place}"


def said(values: Params) -> Params:
    return {name: value for name, value in values.items() if value is not None and value != ""}


def minor(amount: float | None, currency: str | None) -> int | None:
    if amount is None:
        return None
    return int((Decimal(repr(amount)) * scale_of(currency)).to_integral_value(ROUND_HALF_UP))


def told_of(item: Params, currency: str | None) -> tuple[Any, ...]:
    levels = ("item_category", "item_category2", "item_category3", "item_category4", "item_category5")
    return (
        item.get("item_id") or item["item_name"],
        item.get("item_name") or None,
        item.get("item_brand") or None,
        "/".join(item[level] for level in levels if item.get(level)) or None,
        item.get("item_variant") or None,
        minor(item.get("price"), currency),
        item.get("quantity"),
    )


def test_every_event_of_the_schemas_has_a_kind_that_the_tables_give_it() -> None:
    without = {name for name in EVENTS if isinstance(parsed(hit(name, {})), Rejection)}
    assert without == set()
    custom = {name for name in EVENTS if getattr(parsed(hit(name, {})), "kind", "").startswith("custom.")}
    assert set(EVENTS) - custom == {
        *(
            "add_payment_info",
            "add_shipping_info",
            "add_to_cart",
            "add_to_wishlist",
            "begin_checkout",
            "purchase",
        ),
        *(
            "refund",
            "remove_from_cart",
            "search",
            "select_item",
            "select_promotion",
            "view_cart",
            "view_item",
        ),
        *("view_item_list", "view_promotion", "view_search_results"),
    }
