"""Snowplow: batches of trackers, enriched objects and enriched lines."""

from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Event, Item
from streamproc.ingest.snowplow.atomic import FIELDS as FIELDS_OF_A_LINE
from tests.ingest.snowplow_shapes import (
    EVENT_ID,
    FIELDS,
    LINE,
    SHAPES,
    SHOP,
    SNOWPLOW,
    Entity,
    Shape,
    action,
    batch,
    entity,
    line,
    product,
    sdk_object,
    told,
    tracked,
    tracker,
)

OnlyEvent = Callable[..., Event]

RECEIVED_AT_MS = 1_767_225_601_000

# Table A3 of the conventions, its Snowplow column, written out a second time.
ACTIONS = {
    "product_view": "product.viewed",
    "list_click": "product.clicked",
    "list_view": "list.viewed",
    "add_to_cart": "cart.item_added",
    "remove_from_cart": "cart.item_removed",
    "checkout_step": "checkout.step",
    "transaction": "order.completed",
    "refund": "order.refunded",
    "promo_view": "promo.viewed",
    "promo_click": "promo.clicked",
    "site_search": "search.performed",
    "trns_error": "custom.trns_error",
    "wish": "custom.wish",
}
EVENTS = {
    ("pv", "page_view"): "page.viewed",
    ("pp", "page_ping"): "engagement.ping",
    ("tr", "transaction"): "order.completed",
    ("ti", "transaction_item"): "order.completed",
    ("ad", "ad_impression"): "custom.ad",
}


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    """Return a function that makes a payload of an event's fields, of what it tells, and of its entities."""
    made: Shape = request.param
    return made


def test_a_line_has_the_fields_that_snowplow_documents() -> None:
    assert LINE == FIELDS_OF_A_LINE
    assert len(LINE) == 131


@pytest.mark.parametrize(("name", "kind"), ACTIONS.items())
def test_each_action_in_the_shop_has_its_kind(event: OnlyEvent, shape: Shape, name: str, kind: str) -> None:
    assert event(shape(FIELDS, action(name), [product()])).kind == kind


def test_actions_are_known_in_any_spelling(event: OnlyEvent) -> None:
    for name in ("Product_View", "PRODUCT VIEW", "productview"):
        assert event(tracker(FIELDS, action(name), [product()])).kind == "product.viewed"


@pytest.mark.parametrize(("names", "kind"), EVENTS.items())
def test_each_event_without_a_schema_has_its_kind(
    event: OnlyEvent, names: tuple[str, str], kind: str
) -> None:
    fields = {**FIELDS, "ti_sku": "a"}
    assert event(tracker(fields | {"event": names[0]})).kind == kind
    for shape in (sdk_object, line):
        assert event(shape(fields | {"event": names[1]})).kind in (kind, f"custom.{names[1]}")


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (told("screen_view", name="Home", id="x"), "screen.viewed"),
        (told("screen_view", "iglu:com.snowplowanalytics.mobile", name="Home", id="x"), "screen.viewed"),
        (told("application_foreground", foregroundIndex=3), "app.opened"),
        (told("link_click", targetUrl="https://shop.example/sale"), "custom.link_click"),
        (told("quiz_done", "iglu:com.acme", "2-0-1", score=3), "custom.quiz_done"),
        (told("add_to_cart", "iglu:com.acme", sku="a"), "custom.add_to_cart"),
    ],
)
def test_a_self_describing_event_is_known_by_its_schema_and_else_kept_with_its_values(
    event: OnlyEvent, shape: Shape, one: Entity, kind: str
) -> None:
    seen = event(shape(FIELDS, one))
    assert (seen.kind, seen.extra) == (kind, one[1])


