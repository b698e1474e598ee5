"""Whatever interrupts fetching leaves no hole, and holes of the log itself hold nothing up."""

from __future__ import annotations

import asyncio

import pytest
from faust.types import TP

from streamproc.flow.consumer_thread import ConsumerThread, Fetched
from tests.kafka.harness import Cluster, Worker, count


async def test_a_paused_partition_brings_nothing_and_after_its_resumption_everything(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, asked_for = TP(cluster.moments, 1), set[TP]()
    fetch = ConsumerThread.fetch_here

    async def fetch_watched(thread: ConsumerThread, wanted: frozenset[TP], timeout_s: float) -> Fetched:
        asked_for.clear()
        asked_for.update(wanted)
        return await fetch(thread, wanted, timeout_s)

    monkeypatch.setattr(ConsumerThread, "fetch_here", fetch_watched)
    async with Worker(cluster) as worker:
        await worker.joins()
        await worker.until(lambda: paused in asked_for, "it is not asked for while it is not paused")
        worker.flow.consumer.pause_partitions({paused})
        # A fetch that had begun before still brings what it was to bring.
        await worker.until(
            lambda: bool(asked_for) and paused not in asked_for, "it is asked for all the same"
        )
        await cluster.produce(cluster.moments, 4_000)
        await worker.until(lambda: count(worker.units, cluster.moments) == 3_000, "the others did not go on")
        assert 1 not in worker.offsets(cluster.moments)
        worker.flow.consumer.resume_partitions({paused})
        await worker.until(lambda: count(worker.units, cluster.moments) == 4_000, "records are missing")
    assert worker.offsets(cluster.moments)[1] == list(range(1_000))


async def test_what_was_on_its_way_when_the_flow_was_suspended_comes_again(cluster: Cluster) -> None:
    async with Worker(cluster) as worker:
        await worker.joins()
        consumer, flow_control = worker.flow.consumer, worker.flow.app.flow_control
        flow_control.suspend()
        await cluster.produce(cluster.moments, 4)
        await worker.until(lambda: any(p._outstanding for p in consumer._progress.values()), "nothing came")
        # As Faust does at a rebalance: what waits to enter a queue is dropped, and the queues are emptied.
        consumer.stop_flow()
        await worker.until(lambda: bool(consumer.can_resume_flow._waiters), "the delivery was not given up")
        flow_control.resume()
        consumer.resume_flow()
        await worker.until(lambda: count(worker.units, cluster.moments) == 4, "records are missing")
    assert await cluster.committed(cluster.moments) == dict.fromkeys(range(4), 1)


async def test_suspending_the_flow_again_and_again_loses_nothing(cluster: Cluster) -> None:
    async with Worker(cluster, unit_events_max=50) as worker:
        await worker.joins()
        for first in range(0, 2_000, 400):
            await cluster.produce(cluster.moments, 400, first=first)
            worker.flow.consumer.stop_flow()
            await asyncio.sleep(0)
            worker.flow.consumer.resume_flow()
        await worker.until(lambda: count(worker.units, cluster.moments) == 2_000, "records are missing")
    assert await cluster.committed(cluster.moments) == dict.fromkeys(range(4), 500)


async def test_a_batch_lost_between_fetch_and_delivery_is_fetched_again(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 400)
    async with Worker(cluster) as worker:
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "records are missing")
        worker.flow.consumer.pause_partitions({TP(cluster.moments, 0)})
        await cluster.produce(cluster.moments, 400, first=400)
        thread = worker.flow.consumer._thread
        # A position ahead of what was delivered is what a lost batch leaves behind.
        await thread.ask(thread.seek_here({TP(cluster.moments, 0): 150}))
        worker.flow.consumer.resume_partitions({TP(cluster.moments, 0)})
        await worker.until(lambda: count(worker.units, cluster.moments) == 800, "the lost batch did not come")
    assert worker.offsets(cluster.moments)[0] == list(range(200))
    assert worker.flow.consumer.holes == 0


@pytest.mark.needs("transactions")
async def test_transactional_input_reaches_lag_zero_without_the_aborted_records(cluster: Cluster) -> None:
    async with cluster.producer(transactional_id=f"{cluster.group}-tx") as producer:
        for number in range(20):
            await producer.begin_transaction()
            await producer.send(cluster.moments, b"%d" % number, partition=0)
            await (producer.abort_transaction() if number % 3 == 2 else producer.commit_transaction())
    async with Worker(cluster) as worker:
        await worker.until(lambda: count(worker.units, cluster.moments) == 14, "records are missing")
        await worker.until(
            lambda: worker.flow.consumer.applied(TP(cluster.moments, 0)) == 40,
            "the markers hold the position up",
        )
        health = worker.flow.lanes.health()
    values = [int(record.value or b"") for unit in worker.units for record in unit.records]
    assert values == [number for number in range(20) if number % 3 != 2]
    assert health.lag[cluster.moments].records_sum == 0
    assert health.holes == 26
    assert (await cluster.committed(cluster.moments))[0] == (await cluster.ends(cluster.moments))[0] == 40


async def _reaches(worker: Worker, tp: TP, offset: int) -> None:
    await worker.until(lambda: worker.flow.consumer.applied(tp) == offset, f"{tp} does not reach {offset}")


@pytest.mark.needs("compaction")
@pytest.mark.timeout(120)
async def test_compacted_input_reaches_lag_zero(cluster: Cluster) -> None:
    topic = cluster.timers
    await cluster.delete(topic)
    configs = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    await asyncio.sleep(0.5)
    await cluster.create(topic, **configs)
    async with cluster.producer() as producer:
        for number in range(40):
            # A key that stays lies between keys that come again: the log keeps the first and the last records.
            key = b"first" if number == 0 else b"again"
            await producer.send_and_wait(topic, b"%d" % number, key=key, partition=0)
            await asyncio.sleep(0.01 if number % 10 else 0.15)
    # The cleaner works when it likes, so each new group reads again until it has.
    for attempt in range(100):
        cluster.group = f"{topic}-{attempt}"
        async with Worker(cluster) as worker:
            await _reaches(worker, TP(topic, 0), 40)
        read = worker.offsets(topic)[0]
        if len(read) < 40:
            break
    assert read[0] == 0
    assert read[-1] == 39
    assert len(read) < 40
    assert worker.flow.consumer.holes == 40 - len(read)
    assert (await cluster.committed(topic))[0] == 40


@pytest.mark.needs("delete-topics")
async def test_a_topic_deleted_and_created_anew_is_read_from_its_start(cluster: Cluster) -> None:
    await cluster.produce(cluster.moments, 400)
    async with Worker(cluster) as worker:
        await worker.until(lambda: count(worker.units, cluster.moments) == 400, "records are missing")
        await cluster.delete(cluster.moments)
        await asyncio.sleep(0.5)
        await cluster.create(cluster.moments)
        before = len(worker.units)
        await cluster.produce(cluster.moments, 40)
        await worker.until(
            lambda: count(worker.units[before:], cluster.moments) == 40, "the new records are missing"
        )
    assert await cluster.committed(cluster.moments) == dict.fromkeys(range(4), 10)
