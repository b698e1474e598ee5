"""Segment and RudderStack calls."""

from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Event, Item
from streamproc.core.facts import Outcome, ProfileChange

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]

# Table A3 of the conventions, its Segment column, written out a second time.
KINDS = {
    "Product Viewed": "product.viewed",
    "Product Clicked": "product.clicked",
    "Product List Viewed": "list.viewed",
    "Product List Filtered": "list.filtered",
    "Products Searched": "search.performed",
    "Product Added": "cart.item_added",
    "Product Removed": "cart.item_removed",
    "Cart Viewed": "cart.viewed",
    "Checkout Started": "checkout.started",
    "Checkout Step Viewed": "checkout.step",
    "Checkout Step Completed": "checkout.step",
    "Order Completed": "order.completed",
    "Order Refunded": "order.refunded",
    "Order Cancelled": "order.cancelled",
    "Order Updated": "order.updated",
    "Promotion Viewed": "promo.viewed",
    "Promotion Clicked": "promo.clicked",
    "Product Added to Wishlist": "wishlist.added",
    "Product Removed from Wishlist": "wishlist.removed",
    "Coupon Entered": "coupon.entered",
    "Coupon Applied": "coupon.applied",
    "Coupon Denied": "coupon.denied",
    "Coupon Removed": "coupon.removed",
    "Push Notification Received": "nudge.delivered",
    "Push Notification Tapped": "nudge.opened",
    "Push Notification Bounced": "nudge.bounced",
    "Email Delivered": "nudge.delivered",
    "Email Opened": "nudge.opened",
    "Email Link Clicked": "nudge.clicked",
    "Email Bounced": "nudge.bounced",
    "Email Marked as Spam": "nudge.complained",
    "Unsubscribed": "nudge.unsubscribed",
    "Application Uninstalled": "app.uninstalled",
    "Application Opened": "app.opened",
}


def track(called: str = "Product Viewed", /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": called,
        "messageId": "m-1",
        "userId": "c-17",
        "timestamp": "2026-01-01T00:00:00.123Z",
        "properties": {"product_id": "coat-1"} | properties,
    }


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper, lambda name: name.replace(" ", "_")])
def test_each_name_of_the_specification_has_its_kind(
    event: OnlyEvent, name: str, kind: str, spelling: Callable[[str], str]
) -> None:
    assert event(track(spelling(name))).kind == kind


@pytest.mark.parametrize(
    ("call_type", "kind"),
    [
        ("page", "page.viewed"),
        ("screen", "screen.viewed"),
        ("identify", "profile.updated"),
        ("group", "custom.group"),
        ("alias", "custom.alias"),
    ],
)
def test_each_type_of_call_has_its_kind(event: OnlyEvent, call_type: str, kind: str) -> None:
    assert event(track() | {"type": call_type}).kind == kind


def test_a_product_is_read_with_its_price_in_minor_units(event: OnlyEvent) -> None:
    seen = event(
        track(
            name="Coat", brand="Nord", category="coats", variant=42, price=19.99, quantity=2, currency="eur"
        )
    )
    assert seen.items == (Item("coat-1", "Coat", "Nord", "coats", "42", 1999, 2),)
    assert (seen.currency, seen.customer_id, seen.identity) == ("EUR", "c-17", "known")
    assert (seen.occurred_at_ms, seen.received_at_ms) == (1_767_225_600_123, 1_767_225_601_000)


def test_an_order_has_its_products_total_and_coupon(event: OnlyEvent) -> None:
    products = [{"product_id": "a", "price": "5"}, {"sku": "b", "quantity": "3"}]
    seen = event(
        track("Order Completed", order_id="o-1", total=27.5, revenue=25, products=products, coupon="X")
    )
    assert seen.items == (Item("a", price_minor=500), Item("b", quantity=3))
    assert (seen.order_id, seen.value_minor, seen.extra) == ("o-1", 2750, {"coupon": "X"})


def test_an_unknown_event_is_kept_under_its_slug_with_its_single_values(event: OnlyEvent) -> None:
    seen = event(track("Quiz — Finished!", score=3, passed=True, answers=[1, 2], price=["cheap"]))
    assert seen.kind == "custom.quiz_finished"
    assert seen.extra == {"product_id": "coat-1", "score": 3, "passed": True}


def test_a_name_without_a_letter_is_still_kept(event: OnlyEvent) -> None:
    assert event(track("🎉")).kind == "custom.unnamed"


