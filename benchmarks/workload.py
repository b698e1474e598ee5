"""The workload of `make bench`: who the customers are, what they do, and what the campaigns ask.

20,000 customers with warm contexts (12 remembered events at the median), 70 % of them consented, Segment calls of about
550 bytes, ten campaigns on six kinds of event. One event in ten has a candidate, and one in a hundred gives a nudge:
what memory holds at the start is drawn as the events are, so that these shares hold for runs of any length.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from streamproc.core.consent import encode_consent
from streamproc.core.consent_head import ConsentHead, Row
from streamproc.core.context import Charge, Context, Line, Profile, Remembered, RememberedItem
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.recent import remember
from streamproc.core.stored_context import encode_context
from streamproc.shipped import shipped_folder

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
CUSTOMERS: Final = 20_000
CONSENTED_RATIO: Final = 0.7
# What the conditions below give; the run says what they gave.
CANDIDATE_RATIO: Final = 0.10
NUDGE_RATIO: Final = 0.01
# Of the customers who could speak, some spent the campaign's cap days ago or have bought already.
SPEAKS_RATIO: Final = 0.8
ITEMS: Final = 5_000
FAVOURITES: Final = 12
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
# The kinds that conditions count, which memory therefore keeps, with their shares.
REMEMBERED: Final = ("product.viewed", "search.performed")
REMEMBERED_WEIGHTS: Final = (0.46, 0.12)
# An order empties the cart, and there are two additions to an order.
CART_GROWS_RATIO: Final = 2 / 3
# Campaigns by the kind that triggers them, with their conditions.
CAMPAIGNS: Final = (
    ("looked_again", "product.viewed", "{count: {event: product.viewed, same: item, within: 24h, min: 4}}"),
    (
        "looked_often",
        "product.viewed",
        "{count: {event: product.viewed, same: category, within: 24h, min: 6}}",
    ),
    (
        "looked_at_toys",
        "product.viewed",
        "{count: {event: product.viewed, category: toys, within: 24h, min: 7}}",
    ),
    ("basket", "cart.item_added", "{cart.value: {min: 350.00, currency: EUR}}"),
    ("basket_of_many", "cart.item_added", "{cart.count: {min: 6}}"),
    ("wish", "wishlist.added", "{wishlist.count: {min: 3}}"),
    ("wish_seen", "wishlist.added", "{count: {event: product.viewed, same: item, within: 7d, min: 2}}"),
    ("seeking", "search.performed", "{count: {event: search.performed, within: 24h, min: 6}}"),
    ("at_the_till", "checkout.started", "{cart.value: {min: 200.00, currency: EUR}}"),
    ("thanks", "order.completed", "{event.value: {min: 300.00, currency: EUR}}"),
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
  in_app:
    say: {{title: A title, body: A body of some length, action: /x}}
    soft: {{title: A title, body: A body, action: /x}}
examples:
  - {{name: nobody opted in, consents: [], given: [{{at: 0m, view: coat-1}}], expect: []}}
"""


@dataclass(frozen=True)
class Crowd:
    """Some customers and the events they are about to send: enough to draw what each remembers."""

    customers: int
    events: int
    now_ms: int
    everyone_rested: bool = False
    """Nobody was nudged lately: nearly every candidate speaks, until a cap is spent."""

    @property
    def rested_ratio(self) -> float:
        """The share of consented customers who were not nudged within the last hour.

        Each of them speaks once, at the first candidate. Of n events a customer, of which the share p has a
        candidate, at least one has with probability 1 - exp(-n p). So many rested ones give NUDGE_RATIO.
        """
        if self.everyone_rested:
            return 1.0
        each = self.events / self.customers
        speaks = CONSENTED_RATIO * SPEAKS_RATIO * -math.expm1(-each * CANDIDATE_RATIO / CONSENTED_RATIO)
        return min(1.0, NUDGE_RATIO * each / speaks)

    @property
    def zone(self) -> str:
        """A time zone in which it is early afternoon now, so that quiet hours are the same at any hour of the day."""
        ahead = 13 - self.now_ms // (60 * MINUTE_MS) % 24
        return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/UTC"


def policy_files(campaigns: int = len(CAMPAIGNS)) -> dict[str, str]:
    """Return the shipped channels and categories with the workload's campaigns, repeated up to a number of them."""
    found = []
    for number in range(campaigns):
        name, kind, when = CAMPAIGNS[number % len(CAMPAIGNS)]
        found.append((name if number < len(CAMPAIGNS) else f"{name}_{number}", kind, when))
    return files_of(found)


