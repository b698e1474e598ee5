"""Two workers that share a customer on a real Redis let no more through than one worker could."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis

from streamproc.core.arrival import Rules
from streamproc.core.policy.loader import load
from streamproc.core.record import Record
from streamproc.ops.embedded import EmbeddedRedis
from tests.core.shopper import FILES, NOON_MS
from tests.creep.budget_check import entries, faults
from tests.store.test_two_writers_day import Shared, Writer

MINUTE_MS, DAY_MS = 60_000, 86_400_000
CHANNELS = (
    FILES["channels.yaml"]
    .replace("max: 1, per: day", "max: 50, per: day")
    .replace(
        "overall: {caps: [{max: 3, rolling: 1d}], gap_min: 1h",
        "overall: {caps: [{max: 60, rolling: 1d}], gap_min: 0m",
    )
)
LOOK = FILES["campaigns/look.yaml"].replace("max: 2, rolling: 7d", "max: 50, rolling: 7d")
SHOP = load(
    {
        **{name: text for name, text in FILES.items() if name != "creep.yaml"},
        "channels.yaml": CHANNELS,
        "campaigns/look.yaml": LOOK,
    }
)


class Throttled(Writer):
    """A worker under a policy in which nothing but the throttle holds back."""

    def rules(self) -> Rules:
        return replace(super().rules(), policy=SHOP)


class Both:
    """Two workers and one customer, to whom every moment may come by either of them, or by both at once."""

    def __init__(self, url: str) -> None:
        self.shared = Shared()
        self.writers = (Throttled("w-1", url, self.shared), Throttled("w-2", url, self.shared))
        self.offsets = {"consents": 0, "profiles": 0, "clickstream": 0}

    def record(self, topic: str, value: Mapping[str, object], at_ms: int) -> Record:
        offset = self.offsets[topic]
        self.offsets[topic] = offset + 1
        self.shared.now_ms = at_ms
        return Record(topic, 0, offset, at_ms, True, b"c-1", json.dumps(value).encode())

    async def live(self, steps: Sequence[tuple[int, int]]) -> None:
        for writer in self.writers:
            await writer.store.open(fresh=True)
        at_ms = NOON_MS - 30 * DAY_MS
        agreed = (("*", "processing"), ("push", "marketing"), ("email", "marketing"), ("in_app", "marketing"))
        for channel, purpose in agreed:
            word = {"customer_id": "c-1", "channel": channel, "purpose": purpose, "state": "granted"}
            row = self.record(
                "consents", {**word, "at_ms": at_ms, "source": "test", "text_version": "1"}, at_ms
            )
            await self.writers[0].take([row])
            self.shared.consents = self.offsets["consents"]
        zone = {"customer_id": "c-1", "timezone": "Europe/Berlin", "at_ms": at_ms}
        await self.writers[0].take([self.record("profiles", zone, at_ms)])
        at_ms = NOON_MS
        for number, (wait_min, several) in enumerate(steps):
            at_ms += wait_min * MINUTE_MS
            views = [self.view(f"{number}-{each}", at_ms) for each in range(several)]
            await asyncio.gather(self.writers[0].take(views), self.writers[1].take(views[::-1]))
        for writer in self.writers:
            await writer.store.close()

    def view(self, name: str, at_ms: int) -> Record:
        item = {"product_id": f"coat-{name}", "name": "Wool coat", "category": "coats"}
        data = {"customer_id": "c-1", "surface": "app", **item}
        event = {"specversion": "1.0", "id": name, "source": "/shop", "type": "product.viewed", "data": data}
        return self.record("clickstream", event, at_ms)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_two_workers_spend_one_budget(loop: asyncio.AbstractEventLoop, redis_server: EmbeddedRedis) -> None:
    charges, conflicts = [], []

    @settings(max_examples=15, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(1, 3 * 1440), st.integers(1, 4)), min_size=3, max_size=14))
    def check(steps: list[tuple[int, int]]) -> None:
        with Redis.from_url(redis_server.url) as client:
            client.flushall()
        both = Both(redis_server.url)
        loop.run_until_complete(both.live(steps))
        written = both.shared.written
        assert faults(written) == []
        (ledger,) = entries(written).values()
        charges.append(len([one for one in ledger if one["kind"] == "charge"]))
        conflicts.append(sum(writer.meter.conflicted for writer in both.writers))

    check()
    assert sum(charges) > 30, "something was said"
    assert sum(conflicts) > 30, "they met"
