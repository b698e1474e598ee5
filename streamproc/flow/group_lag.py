"""Ask the cluster how far behind the consumer group is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamproc.flow.cluster import ClusterUnready, committed_offsets, partitions_of, unready
from streamproc.flow.lanes import LaneTopics

__all__ = ["TopicLag", "group_lag"]

ANSWER_SECONDS_MAX: Final = 15.0


@dataclass(frozen=True)
class TopicLag:
    """Records that are not acknowledged yet: of the worst partition, and of all."""

    records_max: int
    records_sum: int


async def group_lag(bootstrap: str, group: str, prefix: str = "") -> dict[str, TopicLag]:
    """Return the lag of each topic that workers read and that exists, without the prefix.

    What is committed counts, a second behind what is done; with nothing committed all that is on the topic counts.
    Raises ClusterUnready.
    """
    topics = LaneTopics.prefixed(prefix)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await consumer.start()
            await admin.start()
            found = await partitions_of(consumer, [*topics.facts, *topics.moments, *topics.timers])
            tps = [
                TopicPartition(name, number) for name, numbers in found.items() for number in sorted(numbers)
            ]
            ends = await consumer.end_offsets(tps)
            starts = await consumer.beginning_offsets(tps)
            committed = await committed_offsets(admin, group, tps)
    except TimeoutError as error:
        raise ClusterUnready(f"STREAMPROC_KAFKA={bootstrap} did not answer in time") from error
    except KafkaError as error:
        raise unready(bootstrap, error) from error
    finally:
        await admin._client.close()  # noqa: SLF001 - an admin that never started has connections to close too.
        await consumer.stop()
    lags: dict[str, list[int]] = {name.removeprefix(prefix): [] for name, numbers in found.items() if numbers}
    for tp in tps:
        done = max(committed.get(tp, -1), starts[tp])
        lags[tp.topic.removeprefix(prefix)].append(max(ends[tp] - done, 0))
    return {name: TopicLag(max(behind), sum(behind)) for name, behind in lags.items()}
