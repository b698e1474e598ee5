"""A campaign after which too many opt out pauses itself: counted by all workers, written once, undone by people."""

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
from tests.core.shopper import DAY_MS, FILES, NOON_MS, campaign
from tests.parts import World, unit

LOOK = "campaign/look"
CUSTOMERS = [f"c-{number}" for number in range(10)]
LATECOMERS = [f"l-{number}" for number in range(10)]


def pausing(ratio: float, messages_min: int = 10, days: int = 7, times: float = 500) -> dict[str, str]:
    """The small shop, whose campaigns pause when so many complain, or so many times the usual unsubscribe."""
    rule = f"complaints: {ratio}, unsubscriptions: {times}, messages_min: {messages_min}, days: {days}"
    return {**FILES, "creep.yaml": FILES["creep.yaml"] + f"pause_campaign: {{{rule}}}\n"}


async def world_with(ratio: float, messages_min: int = 10, days: int = 7) -> World:
    """Ten customers, of whom each has just got a push of the campaign `look`."""
    world = await World.with_opted_in(*CUSTOMERS, *LATECOMERS)
    world.rules_now = Rules(load(pausing(ratio, messages_min, days)), Switches(), 7, DAY_MS)
    await world.pipeline.process(unit("moments", [world.view(one) for one in CUSTOMERS]))
    return world


async def world_of_days(
    *unsubscribed: int, messages: Sequence[int] = (10, 10, 10, 10), days: int = 7, times: float = 3
) -> World:
    """Four days, each with new customers who got a push each, some of whom unsubscribed; it is the fourth."""
    world = await World.with_opted_in(*(one for day in range(4) for one in of_day(day, 10)))
    world.rules_now = Rules(load(pausing(1, 10, days, times)), Switches(), 7, DAY_MS)
    for day, number in enumerate(messages):
        world.now = NOON_MS + day * DAY_MS
        if number:
            await world.pipeline.process(unit("moments", [world.view(one) for one in of_day(day, number)]))
        for left in unsubscribed[day : day + 1]:
            await complain(world, of_day(day, left), "unsubscribed")
    return world


def of_day(day: int, number: int) -> list[str]:
    return [f"d{day}-{one}" for one in range(number)]


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
async def test_only_complaints_count_as_complaints(kind: str) -> None:
    world = await world_with(0.2)
    await complain(world, CUSTOMERS, kind)
    assert switched(world) == []


async def test_a_campaign_that_more_than_three_times_the_usual_leave_pauses_itself() -> None:
    world = await world_of_days(1, 2, 1)
    await complain(world, of_day(3, 3), "unsubscribed")
    assert switched(world) == []
    await complain(world, of_day(3, 4)[3:], "unsubscribed")
    why = "4 after 10 messages of 2026-11-30, against the median of 3 days before"
    assert switched(world) == [
        (
            LOOK,
            {
                "enabled": False,
                "reason": f"unsubscriptions 0.4 > 3 x 0.1: {why}",
                "by": "streamproc",
                "at_ms": NOON_MS + 3 * DAY_MS,
            },
        )
    ]
    assert world.meter.paused == 1


@pytest.mark.parametrize(
    "messages",
    [(10, 10, 0, 10), (10, 10, 9, 10), (10, 10, 10, 9)],
    ids=["only two days before", "too few messages on one of them", "too few messages today"],
)
async def test_without_enough_days_of_enough_messages_there_is_no_usual(messages: Sequence[int]) -> None:
    world = await world_of_days(messages=messages)
    await complain(world, of_day(3, 9), "unsubscribed")
    assert switched(world) == []


async def test_days_that_are_too_long_ago_are_not_the_usual() -> None:
    for days, pauses in ((4, 1), (3, 0)):
        world = await world_of_days(days=days)
        await complain(world, of_day(3, 4), "unsubscribed")
        assert len(switched(world)) == pauses


