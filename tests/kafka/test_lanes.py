"""Facts come before moments, and moments only when their lane is known to be fresh; timers come last."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest
from faust.types import TP

from streamproc.core.unit import Unit
from streamproc.flow.lanes import UNIT_BYTES_MAX
from tests.kafka.harness import Cluster, Worker, count


async def test_a_backlog_of_facts_is_done_before_any_moment_of_its_lane(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 400)
    await cluster.produce(cluster.facts, 4_000)
    async with Worker(cluster, unit_events_max=100) as worker:
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "records are missing")
    done: dict[int, int] = dict.fromkeys(range(4), 0)
    for unit in worker.units:
        for record in unit.records:
            if unit.kind == "facts":
                done[record.partition] += 1
            else:
                assert done[record.partition] == 1_000
                assert unit.consents[record.partition] == 1_000


async def test_a_batch_of_facts_that_comes_in_parts_is_done_whole_before_its_moments(
    cluster: Cluster,
) -> None:
    async with cluster.producer(max_batch_size=1_048_576) as producer:
        await producer.send_and_wait(cluster.moments, b"click", partition=0)
        batch = producer.create_batch()
        for _ in range(6_000):
            assert batch.append(key=b"c", value=b"x", timestamp=None)
        await (await producer.send_batch(batch, cluster.facts, partition=0))
    worker = Worker(cluster)

    async def last_part_waits(unit: Unit) -> None:
        if unit.records[-1].offset == 5_999:
            await worker.gate.wait()
        worker.units.append(unit)

    worker.gate.clear()
    worker.task = asyncio.create_task(worker.flow.run(last_part_waits))
    await worker.until(lambda: count(worker.units, cluster.facts) >= 4_000, "the first parts are missing")
    reads = worker.flow.lanes._ends.begun
    await worker.until(lambda: worker.flow.lanes._ends.begun > reads + 3, "end offsets are not read")
    assert count(worker.units, cluster.moments) == 0
    worker.gate.set()
    await worker.until(lambda: count(worker.units, cluster.moments) == 1, "the moment is missing")
    assert worker.units[-1].consents == {0: 6_000}
    await worker.stop()


async def test_a_moment_never_overtakes_a_fact_that_was_in_kafka_a_second_before(cluster: Cluster) -> None:
    async with Worker(cluster) as worker:
        await worker.joins()
        await cluster.produce(cluster.facts, 4)
        await worker.until(lambda: count(worker.units, cluster.facts) == 4, "facts are missing")
        worker.gate.clear()
        await cluster.produce(cluster.facts, 4, first=4)
        await worker.until(lambda: len(worker.flow.lanes.health().lanes_held) == 4, "the lanes stay fresh")
        await cluster.produce(cluster.moments, 4)
        await worker.until(
            lambda: worker.flow.lanes.health().lag[cluster.moments].records_sum == 4, "no moment came"
        )
        assert count(worker.begun, cluster.moments) == 0
        worker.gate.set()
        await worker.until(lambda: count(worker.units, cluster.moments) == 4, "moments are missing")
    consents = [lane for unit in worker.units if unit.kind == "moments" for lane in unit.consents.values()]
    assert consents == [2] * len(consents)


async def test_facts_get_through_while_a_unit_of_moments_waits(cluster: Cluster) -> None:
    worker = Worker(cluster)
    opened = asyncio.Event()

    async def moments_wait(unit: Unit) -> None:
        if unit.kind == "moments":
            worker.begun.append(unit)
            await opened.wait()
        worker.units.append(unit)

    worker.task = asyncio.create_task(worker.flow.run(moments_wait))
    await worker.joins()
    await cluster.produce(cluster.moments, 4)
    await worker.until(lambda: bool(worker.begun), "no moment came")
    await cluster.produce(cluster.facts, 40)
    await worker.until(lambda: count(worker.units, cluster.facts) == 40, "facts wait behind moments")
    assert count(worker.units, cluster.moments) == 0
    opened.set()
    await worker.until(lambda: count(worker.units, cluster.moments) == 4, "moments did not go on")
    await worker.stop()


async def test_without_end_offsets_moments_wait_and_facts_do_not(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Worker(cluster) as worker:
        await worker.joins()
        await lose_end_offsets(worker, monkeypatch)
        await cluster.produce(cluster.moments, 40)
        await cluster.produce(cluster.facts, 40)
        await worker.until(lambda: count(worker.units, cluster.facts) == 40, "facts wait")
        assert count(worker.units, cluster.moments) == 0
        monkeypatch.undo()
        await worker.until(lambda: count(worker.units, cluster.moments) == 40, "moments did not go on")


async def lose_end_offsets(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no more end offsets be read, and wait until those that were are too old."""
    await worker.until(lambda: not worker.flow.lanes.health().lanes_held, "the lanes do not become fresh")
    monkeypatch.setattr(worker.flow.consumer, "end_offsets", unreachable)
    await worker.until(lambda: len(worker.flow.lanes.health().lanes_held) == 4, "the lanes stay fresh")


