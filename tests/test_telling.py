"""Watchers of an item are told once each, whatever dies meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from streamproc.core.context import Context, Line, RememberedItem
from streamproc.core.policy.model import Policy
from streamproc.core.record import Output, Record
from streamproc.core.stored_context import encode_context
from streamproc.core.watching import Watch
from streamproc.flow.fan_out import Pace
from streamproc.ports import SinkUnavailable
from streamproc.store.addresses import Addresses
from streamproc.store.base import StoreUnavailable, Write
from streamproc.store.keys import IdKey
from streamproc.store.memory import MemorySpace, MemoryStore
from streamproc.store.watches import MemoryWatches
from streamproc.telling import AT_ONCE, Telling
from tests.core.shopper import shop
from tests.core.test_decide_catalog import POLICY

KEY = IdKey(b"a key for these tests")
NOW = 1_772_539_200_000
LANES = 4


class Died(Exception):
    """What a worker that is killed leaves of a call."""


class World:
    """A store with watchers in it, and a topic that outlives whoever writes to it."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.store = MemoryStore(MemorySpace(lambda: NOW), id_check=KEY.check())
        self.watches = MemoryWatches()
        self.address = Addresses(KEY, LANES)
        self.written: list[Output] = []
        self.calls = 0
        self.dies_at: int | None = None
        self.offset = 0
        self.paced: list[int] = []

    def telling(self) -> Telling:
        return Telling(
            watches=self.watches,
            store=self.store,
            send=self.send,
            address=self.address,
            policy=lambda: self.policy,
            may_tell=self._may_tell,
            pace=self._pace,
        )

    async def send(self, outputs: Sequence[Output], at_ms: int | None = None) -> None:
        assert at_ms in (None, NOW + self.offset)
        self._count()
        self.written += outputs
        self._count()

    async def _may_tell(self) -> None:
        self._count()

    async def _pace(self, told: int) -> None:
        self.paced.append(told)
        self._count()

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise Died

    async def wishes(self, *customers: str, item: str = "coat-1", context: Context | None = None) -> None:
        await self.store.open(fresh=True)
        for customer in customers:
            line = Line(NOW, RememberedItem(item, "coats", "", "Wool coat", 14_900), "EUR")
            memory = context or Context(customer_id=customer, wishlist=[line])
            h, _ = self.address(customer)
            (slot,) = await self.store.load([h])
            write = Write(
                h=h, context_version=slot.context_version, consent_version=b"", context=encode_context(memory)
            )
            assert await self.store.commit([write]) == [True]
            await self.watches.note([Watch(item, h, NOW)])

    def says(self, key: str, value: Any, at_ms: int | None = None) -> Record:
        self.offset += 1
        raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        return Record("catalog", 2, self.offset, at_ms or NOW + self.offset, True, key.encode(), raw)

    def told(self, kind: str = "item.available") -> list[dict[str, Any]]:
        values = [json.loads(one.value or b"") for one in self.written if one.topic == "timers"]
        return [value for value in values if value["kind"] == kind]


def gone_and_back(world: World) -> list[Record]:
    said = {"name": "Wool coat", "category": "coats"}
    return [
        world.says("item/coat-1", {"available": False}),
        world.says("item/coat-1", {"available": True, "price_minor": 9_900, "currency": "EUR", **said}),
    ]


async def test_every_watcher_gets_one_record_in_the_lane_of_their_own() -> None:
    world = World()
    await world.wishes("c-1", "c-2")
    await world.wishes("c-3", item="hat-1")
    await world.telling().take(gone_and_back(world))
    assert {one["customer_id"] for one in world.told()} == {"c-1", "c-2"}
    assert [(one.key, one.lane) for one in world.written] == [
        (one["customer_id"].encode(), world.address(one["customer_id"])[1]) for one in world.told()
    ]
    assert world.told()[0] == {
        "customer_id": world.told()[0]["customer_id"],
        "kind": "item.available",
        "event_id": "item.available/2/2",
        "occurred_at_ms": NOW + 2,
        "item_id": "coat-1",
        "name": "Wool coat",
        "category": "coats",
        "price_minor": 9_900,
        "currency": "EUR",
    }


