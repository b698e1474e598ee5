"""A recorded day: what the demo's shoppers told a shop, with more of what restrains, as producers wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.ops.demo.calendar import MINUTE_MS, at, moved
from streamproc.ops.demo.cast import CAST
from streamproc.ops.demo.catalogue import BROWSED, CATALOGUE, Item, find
from streamproc.ops.demo.diary import Diary
from streamproc.ops.demo.payloads import Timed
from streamproc.ops.demo.shoppers import first_day
from streamproc.shipped import shipped_folder
from tests.core.shopper import campaign

SHOPPERS = len(CAST) + 6
REGULARS = {"r-1": "push email in_app sensing", "r-2": "push in_app", "r-3": "email"}
"""Customers who look at something every few minutes, all day long, and agreed to these."""
LOOK_EVERY_MIN = 11
MORNING_MS, NIGHT_MS = at(0, "07:00"), at(0, "23:00")
WAITING = "r-4"
CUSTOMERS = (*REGULARS, WAITING, *(f"c-{number:04}" for number in range(1, SHOPPERS + 1)))

EAGER = {
    "{max: 1, per: day}, {max: 3, rolling: 7d}": "{max: 2, per: day}, {max: 1, rolling: 3h}",
    "caps: [{max: 2, rolling: 7d}]": "caps: [{max: 2, rolling: 4h}]",
    "caps: [{max: 2, per: day}, {max: 5, rolling: 7d}]": "caps: [{max: 5, per: day}, {max: 3, rolling: 5h}]",
    "gap_min: 1h": "gap_min: 25m",
    "limit: 0.40": "limit: 1.0",
    "capacity: 1.0": "capacity: 10",
}

ENDS = ("Order Completed", "Product Removed")
"""What ends the waiting of the reminder, as Segment calls it."""
REMINDER = campaign(
    "reminder", "{event: cart.item_added}", "{cart.count: {max: 20}}", because="cart", priority=60
).replace("trigger:", "wait: 30m\nunless: [order.completed, cart.item_removed]\ntrigger:")


@dataclass(frozen=True)
class Told:
    """One record as its producer wrote it: `at_ms` is when it happened, and would have arrived on a good day."""

    at_ms: int
    topic: str
    key: str
    value: bytes | None
    says: Mapping[str, Any] = field(default_factory=dict)
    """What a restraining record says, for the judge; empty for the others, whose values it reads itself."""


@cache
def shopping_day() -> tuple[Told, ...]:
    """Return the records of the demo's cast and of a few shoppers more, in the order in which they happened."""
    records = first_day(shoppers=SHOPPERS)
    for name, agreed in REGULARS.items():
        records += regular(name, agreed)
    records += waiting()
    return tuple(
        Told(at_ms, output.topic, (output.key or b"").decode(), output.value)
        for at_ms, output in sorted(records, key=lambda timed: timed[0])
    )


def waiting() -> list[Timed]:
    """Write the day of somebody who puts something into the basket now and then, and does nothing else."""
    diary = Diary(WAITING, "Europe/Berlin")
    diary.agree("push email in_app")
    diary.declare({"timezone": "Europe/Berlin"})
    for clock, item in (("09:30", "shoe-1"), ("13:00", "coat-1"), ("17:00", "pan-1")):
        diary.track(at(0, clock), "Product Added", find(item))
    return diary.records


def regular(name: str, agreed: str) -> list[Timed]:
    """Write the day of somebody who looks all the time, puts in and takes out, and wishes."""
    diary = Diary(name, "Europe/Berlin")
    diary.agree(agreed)
    diary.declare({"timezone": "Europe/Berlin", "traits": {"favourite_category": "coats"}})
    verbs = (
        "Product Viewed",
        "Product Viewed",
        "Product Added",
        "Product Viewed",
        "Product Added to Wishlist",
        "Product Removed",
    )
    for number, at_ms in enumerate(range(MORNING_MS, NIGHT_MS, LOOK_EVERY_MIN * MINUTE_MS)):
        diary.track(at_ms, verbs[number % len(verbs)], BROWSED[number * 7 % len(BROWSED)])
    diary.visit(at(0, "12:30"), "berlin-1", 40)
    return diary.records