def test_what_a_shop_puts_into_the_cart_is_read_with_product_cart_user_and_session(
    event: OnlyEvent, shape: Shape
) -> None:
    fields = {
        **FIELDS,
        "domain_userid": "d-9",
        "domain_sessionid": "s-1",
        "domain_sessionidx": "7",
        "page_url": "https://shop.example/p/coat",
        "page_title": "Coat",
        "page_referrer": "https://shop.example",
        "br_lang": "de-DE",
        "os_timezone": "Europe/Berlin",
        "app_id": "shop",
    }
    entities = [
        product(brand="Nord", variant="blue", quantity=2, size="M", list_price=199.5, position=0),
        entity("cart", cart_id="k-3", total_value="298.00", currency="EUR"),
        entity("user", id="c-99", is_guest=False, email="c@shop.example"),
        entity("page", type="product", locale="fr-FR"),
        entity("client_session", "1-0-2", userId="u-1", sessionId="s-2", sessionIndex=9, eventIndex=4),
    ]
    seen = event(shape(fields, action("add_to_cart"), entities))
    assert seen.items == (Item("coat-1", "Winter coat", "Nord", "coats", "blue", 14_900, 2),)
    assert (seen.currency, seen.value_minor, seen.cart_id) == ("EUR", 29_800, "k-3")
    assert (seen.event_id, seen.dialect, seen.surface, seen.identity) == (
        EVENT_ID,
        "snowplow",
        "web",
        "known",
    )
    assert (seen.customer_id, seen.anonymous_id, seen.session_id) == ("c-17", "d-9", "s-1")
    assert (seen.page_url, seen.locale, seen.timezone) == (fields["page_url"], "de-DE", "Europe/Berlin")
    assert seen.extra == {
        "list_price": 199.5,
        "size": "M",
        "position": 0,
        "event_index": 4,
        "session_index": 7,
        "page_type": "product",
        "page_title": "Coat",
        "page_referrer": "https://shop.example",
        "app_id": "shop",
    }


def test_an_order_has_its_products_its_money_and_how_it_was_paid(event: OnlyEvent, shape: Shape) -> None:
    order = entity(
        "transaction",
        transaction_id="o-7",
        revenue=168.95,
        currency="EUR",
        payment_method="card",
        total_quantity=2,
        tax=None,
        shipping=19.95,
        discount_code="WINTER",
        discount_amount=0,
        credit_order=False,
    )
    seen = event(shape(FIELDS, action("transaction"), [order, product(), product(id="b", price="12.0")]))
    assert [(item.item_id, item.price_minor) for item in seen.items] == [("coat-1", 14_900), ("b", 1200)]
    assert (seen.order_id, seen.value_minor, seen.currency) == ("o-7", 16_895, "EUR")
    assert seen.extra == {
        "payment_method": "card",
        "total_quantity": 2,
        "shipping": 19.95,
        "credit_order": False,
        "coupon": "WINTER",
        "discount": 0,
    }


def test_an_order_that_failed_is_no_order(event: OnlyEvent, shape: Shape) -> None:
    order = entity("transaction", transaction_id="o-7", revenue=5, currency="EUR", payment_method="card")
    error = entity("transaction_error", error_code="E12", error_type="soft", resolution=None)
    seen = event(shape(FIELDS, action("trns_error"), [order, error, product()]))
    assert (seen.kind, seen.order_id) == ("custom.trns_error", "o-7")
    assert seen.extra == {"error_code": "E12", "error_type": "soft", "payment_method": "card"}


@pytest.mark.parametrize(
    ("name", "one", "extra"),
    [
        (
            "refund",
            entity("refund", transaction_id="o-7", refund_amount=5, currency="EUR", refund_reason="size"),
            {"reason": "size"},
        ),
        (
            "checkout_step",
            entity(
                "checkout_step",
                step=2,
                coupon_code="W",
                delivery_method="post",
                shipping_postcode="10115",
                marketing_opt_in=True,
            ),
            {"step": 2, "coupon": "W", "delivery_method": "post"},
        ),
        (
            "promo_view",
            entity(
                "promotion",
                id="p-1",
                name="Winter",
                creative_id="v2",
                position=1,
                slot="top",
                product_ids=["a"],
            ),
            {"promotion_id": "p-1", "name": "Winter", "creative": "v2", "position": 1, "slot": "top"},
        ),
    ],
)
def test_what_belongs_to_an_action_is_kept_beside_it(
    event: OnlyEvent, shape: Shape, name: str, one: Entity, extra: dict[str, Any]
) -> None:
    assert event(shape(FIELDS, action(name), [one])).extra == extra