async def test_an_unsubscription_counts_on_the_day_of_its_message_however_often_and_late_it_is_told() -> None:
    world = await world_of_days(1, 1, 1)
    for later in range(4):
        world.now = NOON_MS + (3 + later) * DAY_MS
        await complain(world, of_day(3, 3), "unsubscribed")
    assert switched(world) == []
    # Too late to be compared with three days before, which are seven days ago by now.
    await complain(world, of_day(3, 4)[3:], "unsubscribed")
    assert len(switched(world)) == 1
    assert "0.4 > 3 x 0.1: 4 after 10 messages of 2026-11-30" in switched(world)[0][1]["reason"]


@pytest.mark.parametrize("about", [{"channel": "push"}, {"nudge_id": "00" * 16}])
async def test_who_unsubscribes_after_no_message_that_is_remembered_does_not_count(about: Any) -> None:
    world = await world_of_days(0, 0, 0)
    for customer in of_day(3, 10):
        told = {"customer_id": customer, "kind": "unsubscribed", "at_ms": world.now, **about}
        await world.pipeline.process(unit("facts", [world.record("outcomes", customer, told)]))
    assert switched(world) == []


async def test_who_complains_and_unsubscribes_pauses_it_once() -> None:
    world = await world_of_days(0, 0, 0)
    world.rules_now = replace(world.rules_now, policy=load(pausing(0.01, 10, 7, 3)))
    for kind in ("complained", "unsubscribed"):
        await complain(world, of_day(3, 5), kind)
    assert [switch["reason"].split()[0] for _, switch in switched(world)] == ["complaints"]


async def test_many_who_leave_at_once_are_counted_in_one_step_and_pause_it_once_though_told_again() -> None:
    world = await world_of_days(0, 0, 0)
    records = [complaint(world, customer, "unsubscribed") for customer in of_day(3, 10)]
    await world.pipeline.process(unit("facts", records))
    assert [reason["reason"].split(":")[0] for _, reason in switched(world)] == [
        "unsubscriptions 1 > 3 x 0.002"
    ]
    again = World(space=world.space, rules_now=world.rules_now, now=world.now)
    await again.store.open()
    await again.pipeline.process(unit("facts", records[::-1]))
    assert switched(again) == switched(world)


async def test_whoever_lets_it_go_on_starts_the_usual_anew() -> None:
    world = await world_of_days(1, 1, 1, messages=(10, 10, 10))
    world.now = NOON_MS + 3 * DAY_MS
    apply(world, Switch(enabled=True, by="kim", at_ms=world.now))
    await world.pipeline.process(unit("moments", [world.view(one) for one in of_day(3, 10)]))
    await complain(world, [*of_day(3, 10), *of_day(2, 10)], "unsubscribed")
    assert switched(world) == []


async def test_five_hundred_times_the_usual_never_pauses_and_counts_nothing() -> None:
    world = await world_of_days(0, 0, 0, times=500)
    await complain(world, of_day(3, 10), "unsubscribed")
    assert not [key for key in world.space.outputs if key.startswith((KEYS[0].messages, KEYS[0].opted_out))]
    assert switched(world) == []


def test_messages_about_an_order_pause_like_any_other() -> None:
    text = campaign(
        "ordered",
        "{event: order.completed}",
        "{cart.count: {max: 20}}",
        because="purchased",
        facts="{}",
        say="We have your order.",
        channels=("push",),
    )
    about = text.replace("purpose: marketing", "purpose: transactional\nbasis: contract")
    shop = Harness(load({**pausing(0.5, 2), "campaigns/ordered.yaml": about}), now=NOON_MS)
    for customer in ("c-1", "c-2"):
        shop.consent(customer, "processing")
        shop.profile(customer, timezone="Europe/Berlin")
        coats = [{"product_id": "coat-1", "category": "coats"}]
        (nudge,) = shop.track(customer, "Order Completed", order_id=customer, products=coats)
        told = {
            "nudge_id": nudge.nudge_id,
            "customer_id": customer,
            "kind": "complained",
            "at_ms": shop.now_ms,
        }
        shop.send(told, topic="outcomes", customer=customer)
    assert [one.key for one in shop.records if one.topic == "config"] == [b"campaign/ordered"]


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
