"""Read topics as they stand, or as they come in, for a record file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.core.record import Record
from streamproc.flow.cluster import ClusterUnready, partitions_of, unready
from streamproc.flow.records import to_record

__all__ = ["Captured", "capture"]

POLL_MS: Final = 200
CONNECT_SECONDS_MAX: Final = 15.0


@dataclass(frozen=True)
class Captured:
    """The records in the order of their times; each partition's stay in their own. `is_whole`: none was left out."""

    records: tuple[Record, ...]
    is_whole: bool


async def capture(
    bootstrap: str,
    topics: Sequence[str],
    *,
    prefix: str = "",
    seconds: float | None = None,
    records_max: int,
) -> Captured:
    """Read all that is on the topics now; with `seconds`, what comes in during that time instead.

    It joins no consumer group and commits nothing. All is held in memory to be put in order: a worker applies a
    consent before a click that came after it, and so must whoever reads the file. Raises ClusterUnready.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50)
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            await consumer.start()
            ends = await _assign(consumer, [prefix + topic for topic in topics])
        if seconds is not None:
            await consumer.seek_to_end()
        deadline = time.monotonic() + seconds if seconds is not None else None
        found: list[tuple[int, int, Record]] = []
        # The time of a record, but never before that of an earlier one of its partition.
        latest_ms: dict[TopicPartition, int] = {}
        while len(found) < records_max and not await _is_done(consumer, ends, deadline):
            # What comes with a fetch beyond the end is taken too: not every broker counts its last batch whole.
            for tp, fetched in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for one in fetched:
                    latest_ms[tp] = max(latest_ms.get(tp, 0), one.timestamp)
                    found.append((latest_ms[tp], len(found), to_record(one, prefix)))
        is_whole = len(found) <= records_max and await _is_done(consumer, ends, deadline)
    except TimeoutError as error:
        raise ClusterUnready(f"STREAMPROC_KAFKA={bootstrap} did not answer in time") from error
    except KafkaError as error:
        raise unready(bootstrap, error) from error
    finally:
        await consumer.stop()
    found.sort(key=lambda one: one[:2])
    return Captured(tuple(record for _, _, record in found[:records_max]), is_whole)


async def _assign(consumer: AIOKafkaConsumer, names: Sequence[str]) -> dict[TopicPartition, int]:
    found = await partitions_of(consumer, names)
    missing = [name for name, partitions in found.items() if not partitions]
    if missing:
        raise ClusterUnready(
            f"no topic {', '.join(missing)}: `streamproc topics check` says what there should be"
        )
    tps = [TopicPartition(name, number) for name, numbers in found.items() for number in sorted(numbers)]
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(tps)
    return ends


async def _is_done(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], deadline: float | None
) -> bool:
    if deadline is not None:
        return time.monotonic() >= deadline
    for tp, end in ends.items():
        if await consumer.position(tp) < end:
            return False
    return True