def test_a_refund_is_worth_its_amount(event: OnlyEvent, shape: Shape) -> None:
    refund = entity("refund", transaction_id="o-7", refund_amount=12.5, currency="JPY")
    seen = event(shape(FIELDS, action("refund"), [refund]))
    assert (seen.order_id, seen.value_minor, seen.currency, seen.items) == ("o-7", 13, "JPY", ())


def test_a_list_is_named_by_its_action(event: OnlyEvent, shape: Shape) -> None:
    seen = event(shape(FIELDS, action("list_view", "winter"), [product(position=1), product(position=2)]))
    assert seen.extra == {"list_id": "winter"}  # a place in the list is a product's own, and there are two


def test_a_search_is_its_terms(event: OnlyEvent, shape: Shape) -> None:
    search = told("site_search", terms=["winter", "coat"], totalResults=14, pageResults=8, filters={"a": "b"})
    seen = event(shape(FIELDS, search))
    assert (seen.kind, seen.query) == ("search.performed", "winter coat")
    assert seen.extra == {"total_results": 14, "page_results": 8}


@pytest.mark.parametrize(
    ("name", "kind"), [("add_to_cart", "cart.item_added"), ("remove_from_cart", "cart.item_removed")]
)
def test_a_change_of_the_cart_from_before_there_were_entities_is_read(
    event: OnlyEvent, shape: Shape, name: str, kind: str
) -> None:
    change = told(
        name, sku="coat-1", name="Coat", category="coats", unitPrice=149.0, quantity=1.0, currency="EUR"
    )
    seen = event(shape(FIELDS, change))
    assert (seen.kind, seen.items) == (kind, (Item("coat-1", "Coat", None, "coats", None, 14_900, 1),))
    assert (seen.currency, seen.extra) == ("EUR", {})


@pytest.mark.parametrize("shape", [tracker, sdk_object, line])
def test_an_order_of_the_old_kind_is_one_event_for_itself_and_one_for_each_thing(
    event: OnlyEvent, shape: Shape
) -> None:
    order = {
        "tr_orderid": "o-7",
        "tr_affiliation": "shop",
        "tr_total": "168.95",
        "tr_tax": "",
        "tr_shipping": "19.95",
        "tr_currency": "EUR",
    }
    thing = {
        "ti_orderid": "o-7",
        "ti_sku": "coat-1",
        "ti_name": "Coat",
        "ti_category": "coats",
        "ti_price": "149",
        "ti_quantity": "1",
        "ti_currency": "EUR",
    }
    first = event(shape(FIELDS | order | {"event": "tr" if shape is tracker else "transaction"}))
    second = event(shape(FIELDS | thing | {"event": "ti" if shape is tracker else "transaction_item"}))
    assert (first.order_id, first.value_minor, first.currency) == ("o-7", 16_895, "EUR")
    assert (first.items, first.extra) == ((), {"affiliation": "shop", "shipping": "19.95"})
    assert second.items == (Item("coat-1", "Coat", None, "coats", None, 14_900, 1),)
    assert (second.order_id, second.value_minor, second.currency) == ("o-7", None, "EUR")


def test_a_thing_bought_may_have_its_name_under_the_older_key(event: OnlyEvent) -> None:
    assert (
        event(batch({"e": "ti", "eid": "x", "uid": "c", "ti_sk": "a", "ti_na": "Coat"})).items[0].name
        == "Coat"
    )


@pytest.mark.parametrize("shape", [tracker, sdk_object, line])
def test_a_structured_event_is_named_by_its_action(event: OnlyEvent, shape: Shape) -> None:
    structured = {
        "se_category": "Mixes",
        "se_action": "Play it",
        "se_label": "a",
        "se_property": "",
        "se_value": "3.5",
    }
    seen = event(shape(FIELDS | structured | {"event": "se" if shape is tracker else "struct"}))
    assert seen.kind == "custom.play_it"
    assert seen.extra == {"se_category": "Mixes", "se_label": "a", "se_value": "3.5"}


