"""Replay half a year of a shop that others published, through a real worker: `python -m benchmarks.real_shop`.

The wheel of `retentioneering` carries 31,106 events of 600 users in 3,605 sessions, with 19 names of their own. Its
authors call it synthetic; nobody here shaped it. It names no products, zones or consents, so these are added, each
following from the user or session alone: what a session looks at changes whenever a new list was opened.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import importlib.metadata
import io
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.cpu import cpu_seconds
from streamproc.flow.feeder import Feeder
from streamproc.flow.tail import Tail
from streamproc.ingest.record_file import encode_record
from streamproc.ops.demo import payloads
from streamproc.ops.demo.catalogue import BROWSED, Item
from streamproc.ops.demo.diary import Diary
from streamproc.ops.demo.payloads import Timed
from streamproc.ops.demo.stage import Stage
from streamproc.ops.demo.story import INPUTS, OUTPUTS, Story
from streamproc.ops.policy_files import read_folder
from streamproc.ops.verify.command import verify
from streamproc.ops.verify.report import Report
from streamproc.shipped import shipped_folder

__all__ = ["Replay", "Row", "find_events", "read_rows", "records_of", "replay"]

PACKAGE: Final = "retentioneering"
FILE: Final = "ecom.csv.gz"
JOINED_MS: Final = 1_704_067_200_000
"""2024-01-01, before the first event: when the users said what they agree to."""
BATCH: Final = 2_000
SECONDS_MAX: Final = 50.0

# The shop's names and those of Segment's specifications; what has none stays a name of its own.
NAMES: Final = {
    "product_view": "Product Viewed",
    "catalog": "Product List Viewed",
    "search": "Products Searched",
    "filter_results": "Product List Filtered",
    "add_to_cart": "Product Added",
    "cart": "Cart Viewed",
    "wishlist_add": "Product Added to Wishlist",
    "promo_page": "Promotion Viewed",
    "shipping_details": "Checkout Step Viewed",
    "payment_details": "Checkout Step Completed",
    "purchase": "Order Completed",
}
PAGES: Final = frozenset({"home", "account_page"})
LISTS: Final = frozenset({"catalog", "search", "filter_results", "promo_page", "home"})
ABOUT_ONE: Final = frozenset({"product_view", "add_to_cart", "wishlist_add"})
# Who agreed to what: one in four nothing, the others to some channels. Shares of 8.
AGREED: Final = (
    "",
    "",
    "processing",
    "push",
    "email",
    "push email in_app",
    "email in_app",
    "push in_app sensing",
)


@dataclass(frozen=True)
class Row:
    """One event as the file has it; the time is read as UTC."""

    user: str
    session: str
    name: str
    at_ms: int
    platform: str


@dataclass(frozen=True)
class Replay:
    """What came of a replay: what was seen, what `verify` says, how long it took and what the worker used."""

    story: Story
    report: Report
    seconds: float
    cpu_seconds: float
    produced: int


def find_events() -> Path | None:
    """Find the file in the installed wheel, without importing the package; None where it is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == FILE), None)


def read_rows(path: Path) -> list[Row]:
    """Read all events, in order of time."""
    with gzip.open(path, "rb") as packed, io.TextIOWrapper(packed, "utf-8", newline="") as text:
        rows = [
            Row(
                line["user_id"],
                line["session_id"],
                line["event"],
                int(datetime.fromisoformat(line["timestamp"]).replace(tzinfo=UTC).timestamp()) * 1_000,
                line["platform"],
            )
            for line in csv.DictReader(text)
        ]
    return sorted(rows, key=lambda row: row.at_ms)


def records_of(rows: Sequence[Row]) -> tuple[list[Timed], list[Timed]]:
    """Return the consents of the users, and a Segment call for each event at its own time."""
    consents: list[Timed] = []
    for user in sorted({row.user for row in rows}):
        diary = Diary(user, None)
        diary.agree(AGREED[_pick(user, len(AGREED))], JOINED_MS)
        consents += diary.records
    shop = _Shop()
    return consents, [shop.call(number, row) for number, row in enumerate(rows)]


