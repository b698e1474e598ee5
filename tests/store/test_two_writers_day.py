"""A recorded day split over two workers that share every customer, on a real Redis: the caps hold all the same."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from redis import Redis

from streamproc.core.arrival import Rules
from streamproc.core.record import Output, Record
from streamproc.core.switches import Switches
from streamproc.core.unit import Unit
from streamproc.ingest.inside import encode_due
from streamproc.ops.demo.calendar import DAY_MS
from streamproc.ops.embedded import EmbeddedRedis
from streamproc.pipeline import FACT_TOPICS, Pipeline
from streamproc.store.addresses import Addresses
from streamproc.store.base import CLAIM_MS
from streamproc.store.keys import BUCKETS, IdKey
from streamproc.store.redis_store import RedisStore
from tests.laws.arrivals import BadDay, arrivals, bad_days
from tests.laws.judge import Judge, violations
from tests.laws.recorded_day import Told, policy
from tests.parts import Meter

KEY = IdKey(b"a key of two writers")
STEP = 24
"""So many records are on their way at once."""


@dataclass
class Shared:
    """What both workers see: the switches, how far `consents` is applied, and the broker that takes what they write."""

    switches: Switches = field(default_factory=Switches)
    config_offset: int = 0
    consents: int = 0
    written: list[Record] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    now_ms: int = 0


class Writer:
    """One worker, which believes that all partitions are its own."""

    def __init__(self, name: str, url: str, shared: Shared) -> None:
        self.shared = shared
        self.meter = Meter()
        self.store = RedisStore(url, id_check=KEY.check())
        self.pipeline = Pipeline(
            store=self.store,
            sink=self,
            gate=self,
            clock=self,
            meter=self.meter,
            address=Addresses(KEY, lanes=None),
            context_ttl_ms=90 * DAY_MS,
            worker=name,
            monotonic=lambda: 0.0,
            pause=lambda _: asyncio.sleep(0),
            committed=lambda _topic, _partition: 0,
        )

    async def take(self, records: Sequence[Record]) -> None:
        for kind in ("facts", "moments"):
            unit = [one for one in records if (one.topic in FACT_TOPICS) == (kind == "facts")]
            if unit:
                await self.pipeline.process(Unit(kind, unit, {0: self.shared.consents, 1: 0}))

    async def send(self, outputs: Sequence[Output]) -> None:
        await asyncio.sleep(0)
        shared = self.shared
        for output in outputs:
            offset = shared.ends[output.topic] = shared.ends.get(output.topic, -1) + 1
            place = (1_000_000 if output.topic == "consents" else 0, offset)
            shared.written.append(
                Record(output.topic, *place, shared.now_ms, True, output.key, output.value, output.headers)
            )

    def now_ms(self, record_ms: int) -> int:
        return record_ms

    def rules(self) -> Rules:
        return Rules(policy(eager=True), self.shared.switches, self.shared.config_offset, DAY_MS)

    def is_open(self) -> bool:
        return True

    def is_fresh(self, _lane: int) -> bool:
        return True

    async def until_open(self) -> None:
        return


class TwoWriters:
    """Lives through a day in steps: its facts first, then its moments by both at once.

    Customers are in both partitions of a topic, one of them each worker's own. Now and then a worker reads what is the
    other's as well, as one does that has not heard yet of losing it.
    """

    def __init__(self, url: str) -> None:
        self.shared = Shared()
        self.writers = (Writer("w-1", url, self.shared), Writer("w-2", url, self.shared))
        self.judge = Judge(eager=True)
        self.placed: dict[tuple[str, int], Record] = {}
        self.ends: Counter[tuple[str, int]] = Counter()
        self.wall_ms = 0

    @property
    def conflicts(self) -> int:
        return sum(writer.meter.conflicted for writer in self.writers)

    async def live(self, day: BadDay) -> None:
        for writer in self.writers:
            await writer.store.open(fresh=True)
        chance, arriving = random.Random(day.seed), arrivals(day)
        while step := list(islice(arriving, STEP)):
            await self._step(step, chance)
            await self._wake()
        self.shared.now_ms += DAY_MS
        await self._wake()
        for writer in self.writers:
            await writer.store.close()

    async def _step(self, step: Sequence[tuple[Told, Record]], chance: random.Random) -> None:
        shared, facts = self.shared, [pair for pair in step if pair[1].topic in FACT_TOPICS]
        shared.now_ms = max(shared.now_ms, *(record.timestamp_ms for _, record in step))
        for one, record in step:
            if record.topic == "config":
                self.placed[record.topic, record.offset] = record
                shared.switches = shared.switches.fold(one.key, record.value)
                shared.config_offset = record.offset + 1
                self.judge.hear(one, record)
        await self._learn(facts)
        moments = [pair for pair in step if pair[1].topic not in (*FACT_TOPICS, "config")]
        partitions: tuple[list[Record], list[Record]] = ([], [])
        for _, record in moments:
            placed = self._place(record, chance)
            partitions[placed.partition].append(placed)
        shares = [list(own) for own in partitions]
        for reader, other in ((0, 1), (1, 0)):
            if chance.random() < 1 / 4:
                shares[reader] += partitions[other]
        before = len(shared.written)
        await asyncio.gather(
            *(writer.take(share) for writer, share in zip(self.writers, shares, strict=True))
        )
        self.judge.see(shared.written[before:])
        for one, record in moments:
            self.judge.hear(one, record)

    async def _wake(self) -> None:
        """Have both workers claim what is due, and both read all that the two claimed; drop it only now and then."""
        shared, buckets = self.shared, range(BUCKETS)
        for _ in range(2):
            self.wall_ms += CLAIM_MS
            claims = [
                writer.store.claim_hints(buckets, due_ms=shared.now_ms, wall_ms=self.wall_ms, limit=100)
                for writer in self.writers
            ]
            claimed = await asyncio.gather(*claims)
            due = [self._due(hint.member.decode()) for hints in claimed for hint in hints]
            before = len(shared.written)
            await asyncio.gather(*(writer.take(due) for writer in self.writers))
            self.judge.see(shared.written[before:])
        for writer, hints in zip(self.writers, claimed, strict=True):
            await writer.store.drop_hints(hints)

    def _due(self, customer_id: str) -> Record:
        now_ms, place = self.shared.now_ms, ("timers", 0)
        offset = self.ends[place]
        self.ends[place] += 1
        value = encode_due(customer_id, now_ms)
        record = self.placed["timers", offset] = Record(
            *place, offset, now_ms, False, customer_id.encode(), value
        )
        return record

    def _place(self, record: Record, chance: random.Random) -> Record:
        """Put a record into one of two partitions, at its next offset; one that is read again is where it was."""
        key = record.topic, record.offset
        if key not in self.placed:
            place = record.topic, chance.randrange(2)
            placed = msgspec.structs.replace(record, partition=place[1], offset=self.ends[place])
            self.ends[place] += 1
            self.placed[key] = placed
        return self.placed[key]

    async def _learn(self, facts: Sequence[tuple[Told, Record]]) -> None:
        """Apply facts, and what they write to `consents`, by one of the workers."""
        before = len(self.shared.written)
        for one, record in facts:
            self.placed[record.topic, record.offset] = record
            await self.writers[record.offset % 2].take([record])
            self.judge.hear(one, record)
            if record.topic == "consents":
                self.shared.consents = max(self.shared.consents, record.offset + 1)
        for written in self.shared.written[before:]:
            if written.topic == "consents":
                await self.writers[0].take([written])


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_two_workers_on_one_day_keep_every_promise(
    loop: asyncio.AbstractEventLoop, redis_server: EmbeddedRedis
) -> None:
    conflicts: list[int] = []
    reminded: list[int] = []

    @settings(
        max_examples=4,
        phases=set(Phase) - {Phase.shrink, Phase.explain},
        suppress_health_check=list(HealthCheck),
    )
    @given(bad_days)
    def check(day: BadDay) -> None:
        with Redis.from_url(redis_server.url) as client:
            client.flushall()
        both = TwoWriters(redis_server.url)
        loop.run_until_complete(both.live(day))
        conflicts.append(both.conflicts)
        reminded.append(
            sum(nudge["campaign"] == "reminder" for one in both.judge.known.values() for nudge in one.nudges)
        )
        assert both.judge.broken == []
        assert violations([*both.placed.values(), *both.shared.written], eager=True) == []

    check()
    assert sum(conflicts) > 30, "they share customers at the same time"
    assert sum(reminded) > 3, "what waited came due"
