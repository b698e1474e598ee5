"""The workload of `make bench`: who the customers are, what they do, and what the campaigns ask.

20,000 customers with warm contexts (12 remembered events at the median), 70 % of them consented, Segment calls of about
550 bytes, ten campaigns on six kinds of event. About one event in ten has a candidate, and one in a hundred gives a nudge.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import orjson

from streamproc.core.consent import ConsentHead, Row, encode_consent
from streamproc.core.context import Context, Profile, Remembered, RememberedItem, encode_context, remember
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.shipped import shipped_folder

DAY_MS: Final = 86_400_000
CONSENTED_RATIO: Final = 0.7
ITEMS: Final = 5_000
CATEGORIES: Final = ("coats", "shoes", "kitchen", "toys", "books")

# What an event is, how Segment calls it, and its share of the traffic.
KINDS: Final = (
    ("product.viewed", "Product Viewed", 0.46),
    ("list.viewed", "Product List Viewed", 0.18),
    ("search.performed", "Products Searched", 0.12),
    ("promo.viewed", "Promotion Viewed", 0.08),
    ("cart.item_added", "Product Added", 0.06),
    ("wishlist.added", "Product Added to Wishlist", 0.04),
    ("checkout.started", "Checkout Started", 0.03),
    ("order.completed", "Order Completed", 0.03),
)
# Campaigns by the kind that triggers them, with their conditions.
CAMPAIGNS: Final = (
    ("looked_twice", "product.viewed", "{count: {event: product.viewed, same: item, within: 24h, min: 2}}"),
    ("looked_often", "product.viewed", "{count: {event: product.viewed, same: category, within: 24h, min: 12}}"),
    ("looked_at_toys", "product.viewed", "{count: {event: product.viewed, category: toys, within: 24h, min: 9}}"),
    ("basket", "cart.item_added", "{cart.value: {min: 150.00, currency: EUR}}"),
    ("basket_of_many", "cart.item_added", "{cart.count: {min: 3}}"),
    ("wish", "wishlist.added", "{wishlist.count: {min: 2}}"),
    ("wish_seen", "wishlist.added", "{count: {event: product.viewed, same: item, within: 7d, min: 2}}"),
    ("seeking", "search.performed", "{count: {event: search.performed, within: 1h, min: 4}}"),
    ("at_the_till", "checkout.started", "{cart.value: {min: 200.00, currency: EUR}}"),
    ("thanks", "order.completed", "{event.value: {min: 500.00, currency: EUR}}"),
)

_CAMPAIGN: Final = """
campaign: {name}
helps: It measures how fast we are.
purpose: marketing
priority: {priority}
trigger: {{event: {kind}}}
when: {when}
channels: [push, email, in_app]
category: coats
facts: {{}}
because: [opted_in]
caps: [{{max: 1, rolling: 7d}}]
content:
  push: {{say: {{title: A title, body: A body of some length}}, soft: {{title: A title, body: A body}}}}
  email: {{say: {{subject: A subject, text: A text of some length}}, soft: {{subject: A subject, text: A text}}}}
  in_app: {{say: {{title: A title, body: A body of some length, action: /x}}, soft: {{title: A, body: A body, action: /x}}}}
examples:
  - {{name: nobody opted in, consents: [], given: [{{at: 0m, view: coat-1}}], expect: []}}
"""


def bench_policy(campaigns: int = len(CAMPAIGNS)) -> Policy:
    """Return the shipped channels and categories with the workload's campaigns, repeated up to a number of them."""
    folder = shipped_folder("policy")
    files = {name: (folder / name).read_text() for name in ("channels.yaml", "categories.yaml", "reasons.yaml")}
    for number in range(campaigns):
        name, kind, when = CAMPAIGNS[number % len(CAMPAIGNS)]
        if number >= len(CAMPAIGNS):
            name = f"{name}_{number}"
        files[f"campaigns/{name}.yaml"] = _CAMPAIGN.format(name=name, kind=kind, when=when, priority=50 - number % 10)
    return load(files)


