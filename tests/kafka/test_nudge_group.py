"""Lanes of a nudge topic on a real broker: what is finished is committed, and nothing else is."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streamproc.core.record import Record
from streamproc.deliver.lane import UNFINISHED_MAX, Hand, Lane
from streamproc.flow.admin import KafkaAdmin
from streamproc.flow.nudge_group import NudgeGroup
from tests.kafka.brokers import Broker

pytestmark = pytest.mark.timeout(90)

LANES = 4
_numbers = itertools.count(1)


class Topic:
    """A nudge topic of its own, and members of one group that read it."""

    def __init__(self, broker: Broker) -> None:
        self.bootstrap = broker.bootstrap
        self.prefix = f"ng{next(_numbers)}."
        self.members: list[tuple[NudgeGroup, asyncio.Task[None]]] = []

    async def make(self, records: int) -> None:
        """Create the topic, with records spread over its partitions."""
        async with KafkaAdmin.connect(self.bootstrap) as admin:
            await admin.create(self.prefix + "nudges.push", partitions=LANES, replication=1, config={})
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        for number in range(records):
            await producer.send(self.prefix + "nudges.push", b"%d" % number, partition=number % LANES)
        await producer.stop()

    async def join(self, hand: Hand) -> NudgeGroup:
        group = NudgeGroup(
            self.bootstrap,
            self.prefix + "group",
            "nudges.push",
            hand,
            prefix=self.prefix,
            session_timeout_ms=3_000,
            rebalance_timeout_ms=1_000,
            let_go_s=0.5,
        )
        await group.start()
        self.members.append((group, asyncio.create_task(group.run())))
        return group

    async def leave(self, group: NudgeGroup) -> None:
        (member,) = (one for one in self.members if one[0] is group)
        self.members.remove(member)
        member[1].cancel()
        await asyncio.gather(member[1], return_exceptions=True)
        await group.let_go()
        await group.stop()

    async def committed(self) -> list[int | None]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=self.prefix + "group", enable_auto_commit=False
        )
        await consumer.start()
        found = [
            await consumer.committed(TopicPartition(self.prefix + "nudges.push", p)) for p in range(LANES)
        ]
        await consumer.stop()
        return found


async def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.02)


async def test_lanes_that_move_to_another_process_are_handed_over_without_a_repeat(broker: Broker) -> None:
    topic = Topic(broker)
    await topic.make(200)
    seen: Counter[bytes | None] = Counter()
    by: list[set[str]] = [set(), set()]

    def hand(member: int) -> Hand:
        async def take(record: Record, lane: Lane, tries: int) -> float | None:
            assert record.topic == "nudges.push"
            # The target has it from here on, and its answer takes a moment.
            seen[record.value] += 1
            by[member].add(str(record.partition))
            await asyncio.sleep(0.03 if len(seen) < 190 else 0)
            return None

        return take

    first = await topic.join(hand(0))
    await until(lambda: len(seen) >= 20)
    second = await topic.join(hand(1))
    await until(lambda: len(seen) == 200)
    await topic.leave(first)
    await topic.leave(second)
    assert set(seen.values()) == {1}
    assert await topic.committed() == [50] * LANES
    assert by[1], "the second got no lane"


async def test_what_is_put_off_is_not_committed_though_others_pass_it(broker: Broker) -> None:
    topic = Topic(broker)
    await topic.make(40)
    done: list[tuple[int, int]] = []

    async def hand(record: Record, lane: Lane, tries: int) -> float | None:
        if (record.partition, record.offset) == (2, 3):
            return 3_600
        done.append((record.partition, record.offset))
        return None

    group = await topic.join(hand)
    await until(lambda: len(done) == 39)
    assert (group.lag(), sum(lane.put_off for lane in group.lanes.values())) == (7, 1)
    await topic.leave(group)
    assert await topic.committed() == [10, 10, 3, 10]


async def test_a_lane_that_stands_still_holds_a_bounded_number_and_goes_on(broker: Broker) -> None:
    topic = Topic(broker)
    await topic.make(1_600)
    go, count = asyncio.Event(), 0

    async def hand(record: Record, lane: Lane, tries: int) -> float | None:
        nonlocal count
        await go.wait()
        count += 1
        return None

    group = await topic.join(hand)
    await until(lambda: group.joined and all(not lane.has_room() for lane in group.lanes.values()))
    await asyncio.sleep(0.5)
    assert max(lane.unfinished for lane in group.lanes.values()) <= 3 * UNFINISHED_MAX
    go.set()
    await until(lambda: count == 1_600)
    await topic.leave(group)
    assert await topic.committed() == [400] * LANES


async def test_a_lane_that_breaks_ends_the_process_that_runs_it(broker: Broker) -> None:
    topic = Topic(broker)
    await topic.make(4)

    async def hand(record: Record, lane: Lane, tries: int) -> float | None:
        raise KeyError("a bug")

    await topic.join(hand)
    group, running = topic.members[0]
    with pytest.raises(KeyError):
        await asyncio.wait_for(asyncio.shield(running), 40)
    await topic.leave(group)
    assert set(await topic.committed()) <= {0, None}
