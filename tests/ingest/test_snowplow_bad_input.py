"""Bad input of Snowplow's shapes: taken or refused as documented, never guessed."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Event, Item, Rejection
from tests.ingest.snowplow_shapes import (
    FIELDS,
    LINE,
    SHAPES,
    SHOP,
    SNOWPLOW,
    TRACKER_KEYS,
    Entity,
    Shape,
    action,
    base64url,
    batch,
    column,
    contexts,
    entity,
    line,
    product,
    sdk_object,
    told,
    tracked,
    tracker,
)

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
VIEW = FIELDS | {"event": "page_view"}


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    made: Shape = request.param
    return made


def called(shape: Shape, field: str) -> str:
    """Return what the producer of a shape calls a field or an entity of the table."""
    head, dot, rest = field.partition(".")
    name, bracket, place = head.partition("[")
    if shape in (SHAPES["tracker"], SHAPES["plain_tracker"]):
        return f"data[0].{TRACKER_KEYS.get(name, name)}{bracket}{place}{dot}{rest}"
    if shape is sdk_object and bracket:
        return f"{column('contexts', f'{SHOP}/{name}/jsonschema/1-0-0')}[{place}{dot}{rest}"
    return field


@pytest.mark.parametrize(
    ("entities", "reason", "field"),
    [
        ([product(price=-1)], "out_of_range", "product[0].price"),
        ([product(price="12 EUR")], "wrong_type", "product[0].price"),
        ([product(price=[])], "wrong_type", "product[0].price"),
        ([product(), product(price=True)], "wrong_type", "product[1].price"),
        ([product(price=10**30)], "out_of_range", "product[0].price"),
        ([product(currency="euro")], "bad_text", "product[0].currency"),
        ([product(), product(currency="€")], "bad_text", "product[1].currency"),
        ([product(quantity=1.5)], "wrong_type", "product[0].quantity"),
        ([product(quantity=-1)], "out_of_range", "product[0].quantity"),
        ([product(id="")], "missing_field", "product[0].id"),
        ([product(id=7.5)], "wrong_type", "product[0].id"),
        ([product(id="x" * 129)], "bad_text", "product[0].id"),
        ([product(name="a\u0000b")], "bad_text", "product[0].name"),
        ([product()] * 51, "too_many", "product"),
        (
            [product(), entity("cart", total_value=-0.01, currency="EUR")],
            "out_of_range",
            "cart[0].total_value",
        ),
        ([product(), entity("cart", total_value=1, currency="EURO")], "bad_text", "cart[0].currency"),
        ([product(), entity("cart", cart_id="a\nb")], "bad_text", "cart[0].cart_id"),
        (
            [product(), entity("transaction", transaction_id=True)],
            "wrong_type",
            "transaction[0].transaction_id",
        ),
        ([product(), entity("transaction", revenue="a lot")], "wrong_type", "transaction[0].revenue"),
        ([product(), entity("refund", refund_amount={})], "wrong_type", "refund[0].refund_amount"),
        ([product(), entity("user", id=["c"])], "wrong_type", "user[0].id"),
        ([product(), entity("user", is_guest="no")], "wrong_type", "user[0].is_guest"),
        ([product(), (f"{SHOP}/cart/jsonschema/1-0-0", [])], "not_an_object", "cart[0]"),
        ([product(), (f"{SHOP}/cart/jsonschema/1-0-0", None)], "not_an_object", "cart[0]"),
        ([], "missing_field", "product"),
    ],
)
def test_an_entity_that_is_wrong_is_named(
    refusal: Refusal, shape: Shape, entities: list[Entity], reason: str, field: str
) -> None:
    if shape is sdk_object and field == "cart[0]":
        reason = "wrong_type"
    elif shape is sdk_object and field == "product" and entities:
        field = column("contexts", f"{SHOP}/product/jsonschema/1-0-0")
    assert refusal(shape(FIELDS, action("add_to_cart"), entities)) == (reason, called(shape, field))


@pytest.mark.parametrize("shape", [tracker, sdk_object, line])
@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"event_id": ""}, "missing_field", "event_id"),
        ({"event_id": "a b"}, "bad_text", "event_id"),
        ({"event": ""}, "missing_field", "event"),
        ({"user_id": "x" * 129}, "bad_text", "user_id"),
        ({"user_id": "müller"}, "bad_text", "user_id"),
        ({"user_id": ""}, "no_identity", "user_id"),
        ({"domain_userid": "a\u00a0b"}, "bad_text", "domain_userid"),
        ({"domain_sessionidx": "many"}, "wrong_type", "domain_sessionidx"),
        ({"domain_sessionidx": "-1"}, "out_of_range", "domain_sessionidx"),
        ({"dvce_created_tstamp": "yesterday"}, "wrong_type", "dvce_created_tstamp"),
        ({"page_url": "https://shop.example/\u0000"}, "bad_text", "page_url"),
        ({"event": "tr", "tr_total": "-1"}, "out_of_range", "tr_total"),
        ({"event": "tr", "tr_currency": "euro"}, "bad_text", "tr_currency"),
        ({"event": "ti"}, "missing_field", "ti_sku"),
        ({"event": "ti", "ti_sku": "a", "ti_price": "dear"}, "wrong_type", "ti_price"),
        ({"event": "ti", "ti_sku": "a", "ti_quantity": "0.5"}, "wrong_type", "ti_quantity"),
        ({"event": "ti", "ti_sku": "a", "ti_name": "a\u0000"}, "bad_text", "ti_name"),
    ],
)
def test_a_field_that_is_wrong_is_named_as_its_producer_calls_it(
    refusal: Refusal, shape: Shape, change: dict[str, Any], reason: str, field: str
) -> None:
    fields = VIEW | ({"derived_tstamp": "", "collector_tstamp": "2026-01-01 00:00:00"}) | change
    if shape is not tracker and fields["event_id"] == "":
        return  # then it is not known as an enriched event at all
    assert refusal(shape(fields)) == (reason, called(shape, field))


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"uid": 7.5}, "wrong_type", "uid"),
        ({"uid": True}, "wrong_type", "uid"),
        ({"url": 5}, "wrong_type", "url"),
        ({"dtm": "1767225600"}, "out_of_range", "dtm"),
        ({"dtm": "1767225600000000"}, "wrong_type", "dtm"),
        ({"dtm": "2026-01-01T00:00:00Z"}, "wrong_type", "dtm"),
        ({"dtm": "١٧٦٧٢٢٥٦٠٠٠٠٠"}, "wrong_type", "dtm"),
        ({"dtm": "1767225600000", "stm": "soon"}, "wrong_type", "stm"),
        ({"ttm": "1767225901001"}, "in_the_future", "ttm"),
        ({"dtm": "1767225901001"}, "in_the_future", "dtm"),
        ({"cx": 5}, "wrong_type", "cx"),
        ({"cx": "not base64!"}, "bad_text", "cx"),
        ({"cx": "abcde"}, "bad_text", "cx"),
        ({"cx": "abcd===="}, "bad_text", "cx"),
        ({"cx": "äbcd"}, "bad_text", "cx"),
        ({"cx": base64url("no JSON")}, "not_json", "cx"),
        ({"cx": base64url("[]")}, "not_an_object", "cx"),
        ({"cx": base64url("{}")}, "missing_field", "cx.data"),
        ({"cx": base64url('{"data":{}}')}, "wrong_type", "cx.data"),
        ({"cx": base64url('{"data":[5]}')}, "wrong_type", "cx.data[0]"),
        ({"cx": base64url('{"data":[{"data":{}}]}')}, "missing_field", "cx.data[0].schema"),
        ({"co": '{"data":[{"schema":"x"}]}'}, "missing_field", "co.data[0].data"),
        ({"co": '{"data":["\\ud800"]}'}, "bad_text", "co.data[0]"),
        ({"cx": base64.b64encode(b'{"a":"\xff"}').decode()}, "not_json", "cx"),
        ({"cx": base64url('{"data":' + "[" * 33 + "]" * 33 + "}")}, "too_deep", "cx"),
        ({"co": '{"data":' + '{"a":' * 33 + "1" + "}" * 34}, "too_deep", "co"),
    ],
)
def test_a_key_of_a_tracker_that_is_wrong_is_named(
    refusal: Refusal, change: dict[str, Any], reason: str, field: str
) -> None:
    event = {"e": "pv", "eid": "x", "uid": "c-17"} | change
    assert refusal(batch(event)) == (reason, f"data[0].{field}")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({}, "missing_field", "ue_px"),
        ({"ue_px": "not base64!"}, "bad_text", "ue_px"),
        ({"ue_px": base64url("{}")}, "missing_field", "ue_px.data"),
        ({"ue_pr": '{"data":{"schema":"iglu:com.acme/quiz","data":{}}}'}, "bad_text", "ue_pr.data.schema"),
        (
            {"ue_pr": '{"data":{"schema":"iglu:com.acme/quiz/jsonschema/1-0-0","data":[]}}'},
            "not_an_object",
            "ue_pr.data.data",
        ),
        ({"ue_px": base64url('{"a":' * 33 + "1" + "}" * 33)}, "too_deep", "ue_px"),
    ],
)
def test_what_an_event_tells_must_be_readable(
    refusal: Refusal, change: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(batch({"e": "ue", "eid": "x", "uid": "c"} | change)) == (reason, f"data[0].{field}")


@pytest.mark.parametrize(
    ("payload", "reason", "field"),
    [
        (batch(), "empty", "data"),
        (batch(*[{}] * 1001), "too_many", "data"),
        ({"schema": batch()["schema"]}, "missing_field", "data"),
        ({"schema": batch()["schema"], "data": {"e": "pv"}}, "wrong_type", "data"),
        ({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0", "data": []}, "unknown_envelope", ""),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(
    refusal: Refusal, payload: Any, reason: str, field: str
) -> None:
    assert refusal(payload) == (reason, field)


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"user_id": 7.5}, "wrong_type", "user_id"),
        ({"derived_tstamp": 1_767_225_600}, "out_of_range", "derived_tstamp"),
        ({"derived_tstamp": "2026-01-01"}, "wrong_type", "derived_tstamp"),
        ({"derived_tstamp": "2026-01-01 00:05:01.001"}, "in_the_future", "derived_tstamp"),
        ({"derived_tstamp": "2026-01-01T02:05:01.001+02:00"}, "in_the_future", "derived_tstamp"),
        ({"contexts": []}, "wrong_type", "contexts"),
        ({"contexts": {"data": [{}]}}, "missing_field", "contexts.data[0].schema"),
        (
            {column("contexts", f"{SHOP}/cart/x/1-0-0"): {"cart_id": "k"}},
            "wrong_type",
            column("contexts", f"{SHOP}/cart/x/1-0-0"),
        ),
    ],
)
def test_a_field_of_an_object_that_is_wrong_is_named(
    refusal: Refusal, change: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(sdk_object(VIEW) | change) == (reason, field)


def test_an_object_must_have_what_it_tells(refusal: Refusal) -> None:
    assert refusal(sdk_object(FIELDS)) == ("missing_field", "unstruct_event")
    assert refusal(sdk_object(FIELDS) | {"unstruct_event_com_acme_quiz_1": []}) == (
        "not_an_object",
        "unstruct_event",
    )
    assert refusal(line(FIELDS)) == ("missing_field", "unstruct_event")
    assert refusal(line(FIELDS, action(""))) == ("missing_field", "snowplow_ecommerce_action.type")


def test_without_the_name_of_its_event_an_object_is_named_by_its_column(event: OnlyEvent) -> None:
    nameless = sdk_object(FIELDS, told("quiz", "iglu:com.acme", score=3)) | {"event_name": None}
    assert event(nameless).kind == "custom.com_acme_quiz_1"


@pytest.mark.parametrize("fields", [1, 2, 130, 132, 300])
def test_a_line_of_other_than_131_fields_is_refused_with_their_number(
    send: Callable[..., list[Any]], fields: int
) -> None:
    parts = line(VIEW).split(b"\t")
    (result,) = send(b"\t".join(([b"shop", *parts] * 3)[:fields]))
    assert isinstance(result, Rejection)
    assert result.reason == "not_json"
    assert result.detail == (f"{fields} fields between tabs, not 131" if fields > 1 else "")


def test_a_line_may_end_and_begin_as_lines_do(event: OnlyEvent, refusal: Refusal) -> None:
    whole = line(VIEW)
    assert event(whole + b"\r\n") == event(whole)
    assert event(b"\x00\x00\x00\x00\x01" + whole) == event(whole)
    assert event(line(VIEW | {"app_id": "[shop]"})).extra == {"app_id": "[shop]"}
    assert refusal(whole.replace(b"web", b"\xff")) == ("not_json", "")
    assert refusal(b"\t" * (len(LINE) - 1)) == ("missing_field", "collector_tstamp")


def test_json_with_tabs_is_no_line(event: OnlyEvent, refusal: Refusal) -> None:
    printed = json.dumps(sdk_object(VIEW), indent="\t" * 40).encode()
    assert event(printed).dialect == "snowplow"
    assert event(b"\n\t " + printed).dialect == "snowplow"
    assert refusal(json.dumps([1, 2], indent="\t").encode()) == ("not_an_object", "")
    assert refusal(b"\t[") == ("not_json", "")


def test_a_line_may_have_as_many_brackets_and_quotes_as_it_likes(event: OnlyEvent) -> None:
    title = '5" screen {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{'
    seen = event(line(FIELDS | {"page_title": title}, action("list_view"), [product()] * 40))
    assert (seen.extra, len(seen.items)) == ({"page_title": title}, 40)


def test_deep_json_in_a_line_is_refused_by_its_field(refusal: Refusal) -> None:
    deep = '{"a":' * 33 + "1" + "}" * 33
    fields = {"collector_tstamp": "2026-01-01 00:00:00"} | VIEW | {"page_title": '5"', "contexts": deep}
    value = "\t".join(str(fields.get(name, "")) for name in LINE).encode()
    assert refusal(value)[0] == "too_deep"


# Money


@pytest.mark.parametrize(
    ("price", "currency", "wanted"),
    [
        ("12.0", "EUR", (1200, "EUR")),
        (12, "eur", (1200, "EUR")),
        ("12.5", "", (1250, None)),
        (12.345, None, (1235, None)),
        (12, "JPY", (12, "JPY")),
        (12, "KWD", (12_000, "KWD")),
        (12, "QQQ", (1200, "QQQ")),
        ("", "EUR", (None, "EUR")),
        (None, "EUR", (None, "EUR")),
    ],
)
def test_money_arrives_as_a_number_or_as_text(
    event: OnlyEvent, shape: Shape, price: Any, currency: str | None, wanted: tuple[int | None, str | None]
) -> None:
    seen = event(shape(FIELDS, action("product_view"), [product(price=price, currency=currency)]))
    assert (seen.items[0].price_minor, seen.currency) == wanted


def test_an_event_has_one_currency_and_other_prices_are_left_out(event: OnlyEvent, shape: Shape) -> None:
    cart = entity("cart", cart_id="k", total_value=10, currency="EUR")
    entities = [
        cart,
        product(id="a", price=1),
        product(id="b", price=2, currency="USD"),
        product(id="c", price=3, currency="eur"),
    ]
    seen = event(shape(FIELDS, action("add_to_cart"), entities))
    assert (seen.currency, seen.value_minor) == ("EUR", 1000)
    assert seen.items == tuple(
        Item(name, "Winter coat", None, "coats", None, price)
        for name, price in (("a", 100), ("b", None), ("c", 300))
    )


# Schemas that are not known


@pytest.mark.parametrize(
    "schema",
    [
        f"{SHOP}/product/jsonschema/2-0-0",
        "iglu:com.acme/product/jsonschema/1-0-0",
        f"{SHOP}/product/jsonschema/one",
        "product",
        "",
        "iglu:" + "x" * 5000,
    ],
)
def test_an_entity_of_another_schema_or_version_is_passed_over(
    event: OnlyEvent, refusal: Refusal, schema: str
) -> None:
    co = json.dumps(contexts([(schema, {"id": [], "price": -1}), product(id="b")]))
    assert [item.item_id for item in event(batch(tracked(VIEW) | {"co": co})).items] == ["b"]
    alone = json.dumps(contexts([(schema, {"id": "a"})]))
    view = tracked(FIELDS, action("product_view"))
    assert refusal(batch(view | {"co": alone})) == ("missing_field", "data[0].product")


def test_a_later_version_that_only_adds_is_read(event: OnlyEvent, shape: Shape) -> None:
    later = (f"{SHOP}/product/jsonschema/1-3-7", {"id": "a", "colour": {"name": "blue"}})
    assert event(shape(FIELDS, action("product_view"), [later])).items == (Item("a"),)


def test_an_action_of_another_version_is_an_event_of_the_shops_own(event: OnlyEvent, shape: Shape) -> None:
    strange = told("snowplow_ecommerce_action", SHOP, "2-0-0", type="transaction", amount=5)
    seen = event(shape(FIELDS, strange))
    assert (seen.kind, seen.extra) == (
        "custom.snowplow_ecommerce_action",
        {"type": "transaction", "amount": 5},
    )


def test_nothing_of_a_payload_is_repeated_in_its_refusal(
    send: Callable[..., list[Any]], shape: Shape
) -> None:
    secret = "secret-7"
    for entities in ([product(price=secret)], [product(currency=secret)], [entity("user", id=[secret])]):
        (result,) = send(shape(FIELDS | {"page_title": secret}, action("product_view"), entities))
        assert isinstance(result, Rejection)
        assert secret not in f"{result.field}{result.detail}"
