"""Runs are contiguous, commits are last + 1, and what was not finished is never committed."""

from __future__ import annotations

import asyncio

import pytest

from streamproc.core.unit import Unit
from tests.kafka.harness import Cluster, Worker, count


async def test_every_record_comes_once_and_in_order_and_the_spans_leave_no_gap(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 10_000)
    async with Worker(cluster, unit_events_max=300) as worker:
        await worker.until(lambda: count(worker.units, cluster.moments) == 10_000, "records are missing")
    assert worker.offsets(cluster.moments) == {partition: list(range(2_500)) for partition in range(4)}
    ends = dict.fromkeys(range(4), 0)
    for unit in worker.units:
        assert len(unit.records) <= 300
        for (_, partition), span in unit.spans.items():
            assert span.first == ends[partition]
            ends[partition] = span.last + 1


async def test_the_commit_is_the_last_finished_offset_plus_one_and_nothing_comes_again(
    cluster: Cluster,
) -> None:
    await cluster.produce(cluster.moments, 400)
    async with Worker(cluster) as worker:
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "records are missing")
    assert await cluster.committed(cluster.moments) == dict.fromkeys(range(4), 100)
    assert worker.flow.consumer.committed(cluster.moments, 2) == 100
    async with Worker(cluster) as after:
        await after.joins()
        await cluster.produce(cluster.moments, 4, first=400)
        await after.until(lambda: count(after.units, cluster.moments) == 4, "the new records are missing")
    assert after.offsets(cluster.moments) == {partition: [100] for partition in range(4)}


async def test_cancelling_a_worker_acknowledges_nothing_of_the_unit_in_flight(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 40)
    async with Worker(cluster, let_go_ms=100) as worker:
        worker.gate.clear()
        await worker.until(lambda: bool(worker.begun), "no unit began")
    assert not await cluster.committed(cluster.moments)
    async with Worker(cluster) as after:
        await after.until(lambda: count(after.units, cluster.moments) == 40, "abandoned records are missing")


async def test_an_exception_ends_the_flow_and_acknowledges_nothing_of_its_unit(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 40)
    worker = Worker(cluster, unit_events_max=5)

    async def fail_at_the_third(unit: object) -> None:
        worker.begun.append(unit)  # type: ignore[arg-type]
        if len(worker.begun) == 3:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await asyncio.wait_for(worker.flow.run(fail_at_the_third), 40)
    finished = count(worker.begun[:2], cluster.moments)
    assert 0 < sum((await cluster.committed(cluster.moments)).values()) == finished < 40


async def test_a_unit_that_finishes_first_is_acknowledged_only_after_the_one_ahead_of_it(
    cluster: Cluster,
) -> None:
    await cluster.produce(cluster.moments, 400)
    worker = Worker(cluster, unit_events_max=100)
    second_is_done = asyncio.Event()

    async def fail_when_the_second_is_done(unit: Unit) -> None:
        worker.begun.append(unit)
        if len(worker.begun) > 1:
            second_is_done.set()
            return
        await second_is_done.wait()
        await asyncio.sleep(0.3)  # longer than the worker takes to commit what it may
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await asyncio.wait_for(worker.flow.run(fail_when_the_second_is_done), 40)
    assert not await cluster.committed(cluster.moments)


async def test_a_stop_lets_the_unit_in_flight_finish_and_commits_it(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 4)
    async with Worker(cluster, let_go_ms=5_000) as worker:
        worker.gate.clear()
        await worker.until(lambda: bool(worker.begun), "no unit began")
        asyncio.get_running_loop().call_later(0.2, worker.gate.set)
    assert sum((await cluster.committed(cluster.moments)).values()) == len(worker.begun[0].records)


async def test_while_a_unit_waits_one_more_full_one_begins_and_no_third(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 1_000)
    async with Worker(cluster, unit_events_max=100) as worker:
        worker.gate.clear()
        await worker.until(lambda: len(worker.begun) > 1, "no second unit began")
        await asyncio.sleep(0.2)
        assert len(worker.begun) == 2
        worker.gate.set()
        await worker.until(lambda: count(worker.units, cluster.moments) == 1_000, "records are missing")
    assert worker.units == worker.begun
    assert worker.offsets(cluster.moments) == {partition: list(range(250)) for partition in range(4)}


async def test_what_is_less_than_a_unit_waits_for_the_one_in_flight(cluster: Cluster) -> None:
    async with Worker(cluster, unit_events_max=100) as worker:
        worker.gate.clear()
        await cluster.produce(cluster.moments, 4)
        await worker.until(lambda: bool(worker.begun), "no unit began")
        await cluster.produce(cluster.moments, 40, first=4)
        await worker.until(lambda: worker.flow.lanes.health().buffered_bytes > 0, "nothing came")
        await asyncio.sleep(0.2)
        assert len(worker.begun) == 1
        worker.gate.set()
        await worker.until(lambda: count(worker.units, cluster.moments) == 44, "records are missing")
