"""What a day may cost: paid for at hand-over, shared by all workers, known when deciding."""

from __future__ import annotations

from typing import Any

import pytest

from streamproc.core.arrival import Rules
from streamproc.core.policy.loader import load
from streamproc.core.switches import Switches
from streamproc.store.base import StoreUnavailable
from tests.core.shopper import CHANNELS, DAY_MS, FILES
from tests.parts import World, consent, unit


def policy_files(most: int, *, zone: str = "Europe/Berlin") -> dict[str, str]:
    """The small shop, where a push costs 5 and a day may cost so much."""
    channels = CHANNELS.replace("push: {", "push: {cost_minor: 5, ").replace(
        "overall: {", f"overall: {{spend: {{max_minor: {most}, zone: {zone}}}, "
    )
    return {**FILES, "channels.yaml": channels}


async def world_with(most: int, *customers: str) -> World:
    world = await World.with_opted_in(*customers)
    world.rules_now = Rules(load(policy_files(most)), Switches(), 7, DAY_MS)
    return world


def withheld(world: World) -> list[dict[str, Any]]:
    candidates = [one for decision in world.values("decisions") for one in decision["candidates"]]
    return [one["reasons"][-1] for one in candidates if one["verdict"] == "withheld"]


async def test_what_cannot_be_paid_for_is_withheld_with_the_numbers_compared() -> None:
    world = await world_with(9, "c-1", "c-2")
    await world.pipeline.process(unit("moments", [world.view("c-1"), world.view("c-2")]))
    assert len(world.sent("nudges.push")) == 1
    assert withheld(world) == [{"code": "spend_cap", "detail": "2026-11-27: 5 + 5 > 9"}]
    assert world.counted()["withheld"] == 1


async def test_once_the_money_is_known_to_be_spent_the_message_goes_to_the_next_channel() -> None:
    world = await world_with(5, "c-1", "c-2")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    await world.pipeline.process(unit("moments", [world.view("c-2")]))
    assert (len(world.sent("nudges.push")), len(world.sent("nudges.email"))) == (1, 1)
    (candidate,) = world.values("decisions")[-1]["candidates"]
    assert {"code": "spend_cap", "detail": "push, 2026-11-27: 5 + 5 > 5"} in candidate["reasons"]


async def test_a_nudge_that_is_handed_over_again_is_paid_for_once() -> None:
    world = await world_with(5, "c-1")
    failures = iter([False, True])
    world.sink_fails = lambda outputs: next(failures, False)
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert len(world.sent("nudges.push")) == 2
    assert withheld(world) == []


async def test_the_next_day_has_money_again() -> None:
    world = await world_with(5, "c-1", "c-2")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    world.now += DAY_MS
    await world.pipeline.process(unit("moments", [world.view("c-2")]))
    assert len(world.sent("nudges.push")) == 2


async def test_a_policy_without_a_limit_asks_nobody_for_money() -> None:
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.values("nudges.push")[0]["cost_minor"] == 0
    assert not [key for key in world.space.values if ":spent:" in key]


async def test_a_nudge_says_what_it_costs() -> None:
    world = await world_with(5, "c-1")
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.values("nudges.push")[0]["cost_minor"] == 5


async def test_money_that_cannot_be_asked_for_is_waited_for() -> None:
    world = await world_with(5, "c-1")
    spend, failures = world.store.spend, iter([True, True, False])

    async def failing(*args: Any) -> Any:
        if next(failures, False):
            raise StoreUnavailable("away")
        return await spend(*args)

    world.store.spend = failing  # type: ignore[method-assign,assignment]
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    assert world.meter.troubles == ["StoreUnavailable", "StoreUnavailable"]
    assert len(world.sent("nudges.push")) == 1


@pytest.mark.parametrize("most", [0, 5, 23, 100])
async def test_no_day_costs_more_than_it_may(most: int) -> None:
    customers = [f"c-{number}" for number in range(12)]
    world = await world_with(most, *customers)
    for start in range(0, 12, 4):
        await world.pipeline.process(
            unit("moments", [world.view(one) for one in customers[start : start + 4]])
        )
    spent = sum(nudge["cost_minor"] for nudge in world.values("nudges.push"))
    assert spent == min(most // 5, 12) * 5


async def test_a_short_message_pays_for_each_of_its_segments() -> None:
    words = "It is here for you. " * 8
    look = FILES["campaigns/look.yaml"]
    content = f'content:\n  sms: {{say: {{text: "{words}"}}, soft: {{text: It is here.}}}}\n'
    look = look[: look.index("content:")] + content + look[look.index("examples:") :]
    look = look.replace("channels: [push, email, in_app]", "channels: [sms]").replace(
        "facts: {item: item.name}", "facts: {}"
    )
    look = look.replace("channel: push", "channel: sms")
    channels = CHANNELS.replace("sms: {", "sms: {cost_minor: 5, ")
    world = await World.with_opted_in("c-1")
    await world.pipeline.process(unit("facts", [world.record("consents", "c-1", consent("c-1", "sms"))]))
    files = {**FILES, "channels.yaml": channels, "campaigns/look.yaml": look}
    world.rules_now = Rules(load(files), Switches(), 7, DAY_MS)
    await world.pipeline.process(unit("moments", [world.view("c-1")]))
    (nudge,) = world.values("nudges.sms")
    assert (nudge["content"]["segments"], nudge["cost_minor"]) == (2, 10)
