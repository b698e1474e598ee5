"""Read the nudges that a consumer group has not committed, without joining it."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamproc.core.record import Record
from streamproc.flow.cluster import ClusterUnready, committed_offsets, partitions_of, unready
from streamproc.flow.records import to_record

__all__ = ["waiting_nudges"]

ANSWER_SECONDS_MAX: Final = 30.0
POLL_MS: Final = 200


async def waiting_nudges(
    bootstrap: str, group: str, topic: str, *, prefix: str = "", records_max: int
) -> list[Record]:
    """Return what the group would read next, as it stands now, at most so many records. Raises ClusterUnready."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await consumer.start()
            await admin.start()
            numbers = (await partitions_of(consumer, [prefix + topic]))[prefix + topic]
            if not numbers:
                raise ClusterUnready(f"no topic {prefix + topic}: create it with `streamproc topics apply`")
            tps = [TopicPartition(prefix + topic, number) for number in sorted(numbers)]
            return await _read(consumer, await committed_offsets(admin, group, tps), tps, prefix, records_max)
    except TimeoutError as error:
        raise ClusterUnready(f"STREAMPROC_KAFKA={bootstrap} did not answer in time") from error
    except KafkaError as error:
        raise unready(bootstrap, error) from error
    finally:
        await admin._client.close()  # noqa: SLF001 - an admin that never started has connections to close too.
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer,
    committed: dict[TopicPartition, int],
    tps: list[TopicPartition],
    prefix: str,
    records_max: int,
) -> list[Record]:
    starts = await consumer.beginning_offsets(tps)
    ends = await consumer.end_offsets(tps)
    consumer.assign(tps)
    for tp in tps:
        consumer.seek(tp, max(committed.get(tp, -1), starts[tp]))
    records: list[Record] = []
    left = set(tps)
    while left and len(records) < records_max:
        for tp in list(left):
            if await consumer.position(tp) >= ends[tp]:
                left.discard(tp)
        for found in (await consumer.getmany(timeout_ms=POLL_MS)).values() if left else ():
            records += [to_record(one, prefix) for one in found]
    return records[:records_max]
