"""A campaign that too many complain about pauses itself: counted by all workers, written once, undone by people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from streamproc.core.arrival import Rules
from streamproc.core.policy.loader import load
from streamproc.core.record import Output
from streamproc.core.switches import Switch, Switches
from streamproc.store.keys import KEYS
from streamproc.testing import Harness
from tests.core.shopper import DAY_MS, FILES, NOON_MS
from tests.parts import World, unit

LOOK = "campaign/look"
CUSTOMERS = [f"c-{number}" for number in range(10)]
LATECOMERS = [f"l-{number}" for number in range(10)]


def pausing(ratio: float, messages_min: int = 10, days: int = 7) -> dict[str, str]:
    """The small shop, whose campaigns pause when more than this was complained about."""
    rule = f"pause_campaign: {{complaints: {ratio}, messages_min: {messages_min}, days: {days}}}\n"
    return {**FILES, "creep.yaml": FILES["creep.yaml"] + rule}


async def world_with(ratio: float, messages_min: int = 10, days: int = 7) -> World:
    """Ten customers, of whom each has just got a push of the campaign `look`."""
    world = await World.with_opted_in(*CUSTOMERS, *LATECOMERS)
    world.rules_now = Rules(load(pausing(ratio, messages_min, days)), Switches(), 7, DAY_MS)
    await world.pipeline.process(unit("moments", [world.view(one) for one in CUSTOMERS]))
    return world


def complaint(world: World, customer: str, kind: str = "complained") -> Any:
    nudge = next(one for one in world.values("nudges.push") if one["customer_id"] == customer)
    told = {"nudge_id": nudge["nudge_id"], "customer_id": customer, "kind": kind, "at_ms": world.now}
    return world.record("outcomes", customer, told)


async def complain(world: World, customers: Iterable[str], kind: str = "complained") -> None:
    for record in [complaint(world, customer, kind) for customer in customers]:
        await world.pipeline.process(unit("facts", [record]))


def switched(world: World) -> list[tuple[str, dict[str, Any]]]:
    return [((one.key or b"").decode(), json.loads(one.value or b"")) for one in world.sent("config")]


def apply(world: World, switch: Switch) -> None:
    rules = world.rules_now
    world.rules_now = replace(rules, switches=Switches({**rules.switches.states, LOOK: switch}))


async def test_a_campaign_pauses_itself_with_the_numbers_compared() -> None:
    world = await world_with(0.2)
    await complain(world, CUSTOMERS[:2])
    assert switched(world) == []
    await complain(world, CUSTOMERS[2:3])
    assert switched(world) == [
        (
            LOOK,
            {
                "enabled": False,
                "reason": "complaints 0.3 > 0.2: 3 about 10 messages in 7 days",
                "by": "streamproc",
                "at_ms": NOON_MS,
            },
        )
    ]
    assert world.meter.paused == 1


async def test_too_few_messages_tell_nothing() -> None:
    world = await world_with(0.2, messages_min=11)
    await complain(world, CUSTOMERS)
    assert switched(world) == []


async def test_a_pause_is_written_once_though_complaints_go_on() -> None:
    world = await world_with(0.2)
    await complain(world, CUSTOMERS)
    assert len(switched(world)) == 1


async def test_a_complaint_counts_once_however_often_it_is_told() -> None:
    world = await world_with(0.2)
    for _ in range(3):
        await complain(world, CUSTOMERS[:2])
    assert switched(world) == []


async def test_a_pause_that_got_lost_is_written_when_its_complaint_comes_again() -> None:
    world = await world_with(0.2)
    await complain(world, CUSTOMERS[:2])
    last = complaint(world, CUSTOMERS[2])

    def crash(outputs: Sequence[Output]) -> bool:
        if any(one.topic == "config" for one in outputs):
            raise KeyboardInterrupt
        return False

    world.sink_fails = crash
    with pytest.raises(KeyboardInterrupt):
        await world.pipeline.process(unit("facts", [last]))
    world.sink_fails = lambda _: False
    again = World(space=world.space, rules_now=world.rules_now)
    await again.store.open()
    await again.pipeline.process(unit("facts", [last]))
    assert [key for key, _ in switched(again)] == [LOOK]


async def test_a_pause_that_is_not_acknowledged_is_written_again() -> None:
    world = await world_with(0.2)
    failures = iter([True, True])
    world.sink_fails = lambda sent: any(one.topic == "config" for one in sent) and next(failures, False)
    await complain(world, CUSTOMERS[:3])
    assert [key for key, _ in switched(world)] == [LOOK] * 3
    assert world.counted()["decided"] == 13


async def test_all_workers_count_together() -> None:
    world = await world_with(0.2)
    other = World(space=world.space, rules_now=world.rules_now)
    await other.store.open()
    for number, record in enumerate([complaint(world, one) for one in CUSTOMERS]):
        await (world, other)[number % 2].pipeline.process(unit("facts", [record]))
    assert len(switched(world) + switched(other)) == 1


async def test_a_campaign_that_is_off_is_not_paused_again() -> None:
    world = await world_with(0.2)
    apply(world, Switch(enabled=False, reason="wrong prices"))
    await complain(world, CUSTOMERS)
    assert switched(world) == []


async def test_a_campaign_that_the_policy_switched_off_is_not_paused_either() -> None:
    world = await world_with(0.2)
    files = pausing(0.2)
    look = files["campaigns/look.yaml"].replace("campaign: look", "campaign: look\nenabled: false")
    world.rules_now = replace(world.rules_now, policy=load({**files, "campaigns/look.yaml": look}))
    await complain(world, CUSTOMERS)
    assert switched(world) == []


@pytest.mark.parametrize("kind", ["unsubscribed", "dismissed", "clicked"])
async def test_only_complaints_count(kind: str) -> None:
    world = await world_with(0.2)
    await complain(world, CUSTOMERS, kind)
    assert switched(world) == []


async def test_whoever_lets_it_go_on_starts_the_count_anew() -> None:
    world = await world_with(0.2)
    await complain(world, CUSTOMERS[:3])
    world.now += DAY_MS
    apply(world, Switch(enabled=True, by="kim", at_ms=world.now))
    await world.pipeline.process(unit("moments", [world.view(one) for one in LATECOMERS]))
    # What was said before the pause is not held against what is said after it.
    await complain(world, [*CUSTOMERS[3:], *LATECOMERS[:2]])
    assert len(switched(world)) == 1
    await complain(world, LATECOMERS[2:3])
    assert switched(world)[1][1]["reason"] == "complaints 0.3 > 0.2: 3 about 10 messages in 7 days"


async def test_what_nobody_got_does_not_count() -> None:
    world = await World.with_opted_in(*CUSTOMERS)
    world.rules_now = Rules(load(pausing(0.2, 6)), Switches(), 7, DAY_MS)
    await world.pipeline.process(unit("moments", [world.view(one) for one in CUSTOMERS[:5]]))
    apply(world, Switch(enabled=False))
    records = [world.view(one) for one in CUSTOMERS[5:]]
    await world.pipeline.process(unit("moments", records))
    apply(world, Switch(enabled=True))
    await complain(world, CUSTOMERS[:5])
    assert switched(world) == []


async def test_messages_of_days_ago_count_no_more() -> None:
    world = await world_with(0.2, days=2)
    world.now += 2 * DAY_MS
    await complain(world, CUSTOMERS)
    assert switched(world) == []


async def test_messages_of_yesterday_count() -> None:
    world = await world_with(0.2, days=2)
    world.now += DAY_MS
    await complain(world, CUSTOMERS)
    assert len(switched(world)) == 1


async def test_a_renamed_campaign_is_paused_under_its_present_name() -> None:
    world = await world_with(0.2)
    files = pausing(0.2)
    look = files.pop("campaigns/look.yaml").replace("campaign: look", "campaign: glance\nformerly: [look]")
    world.rules_now = replace(world.rules_now, policy=load({**files, "campaigns/glance.yaml": look}))
    await complain(world, CUSTOMERS)
    assert [key for key, _ in switched(world)] == ["campaign/glance"]


async def test_where_no_campaign_pauses_itself_nothing_is_counted() -> None:
    world = await world_with(1, messages_min=1)
    await complain(world, CUSTOMERS)
    assert not [key for key in world.space.outputs if key.startswith(KEYS[0].messages)]
    assert switched(world) == []


def test_through_the_whole_pipeline_a_paused_campaign_stays_silent_until_somebody_lets_it_go_on() -> None:
    shop = Harness(load(pausing(0.5, 2)), now=NOON_MS)
    for customer in ("c-1", "c-2", "c-3", "c-4"):
        shop.consent(customer, "processing", "push")
        shop.profile(customer, timezone="Europe/Berlin")
    view = {"product_id": "coat-1", "name": "Wool coat", "category": "coats"}
    for customer in ("c-1", "c-2"):
        assert len(shop.track(customer, "Product Viewed", **view)) == 1
    for nudge in shop.nudges[:2]:
        told = {"nudge_id": nudge.nudge_id, "customer_id": nudge.customer_id, "kind": "complained"}
        shop.send({**told, "at_ms": shop.now_ms}, topic="outcomes", customer=nudge.customer_id)
    (pause,) = [one for one in shop.records if one.topic == "config"]
    assert pause.key == LOOK.encode()
    assert shop.track("c-3", "Product Viewed", **view) == []
    (candidate,) = shop.decisions[-1].candidates
    why = candidate.reasons[0]
    assert (why.code, why.detail) == ("campaign_off", "complaints 1 > 0.5: 2 about 2 messages in 7 days")
    shop.switch(LOOK, on=True)
    assert len(shop.track("c-4", "Product Viewed", **view)) == 1