def customer(number: int) -> str:
    """Name a customer."""
    return f"c-{number:07d}"


def events(count: int, customers: int, now_ms: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of Segment calls, the customers at random."""
    chance = random.Random(seed)  # noqa: S311 - a workload, repeatable
    names = [name for _, name, _ in KINDS]
    weights = [weight for _, _, weight in KINDS]
    for number, name in enumerate(chance.choices(names, weights, k=count)):
        who = chance.randrange(customers)
        yield customer(who).encode(), segment_call(number, name, who, chance, now_ms)


def segment_call(number: int, name: str, who: int, chance: random.Random, now_ms: int) -> bytes:
    """Write one call as a browser's library sends it, about 550 bytes."""
    item = favourite(who, chance.randrange(12))
    product = {
        "product_id": f"sku-{item:05d}",
        "name": "Winter coat, long",
        "brand": "Nord",
        "category": CATEGORIES[item % len(CATEGORIES)],
        "variant": "blue",
        "price": 20 + item % 180,
        "quantity": 1,
    }
    with_items = "Product" in name and name not in ("Products Searched", "Product List Viewed")
    properties: dict[str, object] = {"currency": "EUR", "position": number % 40}
    if with_items:
        properties |= product
    else:
        properties |= {"query": "winter coat", "list_id": "coats-women", "category": "coats", "sort": "price", "page": 2}
    if name == "Order Completed":
        properties |= {"order_id": f"o-{number}", "total": 30 + number % 500, "products": [product]}
    call = {
        "type": "track",
        "event": name,
        "messageId": f"ajs-next-{number:08d}-4b7e-a1c9-6f1d",
        "userId": customer(who),
        "anonymousId": f"anon-{who:012d}",
        "timestamp": _iso(now_ms),
        "properties": properties,
        "context": {
            "page": {"url": "https://shop.example/p/coat", "path": "/p/coat", "title": "Winter coat"},
            "locale": "de-DE",
            "timezone": "Etc/UTC",
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
        },
    }
    return orjson.dumps(call)


def favourite(who: int, nth: int) -> int:
    """Return the nth of the dozen items that a customer keeps looking at."""
    return (who * 31 + nth * 97) % ITEMS


def warm_context(who: int, now_ms: int, chance: random.Random) -> bytes:
    """Encode the context of a customer who was here before: 12 remembered events at the median."""
    context = Context(customer_id=customer(who), last_ms=now_ms - DAY_MS)
    context.profile = Profile(zone="Etc/UTC", locale="de-DE")
    context.applied = {f"clickstream/{who % 12}": (-1, 0)}
    context.seen = chance.randbytes(8 * 16)
    for nth in range(chance.choice((8, 10, 12, 14, 16))):
        item = favourite(who, nth % 12)
        category = CATEGORIES[item % len(CATEGORIES)]
        what = RememberedItem(f"sku-{item:05d}", category, "Nord", "Winter coat, long", 2_000 + item, 1)
        remember(context, Remembered(now_ms - 3 * DAY_MS + nth, "product.viewed", (what,)))
    return encode_context(context)


def consent_head(who: int, now_ms: int) -> bytes:
    """Encode the consents of a customer: 70 % agreed to processing, and they to some channels."""
    at_ms = now_ms - 30 * DAY_MS
    rows = {"*/processing": Row("granted", at_ms)} if is_consented(who) else {"*/processing": Row("denied", at_ms)}
    if is_consented(who):
        rows["push/marketing" if who % 2 else "email/marketing"] = Row("granted", at_ms)
        rows["in_app/marketing"] = Row("granted", at_ms)
    return encode_consent(ConsentHead(rows=rows))


def is_consented(who: int) -> bool:
    """Tell whether a customer is among the 70 %."""
    return who % 10 < CONSENTED_RATIO * 10


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
