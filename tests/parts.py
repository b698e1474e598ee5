"""The world around the pipeline, in this process: a sink, a gate, a store and a clock that tests can disturb."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamproc.core.arrival import Rules
from streamproc.core.record import Output, Record
from streamproc.core.switches import Switches
from streamproc.core.tally import Tally
from streamproc.core.unit import Span, Unit
from streamproc.dry_run import NullMeter
from streamproc.pipeline import Pipeline
from streamproc.ports import SinkUnavailable
from streamproc.store.addresses import Addresses
from streamproc.store.base import Slot, StoreUnavailable, Write
from streamproc.store.keys import IdKey
from streamproc.store.memory import MemorySpace, MemoryStore
from tests.core.shopper import ALLOWED, DAY_MS, NOON_MS, shop

KEY = IdKey(b"a key for these tests")


class Meter(NullMeter):
    """Keeps what went wrong and what was withheld."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.tallies: list[Tally] = []
        self.conflicted = 0
        self.handed = 0
        self.waiting = 0
        self.unknown = 0
        self.paused = 0

    def unknown_categories(self, count: int) -> None:
        self.unknown += count

    def unit(self, tally: Tally, decisions: Sequence[Any]) -> None:
        self.tallies.append(tally)

    def campaigns_paused(self, count: int) -> None:
        self.paused += count

    def conflicts(self, customers: int) -> None:
        self.conflicted += customers

    def handed_over(self, handover: Any, *, waits: bool = False) -> None:
        self.handed += 1
        self.waiting += waits

    def trouble(self, error: BaseException) -> None:
        self.troubles.append(type(error).__name__)


class Store(MemoryStore):
    """The memory twin, with an accident before, after or instead of the next calls."""

    def __init__(self, space: MemorySpace) -> None:
        super().__init__(space, id_check=KEY.check())
        self.load_fails = 0
        self.commit_fails_before = 0
        self.commit_fails_after = 0
        self.on_load: Callable[[], None] = lambda: None
        self.before_commit: Callable[[Sequence[Write]], None] = lambda _: None
        self.loaded: list[list[str]] = []

    async def load(self, hs: Sequence[str]) -> list[Slot]:
        self.loaded.append(list(hs))
        self.on_load()
        if self.load_fails:
            self.load_fails -= 1
            raise StoreUnavailable("load")
        return await super().load(hs)

    async def commit(self, writes: Sequence[Write]) -> list[bool]:
        self.before_commit(writes)
        if self.commit_fails_before:
            self.commit_fails_before -= 1
            raise StoreUnavailable("nothing was written")
        written = await super().commit(writes)
        if self.commit_fails_after:
            self.commit_fails_after -= 1
            raise StoreUnavailable("written, but the answer was lost")
        return written


