"""Who watches an item is noted after the commit and before anything is acknowledged, at least once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from streamproc.core.policy.model import Policy
from streamproc.core.record import Record
from streamproc.core.watching import Watch
from streamproc.pipeline import Pipeline
from streamproc.store.base import StoreUnavailable
from streamproc.store.watches import MemoryWatches
from tests.core.shopper import DAY_MS, shop
from tests.core.test_decide_catalog import POLICY
from tests.parts import World, unit, view


class Watches(MemoryWatches):
    """The memory twin, which is away for the next calls."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = 0
        self.noted: list[Watch] = []

    async def note(self, watches: Sequence[Watch]) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("away")
        self.noted += watches
        await super().note(watches)


async def world(policy: Policy = POLICY) -> tuple[World, Watches]:
    made, watches = await World.with_opted_in("c-1"), Watches()
    made.rules_now = replace(made.rules_now, policy=policy)
    made.pipeline = Pipeline(
        store=made.store,
        sink=made,
        gate=made,
        clock=made,
        meter=made.meter,
        address=made.address,
        context_ttl_ms=90 * DAY_MS,
        worker="w-1",
        monotonic=lambda: 0.0,
        pause=made._pause,
        committed=lambda _topic, _partition: 0,
        watches=watches,
    )
    return made, watches


def record(made: World, event: str, message: str, customer: str = "c-1") -> Record:
    return made.record(
        "clickstream", customer, {**view(customer, message, made.now, "coat-1"), "event": event}
    )


async def test_a_wish_is_noted_and_taken_back() -> None:
    made, watches = await world()
    await made.pipeline.process(unit("moments", [record(made, "Product Added to Wishlist", "m-1")]))
    assert await watches.watchers("coat-1", made.now) == [made.address("c-1")[0]]
    await made.pipeline.process(unit("moments", [record(made, "Product Removed from Wishlist", "m-2")]))
    assert await watches.watchers("coat-1", made.now) == []


async def test_while_it_cannot_be_noted_nothing_is_emitted_and_then_it_is_noted_once() -> None:
    made, watches = await world()
    watches.fails = 2
    await made.pipeline.process(unit("moments", [record(made, "Product Added to Wishlist", "m-1")]))
    assert len(watches.noted) == 1
    assert made.waits == 2
    assert made.meter.troubles == ["StoreUnavailable"] * 2


async def test_a_wish_that_was_committed_before_a_crash_is_noted_when_it_comes_again() -> None:
    made, watches = await world()
    wish = record(made, "Product Added to Wishlist", "m-1")
    await made.pipeline.process(unit("moments", [wish]))
    watches._since.clear()
    await made.pipeline.process(unit("moments", [wish]))
    assert await watches.watchers("coat-1", made.now) == [made.address("c-1")[0]]


@pytest.mark.parametrize("policy", [shop(), POLICY], ids=["nobody asks", "somebody does"])
async def test_nothing_is_noted_where_no_campaign_asks_nor_of_what_is_only_looked_at(policy: Policy) -> None:
    made, watches = await world(policy)
    await made.pipeline.process(unit("moments", [made.view("c-1")]))
    if policy is not POLICY:
        await made.pipeline.process(unit("moments", [record(made, "Product Added to Wishlist", "m-1")]))
    assert watches.noted == []


async def test_who_agreed_to_no_processing_watches_nothing() -> None:
    made, watches = await world()
    await made.pipeline.process(unit("moments", [record(made, "Product Added to Wishlist", "m-1", "c-2")]))
    assert await watches.watchers("coat-1", made.now) == []
