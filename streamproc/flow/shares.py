"""Share the buckets of timer hints among the workers that live, by their heartbeats alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from streamproc.flow.heartbeat import HEARTBEAT_SECONDS, Heartbeat
from streamproc.store.base import Store, StoreRefused, StoreUnavailable
from streamproc.store.keys import BUCKETS

__all__ = ["Share"]

log = logging.getLogger(__name__)


class Share:
    """The buckets of one worker: those that give its place among the workers modulo their number.

    Workers see each other's heartbeats within a second of each other, so for that long a bucket may be two workers'
    or, after a death, nobody's until the heartbeat expires. Neither does harm: a claim is one worker's alone. With more
    workers than buckets some have none, and decide timers all the same.
    """

    def __init__(self, worker: str, store: Store) -> None:
        """Begin with all buckets."""
        self._worker = worker
        self._store = store
        self.buckets: tuple[int, ...] = tuple(range(BUCKETS))

    async def watch(self) -> None:
        """Follow the heartbeats until cancelled; while they cannot be read, the share stays as it is."""
        while True:
            try:
                self.take(await self._store.workers())
            except (StoreUnavailable, StoreRefused) as error:
                log.warning("the workers' heartbeats cannot be read: %s", error)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def take(self, beats: Mapping[str, bytes]) -> None:
        """Share the buckets among these workers, as far as they claim timers, and this one."""
        workers = sorted({self._worker, *(worker for worker, beat in beats.items() if _claims(beat))})
        place, count = workers.index(self._worker), len(workers)
        self.buckets = tuple(range(place, BUCKETS, count))


def _claims(beat: bytes) -> bool:
    try:
        return msgspec.json.decode(beat, type=Heartbeat).claims
    except msgspec.DecodeError:
        return False