async def test_who_took_it_off_the_list_withdrew_or_was_erased_gets_no_record() -> None:
    world = World()
    await world.wishes("c-1")
    await world.wishes("c-2", context=Context(customer_id="c-2"))
    await world.watches.note([Watch("coat-1", world.address("c-gone")[0], NOW)])
    await world.telling().take(gone_and_back(world))
    assert [one["customer_id"] for one in world.told()] == ["c-1"]


async def test_where_no_campaign_asks_nobody_is_told_but_the_word_is_kept() -> None:
    world = World(shop())
    await world.wishes("c-1")
    await world.telling().take(gone_and_back(world))
    assert world.written == []
    world.policy = POLICY
    dearer = {"available": True, "price_minor": 8_000, "currency": "EUR"}
    await world.telling().take([world.says("item/coat-1", dearer)])
    assert [one["price_before_minor"] for one in world.told("item.price_dropped")] == [9_900]


async def test_news_of_a_store_that_no_campaign_names_is_told_to_nobody() -> None:
    world = World()
    await world.wishes("c-1")
    for site in ("munich-1", "berlin-1"):
        await world.telling().take(
            [world.says(f"item/coat-1@{site}", {"available": one}) for one in (False, True)]
        )
    assert [one["site_id"] for one in world.told()] == ["berlin-1"]


async def test_a_drop_that_no_campaign_finds_large_enough_is_told_to_nobody() -> None:
    world = World()
    await world.wishes("c-1")
    prices = [
        {"available": True, "price_minor": price, "currency": "EUR"} for price in (10_000, 9_001, 8_000)
    ]
    await world.telling().take([world.says("item/coat-1", said) for said in prices])
    assert [one["price_before_minor"] for one in world.told("item.price_dropped")] == [9_001]


async def test_a_record_that_cannot_be_read_is_put_aside_and_the_item_is_unknown() -> None:
    world = World()
    await world.wishes("c-1")
    gone, back = gone_and_back(world)
    bad = world.says("item/coat-1", {"available": "no"}, NOW + 1)
    large = world.says("item/hat-1", b"[" * 300_000)
    await world.telling().take([gone, bad, back, large])
    assert world.told() == []
    letters = [one for one in world.written if one.topic == "dead-letters"]
    assert [dict(one.headers)["x-dlq-field"] for one in letters] == [b"available", b""]
    assert [one.value is None for one in letters] == [False, True]


async def test_whoever_dies_where_nobody_is_left_out_and_the_event_is_the_same_for_all() -> None:
    """Kill the teller before and after every call, and let the next one take the same records."""
    deaths = 0
    for dies_at in range(1, 40):
        world = World()
        customers = [f"c-{number}" for number in range(2 * AT_ONCE + 1)] if dies_at > 1 else ["c-1"]
        await world.wishes(*customers)
        records = gone_and_back(world)
        world.dies_at = dies_at
        try:
            await world.telling().take(records)
        except Died:
            deaths += 1
        else:
            break
        await world.telling().take(records)
        heard = Counter(one["customer_id"] for one in world.told())
        assert set(heard) == set(customers)
        assert {one["event_id"] for one in world.told()} == {"item.available/2/2"}
        # Only the helping that was being written when it died comes again.
        assert sum(heard.values()) - len(customers) in (0, AT_ONCE, 1)
        before = len(world.written)
        await world.telling().take(records)
        assert len(world.written) == before
    assert deaths > 10


async def test_an_outage_leaves_the_rest_for_the_next_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    await world.wishes("c-1")
    records = gone_and_back(world)
    away: list[tuple[type[Exception], object, str]] = [
        (StoreUnavailable, world.watches, "keep"),
        (SinkUnavailable, world, "send"),
    ]
    for error, what, name in away:

        async def fails(*_: object, error: type[Exception] = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(what, name, fails)
            with pytest.raises(error):
                await world.telling().take(records)
    await world.telling().take(records)
    assert len(world.told()) == 1


async def test_customers_are_told_at_the_pace_that_is_set_and_a_quiet_time_is_not_made_up_for() -> None:
    now, slept = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    pace = Pace(100, monotonic=lambda: now, sleep=sleep)
    for _ in range(10):
        await pace(500)
    assert now == pytest.approx(49, abs=1)
    now += 3_600
    started = now
    for _ in range(10):
        await pace(500)
    assert now - started == pytest.approx(49, abs=1)
