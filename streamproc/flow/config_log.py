"""Read the `config` topic as it stands now, and write to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.core.policy.bundle import from_document
from streamproc.core.policy.model import Policy
from streamproc.core.switches import Switches, is_switch
from streamproc.flow.cluster import ClusterUnready, unready
from streamproc.flow.config_feed import POINTER, POLICY_PREFIX, TOPIC, pointed
from streamproc.flow.sink import make_producer
from streamproc.plugins import installed

__all__ = ["ConfigState", "Pointed", "probe_clock", "read_config", "write_config"]

ANSWER_SECONDS_MAX: Final = 15.0
POLL_MS: Final = 200
PROBE: Final = b"clock-probe"
# Kafka's name for "the broker set the timestamp".
LOG_APPEND_TIME: Final = 1


@dataclass(frozen=True)
class Pointed:
    """One time that a version was put in force: by whom, and when the broker took it down. `by` may be unknown."""

    version: str
    at_ms: int
    by: str = ""


@dataclass(frozen=True)
class ConfigState:
    """What stands on `config`: the latest value of each key that was not deleted, and the end offset."""

    values: Mapping[str, bytes]
    end: int
    order: tuple[str, ...] = ()
    """The keys, in the order in which their values were written."""
    pointers: tuple[Pointed, ...] = ()
    """Every time that the pointer was set, as far as it is still to be seen, in order: compaction forgets old ones."""
    written_ms: Mapping[str, int] = field(default_factory=dict)
    """When each value was written, by the broker's clock."""

    def switches(self) -> Switches:
        """Return the switches, read as a worker reads them."""
        switches = Switches()
        for key, value in self.values.items():
            if is_switch(key):
                switches = switches.fold(key, value)
        return switches

    def version(self) -> str | None:
        """Return the version that the pointer names, None if there is no pointer."""
        return pointed(self.values.get(POINTER))

    def versions(self) -> tuple[str, ...]:
        """Return the published versions, the latest last."""
        keys = (key for key in self.order if key.startswith(POLICY_PREFIX))
        return tuple(key.removeprefix(POLICY_PREFIX) for key in keys)

    def publisher(self, version: str) -> str:
        """Return who published a version, empty if its document does not say."""
        return _by(self.values.get(POLICY_PREFIX + version))

    def published_ms(self, version: str) -> int:
        """Return when a version was published; it must be there."""
        return self.written_ms[POLICY_PREFIX + version]

    def policy(self, version: str) -> Policy | None:
        """Load a published policy; None if there is none of that version. Raises PolicyErrors."""
        document = self.values.get(POLICY_PREFIX + version)
        return from_document(document, installed()) if document is not None else None


async def read_config(bootstrap: str, prefix: str = "") -> ConfigState:
    """Read all of `config`. Raises ClusterUnready if it does not exist or cannot be read."""
    partition = TopicPartition(prefix + TOPIC, 0)
    values: dict[str, bytes] = {}
    pointers: list[Pointed] = []
    written_ms: dict[str, int] = {}
    async with _asking(bootstrap), _consumer(bootstrap) as consumer:
        if partition.topic not in await consumer.topics():
            raise ClusterUnready(f"no topic {partition.topic}: create it with `streamproc topics apply`")
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            fetched = await consumer.getmany(partition, timeout_ms=POLL_MS)
            for record in fetched.get(partition, []):
                key = (record.key or b"").decode("utf-8", "replace")
                # Written again, a key moves to the end of the order.
                values.pop(key, None)
                if record.value is not None:
                    values[key], written_ms[key] = record.value, record.timestamp
                if key == POINTER and (version := pointed(record.value)) is not None:
                    pointers.append(Pointed(version, record.timestamp, _by(record.value)))
    return ConfigState(values, end, tuple(values), tuple(pointers), written_ms)


def _by(value: bytes | None) -> str:
    """Return who wrote a value, empty if it does not say, or cannot be read."""
    try:
        found = msgspec.json.decode(value or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    by = found.get("by") if isinstance(found, dict) else None
    return by if isinstance(by, str) else ""


async def write_config(
    bootstrap: str, entries: Sequence[tuple[str, bytes | None]], *, prefix: str = ""
) -> int:
    """Write entries in this order, each acknowledged before the next; return the offset behind the last.

    A worker that has applied everything below that offset has applied them. The topic must exist: whoever writes has
    read it before. Raises ClusterUnready; then any of them may have been written.
    """
    offset = -1
    async with _asking(bootstrap):
        producer = make_producer(bootstrap)
        try:
            await producer.start()
            for key, value in entries:
                written = await producer.send_and_wait(
                    prefix + TOPIC, value=value, key=key.encode(), partition=0
                )
                offset = written.offset
        finally:
            await producer.stop()
    return offset + 1


async def probe_clock(bootstrap: str, prefix: str = "") -> int | None:
    """Return how many milliseconds the broker's clock is ahead of this machine's; None if it does not tell.

    It writes an empty record under a key that nobody reads, since a broker tells its time in no other way. Compaction
    removes it. Raises ClusterUnready.
    """
    async with _asking(bootstrap):
        producer = make_producer(bootstrap)
        try:
            await producer.start()
            begun_ms = time.time_ns() // 1_000_000
            written = await producer.send_and_wait(prefix + TOPIC, key=PROBE, value=None, partition=0)
            host_ms = (begun_ms + time.time_ns() // 1_000_000) // 2
        finally:
            await producer.stop()
    if written.timestamp_type != LOG_APPEND_TIME or written.timestamp is None or written.timestamp < 0:
        return None
    return int(written.timestamp) - host_ms


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=20)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def _asking(bootstrap: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            yield
    except TimeoutError as error:
        message = f"STREAMPROC_KAFKA={bootstrap} did not answer within {ANSWER_SECONDS_MAX:.0f} s"
        raise ClusterUnready(message) from error
    except KafkaError as error:
        raise unready(bootstrap, error) from error
