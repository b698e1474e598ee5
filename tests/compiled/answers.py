"""Take recorded days through all six steps, and print every byte that comes of it: what is written, what is kept.

It is run once with the package as it is and once compiled, each in a process of its own.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from streamproc.core.record import Record
from streamproc.dry_run import DryRun
from streamproc.ops.demo.calendar import DAY_MS, at
from streamproc.store.base import VERSION_BYTES
from tests.laws.arrivals import BadDay, arrivals
from tests.laws.recorded_day import CUSTOMERS, REGULARS, RESTRAINTS, policy

QUIET = BadDay()
BAD = BadDay(
    restraints=tuple(
        (100 + 20 * nth, what, CUSTOMERS[nth % len(CUSTOMERS)], nth % 5 * 10)
        for nth, what in enumerate(RESTRAINTS)
    ),
    jitter=90,
    delays=((40, 600), (200, 26 * 60)),
    repeats=((10, 3), (300, 180)),
    rewinds=((120, 30), (500, 7)),
    seed=7,
)
# What is equal and still not the same once it is written: 1, 1.0 and true; and what only just fits.
NUMBERS = (0, 1, 1.0, 2.0, 2.5, True, False, -1, 2**31, 2**53 - 1, "1", "1.0", "2,5", 1e3, 0.1 + 0.2)


def main(*modules: str) -> None:
    for module in modules:
        print("loaded", module, (import_module(module).__file__ or "").rpartition(".")[2])
    for eager in (False, True):
        for day in (QUIET, BAD):
            show(DryRun(policy(eager=eager)), [record for _, record in arrivals(day)])
    show(DryRun(policy(eager=True)), list(numbers()))


def show(run: DryRun, records: list[Record]) -> None:
    """Print what a run writes, and at its end all that it keeps."""
    for record in records:
        for one in run.feed(record):
            print(one.topic, one.partition, one.offset, one.timestamp_ms, one.key, one.value, one.headers)
    for one in run.advance(run.clock.now_ms() + DAY_MS):
        print(one.topic, one.partition, one.offset, one.timestamp_ms, one.key, one.value, one.headers)
    space = run._waking.space
    for key, value in sorted(space.values.items()):
        if ":ctx:" in key or ":con:" in key:
            # Versions are drawn by chance.
            print("kept", key, value[VERSION_BYTES:])
    for key, fields in sorted(space.outputs.items()):
        print("kept", key, sorted(fields.items()))


def numbers() -> Iterator[Record]:
    """Yield, of a customer who agreed to much, numbers of every shape in every place that takes one."""
    customer, at_ms = next(iter(REGULARS)), at(0, "10:00")
    morning = [record for _, record in arrivals(QUIET) if record.timestamp_ms < at_ms]
    yield from (record for record in morning if (record.key or b"").decode() == customer)
    offset = 100_000
    for number in NUMBERS:
        for topic, said in sayings(number):
            offset, at_ms = offset + 1, at_ms + 60_000
            named = {"messageId": f"m-{offset}", "userId": customer, "timestamp": at_ms}
            more = named if topic == "clickstream" else {"customer_id": customer, "at_ms": at_ms}
            value = json.dumps(said | more).encode()
            yield Record(topic, 0, offset, at_ms, append_time=False, key=customer.encode(), value=value)


def sayings(number: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield one message of each sort with this number, by the topic it goes to."""
    yield "clickstream", {"type": "identify", "traits": {"visits": number, "club": {"points": number}}}
    yield "profiles", {"preferences": {"nudges_per_week_max": number}}
    yield "profiles", {"facts": [{"name": "points", "value": number, "provenance": "declared"}]}
    product = {"product_id": f"shoe-{number}", "category": "shoes", "price": number, "quantity": number}
    for name in ("Product Viewed", "Product Added", "Product Added to Wishlist"):
        properties = product | {"currency": "EUR", "position": number}
        yield "clickstream", {"type": "track", "event": name, "properties": properties}
    order = {
        "order_id": number,
        "total": number,
        "currency": "EUR",
        "products": [product],
        "discount": number,
    }
    yield "clickstream", {"type": "track", "event": "Order Completed", "properties": order}
    yield "clickstream", {"type": "track", "event": "Stars Given", "properties": {"stars": number}}


if __name__ == "__main__":
    main(*sys.argv[1:])
