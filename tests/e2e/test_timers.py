"""Reminders through real parts: each once, whoever dies on its way, and none that an order overtook in a backlog."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from redis import Redis

from streamproc.store.base import CLAIM_MS
from streamproc.store.keys import KEYS
from tests.core.shopper import campaign
from tests.e2e.installation import Installation, WorkerProcess, now_ms, until
from tests.parts import view

pytestmark = pytest.mark.timeout(180)

WAIT_MS = 30 * 60_000
REMIND = campaign(
    "remind",
    "{event: cart.item_added}",
    "{cart.count: {min: 1}}",
    because="cart",
    channels=("email", "in_app"),
)
REMIND = REMIND.replace("when:", "wait: 30m\nunless: [order.completed]\nwhen:").replace(
    "channel: push", "channel: email"
)
SMALL = {"UNIT_EVENTS_MAX": "500"}


@pytest.fixture
def reminding(shop: Installation) -> Installation:
    """An installation whose campaign reminds of a cart after half an hour."""
    (shop.folder / "policy/campaigns/remind.yaml").write_text(REMIND)
    shop.policy = {**shop.policy, "campaigns/remind.yaml": REMIND}
    return shop


def call(event: str, customer: str, at_ms: int, **more: Any) -> tuple[str, dict[str, Any]]:
    item = {"product_id": "coat-1", "name": "Wool coat", "category": "coats"}
    return customer, {
        "type": "track",
        "event": event,
        "messageId": f"{event.replace(' ', '_')}-{customer}-{at_ms}",
        "userId": customer,
        "timestamp": at_ms,
        "properties": item | more,
    }


async def fill_carts(shop: Installation, customers: Iterable[str], due_ms: int, over_ms: int = 0) -> None:
    """Have each customer fill a cart, so long ago that the reminders come due from this time on, over so long."""
    names = list(customers)
    times = [due_ms - WAIT_MS + number * over_ms // len(names) for number in range(len(names))]
    await shop.produce(
        "clickstream",
        [call("Product Added", one, at_ms) for one, at_ms in zip(names, times, strict=True)],
    )


def hints(redis: Redis, low: float, high: float) -> int:
    pipe = redis.pipeline(transaction=False)
    for names in KEYS:
        pipe.zcount(names.due, low, high)
    return sum(pipe.execute())


def pending(redis: Redis) -> int:
    return hints(redis, float("-inf"), float("inf"))


def claimed(redis: Redis) -> int:
    """Count the hints under a claim (see store/scripts/claim.lua)."""
    return hints(redis, float("-inf"), -1)


async def set_up(shop: Installation, customers: Iterable[str], *workers: WorkerProcess) -> None:
    await shop.opt_in(customers, "email", "in_app")
    for worker in workers:
        await worker.ready()


async def reminded(shop: Installation) -> Counter[str]:
    return Counter(one["customer_id"] for one in await shop.messages() if one["campaign"] == "remind")


async def has_fired(worker: WorkerProcess) -> bool:
    return await worker.metric("streamproc_timers_fired_total") > 0


async def all_fired(shop: Installation, redis: Redis) -> None:
    await until(lambda: pending(redis) == 0, f"{pending(redis)} hints are left")
    await shop.caught_up()


async def test_each_reminder_comes_once_while_workers_come_and_go(reminding: Installation) -> None:
    shop, customers = reminding, [f"c-{number}" for number in range(1_500)]
    first, second = shop.worker(), shop.worker()
    with Redis.from_url(shop.redis.url) as redis:
        await set_up(shop, customers, first, second)
        await fill_carts(shop, customers, now_ms() + 3_000, over_ms=8_000)
        await until(lambda: has_fired(first), "the first worker fires nothing")
        third = shop.worker()
        await until(lambda: has_fired(second), "the second worker fires nothing")
        first.stop()
        await third.ready()
        await all_fired(shop, redis)
    assert await reminded(shop) == dict.fromkeys(customers, 1)
    assert await second.metric("streamproc_timer_lateness_seconds_count") > 0
    code, said = await shop.command("status")
    assert (code, "timers: 0 customers waiting" in said) == (0, True), said
    await shop.holds()


def die_with_claims(redis: Redis, worker: WorkerProcess) -> None:
    """Kill a worker the moment it has claimed hints and not dropped them yet."""
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, "the worker was never seen between claim and drop"
        if not claimed(redis):
            continue
        os.kill(worker.process.pid, signal.SIGSTOP)
        if claimed(redis):
            worker.kill()
            return
        os.kill(worker.process.pid, signal.SIGCONT)


async def test_a_worker_killed_between_claim_and_drop_delays_its_reminders_by_the_claim_at_most(
    reminding: Installation,
) -> None:
    shop, customers = reminding, [f"c-{number}" for number in range(3_000)]
    first = shop.worker(**SMALL)
    with Redis.from_url(shop.redis.url) as redis:
        await set_up(shop, customers, first)
        await fill_carts(shop, customers, now_ms() + 4_000)
        await until(lambda: pending(redis) > 0, "nobody waits")
        await asyncio.to_thread(die_with_claims, redis, first)
        died_ms, left = now_ms(), claimed(redis)
        assert left > 0
        await shop.worker(**SMALL).ready()
        await all_fired(shop, redis)
    assert await reminded(shop) == dict.fromkeys(customers, 1)
    fired = [record.timestamp_ms for record in await shop.read("timers")]
    # A new worker needs some seconds to start and to be given its lanes, and may be slower than the claims.
    assert max(fired) < died_ms + CLAIM_MS + 15_000
    await shop.holds()


async def test_an_order_at_the_end_of_a_backlog_cancels_a_reminder_that_came_due_meanwhile(
    reminding: Installation,
) -> None:
    shop, customers = reminding, [f"c-{number}" for number in range(40)]
    buyers, browsers = customers[:20], customers[20:]
    first = shop.worker()
    with Redis.from_url(shop.redis.url) as redis:
        await set_up(shop, customers, first)
        due_ms = now_ms() + 7_000
        await fill_carts(shop, customers, due_ms)
        await until(lambda: pending(redis) == 40, "not everybody waits")
        first.kill()
        assert now_ms() < due_ms, "the machine is too slow for this test"
        at_ms = now_ms()
        backlog = [(one, view(one, f"m-{n}-{one}", at_ms, "coat-2")) for n in range(400) for one in customers]
        await shop.produce("clickstream", backlog)
        await shop.produce(
            "clickstream", [call("Order Completed", one, at_ms, order_id="o") for one in buyers]
        )
        await until(lambda: now_ms() > due_ms, "time stands still")
        shop.worker(**SMALL)
        await all_fired(shop, redis)
    assert await reminded(shop) == dict.fromkeys(browsers, 1)
    verdicts = Counter(
        (candidate["verdict"], one["customer_id"])
        for one in await shop.values("decisions")
        for candidate in one["candidates"]
        if candidate["campaign"] == "remind" and candidate["verdict"] == "cancelled"
    )
    assert verdicts == {("cancelled", one): 1 for one in buyers}
    await shop.holds()


async def test_while_redis_or_the_broker_is_away_nothing_fires_and_afterwards_everything_does(
    reminding: Installation,
) -> None:
    shop, worker = reminding, reminding.worker()
    with Redis.from_url(shop.redis.url) as redis:
        await set_up(shop, ["c-1", "c-2"], worker)
        due_ms = now_ms() + 5_000
        await fill_carts(shop, ["c-1"], due_ms)
        await fill_carts(shop, ["c-2"], due_ms + 3_000)
        await until(lambda: pending(redis) == 2, "not both wait")
        pid = shop.broker.pid  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGSTOP)
        try:
            await until(lambda: now_ms() > due_ms + 1_000, "time stands still")
            assert (pending(redis), claimed(redis)) == (2, 0)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: pending(redis) < 2, "it does not resume when the broker is back")
    os.kill(shop.redis.pid or 0, signal.SIGSTOP)
    await until(lambda: now_ms() > due_ms + 4_000, "time stands still")
    os.kill(shop.redis.pid or 0, signal.SIGCONT)
    with Redis.from_url(shop.redis.url) as redis:
        await all_fired(shop, redis)
    assert await reminded(shop) == {"c-1": 1, "c-2": 1}


async def test_with_an_older_copy_of_redis_what_waits_in_it_still_comes_and_what_was_said_has_the_same_id(
    reminding: Installation,
) -> None:
    shop, first = reminding, reminding.worker()
    with Redis.from_url(shop.redis.url) as redis:
        await set_up(shop, ["c-1", "c-2"], first)
        due_ms = now_ms() + 5_000
        await fill_carts(shop, ["c-1"], due_ms)
        await fill_carts(shop, ["c-2"], due_ms + 8_000)
        await until(lambda: pending(redis) == 2, "not both wait")
        live, copy = shop.redis.directory / "appendonlydir", shop.folder / "copy"
        shutil.copytree(live, copy)
        await until(lambda: pending(redis) == 1, "the first does not fire")
        await shop.caught_up()
    first.stop()
    await until(lambda: first.process.poll() is not None, "the worker did not stop", 30)
    shop.redis.kill()
    shutil.rmtree(live)
    shutil.copytree(copy, live)
    shop.redis.start()
    await shop.worker().ready()
    with Redis.from_url(shop.redis.url) as redis:
        await all_fired(shop, redis)
    said = {(one["customer_id"], one["nudge_id"]) for one in await shop.nudges()}
    assert sorted(customer for customer, _ in said) == ["c-1", "c-2"]