@dataclass
class World:
    """A pipeline under the small shop's policy, at noon, in an installation of four lanes."""

    space: MemorySpace = field(default_factory=lambda: MemorySpace(lambda: NOON_MS))
    rules_now: Rules = field(default_factory=lambda: Rules(shop(), Switches(), 7, DAY_MS))
    now: int = NOON_MS
    seconds: float = 0.0
    open: bool = True
    fresh: bool = True
    waits: int = 0
    batches: list[list[Output]] = field(default_factory=list)
    sink_fails: Callable[[Sequence[Output]], bool] = lambda _: False
    on_wait: Callable[[], None] = lambda: None
    done: dict[tuple[str, int], int] = field(default_factory=dict)
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = Store(self.space)
        self.meter = Meter()
        self.address = Addresses(KEY, lanes=4)
        self.pipeline = Pipeline(
            store=self.store,
            sink=self,
            gate=self,
            clock=self,
            meter=self.meter,
            address=self.address,
            context_ttl_ms=90 * DAY_MS,
            worker="w-1",
            monotonic=lambda: self.seconds,
            pause=self._pause,
            committed=lambda topic, partition: self.done.get((topic, partition), 0),
        )

    @classmethod
    async def with_opted_in(cls, *customers: str) -> World:
        """A world whose customers agreed to everything but sensing, with nothing in the sink yet."""
        world = cls()
        await world.store.open(fresh=True)
        records = [
            world.record("consents", customer, consent(customer, channel, purpose))
            for customer in customers
            for channel, purpose in ALLOWED
        ]
        profiles = [
            world.record(
                "profiles", one, {"customer_id": one, "timezone": "Europe/Berlin", "at_ms": world.now}
            )
            for one in customers
        ]
        await world.pipeline.process(unit("facts", records + profiles))
        world.batches.clear()
        world.meter.tallies.clear()
        return world

    # What the pipeline asks

    def now_ms(self, record_ms: int = 0) -> int:
        return self.now

    def rules(self) -> Rules:
        return self.rules_now

    def is_open(self) -> bool:
        return self.open

    def is_fresh(self, lane: int) -> bool:
        return self.fresh

    async def until_open(self) -> None:
        while not self.open:
            await self._pause(1)

    async def _pause(self, attempt: int) -> None:
        self.waits += 1
        assert self.waits < 1_000, "waits for ever"
        self.on_wait()
        await asyncio.sleep(0)

    async def send(self, outputs: Sequence[Output]) -> None:
        self.batches.append(list(outputs))
        if self.sink_fails(outputs):
            raise SinkUnavailable("not acknowledged")

    # What tests ask

    def record(self, topic: str, customer: str, value: object, lane: int | None = None) -> Record:
        """Make the next record of the customer's own lane, or of this lane."""
        partition = self.address(customer)[1] if lane is None else lane
        offset = self.offsets.get((topic, partition), 0)
        self.offsets[topic, partition] = offset + 1
        data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        return Record(topic, partition, offset, self.now, False, customer.encode(), data)

    def view(self, customer: str, item: str = "coat-1", **more: Any) -> Record:
        partition = self.address(customer)[1]
        message = f"{customer}-{self.offsets.get(('clickstream', partition), 0)}"
        return self.record("clickstream", customer, view(customer, message, self.now, item), **more)

    def sent(self, topic: str) -> list[Output]:
        """Every output of a topic in the order of sending, repeats included."""
        return [output for batch in self.batches for output in batch if output.topic == topic]

    def values(self, topic: str) -> list[Any]:
        return [json.loads(output.value or b"null") for output in self.sent(topic)]

    def topics(self) -> list[list[str]]:
        """The topics of each batch, in the order of sending."""
        return [sorted({output.topic for output in batch}) for batch in self.batches]

    def counted(self) -> dict[str, int]:
        """What the receipts count, outcomes that did not happen left out."""
        total: dict[str, int] = {}
        for receipt in self.values("receipts"):
            for source in receipt["sources"]:
                for name in ("records", "events", *OUTCOMES):
                    total[name] = total.get(name, 0) + source[name]
        return {name: number for name, number in total.items() if number}


OUTCOMES = (
    "decided",
    "quiet",
    "duplicate",
    "redelivered",
    "too_old",
    "rejected",
    "rekeyed",
    "withheld",
    "holes",
)


def unit(kind: Any, records: Sequence[Record]) -> Unit:
    """Make the unit that the lanes would form of these records."""
    spans: dict[tuple[str, int], Span] = {}
    for record in records:
        source = (record.topic, record.partition)
        spans[source] = Span(spans.get(source, Span(record.offset, 0)).first, record.offset)
    return Unit(kind, records, {record.partition: 50 for record in records}, spans)


def consent(
    customer: str, channel: str, purpose: str = "marketing", state: str = "granted"
) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "channel": channel,
        "purpose": purpose,
        "state": state,
        "at_ms": NOON_MS,
        "source": "account page",
        "text_version": "3",
    }


def view(customer: str, message: str, at_ms: int, item: str, category: str = "coats") -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": message,
        "userId": customer,
        "timestamp": at_ms,
        "properties": {"product_id": item, "name": "Wool coat", "category": category},
    }
