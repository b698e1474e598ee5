"""A broker that hangs or dies: nothing is lost, and work resumes by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamproc.ops.embedded import EmbeddedRedis
from tests.e2e.installation import Installation, WorkerProcess, until
from tests.kafka.brokers import Broker

pytestmark = pytest.mark.timeout(240)

CUSTOMERS = [f"c-{number}" for number in range(300)]


@pytest.fixture
async def own(own_broker: Broker, redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation with a broker of its own."""
    own_broker.start()
    redis.start()
    installation = Installation(own_broker, redis, tmp_path, "b.")
    await installation.create_topics()
    yield installation
    installation.close()


async def working(shop: Installation) -> WorkerProcess:
    await shop.opt_in(CUSTOMERS, "push")
    worker = shop.worker()
    await worker.ready()
    await shop.view(*CUSTOMERS[:150])
    await shop.caught_up()
    return worker


async def not_ready(worker: WorkerProcess) -> None:
    """Wait until the worker says that it cannot see config; by then it hands nothing over."""

    async def says_so() -> bool:
        return "config was last confirmed" in " ".join(await worker.waits_for() or [])

    await until(says_so, f"the worker takes no notice: {worker.tail()}", 20)


async def test_a_broker_that_hangs_longer_than_the_session_is_found_again(own: Installation) -> None:
    worker = await working(own)
    pid = own.broker.pid  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGSTOP)
    await not_ready(worker)
    # The group's session lasts 3 s; the broker must miss all of it.
    waited = asyncio.get_running_loop().time()
    await until(lambda: asyncio.get_running_loop().time() - waited > 4, "time stands still", 10)
    os.kill(pid, signal.SIGCONT)
    await own.view(*CUSTOMERS[150:])
    await own.caught_up()
    assert worker.process.poll() is None
    assert len({one["nudge_id"] for one in await own.nudges()}) == 300
    await own.holds()
    await worker.ready()


async def test_a_broker_that_was_killed_and_comes_back_is_found_again(
    own: Installation, request: pytest.FixtureRequest
) -> None:
    if "durable" not in own.broker.capabilities:
        pytest.skip("the embedded broker forgets everything when it stops; run with --broker=kafka")
    worker = await working(own)
    own.broker.kill()
    await not_ready(worker)
    own.broker.start()
    await own.view(*CUSTOMERS[150:])
    await own.caught_up()
    assert worker.process.poll() is None
    assert len({one["nudge_id"] for one in await own.nudges()}) == 300
    await own.holds()
