"""The pipeline in this process, without Kafka: units go in, outputs are counted and dropped.

`python -m benchmarks.inprocess` profiles it over the embedded Redis.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import uvloop

from benchmarks.workload import (
    DAY_MS,
    Crowd,
    bench_policy,
    consent_head,
    customer,
    events,
    is_consented,
    warm_context,
)
from streamproc.core.arrival import Rules
from streamproc.core.digests import partition_of
from streamproc.core.policy.model import Policy
from streamproc.core.record import Output, Record
from streamproc.core.switches import Switches
from streamproc.core.unit import Unit
from streamproc.flow.clocks import WallClock
from streamproc.ops.embedded import EmbeddedRedis
from streamproc.ops.meter import MetricsMeter
from streamproc.ops.metrics import Metrics
from streamproc.pipeline import Pipeline
from streamproc.store.addresses import Addresses
from streamproc.store.base import Store, Write
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore

LANES: Final = 12
UNIT_RECORDS: Final = 2_000
KEY: Final = IdKey(b"a key of the benchmark, published")
# As many records as a commit lags behind: what is older is let go.
COMMIT_LAG: Final = 400


class InProcess:
    """A pipeline over a store, with a sink that counts. It is the gate, too: always open, always fresh."""

    def __init__(self, store: Store, policy: Policy | None = None) -> None:
        """Work on this store, which is open, under the workload's policy unless another is given."""
        self._rules = Rules(policy or bench_policy(), Switches(), 0, DAY_MS)
        self._committed = 0
        self.sent: Counter[str] = Counter()
        meter = MetricsMeter(Metrics(), lambda: time.time_ns() // 1_000_000)
        self._pipeline = Pipeline(
            store=store,
            sink=self,
            gate=self,
            clock=WallClock(),
            meter=meter,
            address=Addresses(KEY, LANES),
            context_ttl_ms=90 * DAY_MS,
            worker="bench",
            monotonic=time.monotonic,
            pause=_never,
            committed=lambda _topic, _partition: self._committed,
        )

    async def take(self, records: Sequence[Record]) -> None:
        """Take records through the six steps, a unit after the other."""
        for start in range(0, len(records), UNIT_RECORDS):
            await self._pipeline.process(Unit("moments", list(records[start : start + UNIT_RECORDS]), {}))
            self._committed = start // LANES - COMMIT_LAG

    async def send(self, outputs: Sequence[Output]) -> None:
        self.sent.update(output.topic for output in outputs)

    def rules(self) -> Rules:
        return self._rules

    def is_open(self) -> bool:
        return True

    def is_fresh(self, _lane: int) -> bool:
        return True

    async def until_open(self) -> None:
        """Return at once."""


async def preload(store: Store, crowd: Crowd) -> None:
    """Put every customer into an empty store."""
    await store.open(fresh=True)
    for start in range(0, crowd.customers, UNIT_RECORDS):
        some = range(start, min(start + UNIT_RECORDS, crowd.customers))
        await store.commit([_write(who, crowd) for who in some])


def _write(who: int, crowd: Crowd) -> Write:
    return Write(
        h=KEY.h(customer(who)),
        context_version=b"",
        consent_version=b"",
        context=warm_context(who, crowd) if is_consented(who) else None,
        context_ttl_ms=90 * DAY_MS,
        consent=consent_head(who, crowd.now_ms),
    )


def backlog(crowd: Crowd) -> list[Record]:
    """Return the crowd's calls as records, each in its customer's lane."""
    offsets: Counter[int] = Counter()
    records = []
    for who, call in events(crowd):
        lane = partition_of(who, LANES)
        key = who.encode()
        records.append(
            Record("clickstream", lane, offsets[lane], crowd.now_ms, append_time=False, key=key, value=call)
        )
        offsets[lane] += 1
    return records


async def _never(_attempt: int) -> None:
    raise AssertionError("nothing is ever away here")


async def profile(crowd: Crowd) -> None:
    """Print what the pipeline costs over Redis, and where the time goes."""
    with EmbeddedRedis() as redis:
        store = RedisStore(redis.url, id_check=KEY.check())
        await preload(store, crowd)
        records = backlog(crowd)
        half = len(records) // 2
        work = InProcess(store)
        gc.collect()
        gc.freeze()
        begun = time.process_time()
        await work.take(records[:half])
        print(f"{(time.process_time() - begun) / half * 1e6:.1f} us/event", dict(work.sent))
        profiler = cProfile.Profile()
        profiler.enable()
        await work.take(records[half:])
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(50)
        await store.close()


if __name__ == "__main__":
    uvloop.run(profile(Crowd(20_000, 80_000, time.time_ns() // 1_000_000)))