def test_action_and_snake_case_ids_are_read(event: OnlyEvent) -> None:
    call = {
        "action": "track",
        "event": "Email Opened",
        "message_id": "m",
        "user_id": "c",
        "anonymous_id": "a",
    }
    seen = event(call)
    assert (seen.event_id, seen.customer_id, seen.anonymous_id) == ("m", "c", "a")


def test_without_a_timestamp_the_phones_clock_is_corrected_by_when_it_sent(event: OnlyEvent) -> None:
    times = {
        "timestamp": None,
        "originalTimestamp": "2026-01-01T01:00:00Z",
        "sentAt": "2026-01-01T01:00:10Z",
        "receivedAt": "2026-01-01T00:00:00Z",
    }
    assert event(track() | times).occurred_at_ms == 1_767_225_590_000


def test_without_any_time_the_call_happened_when_it_arrived(event: OnlyEvent) -> None:
    assert event(track() | {"timestamp": None}).occurred_at_ms == 1_767_225_601_000


def test_identify_becomes_a_profile_without_addresses(event: OnlyEvent) -> None:
    traits = {
        "diet": "vegetarian",
        "sizes": ["M"],
        "email": "c@shop.example",
        "home": {"x": 1},
        "timezone": "Europe/Berlin",
    }
    seen = event(
        {"type": "identify", "messageId": "m", "userId": "c", "traits": traits, "context": {"locale": "de"}}
    )
    wanted: dict[str, Any] = {"diet": "vegetarian", "sizes": ["M"], "timezone": "Europe/Berlin"}
    assert seen.fact == ProfileChange("c", 1_767_225_601_000, "Europe/Berlin", "de", wanted)


def test_traits_in_the_context_of_a_batch_are_nobodys(event: OnlyEvent) -> None:
    identify = {"type": "identify", "messageId": "m", "userId": "c", "traits": {"diet": "vegetarian"}}
    for own in ({}, {"context": None}, {"context": {"locale": "de"}}):
        seen = event({"batch": [identify | own], "context": {"traits": {"plan": "gold"}}})
        assert isinstance(seen.fact, ProfileChange)
        assert seen.fact.traits == {"diet": "vegetarian"}


def test_an_unsubscribe_is_an_outcome_and_never_too_far_ahead(event: OnlyEvent) -> None:
    seen = event(track("Unsubscribed", nudge_id="n-1") | {"timestamp": "2030-01-01T00:00:00Z"})
    assert seen.fact == Outcome("n-1", "c-17", "unsubscribed", 1_767_225_601_000, "email")


def test_a_tap_on_a_button_is_a_click(event: OnlyEvent) -> None:
    seen = event(track("Push Notification Tapped", action="buy"))
    assert (seen.kind, seen.fact) == (
        "nudge.clicked",
        Outcome("", "c-17", "clicked", 1_767_225_600_123, "push"),
    )


def test_the_surface_follows_from_library_device_and_channel(event: OnlyEvent) -> None:
    def surface(**call: Any) -> str:
        return event(track() | call).surface

    assert surface() == "none"
    assert surface(context={"library": {"name": "analytics.js"}}) == "web"
    assert surface(context={"library": {"name": "analytics-ios"}}) == "app"
    assert surface(context={"device": {"type": "Android"}}) == "app"
    assert surface(channel="mobile") == "app"
    assert surface(context={"page": {"url": "https://shop.example"}}) == "web"


def test_an_order_keeps_tax_shipping_and_discount(event: OnlyEvent) -> None:
    money = {"tax": 2.5, "shipping": "4.90", "discount": 0}
    assert event(track("Order Completed", **money)).extra == money


def test_a_product_keeps_its_place_in_the_list(event: OnlyEvent) -> None:
    place = {"position": 0, "coupon": "X", "list_id": "l-1"}
    assert event(track(**place)).extra == place
    assert [event(track(**{name: value})).extra for name, value in place.items()] == [
        {name: value} for name, value in place.items()
    ]
    assert event(track()).extra == {}


def test_whose_advertisement_led_here_is_kept_with_every_kind(event: OnlyEvent) -> None:
    campaign = {"name": "Winter", "source": "mail", "medium": "email", "term": "coat", "content": ["a"]}
    kept = {"campaign_name": "Winter", "campaign_source": "mail", "campaign_medium": "email"}
    for name in ("Product Viewed", "Cart Viewed", "Unsubscribed"):
        assert event(track(name) | {"context": {"campaign": campaign}}).extra == kept | {
            "campaign_term": "coat"
        }
    own = track("Quiz", campaign_name="own") | {"context": {"campaign": campaign}}
    assert event(own).extra["campaign_name"] == "own"


