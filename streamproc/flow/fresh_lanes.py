"""Know from the workers' heartbeats which lanes have applied what customers said."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from streamproc.flow.heartbeat import Heartbeat
from streamproc.store.base import Store, StoreRefused, StoreUnavailable

__all__ = ["FreshLanes"]

log = logging.getLogger(__name__)

ASK_SECONDS: Final = 1.0
# What customers said must be applied as of 5 s ago. A heartbeat comes every second and is read within another, so in
# an idle shop it is as of 2 s ago, and where facts come all the time as of 3 s.
FACTS_SECONDS_MAX: Final = 5.0


class FreshLanes:
    """Asks Redis every second. A lane without a live worker is not fresh: nobody applies its withdrawals.

    A heartbeat is read up to `ASK_SECONDS` after it was written, so a withdrawal that lies in Kafka for
    `FACTS_SECONDS_MAX` and that is never overtaken.
    """

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the heartbeats in this store."""
        self._store = store
        self._monotonic = monotonic
        self._seen: dict[str, int] = {}
        self._applied_at: dict[int, float] = {}

    def is_fresh(self, lane: int) -> bool:
        """Tell whether everything that customers said some seconds ago counts in this lane."""
        return self._monotonic() - self._applied_at.get(lane, float("-inf")) <= FACTS_SECONDS_MAX

    async def watch(self) -> None:
        """Follow the heartbeats until cancelled."""
        while True:
            try:
                self.take(await self._store.workers())
            except (StoreUnavailable, StoreRefused) as error:
                log.warning("the workers' heartbeats cannot be read: %s", error)
            await asyncio.sleep(ASK_SECONDS)

    def take(self, beats: Mapping[str, bytes]) -> None:
        """Take note of heartbeats as they stand in the store; one that was seen before says nothing new."""
        now = self._monotonic()
        seen: dict[str, int] = {}
        for worker, value in beats.items():
            try:
                beat = msgspec.json.decode(value, type=Heartbeat)
            except msgspec.DecodeError:
                continue
            seen[worker] = beat.at_ms
            if self._seen.get(worker) == beat.at_ms:
                continue
            for lane, age_s in beat.facts_age_s.items():
                self._applied_at[lane] = max(now - age_s, self._applied_at.get(lane, float("-inf")))
        self._seen = seen