def test_the_campaign_that_the_pipeline_found_is_kept(event: OnlyEvent) -> None:
    found = {"mkt_campaign": "winter", "mkt_source": "news", "mkt_medium": "email", "mkt_clickid": "x1"}
    wanted = {
        "campaign_name": "winter",
        "campaign_source": "news",
        "campaign_medium": "email",
        "campaign_clickid": "x1",
    }
    for shape in (sdk_object, line):
        assert event(shape(FIELDS | found | {"event": "page_view"})).extra == wanted


def test_of_more_further_fields_than_may_be_the_first_are_kept(event: OnlyEvent, shape: Shape) -> None:
    own: dict[str, Any] = {f"v{place}": place for place in range(20)}
    seen = event(shape(FIELDS | {"page_title": "Quiz"}, told("quiz_done", "iglu:com.acme", **own)))
    assert seen.extra == {f"v{place}": place for place in range(16)}


# Who it was


@pytest.mark.parametrize(
    ("fields", "entities", "wanted"),
    [
        ({"user_id": "c-17"}, [entity("user", id="u")], ("c-17", "")),
        ({}, [entity("user", id="u", is_guest=None)], ("u", "")),
        ({}, [entity("user", id="u", is_guest=True)], ("", "u")),
        ({"domain_userid": "d"}, [entity("user", id="u", is_guest=True)], ("", "d")),
        ({"network_userid": "n"}, [entity("client_session", userId="s")], ("", "s")),
        ({"domain_userid": "d", "network_userid": "n"}, [entity("client_session", userId="s")], ("", "d")),
        ({"domain_userid": "", "network_userid": "n"}, [], ("", "n")),
        ({"user_id": 17}, [], ("17", "")),
        ({"user_id": " c-17 "}, [], ("c-17", "")),
    ],
)
def test_who_it_was_follows_the_order_of_the_table(
    event: OnlyEvent, shape: Shape, fields: dict[str, Any], entities: list[Entity], wanted: tuple[str, str]
) -> None:
    seen = event(shape({"event": "page_view", "event_id": "x"} | fields, None, entities))
    assert (seen.customer_id, seen.anonymous_id) == wanted
    assert seen.identity == ("known" if wanted[0] else "anonymous")


def test_a_tracker_may_say_which_network_it_means(event: OnlyEvent) -> None:
    assert event(batch({"e": "pv", "eid": "x", "nuid": "n", "tnuid": "t"})).anonymous_id == "t"


NOBODY = "00000000-0000-0000-0000-000000000000"


def test_the_id_that_trackers_send_for_everybody_is_nobodys(
    event: OnlyEvent, refusal: Callable[..., tuple[str, str]], shape: Shape
) -> None:
    fields = {"event": "page_view", "event_id": "x", "network_userid": NOBODY}
    session = [entity("client_session", userId=NOBODY, sessionId="s")]
    assert refusal(shape(fields, None, session))[0] == "no_identity"
    assert event(shape(fields | {"user_id": "c"}, None, session)).anonymous_id == ""
    assert refusal(shape(fields | {"user_id": NOBODY, "domain_userid": NOBODY}))[0] == "no_identity"


def test_a_session_is_the_browsers_or_else_the_devices(event: OnlyEvent, shape: Shape) -> None:
    session = entity("client_session", "1-0-2", userId="u", sessionId="s-2", sessionIndex=9, eventIndex=4)
    seen = event(shape(FIELDS | {"event": "page_view", "domain_sessionid": None}, None, [session]))
    assert (seen.session_id, seen.extra) == ("s-2", {"event_index": 4, "session_index": 9})