def test_of_the_device_only_its_type_and_its_wish_are_used(event: OnlyEvent) -> None:
    device = {
        "id": "B5372DB0",
        "advertisingId": "7A3CBEA0",
        "adTrackingEnabled": False,
        "type": "ios",
        "token": "ff15bc0c",
    }
    seen = event(track() | {"context": {"device": device}})
    assert (seen.surface, seen.extra, seen.anonymous_id) == ("app", {"ad_tracking_enabled": False}, "")


def test_a_phone_without_any_other_id_is_anonymous_by_its_own(event: OnlyEvent, refusal: Refusal) -> None:
    phone = track() | {"userId": None, "context": {"device": {"id": "B5372DB0", "advertisingId": "7A3C"}}}
    assert (event(phone).anonymous_id, event(phone).customer_id) == ("B5372DB0", "")
    assert refusal(track() | {"userId": None, "context": {"device": {"advertisingId": "7A3C"}}}) == (
        "no_identity",
        "userId",
    )


@pytest.mark.parametrize("call_type", ["page", "screen"])
def test_a_page_and_a_screen_keep_their_name(event: OnlyEvent, call_type: str) -> None:
    named = {"name": "Coats", "category": "Shop"}
    properties = {"title": "Coats | Shop", "referrer": "https://search.example"}
    kept = {"page_title": "Coats | Shop", "page_referrer": "https://search.example"}
    call = {"type": call_type, "messageId": "m", "userId": "c"}
    assert event(call | named | {"properties": properties}).extra == named | kept
    assert event(call | {"properties": named}).extra == named


def test_group_and_alias_keep_the_other_id(event: OnlyEvent) -> None:
    call = {"messageId": "m", "userId": "c-17"}
    assert event(call | {"type": "group", "groupId": "g-1"}).extra == {"group_id": "g-1"}
    assert event(call | {"type": "alias", "previousId": "a-9"}).extra == {"previous_id": "a-9"}
    older = {"type": "alias", "messageId": "m", "from": "a-9", "to": "c-17"}
    assert (event(older).customer_id, event(older).extra) == ("c-17", {"previous_id": "a-9"})


@pytest.mark.parametrize(
    "name",
    [
        "Application Installed",
        "Application Updated",
        "Application Backgrounded",
        "Application Foregrounded",
        "Application Crashed",
        "Deep Link Opened",
        "Install Attributed",
        "Segment Consent Preference Updated",
    ],
)
def test_what_has_no_kind_of_its_own_is_kept_under_its_name(event: OnlyEvent, name: str) -> None:
    seen = event(track(name, version="1.2", build=7))
    assert seen.kind == "custom." + name.lower().replace(" ", "_")
    assert (seen.extra["version"], seen.extra["build"]) == ("1.2", 7)


def test_an_opened_app_says_whether_it_was_there_already(event: OnlyEvent) -> None:
    said = {"from_background": True, "version": "1.2", "build": "7", "referring_application": "Mail"}
    assert event(track("Application Opened", **said)).extra == said


def test_a_mailing_keeps_its_list_and_campaign(event: OnlyEvent) -> None:
    assert event(track("unsubscribed", list_id="l-1", campaign_id="k-1", email_id="e")).extra == {
        "list_id": "l-1",
        "campaign_id": "k-1",
    }


def test_rudderstacks_traits_are_read_where_it_puts_them(event: OnlyEvent) -> None:
    call = {"type": "identify", "messageId": "m", "userId": "c", "traits": {"diet": "vegan"}}
    seen = event(call | {"context": {"traits": {"size": "M", "diet": "any", "email": "c@shop.example"}}})
    assert isinstance(seen.fact, ProfileChange)
    assert seen.fact.traits == {"size": "M", "diet": "vegan"}


def test_a_batch_gives_each_call_its_place(send: Callable[..., list[Any]]) -> None:
    good, bad = track(), track("Order Completed", products=[{"product_id": "a"}, {"price": 1}])
    first, second, third = send(
        {"batch": [good, bad, track() | {"userId": None}], "sentAt": "2026-01-01T00:00:00Z"}
    )
    assert isinstance(first, Event)
    assert (second.reason, second.field, second.index) == (
        "missing_field",
        "batch[1].properties.products[1].product_id",
        1,
    )
    assert (third.reason, third.index) == ("no_identity", 2)


