"""Units overlap: one emits while the next decides, and none overtakes another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamproc.core.unit import Unit
from streamproc.turns import Turn, Turns
from tests.parts import World, consent, unit
from tests.test_pipeline import spoil


@asynccontextmanager
async def started(world: World, *units: Unit) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Give the pipeline units in this order, and end what is left of them."""
    tasks = [asyncio.create_task(world.pipeline.process(one)) for one in units]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def first_offsets(world: World) -> list[int]:
    return [receipt["sources"][0]["first"] for receipt in world.values("receipts")]


async def test_the_next_unit_decides_while_one_waits_to_be_handed_over_and_speaks_after_it() -> None:
    world = await World.with_opted_in("c-1", "c-2")
    world.open = False
    opened_after: list[int] = []

    def waited() -> None:
        # The charge of a customer is in the store as soon as the unit is committed.
        decided = len(world.sent("decisions"))
        committed = sum(1 for fields in world.space.outputs.values() if fields)
        if committed == 2:
            opened_after.append(decided)
            world.open = True

    world.on_wait = waited
    units = [unit("moments", [world.view(name)]) for name in ("c-1", "c-2")]
    async with asyncio.timeout(5), started(world, *units) as tasks:
        await asyncio.gather(*tasks)
    assert opened_after
    assert [output.key for output in world.sent("nudges.push")] == [b"c-1", b"c-2"]
    assert [output.key for output in world.sent("decisions")] == [b"c-1", b"c-2"]


async def test_a_unit_sees_what_the_one_before_it_charged() -> None:
    world = await World.with_opted_in("c-1")
    units = [unit("moments", [world.view("c-1")]) for _ in range(3)]
    async with asyncio.timeout(5), started(world, *units) as tasks:
        await asyncio.gather(*tasks)
    assert len(world.sent("nudges.push")) == 1
    assert first_offsets(world) == [0, 1, 2]


async def test_a_unit_that_waits_for_the_store_is_not_overtaken() -> None:
    world = await World.with_opted_in("c-1")
    world.store.load_fails = 3
    units = [unit("moments", [world.view("c-1")]) for _ in range(2)]
    async with asyncio.timeout(5), started(world, *units) as tasks:
        await asyncio.gather(*tasks)
    assert [one["source"]["offset"] for one in world.values("decisions")] == [0, 1]
    assert world.counted() == {"records": 2, "events": 2, "decided": 2}
    assert world.meter.troubles == ["StoreUnavailable"] * 3


async def test_while_a_poison_record_is_sought_no_later_unit_passes() -> None:
    names = ["c-1", "c-2", "c-3"]
    world = await World.with_opted_in(*names)
    spoil(world, "c-3")
    first = unit("moments", [world.view(name) for name in names])
    later = [unit("moments", [world.view("c-1", item="coat-2")]) for _ in range(2)]
    async with asyncio.timeout(5), started(world, first, *later) as tasks:
        await asyncio.gather(*tasks)
    assert [output.key for output in world.sent("dead-letters")] == [b"c-3"]
    decided = [one["source"]["offset"] for one in world.values("decisions") if one["customer_id"] == "c-1"]
    assert decided == sorted(decided)
    assert len(decided) == 3


async def test_facts_get_through_while_moments_wait_to_be_handed_over() -> None:
    world = await World.with_opted_in("c-1")
    world.open = False
    moment = unit("moments", [world.view("c-1")])
    withdrawal = world.record("consents", "c-1", consent("c-1", "push", state="withdrawn"))
    async with asyncio.timeout(5), started(world, moment) as (waiting,):
        await asyncio.sleep(0)
        await world.pipeline.process(unit("facts", [withdrawal]))
        assert not waiting.done()


async def test_a_turn_that_ends_badly_leaves_its_places() -> None:
    turns = Turns()
    for enter in (Turn.decides, Turn.emits, Turn.stays):
        try:
            async with turns.turn() as turn:
                await turn.decides()
                if enter is not Turn.decides:
                    await enter(turn)
                raise RuntimeError("a fault")
        except RuntimeError:
            pass
        assert not turns.deciding.locked()
        assert not turns.emitting.locked()


async def test_a_unit_that_stays_lets_the_next_decide_only_when_it_is_done() -> None:
    turns = Turns()
    async with turns.turn() as first:
        await first.stays()
        await first.emits()
        second = asyncio.create_task(_decides(turns))
        await asyncio.sleep(0)
        assert not second.done()
    async with asyncio.timeout(1):
        await second


async def _decides(turns: Turns) -> None:
    async with turns.turn() as turn:
        await turn.decides()
