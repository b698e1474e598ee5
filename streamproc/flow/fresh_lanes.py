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
# A lane that was fresh counts as that for so long. A heartbeat is written every second and lives for 3 s, and a lane
# is fresh whose facts are applied as of a second ago: a withdrawal that lies in Kafka is overtaken for 6 s at the most,
# and that only if its worker dies meanwhile.
FRESH_SECONDS: Final = 2.0


class FreshLanes:
    """Asks Redis every second. A lane without a live worker is not fresh: nobody applies its withdrawals."""

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the heartbeats in this store."""
        self._store = store
        self._monotonic = monotonic
        self._fresh_at: dict[int, float] = {}

    def is_fresh(self, lane: int) -> bool:
        """Tell whether everything that customers said some seconds ago counts in this lane."""
        return self._monotonic() - self._fresh_at.get(lane, float("-inf")) <= FRESH_SECONDS

    async def watch(self) -> None:
        """Follow the heartbeats until cancelled."""
        while True:
            try:
                self.take(await self._store.workers())
            except (StoreUnavailable, StoreRefused) as error:
                log.warning("the workers' heartbeats cannot be read: %s", error)
            await asyncio.sleep(ASK_SECONDS)

    def take(self, beats: Mapping[str, bytes]) -> None:
        """Take note of heartbeats as they stand in the store."""
        now = self._monotonic()
        for value in beats.values():
            try:
                beat = msgspec.json.decode(value, type=Heartbeat)
            except msgspec.DecodeError:
                continue
            self._fresh_at.update(dict.fromkeys(beat.fresh, now))