def files_of(campaigns: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return the shipped channels and categories with these campaigns: name, kind that triggers, condition."""
    folder = shipped_folder("policy")
    files = {
        name: (folder / name).read_text() for name in ("channels.yaml", "categories.yaml", "reasons.yaml")
    }
    for number, (name, kind, when) in enumerate(campaigns):
        priority = 50 - number % 10
        files[f"campaigns/{name}.yaml"] = _CAMPAIGN.format(name=name, kind=kind, when=when, priority=priority)
    return files


def bench_policy(campaigns: int = len(CAMPAIGNS)) -> Policy:
    """Load the workload's policy."""
    return load(policy_files(campaigns))


def write_policy(folder: Path) -> None:
    """Write the workload's policy as a folder that a worker can be given."""
    for name, text in policy_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def customer(number: int) -> str:
    """Name a customer."""
    return f"c-{number:07d}"


def events(crowd: Crowd, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield customers and the Segment calls they cause, the customers at random."""
    chance = random.Random(seed)
    names = [name for _, name, _ in KINDS]
    weights = [weight for _, _, weight in KINDS]
    for number, name in enumerate(chance.choices(names, weights, k=crowd.events)):
        who = chance.randrange(crowd.customers)
        yield customer(who), segment_call(number, name, who, chance, crowd)


def segment_call(number: int, name: str, who: int, chance: random.Random, crowd: Crowd) -> bytes:
    """Write one call as a browser's library sends it, about 550 bytes."""
    item = favourite(who, chance.randrange(FAVOURITES))
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
        properties |= {
            "query": "winter coat",
            "list_id": "coats-women",
            "category": "coats",
            "sort": "price",
            "page": 2,
        }
    if name == "Order Completed":
        properties |= {"order_id": f"o-{number}", "total": 30 + number % 500, "products": [product]}
    call = {
        "type": "track",
        "event": name,
        "messageId": f"ajs-next-{number:08d}-4b7e-a1c9-6f1d",
        "userId": customer(who),
        "anonymousId": f"anon-{who:012d}",
        "timestamp": _iso(crowd.now_ms),
        "properties": properties,
        "context": {
            "page": {"url": "https://shop.example/p/coat", "path": "/p/coat", "title": "Winter coat"},
            "locale": "de-DE",
            "timezone": crowd.zone,
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
        },
    }
    return orjson.dumps(call)


def favourite(who: int, nth: int) -> int:
    """Return the nth of the dozen items that a customer keeps looking at."""
    return (who * 31 + nth * 97) % ITEMS


def warm_context(who: int, crowd: Crowd) -> bytes:
    """Encode the context of a customer who was here before: 12 remembered events at the median."""
    chance = random.Random(who)
    now_ms = crowd.now_ms
    context = Context(customer_id=customer(who), last_ms=now_ms - 20 * MINUTE_MS)
    context.profile = Profile(zone=crowd.zone, locale="de-DE")
    context.seen = chance.randbytes(8 * 16)
    depth = chance.choice((8, 10, 12, 14, 16))
    for nth, kind in enumerate(chance.choices(REMEMBERED, REMEMBERED_WEIGHTS, k=depth)):
        items = (_known_item(who, chance),) if kind == "product.viewed" else ()
        remember(context, Remembered(now_ms - (60 - nth) * MINUTE_MS, kind, items))
    while chance.random() < CART_GROWS_RATIO:
        context.cart.append(Line(now_ms - 30 * MINUTE_MS, _known_item(who, chance), "EUR"))
    context.wishlist = [Line(now_ms - DAY_MS, _known_item(who, chance), "EUR") for _ in range(2)]
    context.charges = [_charge(now_ms - 5 * DAY_MS, chance)]
    if chance.random() >= crowd.rested_ratio:
        context.charges.append(_charge(now_ms - 20 * MINUTE_MS, chance))
    return encode_context(context)


def _known_item(who: int, chance: random.Random) -> RememberedItem:
    item = favourite(who, chance.randrange(FAVOURITES))
    category = CATEGORIES[item % len(CATEGORIES)]
    return RememberedItem(
        f"sku-{item:05d}", category, "Nord", "Winter coat, long", 2_000 + item % 180 * 100, 1
    )


def _charge(at_ms: int, chance: random.Random) -> Charge:
    name, _, _ = chance.choice(CAMPAIGNS)
    ids = chance.randbytes(16), chance.randbytes(8)
    return Charge(at_ms, at_ms + 8 * DAY_MS, *ids, channel="in_app", campaign=name, category="coats")


def consent_head(who: int, now_ms: int) -> bytes:
    """Encode the consents of a customer: 70 % agreed to processing, and they to some channels."""
    at_ms = now_ms - 30 * DAY_MS
    rows = {"*/processing": Row("granted" if is_consented(who) else "denied", at_ms)}
    if is_consented(who):
        rows["push/marketing" if who % 2 else "email/marketing"] = Row("granted", at_ms)
        rows["in_app/marketing"] = Row("granted", at_ms)
    return encode_consent(ConsentHead(rows=rows))


def is_consented(who: int) -> bool:
    """Tell whether a customer is among the 70 %."""
    return who % 10 < CONSENTED_RATIO * 10


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
