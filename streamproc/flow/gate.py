"""The emission gate of a worker: open only while it can see every "off", and while its state can be trusted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from streamproc.core.arrival import Rules
from streamproc.flow.config_feed import ConfigFeed
from streamproc.store.base import EpochMissing, Store, StoreRefused, StoreUnavailable

# A shut gate is asked again so often: short against the lease, long against the loop.
ASK_SECONDS: Final = 0.02
STORE_SECONDS: Final = 1.0


class WorkerGate:
    """Shuts while `config` is not confirmed, or while the store is away or not to be trusted."""

    def __init__(self, feed: ConfigFeed, store: Store, is_fresh: Callable[[int], bool]) -> None:
        """Stand between this feed, this store and the nudge topics; `is_fresh` tells it of a lane's facts."""
        self._is_fresh = is_fresh
        self._feed = feed
        self._store = store
        self._store_trouble: str | None = "not asked yet"
        self.state_is_lost = False
        """Whether the store was last found without the state that it had."""

    def rules(self) -> Rules:
        """Return the policy and switches that are applied now."""
        return self._feed.rules()

    def is_open(self) -> bool:
        """Tell whether nudges may be handed over at this moment."""
        return self._store_trouble is None and self._feed.is_confirmed()

    def is_fresh(self, lane: int) -> bool:
        """Tell whether this lane has applied every fact that was in Kafka a second ago."""
        return self._is_fresh(lane)

    async def until_open(self) -> None:
        """Wait until nudges may be handed over."""
        while not self.is_open():  # noqa: ASYNC110 - a lease runs out without anybody setting an event
            await asyncio.sleep(ASK_SECONDS)

    def shut_because(self) -> list[str]:
        """List why the gate is shut, for people; empty while it is open."""
        reasons = []
        if not self._feed.is_confirmed():
            reasons.append(f"config was last confirmed {self._feed.staleness_s:.1f} s ago")
        if self._store_trouble is not None:
            reasons.append(self._store_trouble)
        return reasons

    async def watch_store(self) -> None:
        """Ask the store once a second whether it answers and can be trusted, until cancelled."""
        while True:
            asked_at = time.monotonic()
            await self.ask_store()
            await asyncio.sleep(max(0.0, STORE_SECONDS - (time.monotonic() - asked_at)))

    async def ask_store(self) -> None:
        """Ask the store now."""
        try:
            await self._store.ping()
        except (StoreUnavailable, StoreRefused) as error:
            self._store_trouble = str(error)
            self.state_is_lost = isinstance(error, EpochMissing)
        else:
            self._store_trouble = None
            self.state_is_lost = False