class _Shop:
    """Gives each event the item it is about, and each order what the session put into its cart."""

    def __init__(self) -> None:
        self._lists: Counter[str] = Counter()
        self._carts: dict[str, list[Item]] = {}

    def call(self, number: int, row: Row) -> Timed:
        """Write one event as a call; `number` makes its id."""
        app = row.platform == "mobile"
        zone = None if _pick(row.user + "/zone", 10) == 0 else "Europe/Berlin"
        message_id = f"shop-{number}"
        if row.name in PAGES:
            return payloads.page(row.at_ms, row.user, message_id, app=app, timezone=zone, path=f"/{row.name}")
        self._lists[row.session] += row.name in LISTS
        item = self._item(row) if row.name in ABOUT_ONE else None
        return payloads.track(
            row.at_ms,
            NAMES.get(row.name, row.name),
            row.user,
            message_id,
            app=app,
            timezone=zone,
            item=item,
            properties=self._properties(row, item),
        )

    def _item(self, row: Row) -> Item:
        """Choose among three items of the session: which one changes with every list that was opened."""
        turn = self._lists[row.session] % 3
        return BROWSED[_pick(f"{row.session}/{turn}", len(BROWSED))]

    def _properties(self, row: Row, item: Item | None) -> dict[str, Any]:
        cart = self._carts.setdefault(row.session, [])
        if row.name == "add_to_cart" and item is not None:
            cart.append(item)
        if row.name == "purchase":
            total = sum(one.price_minor for one in cart) / 100
            products = [one.properties() for one in cart]
            return {"order_id": row.session, "total": total, "currency": "EUR", "products": products}
        return {}


def _pick(text: str, count: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) % count


def replay(rows: Sequence[Row]) -> Replay:
    """Run all events through a worker of its own on the embedded broker and Redis, then verify what it wrote."""
    consents, calls = records_of(rows)
    with Stage(read_folder(shipped_folder("policy"))) as stage:
        worker = stage.start_worker()
        story, lines = Story(), list[bytes]()
        begun_cpu, begun_at = cpu_seconds(worker.pid), time.monotonic()
        asyncio.run(_run(stage, [consents, calls], story, lines))
        seconds = time.monotonic() - begun_at
        used = cpu_seconds(worker.pid) - begun_cpu
    report = verify(lines, from_start=True, record_clock=True)
    return Replay(story, report, seconds, used, len(consents) + len(calls))


async def _run(stage: Stage, parts: list[list[Timed]], story: Story, lines: list[bytes]) -> None:
    topics = (*INPUTS, *OUTPUTS, "config")
    async with Feeder(stage.kafka) as feeder, Tail(stage.kafka, topics) as tail:
        watching = asyncio.create_task(_watch(tail, story, lines))
        try:
            for records in parts:
                for batch in _batches(records):
                    await feeder.send(batch)
                    story.fed += len(batch)
                await _until_finished(story, watching)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def _watch(tail: Tail, story: Story, lines: list[bytes]) -> None:
    while True:
        records = await tail.take(100)
        story.see(records)
        lines += [encode_record(record) for record in records]


async def _until_finished(story: Story, watching: asyncio.Task[None]) -> None:
    """Wait until the worker has finished all that was produced, and nothing new was seen for half a second."""
    deadline = time.monotonic() + SECONDS_MAX
    seen = -1
    while story.lag or story.records != seen:
        if watching.done():
            watching.result()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{story.lag} records are not finished after {SECONDS_MAX:.0f} s")
        seen = story.records
        await asyncio.sleep(0.5)


def _batches(records: list[Timed]) -> Iterator[list[Timed]]:
    for start in range(0, len(records), BATCH):
        yield records[start : start + BATCH]


def main() -> int:
    """Replay, print what came of it, and return 1 if a promise is broken."""
    console = Console(highlight=False)
    path = find_events()
    if path is None:
        console.print(f"{PACKAGE} is not installed: `make bench` installs it")
        return 1
    done = replay(read_rows(path))
    story = done.story
    console.print(
        f"{story.events:,} events in {done.seconds:.1f} s, {done.cpu_seconds / story.events * 1e6:.0f} µs of "
        f"worker CPU an event; {len(story.nudges):,} nudges {dict(story.by_channel)}, {story.silent:,} silences, "
        f"{story.counts['quiet']:,} events of people who agreed to nothing"
    )
    console.print(", ".join(f"{code} {count:,}" for code, count in story.reasons.most_common()))
    done.report.print(sys.stdout)
    return 0 if done.report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
