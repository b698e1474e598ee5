"""Redis that hangs, dies or forgets: nothing is said, nothing acknowledged, and work resumes by itself."""

from __future__ import annotations

import os
import signal

import pytest
from redis import Redis

from tests.e2e.installation import Installation, WorkerProcess, until

pytestmark = pytest.mark.timeout(180)

CUSTOMERS = [f"c-{number}" for number in range(300)]


async def working(shop: Installation) -> WorkerProcess:
    """Start a worker, and have it say something to half of the customers."""
    await shop.opt_in(CUSTOMERS, "push")
    worker = shop.worker()
    await worker.ready()
    await shop.view(*CUSTOMERS[:150])
    await shop.caught_up()
    assert len(await shop.nudges()) == 150
    return worker


async def not_ready(worker: WorkerProcess, reason: str) -> None:
    """Wait until the worker says that this keeps it from being ready."""

    async def says_so() -> bool:
        return reason in " ".join(await worker.waits_for() or [])

    await until(says_so, f"/readyz does not say {reason!r}: {worker.tail()}", 20)


async def assert_silent_and_unacknowledged(shop: Installation) -> None:
    """Check that the other half waits: not decided, not answered, not committed."""
    assert (len(await shop.nudges()), await shop.lag()) == (150, 150)
    assert len(await shop.values("decisions")) == 150


async def test_while_redis_hangs_nothing_is_said_and_work_resumes_when_it_answers(shop: Installation) -> None:
    worker = await working(shop)
    assert shop.redis.pid is not None
    os.kill(shop.redis.pid, signal.SIGSTOP)
    await shop.view(*CUSTOMERS[150:])
    await not_ready(worker, "STREAMPROC_REDIS_URL")
    await assert_silent_and_unacknowledged(shop)
    os.kill(shop.redis.pid, signal.SIGCONT)
    await shop.caught_up()
    assert len(await shop.nudges()) == 300
    await worker.ready()
    await shop.holds()


async def test_a_redis_that_was_killed_is_waited_for_and_nothing_it_knew_is_lost(shop: Installation) -> None:
    worker = await working(shop)
    shop.redis.kill()
    await shop.view(*CUSTOMERS[150:])
    await not_ready(worker, "STREAMPROC_REDIS_URL")
    await assert_silent_and_unacknowledged(shop)
    shop.redis.start()
    await shop.view(*CUSTOMERS, item="coat-2")
    await shop.caught_up()
    # Push has one a day: who heard something before the crash hears nothing after it.
    assert len(await shop.nudges()) == 300
    await shop.holds()


async def test_a_redis_that_forgot_everything_shuts_the_gate_and_says_what_to_do(shop: Installation) -> None:
    worker = await working(shop)
    with Redis.from_url(shop.redis.url) as client:
        client.flushall()
    await shop.view(*CUSTOMERS, item="coat-2")
    await not_ready(worker, "When Redis lost its state")
    await assert_no_more(shop)
    await until(lambda: worker.metric("streamproc_state_lost"), "no gauge shows the loss", 5)
    worker.stop()
    await until(lambda: worker.process.poll() is not None, "the worker did not stop", 30)
    assert worker.process.returncode == 0
    successor = shop.worker()
    await not_ready(successor, "When Redis lost its state")
    await assert_no_more(shop)
    assert successor.log.read_text().count("waiting for Redis") == 1
    code, said = await shop.command("doctor")
    assert (code, "customer state was lost" in said, "start one" in said) == (1, True, False), said


async def assert_no_more(shop: Installation) -> None:
    assert (len(await shop.nudges()), await shop.lag()) == (150, 300)
