"""Follow the `catalog` topic: every worker keeps the newest word on every item and store in memory."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Collection
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.core.catalog import ENTRIES_MAX, Catalog, Change
from streamproc.core.record import Record
from streamproc.flow.cluster import ClusterUnready, partitions_of
from streamproc.ingest.catalog import TOPIC, parse_catalog, taken_back

__all__ = ["CatalogFeed"]

log = logging.getLogger(__name__)

POLL_MS: Final = 250
# Stock of a minute ago is worth knowing, a price of an hour ago is not: a feed that far behind is not believed.
BEHIND_SECONDS_MAX: Final = 60.0
ASK_SECONDS: Final = 10.0
QUIET_SECONDS: Final = 2.0
# So many words take the event loop 5 ms; decisions must not wait for more at once.
WORDS_AT_ONCE: Final = 500
PARTITIONS_SECONDS: Final = 60.0


class CatalogFeed:
    """Reads all of `catalog` before anything is decided, then follows it.

    It has no consumer group: every worker reads everything. What is behind by more than `BEHIND_SECONDS_MAX` is
    doubtful: then the catalog still says what is not to be had, and nothing else.
    """

    def __init__(self, bootstrap: str, *, prefix: str = "") -> None:
        """Follow `catalog` at this broker."""
        self.catalog: Final = Catalog()
        self.refused: Final[Counter[str]] = Counter()
        """How many records were refused, by reason code."""
        self._topic = prefix + TOPIC
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
            max_poll_records=WORDS_AT_ONCE,
            metadata_max_age_ms=30_000,
        )
        self._is_connected = False
        self._partitions: set[int] = set()
        self._looked_at = float("-inf")
        self._confirmed_at = float("-inf")
        self.lag = 0
        """How many records were last known to lie ahead."""

    async def start(self) -> None:
        """Connect and read everything that is on `catalog` now.

        Raises ClusterUnready or KafkaError; then it may be asked again.
        """
        if not self._is_connected:
            await self._consumer.start()
            self._is_connected = True
        await self._find_partitions()
        while not await self._follow():
            pass
        if len(self.catalog):
            log.info("catalog read: %s items and stores are known", len(self.catalog))

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def run(self) -> None:
        """Follow `catalog` until cancelled. While the broker is away what is known gets doubtful."""
        while True:
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    if asked_at - self._looked_at > PARTITIONS_SECONDS:
                        await self._find_partitions()
                    await self._follow()
            except (KafkaError, ClusterUnready, TimeoutError) as error:
                log.warning("catalog cannot be read: %s", type(error).__name__)
                await asyncio.sleep(POLL_MS / 1000)
            self._doubt()

    @property
    def staleness_s(self) -> float:
        """Seconds since everything was last known to be applied."""
        return time.monotonic() - self._confirmed_at

    def _doubt(self) -> None:
        is_behind = self.staleness_s > BEHIND_SECONDS_MAX
        if is_behind and not self.catalog.is_doubtful:
            log.warning(
                "catalog is behind by more than %.0f s: nothing counts as available", BEHIND_SECONDS_MAX
            )
        self.catalog.is_doubtful = is_behind

    async def _find_partitions(self) -> None:
        """Read every partition from its beginning, also one that was added."""
        found = (await partitions_of(self._consumer, [self._topic]))[self._topic]
        self._looked_at = time.monotonic()
        if not found:
            raise ClusterUnready(f"no topic {self._topic}: create it with `streamproc topics apply`")
        if found <= self._partitions:
            return
        added = [TopicPartition(self._topic, p) for p in found - self._partitions]
        positions = {tp: await self._consumer.position(tp) for tp in self._assigned()}
        self._partitions |= found
        self._consumer.assign(self._assigned())
        await self._consumer.seek_to_beginning(*added)
        for tp, offset in positions.items():
            self._consumer.seek(tp, offset)

    def _assigned(self) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in sorted(self._partitions)]

    async def _follow(self) -> bool:
        """Apply what is there until no more comes; tell whether all that was there when asked is applied.

        Where more comes all the time, that counts and not the quiet, after `QUIET_SECONDS`.
        """
        asked_at = time.monotonic()
        partitions = self._assigned()
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(partitions)
        while True:
            fetched = await self._consumer.getmany(*partitions, timeout_ms=POLL_MS)
            for records in fetched.values():
                self._apply(records)
            self.lag = await self._lag(ends)
            # Some brokers call the first record of the last batch the end, so what is quiet says more.
            if not fetched or (self.lag == 0 and time.monotonic() - asked_at > QUIET_SECONDS):
                break
            # Whoever decides in this loop gets a turn after each helping.
            await asyncio.sleep(0)
        if self.lag == 0:
            self._confirmed_at = asked_at
        return self.lag == 0

    async def _lag(self, ends: dict[TopicPartition, int]) -> int:
        return sum([max(0, end - await self._consumer.position(tp)) for tp, end in ends.items()])

    def _apply(self, records: Collection[ConsumerRecord]) -> None:
        for raw in records:
            record = Record(TOPIC, raw.partition, raw.offset, raw.timestamp, True, raw.key, raw.value)
            parsed = parse_catalog(record)
            if isinstance(parsed, Change):
                self._fold(parsed)
                continue
            self.refused[parsed.reason] += 1
            if (change := taken_back(record)) is not None:
                self._fold(change)

    def _fold(self, change: Change) -> None:
        was_full = self.catalog.left_out > 0
        self.catalog.fold(change)
        if self.catalog.left_out and not was_full:
            log.error(
                "catalog holds %s items and stores, which is all it may: more are left out", ENTRIES_MAX
            )
