"""Count, for people, how many customers wait for a time, and how many of those nobody woke in time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from redis.exceptions import ResponseError

from streamproc.settings import Settings
from streamproc.store.base import StoreUnavailable
from streamproc.store.keys import KEYS
from streamproc.store.link import Call, link_to

__all__ = ["WaitingTimers", "count_timers"]

ANSWER_SECONDS_MAX: Final = 5.0
# A worker looks several times a second; whoever waits longer than this is not being looked for.
OVERDUE_MS: Final = 5_000


@dataclass(frozen=True)
class WaitingTimers:
    """How many customers wait; `overdue` is None where that goes by the records' clock, which only workers know."""

    waiting: int
    overdue: int | None


async def count_timers(given: Settings) -> WaitingTimers:
    """Count over all buckets, without changing anything. Raises StoreUnavailable."""
    before_ms = time.time_ns() // 1_000_000 - OVERDUE_MS
    calls: list[Call] = [("ZCARD", names.due) for names in KEYS]
    # A score above 0 is a due time (see store/scripts/claim.lua).
    calls += [("ZCOUNT", names.due, 1, before_ms) for names in KEYS]
    link = link_to(str(given.redis_url), timeout_s=ANSWER_SECONDS_MAX)
    try:
        replies = await link.exchange(calls)
    finally:
        await link.close()
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"STREAMPROC_REDIS_URL: Redis refused: {reply}") from reply
    overdue = sum(replies[len(KEYS) :]) if given.clock == "wall" else None
    return WaitingTimers(sum(replies[: len(KEYS)]), overdue)
