"""A broker that dies and comes back costs time and nothing else."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka.errors import KafkaConnectionError

from streamproc.core.unit import Unit
from streamproc.flow.app import Flow, FlowConfig
from streamproc.ops.embedded import free_port
from tests.kafka.harness import Cluster, Worker, count


@pytest.mark.needs("durable")
@pytest.mark.timeout(240)
async def test_after_the_broker_was_killed_the_worker_goes_on_without_help_or_loss(cluster: Cluster) -> None:
    async with Worker(cluster) as worker:
        await cluster.produce(cluster.moments, 400)
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "records are missing")
        cluster.broker.kill()
        await worker.until(
            lambda: len(worker.flow.lanes.health().lanes_held) == 4, "lanes stay fresh without a broker"
        )
        cluster.broker.start()
        await cluster.produce(cluster.facts, 40)
        await cluster.produce(cluster.moments, 400, first=400)
        await worker.until(lambda: count(worker.units, cluster.moments) == 800, "the new records are missing")
        await worker.until(lambda: not worker.flow.lanes.health().lanes_held, "the lanes do not become fresh")
    assert await cluster.committed(cluster.moments) == dict.fromkeys(range(4), 200)
    assert count(worker.units, cluster.facts) == 40


@pytest.mark.needs("durable")
@pytest.mark.timeout(240)
async def test_a_worker_stops_in_a_bounded_time_while_the_broker_is_away(cluster: Cluster) -> None:
    async with Worker(cluster) as worker:
        await cluster.produce(cluster.moments, 400)
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "records are missing")
        cluster.broker.kill()
        begun_s = time.monotonic()
    took_s = time.monotonic() - begun_s
    cluster.broker.start()
    assert took_s < 20


async def test_a_worker_whose_broker_is_not_there_says_so_at_its_start() -> None:
    flow = Flow(FlowConfig(f"127.0.0.1:{free_port()}", "nobody"))
    with pytest.raises(KafkaConnectionError):
        await asyncio.wait_for(flow.run(_nothing), 40)


async def _nothing(_: Unit) -> None:
    return None
