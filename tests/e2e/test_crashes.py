"""Workers that die or stop under load: nothing is lost, nothing said twice, no cap exceeded."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from streamproc.ops.verify import Report
from tests.e2e.installation import INPUTS, Installation, WorkerProcess, now_ms, until
from tests.parts import view

pytestmark = pytest.mark.timeout(240)

CUSTOMERS = [f"c-{number}" for number in range(2_000)]
EVENTS = 60_000
# Small units make many places to die at.
SMALL = {"UNIT_EVENTS_MAX": "500"}
# A minute, and the backlog at the speed of a machine that does much else.
BACKLOG_S_MAX = 120.0


async def load(shop: Installation, events: int = EVENTS) -> None:
    """Write views of a few items by customers who all opted in: far more than their caps allow to answer."""
    await shop.opt_in(CUSTOMERS, "push", "email", "in_app")
    at_ms = now_ms()
    rows = [
        (customer, view(customer, f"m-{number}", at_ms, f"coat-{number % 3}"))
        for number in range(events)
        for customer in [CUSTOMERS[number * 7 % len(CUSTOMERS)]]
    ]
    for start in range(0, events, 20_000):
        await shop.produce("clickstream", rows[start : start + 20_000])


async def in_the_middle(shop: Installation, *workers: WorkerProcess) -> None:
    """Wait until these workers all have work of the load behind them, with much of it still to come."""

    async def all_work() -> bool:
        lag = await shop.lag()
        assert lag > 5_000, f"only {lag} records are left"
        receipts = await shop.values("receipts")
        moments = Counter(
            one["worker"] for one in receipts if any(s["topic"] == "clickstream" for s in one["sources"])
        )
        return len(moments) >= len(workers) and min(moments.values()) > 3

    await until(all_work, "the workers did not get to work")


async def committed_something(shop: Installation) -> bool:
    """Tell whether any offset is committed: workers do so once a second, and may have worked for less."""
    return sum((await shop.committed()).values()) > 0


async def assert_nothing_lost(shop: Installation) -> Report:
    """Check that all input is accounted for, and that every charge has its nudge and every nudge its charge."""
    report = await shop.holds()
    ends, covered = await shop.ends(*INPUTS), await shop.covered()
    assert {source: covered[source] for source in ends} == ends
    charges = {one["nudge_id"] for one in await shop.values("ledger") if one["kind"] == "charge"}
    nudges = {one["nudge_id"]: one["customer_id"] for one in await shop.nudges()}
    assert charges == nudges.keys()
    said = Counter(nudges.values())
    assert (set(said), set(said.values())) == (set(CUSTOMERS), {2})
    return report


async def test_a_worker_killed_under_load_loses_nothing_and_exceeds_no_cap(shop: Installation) -> None:
    await load(shop)
    first, second = shop.worker(**SMALL), shop.worker(**SMALL)
    await in_the_middle(shop, first, second)
    first.kill()
    assert await shop.lag() > 0
    third = shop.worker(**SMALL)
    await shop.caught_up(BACKLOG_S_MAX)
    assert [second.process.poll(), third.process.poll()] == [None, None]
    report = await assert_nothing_lost(shop)
    assert report.counts["I1"]["records"] >= EVENTS


async def test_no_offset_is_committed_beyond_what_receipts_account_for(shop: Installation) -> None:
    await load(shop)
    first, second = shop.worker(**SMALL), shop.worker(**SMALL)
    await in_the_middle(shop, first, second)
    await until(lambda: committed_something(shop), "the workers committed nothing")
    for worker in (first, second):
        worker.process.send_signal(signal.SIGKILL)
    for worker in (first, second):
        worker.kill()
    committed, covered = await shop.committed(), await shop.covered()
    assert sum(committed.values()) > 0
    assert {source: offset for source, offset in committed.items() if offset > covered[source]} == {}
    shop.worker(**SMALL)
    await shop.caught_up(BACKLOG_S_MAX)
    await assert_nothing_lost(shop)


async def test_a_worker_told_to_stop_under_load_exits_cleanly_and_soon_and_loses_nothing(
    shop: Installation,
) -> None:
    await load(shop, 20_000)
    worker = shop.worker(**SMALL)
    await in_the_middle(shop, worker)
    worker.stop()
    assert await until(lambda: worker.process.poll() is not None, "the worker did not stop", 15)
    assert worker.process.returncode == 0, worker.tail()
    assert await shop.lag() > 0
    committed, covered = await shop.committed(), await shop.covered()
    # What it finished it also committed: nothing of it is done twice.
    assert {source: covered[source] for source in committed} == committed
    shop.worker(**SMALL)
    await shop.caught_up(BACKLOG_S_MAX)
    await assert_nothing_lost(shop)
