"""Partitions that are kept, moved and returned lose nothing, and stale work is never acknowledged."""

from __future__ import annotations

import asyncio
import threading

import pytest

from streamproc.flow.consumer_thread import ConsumerThread, Rewound
from tests.kafka.brokers import Broker
from tests.kafka.harness import Cluster, Worker, count


async def halves(one: Worker, other: Worker) -> None:
    """Wait until each of two workers has two of the four lanes."""
    await one.until(lambda: {one.lanes(), other.lanes()} == {(0, 1), (2, 3)}, "the lanes were not shared out")


async def test_a_worker_has_joined_only_when_it_knows_its_lanes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()
    rewind = ConsumerThread.rewind_here

    async def rewind_late(thread: ConsumerThread) -> Rewound | None:
        rewound = await rewind(thread)
        if rewound is not None:
            is_asked.set()
            await asyncio.to_thread(may_answer.wait, 30)
        return rewound

    monkeypatch.setattr(ConsumerThread, "rewind_here", rewind_late)
    async with Worker(cluster) as worker:
        await worker.until(
            lambda: is_asked.is_set() or worker.flow.consumer.joined, "nobody asked for offsets"
        )
        joined_early = worker.flow.consumer.joined
        may_answer.set()
        assert not joined_early
        await worker.joins()
        assert worker.lanes() == (0, 1, 2, 3)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("committed_before", [True, False])
async def test_kept_moved_and_returned_partitions_lose_nothing(
    cluster: Cluster, *, committed_before: bool
) -> None:
    await cluster.produce(cluster.moments, 400)
    async with Worker(
        cluster, unit_events_max=10, commit_every_ms=100 if committed_before else 60_000
    ) as one:
        await one.until(lambda: count(one.units, cluster.moments) >= 100, "no records came")
        async with Worker(cluster, unit_events_max=10) as other:
            await halves(one, other)
            await cluster.produce(cluster.moments, 400, first=400)
            await one.until(
                lambda: count(one.units + other.units, cluster.moments) == 800,
                "records are missing when shared",
            )
        await one.until(lambda: one.lanes() == (0, 1, 2, 3), "the lanes did not come back")
        await cluster.produce(cluster.moments, 400, first=800)
        await one.until(
            lambda: count(one.units + other.units, cluster.moments) == 1_200,
            "records are missing after the return",
        )
    assert await cluster.committed(cluster.moments) == dict.fromkeys(range(4), 300)


async def test_both_topics_of_a_lane_belong_to_one_worker(cluster: Cluster) -> None:
    async with Worker(cluster) as one, Worker(cluster) as other:
        await halves(one, other)
        await cluster.produce(cluster.facts, 40)
        await cluster.produce(cluster.moments, 40)
        await one.until(lambda: count(one.units + other.units, cluster.moments) == 40, "records are missing")
        for worker in (one, other):
            assert (
                set(worker.offsets(cluster.facts))
                == set(worker.offsets(cluster.moments))
                == set(worker.lanes())
            )


async def test_a_worker_without_a_lane_takes_over_when_the_other_goes(
    broker: Broker, cluster: Cluster
) -> None:
    single = Cluster(broker, f"{cluster.group}.single.", partitions=1)
    await single.create_topics()
    async with Worker(single) as one:
        await one.joins()
        async with Worker(single) as other:
            await one.until(
                lambda: len(one.lanes()) + len(other.lanes()) == 1 and other.flow.consumer.joined, "no join"
            )
            first, second = (one, other) if one.lanes() else (other, one)
            await single.produce(single.moments, 10)
            await second.until(lambda: count(first.units, single.moments) == 10, "records are missing")
            await first.stop()
            await single.produce(single.moments, 10, first=10)
            await second.until(
                lambda: count(second.units, single.moments) == 10, "the lane was not taken over"
            )
    assert second.offsets(single.moments)[0] == list(range(10, 20))


async def test_a_unit_abandoned_by_a_rebalance_is_not_committed_and_comes_again(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 40)
    async with Worker(cluster, let_go_ms=100) as one:
        one.gate.clear()
        await one.until(lambda: bool(one.begun), "no unit began")
        async with Worker(cluster) as other:
            await halves(one, other)
            await one.until(lambda: len(one.begun) > 1, "the abandoned unit holds up the next")
            assert not one.units
            one.gate.set()
            await one.until(
                lambda: count(one.units + other.units, cluster.moments) == 40, "records are missing"
            )


async def test_a_unit_that_ends_only_after_the_rebalance_does_not_count(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 40)
    worker = Worker(cluster, let_go_ms=100)
    stubborn = asyncio.Event()

    async def ignore_cancellation(_: object) -> None:
        while not stubborn.is_set():
            try:
                await stubborn.wait()
            except asyncio.CancelledError:
                continue

    worker.task = asyncio.create_task(worker.flow.run(ignore_cancellation))
    await worker.until(lambda: worker.flow.lanes.health().in_flight_records > 0, "no unit began")
    async with Worker(cluster) as other:
        await halves(worker, other)
        own = worker.flow.lanes.health().lanes
        # The other worker may have finished its own records by now.
        before = {
            lane: end for lane, end in (await cluster.committed(cluster.moments)).items() if lane in own
        }
        stubborn.set()
        await other.until(
            lambda: count(other.units, cluster.moments) == 20, "the other's records are missing"
        )
        await worker.until(
            lambda: all(worker.flow.consumer.committed(cluster.moments, lane) == 10 for lane in own),
            "the worker did not do its own records again",
        )
    assert not before
    await worker.stop()