@pytest.mark.parametrize(
    ("fields", "entities", "surface"),
    [
        ({"platform": "web"}, [], "web"),
        ({"platform": "mob"}, [], "app"),
        ({"platform": "app"}, [], "app"),
        ({"platform": "srv", "page_url": "https://shop.example"}, [], "none"),
        ({"platform": None, "page_url": "https://shop.example"}, [], "web"),
        ({"platform": ""}, [entity("mobile_context", osType="ios", language="de")], "app"),
        ({"platform": None}, [], "none"),
    ],
)
def test_the_surface_is_the_platform(
    event: OnlyEvent, shape: Shape, fields: dict[str, Any], entities: list[Entity], surface: str
) -> None:
    assert event(shape(FIELDS | {"event": "page_view"} | fields, None, entities)).surface == surface


@pytest.mark.parametrize(
    ("fields", "entities", "wanted"),
    [
        ({"br_lang": "de"}, [entity("mobile_context", language="fr")], "de"),
        ({}, [entity("page", type="x", locale="en-GB"), entity("mobile_context", language="fr")], "fr"),
        ({"br_lang": ""}, [entity("page", type="x", locale="en-GB", language="en")], "en-GB"),
        ({}, [entity("page", type="x", language="en")], "en"),
        ({}, [], None),
    ],
)
def test_the_language_is_the_devices_before_the_pages(
    event: OnlyEvent, shape: Shape, fields: dict[str, Any], entities: list[Entity], wanted: str | None
) -> None:
    assert event(shape(FIELDS | {"event": "page_view"} | fields, None, entities)).locale == wanted


def test_the_zone_is_the_devices_before_that_of_its_address(event: OnlyEvent) -> None:
    for shape in (sdk_object, line):
        both = FIELDS | {"event": "page_view", "geo_timezone": "Europe/Paris"}
        assert event(shape(both)).timezone == "Europe/Paris"
        assert event(shape(both | {"os_timezone": "Europe/Berlin"})).timezone == "Europe/Berlin"


def test_places_devices_and_addresses_are_not_kept(event: OnlyEvent, shape: Shape) -> None:
    private = {
        "user_ipaddress": "203.0.113.9",
        "geo_city": "Berlin",
        "geo_latitude": "52.5",
        "ip": "203.0.113.9",
        "useragent": "x",
    }
    entities = [
        entity("geolocation_context", latitude=52.5, longitude=13.4),
        entity("mobile_context", osType="ios", appleIdfa="idfa", appleIdfv="idfv", deviceModel="m"),
        entity("checkout_step", step=1, billing_full_address="Street 1", shipping_postcode="10115"),
        entity("user", id="c-99", email="c@shop.example"),
    ]
    seen = event(shape(FIELDS | private, action("checkout_step"), entities))
    assert seen.extra == {"step": 1}
    assert (seen.site_id, seen.zone_id) == (None, None)


# When it was


@pytest.mark.parametrize("shape", [sdk_object, line])
@pytest.mark.parametrize(
    "spelling", ["2026-01-01T00:00:00.{}Z", "2026-01-01 00:00:00.{}", "2026-01-01T01:00:00.{}+01:00"]
)
def test_an_enriched_events_time_is_the_best_known_and_utc_unless_it_says_so(
    event: OnlyEvent, shape: Shape, spelling: str
) -> None:
    names = ("collector_tstamp", "dvce_created_tstamp", "true_tstamp", "derived_tstamp")
    fields: dict[str, Any] = dict(FIELDS, event="page_view")
    for millisecond, name in enumerate(names):
        fields[name] = spelling.format(f"{millisecond:03d}")
        assert event(shape(fields)).occurred_at_ms == 1_767_225_600_000 + millisecond


def test_a_trackers_time_is_the_true_one_or_the_devices_put_right_where_its_clock_is_ahead(
    event: OnlyEvent,
) -> None:
    def occurred(**times: Any) -> int:
        return event(batch(tracked(FIELDS | {"event": "pv"}) | times)).occurred_at_ms

    assert occurred() == RECEIVED_AT_MS
    assert occurred(dtm="1767225600123") == 1_767_225_600_123
    assert occurred(dtm=1_767_225_600_123) == 1_767_225_600_123
    assert occurred(dtm="1867225600000", stm="1867225600456") == RECEIVED_AT_MS - 456
    assert occurred(dtm="1767225600123", stm="1767225600456") == 1_767_225_600_123
    assert occurred(dtm="1767225600123", stm="1767225600000") == 1_767_225_600_123
    assert occurred(dtm="1867225600000", stm="1867225600456", ttm="1767225600007") == 1_767_225_600_007
    assert occurred(dtm="", stm="", ttm="") == RECEIVED_AT_MS


