"""The names producers give their events, and the kinds they stand for."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from streamproc.core.event import CUSTOM_PREFIX

_SLUG_CHARS_MAX: Final = 64
_NOT_SLUG: Final = re.compile(r"[^\w.]+")
_NAME_CHARS_MAX: Final = 256

# Segment's E-commerce v2, Mobile, Email and Push specifications.
SEGMENT_NAMES: Final = {
    "Product Viewed": "product.viewed",
    "Product Clicked": "product.clicked",
    "Product List Viewed": "list.viewed",
    "Product List Filtered": "list.filtered",
    "Products Searched": "search.performed",
    "Product Added": "cart.item_added",
    "Wishlist Product Added to Cart": "cart.item_added",
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
    "Application Opened": "app.opened",
    "Application Uninstalled": "app.uninstalled",
    "Push Notification Received": "nudge.delivered",
    "Push Notification Tapped": "nudge.opened",
    "Push Notification Bounced": "nudge.bounced",
    "Email Delivered": "nudge.delivered",
    "Email Opened": "nudge.opened",
    "Email Link Clicked": "nudge.clicked",
    "Email Bounced": "nudge.bounced",
    "Email Marked as Spam": "nudge.complained",
    "Unsubscribed": "nudge.unsubscribed",
}

# Google's reference of recommended events, and the events that its libraries collect by themselves.
GA4_NAMES: Final = {
    "view_item": "product.viewed",
    "select_item": "product.clicked",
    "view_item_list": "list.viewed",
    "search": "search.performed",
    "view_search_results": "search.performed",
    "add_to_cart": "cart.item_added",
    "remove_from_cart": "cart.item_removed",
    "view_cart": "cart.viewed",
    "begin_checkout": "checkout.started",
    "add_shipping_info": "checkout.step",
    "add_payment_info": "checkout.step",
    "purchase": "order.completed",
    "refund": "order.refunded",
    "view_promotion": "promo.viewed",
    "select_promotion": "promo.clicked",
    "add_to_wishlist": "wishlist.added",
    "page_view": "page.viewed",
    "screen_view": "screen.viewed",
    "user_engagement": "engagement.ping",
    "app_open": "app.opened",
    "notification_receive": "nudge.delivered",
    "notification_open": "nudge.opened",
    "notification_dismiss": "nudge.dismissed",
    "app_remove": "app.uninstalled",
}


def folded(name: str) -> str:
    """Return a name without case, spaces and underscores: how producers' spellings of one event differ."""
    return "".join(name.split()).replace("_", "").lower()


_FOLDED: Final = {folded(name): kind for name, kind in SEGMENT_NAMES.items()}
_GA4_FOLDED: Final = {folded(name): kind for name, kind in GA4_NAMES.items()}


def segment_kind(name: str) -> str:
    """Return the kind of a Segment event; an unknown name is kept as `custom.<slug>`."""
    return SEGMENT_NAMES.get(name) or _segment_kind_slowly(name[:_NAME_CHARS_MAX])


@lru_cache(maxsize=4096)
def _segment_kind_slowly(name: str) -> str:
    return _FOLDED.get(folded(name)) or custom_kind(name)


def ga4_kind(name: str) -> str:
    """Return the kind of a GA4 event; an unknown name is kept as `custom.<slug>`."""
    return GA4_NAMES.get(name) or _ga4_kind_slowly(name[:_NAME_CHARS_MAX])


@lru_cache(maxsize=4096)
def _ga4_kind_slowly(name: str) -> str:
    return _GA4_FOLDED.get(folded(name)) or custom_kind(name)


def custom_kind(name: str) -> str:
    """Return `custom.` and the name in lower case, with `_` for whatever is no letter, digit or dot."""
    plain = unicodedata.normalize("NFKC", name[:_NAME_CHARS_MAX]).lower()
    slug = _NOT_SLUG.sub("_", plain).strip("_.")[:_SLUG_CHARS_MAX]
    return CUSTOM_PREFIX + (slug or "unnamed")