def test_of_a_repeated_key_the_last_wins(event: OnlyEvent) -> None:
    payload = b'{"type":"track","event":"Cart Viewed","messageId":"m","userId":7.5,"userId":"c-2"}'
    assert event(payload).customer_id == "c-2"


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"userId": 7.5}, "wrong_type", "userId"),
        ({"userId": True}, "wrong_type", "userId"),
        ({"userId": ""}, "no_identity", "userId"),
        ({"userId": "a\u0000b"}, "bad_text", "userId"),
        ({"userId": "a b"}, "bad_text", "userId"),
        ({"userId": "x" * 129}, "bad_text", "userId"),
        ({"userId": 2**53}, "out_of_range", "userId"),
        ({"messageId": None}, "missing_field", "messageId"),
        ({"event": None}, "missing_field", "event"),
        ({"timestamp": "2026-01-01T00:00:00"}, "wrong_type", "timestamp"),
        ({"timestamp": "yesterday"}, "wrong_type", "timestamp"),
        ({"timestamp": 1_767_225_600}, "out_of_range", "timestamp"),
        ({"timestamp": "2026-01-01T00:05:01.001Z"}, "in_the_future", "timestamp"),
        ({"properties": 5}, "wrong_type", "properties"),
        ({"properties": {}}, "missing_field", "properties.product_id"),
        ({"context": {"page": {"url": 5}}}, "wrong_type", "context.page.url"),
    ],
)
def test_a_bad_field_is_named(refusal: Refusal, change: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(track() | change) == (reason, field)


@pytest.mark.parametrize(
    ("properties", "reason", "field"),
    [
        ({"price": True}, "wrong_type", "properties.price"),
        ({"price": "12 EUR"}, "wrong_type", "properties.price"),
        ({"price": -1}, "out_of_range", "properties.price"),
        ({"price": 10**30}, "out_of_range", "properties.price"),
        ({"quantity": 1.5}, "wrong_type", "properties.quantity"),
        ({"currency": "euro"}, "bad_text", "properties.currency"),
        ({"name": "a\u0000"}, "bad_text", "properties.name"),
        ({"products": [{"product_id": "a"}] * 51}, "too_many", "properties.products"),
        (
            {"products": [{"product_id": "a"}, {"product_id": "b", "price": "x"}]},
            "wrong_type",
            "properties.products[1].price",
        ),
        ({"products": [{"product_id": "a", "price": []}]}, "wrong_type", "properties.products[0].price"),
    ],
)
def test_a_bad_property_is_named(
    refusal: Refusal, properties: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(track(**properties)) == (reason, field)


def test_a_number_too_large_for_json_readers_is_out_of_range(refusal: Refusal) -> None:
    payload = (
        b'{"type":"track","event":"Product Viewed","messageId":"m","userId":"c","properties":{"price":1e999}}'
    )
    assert refusal(payload)[0] == "out_of_range"


def test_texts_are_cut_and_lose_line_breaks(event: OnlyEvent) -> None:
    (item,) = event(track(name="Coat\r\nBcc: all", category="x" * 600)).items
    assert (item.name, len(item.category or "")) == ("Coat  Bcc: all", 512)


def test_an_empty_batch_is_refused(refusal: Refusal) -> None:
    assert refusal({"batch": []}) == ("empty", "batch")
    assert refusal({"batch": 5}) == ("wrong_type", "batch")


def test_a_batch_too_long_to_be_real_is_refused_whole(refusal: Refusal) -> None:
    assert refusal({"batch": [{}] * 1001}) == ("too_many", "batch")


def test_the_calls_of_a_batch_were_sent_when_the_batch_was(event: OnlyEvent) -> None:
    times = {
        "timestamp": None,
        "originalTimestamp": "2026-01-01T01:00:00Z",
        "receivedAt": "2026-01-01T00:00:00Z",
    }
    seen = event({"batch": [track() | times], "sentAt": "2026-01-01T01:00:10Z"})
    assert seen.occurred_at_ms == 1_767_225_590_000


def test_the_trace_in_the_headers_is_kept_and_a_state_without_a_trace_is_not(event: OnlyEvent) -> None:
    call = {"type": "page", "messageId": "m-1", "userId": "c-1"}
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1"}
    seen = event(call, headers=trace)
    assert {"traceparent": seen.traceparent, "tracestate": seen.tracestate} == trace
    alone = event(call, headers={"tracestate": "a=1"})
    assert (alone.traceparent, alone.tracestate) == (None, None)