def test_a_clock_that_was_set_back_before_sending_puts_nothing_right(
    refusal: Callable[..., tuple[str, str]],
) -> None:
    sent = {"dtm": "1867225600456", "stm": "1867225600000"}
    assert refusal(batch(tracked(FIELDS | {"event": "pv"}) | sent)) == ("in_the_future", "data[0].dtm")


def test_an_event_that_is_sent_once_more_is_no_younger(event: OnlyEvent) -> None:
    """A day after, all that has changed is when Kafka received it."""
    sent = {"dtm": "1767139200000", "stm": "1767139200456"}
    assert event(batch(tracked(FIELDS | {"event": "pv"}) | sent)).occurred_at_ms == 1_767_139_200_000


# Batches and other company


def test_of_a_batch_with_one_bad_event_the_others_are_kept(send: Callable[..., list[Any]]) -> None:
    good = tracked(FIELDS, action("product_view"), [product()])
    first, second, third, fourth = send(batch(good, tracked(FIELDS, action("product_view")), 5, good))
    assert isinstance(first, Event)
    assert (second.reason, second.field, second.index) == ("missing_field", "data[1].product", 1)
    assert (third.reason, third.field, third.index) == ("not_an_object", "data[2]", 2)
    assert first == fourth


def test_dialects_may_share_a_topic(event: OnlyEvent) -> None:
    call = {"type": "page", "messageId": "m", "userId": "c"}
    hit = {"event_name": "page_view", "client_id": "5.17", "ga_session_id": 1}
    fields = FIELDS | {"event": "page_view"}
    payloads = [
        tracker(fields),
        call,
        line(fields),
        hit,
        sdk_object(fields),
        call,
        line(fields),
        line(fields),
    ]
    assert [event(payload).dialect for payload in payloads] == [
        *("snowplow", "segment", "snowplow", "ga4", "snowplow", "segment", "snowplow", "snowplow"),
    ]


def test_an_event_that_is_also_another_dialects_is_read_as_that(event: OnlyEvent) -> None:
    both = sdk_object(FIELDS | {"event": "page_view", "type": "page", "messageId": "m", "userId": "c"})
    assert event(both).dialect == "segment"
    assert (
        event(both | {"specversion": "1.0", "id": "1", "source": "/s", "subject": "c", "data": {}}).dialect
        == "cloudevents"
    )


def test_fields_may_stand_in_any_order(event: OnlyEvent) -> None:
    for payload in (tracker(FIELDS, action("promo_view")), sdk_object(FIELDS, action("promo_view"))):
        filler = {f"x{place}": "y" * 60 for place in range(60)}
        assert event(filler | dict(reversed(payload.items()))) == event(payload)


def test_of_a_repeated_key_the_last_wins(event: OnlyEvent) -> None:
    for payload in (
        b'{"schema":5,"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"pv","eid":"x","uid":7.5,"uid":"c"}]}',
        b'{"event":"page_view","event_id":"x","collector_tstamp":"2026-01-01T00:00:00Z","user_id":7.5,"user_id":"c"}',
    ):
        assert event(payload).customer_id == "c"
    one = f'{{"schema":"{SHOP}/user/jsonschema/1-0-0","data":{{"id":[],"id":"c"}}}}'
    co = f'{{"schema":"{SNOWPLOW}/contexts/jsonschema/1-0-0","data":[{one}]}}'
    assert event(batch({"e": "pv", "eid": "x", "co": co})).customer_id == "c"


def test_a_trace_in_the_headers_is_kept(event: OnlyEvent) -> None:
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1"}
    seen = event(tracker(FIELDS, action("promo_view")), headers=trace)
    assert {"traceparent": seen.traceparent, "tracestate": seen.tracestate} == trace
