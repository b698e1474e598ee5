"""How fast all workers together may speak: slots for what waits, and none for what would expire first."""

from __future__ import annotations

from typing import Any

from streamproc.core.arrival import Rules
from streamproc.core.policy.loader import load
from streamproc.core.switches import Switches
from tests.core.shopper import CHANNELS, DAY_MS, FILES, NOON_MS
from tests.parts import World, unit

MINUTE_MS = 60_000
EXPIRY_MS = 2 * 60 * MINUTE_MS


async def world_with(pace: str, *customers: str) -> World:
    """A world whose push channel has this pace."""
    channels = CHANNELS.replace("push: {", f"push: {{pace: {pace}, ")
    world = await World.with_opted_in(*customers)
    world.rules_now = Rules(load({**FILES, "channels.yaml": channels}), Switches(), 7, DAY_MS)
    return world


def slots(world: World) -> list[int | None]:
    headers = [dict(nudge.headers) for nudge in world.sent("nudges.push")]
    return [int(one["sp-not-before-ms"]) if "sp-not-before-ms" in one else None for one in headers]


def withheld(world: World) -> list[dict[str, Any]]:
    candidates = [one for decision in world.values("decisions") for one in decision["candidates"]]
    return [one["reasons"][-1] for one in candidates if one["verdict"] == "withheld"]


async def test_the_first_goes_at_once_and_the_others_wait_their_turn() -> None:
    world = await world_with("{max: 2, per: 1m}", "c-1", "c-2", "c-3")
    views = [world.view(one) for one in ("c-1", "c-2", "c-3")]
    await world.pipeline.process(unit("moments", views))
    assert slots(world) == [None, NOON_MS + MINUTE_MS // 2, NOON_MS + MINUTE_MS]
    assert (world.meter.handed, world.meter.waiting) == (3, 2)


async def test_what_would_expire_before_its_turn_is_withheld_and_counted() -> None:
    customers = [f"c-{number}" for number in range(4)]
    world = await world_with("{max: 1, per: 1h}", *customers)
    await world.pipeline.process(unit("moments", [world.view(one) for one in customers]))
    assert slots(world) == [None, NOON_MS + EXPIRY_MS // 2]
    why = {"code": "pace", "detail": f"push: no slot before {NOON_MS + EXPIRY_MS} at 1 in 1 h"}
    assert withheld(world) == [why, why]
    assert world.counted()["withheld"] == 2


async def test_a_pace_that_nobody_reaches_changes_nothing() -> None:
    world = await world_with("{max: 600, per: 1m}", "c-1", "c-2")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    world.now += 1_000
    await world.pipeline.process(unit("moments", [world.view("c-2")]))
    assert slots(world) == [None, None]


async def test_a_channel_without_a_pace_asks_for_no_slots() -> None:
    world = await World.with_opted_in("c-1", "c-2")
    await world.pipeline.process(unit("moments", [world.view("c-1"), world.view("c-2")]))
    assert slots(world) == [None, None]
    assert not [key for key in world.space.values if ":pace:" in key]