async def unreachable(_: Collection[TP]) -> Mapping[TP, int]:
    raise TimeoutError


async def test_a_stop_does_not_wait_for_held_moments_nor_commit_them(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Worker(cluster, let_go_ms=30_000) as worker:
        await worker.joins()
        await lose_end_offsets(worker, monkeypatch)
        await cluster.produce(cluster.moments, 40)
        await worker.until(lambda: worker.flow.lanes.health().buffered_bytes > 0, "no moment came")
        begun_s = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun_s < 10
    assert not await cluster.committed(cluster.moments)


async def test_a_timer_waits_for_the_moments_that_were_in_kafka_when_it_was_read(cluster: Cluster) -> None:
    await cluster.produce(cluster.timers, 4)
    await cluster.produce(cluster.moments, 2_000)
    async with Worker(cluster, unit_events_max=100) as worker:
        await worker.until(lambda: count(worker.units, cluster.timers) == 4, "timers are missing")
    done: dict[int, int] = dict.fromkeys(range(4), 0)
    for unit in worker.units:
        for record in unit.records:
            if unit.kind == "moments":
                done[record.partition] += 1
            if unit.kind == "timers":
                assert done[record.partition] == 500


async def test_timers_that_all_came_due_at_once_and_moments_take_turns(cluster: Cluster) -> None:
    async with Worker(cluster, unit_events_max=100) as worker:
        await worker.joins()
        worker.gate.clear()
        await cluster.produce(cluster.moments, 4)
        await worker.until(lambda: len(worker.begun) == 1, "the first moments are missing")
        waiting = worker.flow.lanes._buffers
        await cluster.produce(cluster.timers, 800)
        await worker.until(
            lambda: waiting["timers"].records == 800 and all(one.barrier for one in waiting["timers"]),
            "the timers were not read",
        )
        for first in range(0, 800, 200):
            await cluster.produce(cluster.moments, 200, first=first)
        await worker.until(lambda: waiting["moments"].records == 800, "the moments were not read")
        worker.gate.set()
        await worker.until(lambda: count(worker.units, cluster.timers) == 800, "timers are missing")
    kinds = [unit.kind for unit in worker.begun]
    turns = kinds[kinds.index("timers") :][:4]
    assert turns == ["timers", "moments", "timers", "moments"]


async def test_a_unit_of_timers_is_small_since_each_is_a_candidate(cluster: Cluster) -> None:
    for first in range(0, 2_000, 200):
        await cluster.produce(cluster.timers, 200, first=first)
    async with Worker(cluster) as worker:
        await worker.until(lambda: count(worker.units, cluster.timers) == 2_000, "timers are missing")
    sizes = [len(unit.records) for unit in worker.units]
    assert max(sizes) <= 500


async def test_on_the_record_clock_a_moment_waits_for_the_facts_there_when_it_was_read(
    cluster: Cluster,
) -> None:
    async with Worker(cluster, clock="record") as worker:
        await worker.joins()
        for first in range(0, 400, 40):
            await cluster.produce(cluster.facts, 40, first=first)
            await cluster.produce(cluster.moments, 40, first=first)
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "moments are missing")
    facts: dict[int, int] = dict.fromkeys(range(4), 0)
    for unit in worker.units:
        for record in unit.records:
            if unit.kind == "facts":
                facts[record.partition] += 1
            else:
                assert facts[record.partition] >= (record.offset // 10 + 1) * 10


async def test_a_flood_of_moments_in_a_held_lane_does_not_keep_its_facts_from_coming(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Worker(cluster) as worker:
        await worker.joins()
        await lose_end_offsets(worker, monkeypatch)
        await cluster.produce(cluster.moments, 8_000, value=b"x" * 2_000)
        await cluster.produce(cluster.facts, 40)
        await worker.until(lambda: count(worker.units, cluster.facts) == 40, "facts are kept from coming")
        assert worker.flow.lanes.health().buffered_bytes < 12_000_000
        monkeypatch.undo()
        await worker.until(lambda: count(worker.units, cluster.moments) == 8_000, "moments did not go on")
        sizes_bytes = [sum(len(record.value or b"") for record in unit.records) for unit in worker.units]
        assert max(sizes_bytes) <= UNIT_BYTES_MAX
