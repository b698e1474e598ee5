"""What many campaigns cost: 200 over 20 kinds of event beside 10, over the same events and customers.

In both policies one event in ten has a candidate, so that what differs is finding it. `python -m benchmarks.rules`
prints what both cost, of `decide` alone and of all six steps, and their ratios.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import orjson

from benchmarks.inprocess import KEY, LANES, InProcess
from benchmarks.workload import CATEGORIES, DAY_MS, MINUTE_MS, consent_head, customer, favourite, files_of
from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.consent import decode_consent
from streamproc.core.consent_head import ConsentHead
from streamproc.core.context import Context, Line, Profile, Remembered, RememberedItem
from streamproc.core.decide import decide
from streamproc.core.digests import partition_of
from streamproc.core.event import Event
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.recent import remember
from streamproc.core.record import Position, Record
from streamproc.core.stored_context import decode_context, encode_context
from streamproc.core.switches import Switches
from streamproc.ingest import parse
from streamproc.ingest.names import SEGMENT_NAMES
from streamproc.store.base import Write
from streamproc.store.memory import MemoryStore

EVENTS: Final = 20_000
CUSTOMERS: Final = 1_000
CHUNK: Final = 250
COMPARED: Final = "200 campaigns over 20 kinds beside 10, times"
# Every kind is as frequent as the others.
KINDS: Final = (
    *("product.viewed", "product.clicked", "list.viewed", "list.filtered", "search.performed"),
    *("cart.item_added", "cart.item_removed", "cart.viewed", "checkout.started", "checkout.step"),
    *("order.completed", "order.updated", "promo.viewed", "promo.clicked", "wishlist.added"),
    *("wishlist.removed", "coupon.entered", "coupon.applied", "coupon.denied", "app.opened"),
)
_NAMES: Final = {kind: name for name, kind in SEGMENT_NAMES.items()}
_WITH_ITEM: Final = ("product.", "cart.item", "wishlist.", "order.")
# Ten ways to ask, each rarely true; `{kind}` is the trigger's, `{other}` another, `{category}` one of five.
ASKED: Final = (
    "{{count: {{event: {kind}, within: 24h, min: 9}}}}",
    "{{count: {{event: product.viewed, category: {category}, within: 24h, min: 6}}}}",
    "{{all: [{{cart.value: {{min: 500.00, currency: EUR}}}}, {{absent: {{event: {other}, within: 2h}}}}]}}",
    "{{distinct: {{of: category, event: [product.viewed, product.clicked], within: 7d, min: 5}}}}",
    "{{all: [{{present: {{event: {other}, within: 10m}}}}, {{surface: {{in: [app, email]}}}}]}}",
    "{{sum: {{of: value, event: order.completed, within: 30d, min: 2000, currency: EUR}}}}",
    "{{all: [{{since: {{event: {other}, min: 30d}}}}, {{not: {{visit.open: true}}}}]}}",
    "{{all: [{{time.weekday: {{in: [sat, sun]}}}}, {{trait.bucket: {{min: 100}}}}]}}",
    "{{all: [{{wishlist.count: {{min: 5}}}}, {{ordered: {{within: 30d}}}}]}}",
    "{{last: {{event: search.performed, site: berlin-1}}}}",
)


def policy(campaigns: int) -> Policy:
    """Load a policy of so many campaigns over the 20 kinds, of which one event in ten makes one a candidate."""
    found = []
    for number in range(campaigns):
        kind, way = KINDS[number % len(KINDS)], number // len(KINDS) + number % len(KINDS)
        other = KINDS[(number * 7 + 3) % len(KINDS)]
        when = ASKED[way % len(ASKED)].format(
            kind=kind, other=other, category=CATEGORIES[number % len(CATEGORIES)]
        )
        if number < len(KINDS):
            # Of ten campaigns each has a kind of its own, so that it must speak twice as often.
            bucket_max = max(0, len(KINDS) // campaigns - 1)
            when = f"{{any: [{when}, {{trait.bucket: {{max: {bucket_max}}}}}]}}"
        found.append((f"campaign_{number}", kind, when))
    return load(files_of(found))


@dataclass(frozen=True)
class Crowd:
    """The customers, their events, and what each remembers: made once, for both policies."""

    now_ms: int
    contexts: Sequence[bytes]
    records: Sequence[Record]


def crowd() -> Crowd:
    """Draw the customers and their events."""
    chance = random.Random(1)
    now_ms = time.time_ns() // 1_000_000
    contexts = [_context(who, now_ms) for who in range(CUSTOMERS)]
    records = []
    for number in range(EVENTS):
        who, kind = chance.randrange(CUSTOMERS), chance.choice(KINDS)
        lane = partition_of(customer(who), LANES)
        call = orjson.dumps(_call(number, who, kind, now_ms, chance))
        key = customer(who).encode()
        records.append(Record("clickstream", lane, number, now_ms, append_time=False, key=key, value=call))
    return Crowd(now_ms, contexts, records)


def _context(who: int, now_ms: int) -> bytes:
    chance = random.Random(who)
    context = Context(customer_id=customer(who), last_ms=now_ms - 20 * MINUTE_MS)
    context.profile = Profile(zone="Etc/UTC", locale="de-DE", traits={"bucket": who % 10})
    context.seen = chance.randbytes(8 * 16)
    for nth in range(chance.choice((8, 10, 12, 14, 16))):
        kind = chance.choice(KINDS)
        items = (_item(who, chance),) if kind.startswith(_WITH_ITEM) else ()
        remember(context, Remembered(now_ms - (60 - nth) * MINUTE_MS, kind, items))
    context.cart = [Line(now_ms - 30 * MINUTE_MS, _item(who, chance), "EUR") for _ in range(2)]
    context.wishlist = [Line(now_ms - DAY_MS, _item(who, chance), "EUR") for _ in range(2)]
    return encode_context(context)


def _item(who: int, chance: random.Random) -> RememberedItem:
    item = favourite(who, chance.randrange(12))
    category = CATEGORIES[item % len(CATEGORIES)]
    return RememberedItem(f"sku-{item:05d}", category, "Nord", "Winter coat, long", 2_000, 1)


def _call(number: int, who: int, kind: str, now_ms: int, chance: random.Random) -> dict[str, object]:
    properties: dict[str, object] = {"currency": "EUR"}
    if kind.startswith(_WITH_ITEM):
        item = _item(who, chance)
        properties |= {"product_id": item.item_id, "name": item.name, "brand": item.brand}
        properties |= {"category": item.category, "price": 20, "quantity": 1}
    return {
        "type": "track",
        "event": _NAMES[kind],
        "messageId": f"m-{number}",
        "userId": customer(who),
        "timestamp": now_ms,
        "properties": properties,
        "context": {"page": {"url": "https://shop.example/p"}, "library": {"name": "analytics.js"}},
    }


class Side:
    """One policy over the crowd: decides the same events, a chunk at a time."""

    def __init__(self, of: Crowd, campaigns: int) -> None:
        """Give every customer what it remembers."""
        self.policy = policy(campaigns)
        self._of = of
        self._customers = {
            customer(who): Customer(f"{who:032x}", _consent(of), decode_context(context))
            for who, context in enumerate(of.contexts)
        }
        self._rules = Rules(self.policy, Switches(), 0, DAY_MS)
        self._store = MemoryStore(id_check=KEY.check())
        self._six_steps = InProcess(self._store, self.policy)
        self.decided = 0

    async def start(self) -> None:
        """Fill the store."""
        await self._store.open(fresh=True)
        await self._store.commit(
            [_write(who, context, self._of.now_ms) for who, context in enumerate(self._of.contexts)]
        )

    def decide_s(self, arrivals: Sequence[Arrival]) -> float:
        """Decide; return the CPU time."""
        begun = time.process_time()
        for arrival in arrivals:
            _, emission = decide(
                self._customers[arrival.event.customer_id], arrival, self._rules, self._of.now_ms
            )
            self.decided += emission is not None and emission.decision is not None
        return time.process_time() - begun

    async def six_steps_s(self, records: Sequence[Record]) -> float:
        """Take records through all six steps over the memory twin of the store; return the CPU time."""
        begun = time.process_time()
        await self._six_steps.take(records)
        return time.process_time() - begun


def _consent(of: Crowd) -> ConsentHead:
    return decode_consent(consent_head(0, of.now_ms))


def _write(who: int, context: bytes, now_ms: int) -> Write:
    return Write(
        h=KEY.h(customer(who)),
        context_version=b"",
        consent_version=b"",
        context=context,
        context_ttl_ms=90 * DAY_MS,
        consent=consent_head(0, now_ms),
    )


def arrivals_of(records: Sequence[Record]) -> list[Arrival]:
    """Parse the records."""
    return [
        Arrival(event, Position("clickstream", record.partition, record.offset, index), record.partition, 0)
        for record in records
        for index, event in enumerate(parse(record))
        if isinstance(event, Event)
    ]


async def compare() -> dict[str, float]:
    """Measure both policies in turns, a chunk each.

    Others share the machine, so its speed changes by the second: what is compared was measured within milliseconds, and
    the median of many such ratios counts.
    """
    of = crowd()
    few, many = Side(of, 10), Side(of, 200)
    found: dict[str, list[float]] = {"decide": [], "six steps": []}
    costs: dict[str, list[float]] = {}
    for side in (few, many):
        await side.start()
    gc.collect()
    gc.freeze()
    for start in range(0, EVENTS, CHUNK):
        records = of.records[start : start + CHUNK]
        arrivals = arrivals_of(records)
        for part, measured in (
            ("decide", [side.decide_s(arrivals) for side in (few, many)]),
            ("six steps", [await side.six_steps_s(records) for side in (few, many)]),
        ):
            found[part].append(measured[1] / measured[0])
            for name, seconds in zip(("10", "200"), measured, strict=True):
                costs.setdefault(f"{name} campaigns: {part}, us/event", []).append(seconds / CHUNK * 1e6)
    gc.unfreeze()
    shares = {
        f"{name} campaigns: events with a candidate, %": side.decided / EVENTS * 100
        for name, side in (("10", few), ("200", many))
    }
    ratios = {f"{COMPARED}: {part}": median(found[part]) for part in found}
    return shares | {name: median(values) for name, values in costs.items()} | ratios


if __name__ == "__main__":
    for name, value in asyncio.run(compare()).items():
        print(f"{name:60} {value:8.2f}")