@cache
def files(*, eager: bool) -> dict[str, str]:
    """Return the policy that ships, its sale moved to the recorded days.

    Where it is `eager`, nearly every event is a candidate, campaigns have nearly no caps of their own, and those that
    stay have windows of hours: what then keeps the shop silent is all the rest. One more campaign waits.
    """
    folder = shipped_folder("policy")
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.yaml"))}
    texts = moved(texts)
    if eager:
        for old, new in EAGER.items():
            name = next(name for name in ("channels.yaml", "creep.yaml") if old in texts[name])
            texts[name] = texts[name].replace(old, new)
        texts["campaigns/reminder.yaml"] = REMINDER
        for name in [one for one in texts if one.startswith("campaigns/")]:
            text = re.sub(r"max: \d+, rolling", "max: 40, rolling", texts[name])
            text = re.sub(r"within: 24h, min: 3", "within: 24h, min: 1", text)
            texts[name] = re.sub(r"\{min: 1, max: 1\}", "{min: 1, max: 30}", text)
    return texts


@cache
def policy(*, eager: bool) -> Policy:
    return load(files(eager=eager), "v1")


def told(at_ms: int, topic: str, customer: str, **fields: Any) -> Told:
    """Write a fact of one customer."""
    value = {"customer_id": customer, **fields, "at_ms": at_ms}
    return Told(at_ms, topic, customer, json.dumps(value).encode(), value)


def switched(at_ms: int, key: str, *, on: bool) -> Told:
    value = {"enabled": on, "reason": "drill", "at_ms": at_ms}
    return Told(at_ms, "config", key, json.dumps(value).encode(), value)


def ordered(at_ms: int, customer: str, item: Item) -> Told:
    call = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"o-{customer}-{at_ms}",
        "userId": customer,
        "timestamp": at_ms,
        "properties": {"order_id": f"{customer}-{at_ms}", "products": [item.properties()], "currency": "EUR"},
    }
    return Told(at_ms, "clickstream", customer, json.dumps(call).encode())


def restrained(at_ms: int, what: str, customer: str) -> Told:
    """Write something that restrains, of the kind that `RESTRAINTS` names."""
    if what in SWITCHES:
        return switched(at_ms, what, on=False)
    if what.startswith("on "):
        return switched(at_ms, what.removeprefix("on "), on=True)
    verb, _, about = what.partition(" ")
    match verb:
        case "order":
            return ordered(at_ms, customer, next(item for item in CATALOGUE if item.item_id == about))
        case "revoke":
            channel, purpose = ("*", about) if about in ("processing", "sensing") else (about, "marketing")
            more = {"channel": channel, "purpose": purpose, "state": "withdrawn", "source": "account"}
            return told(at_ms, "consents", customer, **more)
        case "grant":
            more = {"channel": about, "purpose": "marketing", "state": "granted", "source": "account"}
            return told(at_ms, "consents", customer, **more)
        case "mute":
            return told(at_ms, "profiles", customer, preferences={"muted_categories": [about]})
        case "decline":
            return told(at_ms, "profiles", customer, preferences={"channels_off": [about]})
        case "pause":
            return told(at_ms, "profiles", customer, preferences={"paused_until_ms": at_ms + 600 * MINUTE_MS})
        case "pace":
            return told(at_ms, "profiles", customer, preferences={"nudges_per_week_max": int(about)})
        case "object":
            return told(at_ms, "privacy-requests", customer, request_id=f"r-{at_ms}", kind="object")
        case _:
            return told(at_ms, "outcomes", customer, kind=verb, **({"channel": about} if about else {}))


SWITCHES = ("all", "channel/push", "channel/email", "campaign/second_look", "campaign/wishlist_saved")
RESTRAINTS = (
    *("order coat-1", "order shoe-1", "order toy-4", "order ring-1", "order pan-1"),
    *("revoke push", "revoke email", "revoke in_app", "revoke *", "revoke processing", "revoke sensing"),
    *("grant push", "grant *"),
    *("mute coats", "mute shoes", "decline push", "decline email", "pause", "pace 0", "pace 1"),
    *("unsubscribed push", "unsubscribed", "complained", "uninstalled", "object"),
    *SWITCHES,
    *("on all", "on channel/push", "on campaign/second_look"),
)
