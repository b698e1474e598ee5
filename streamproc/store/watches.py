"""Who watches which item, and the last word on each: convenience beside the customers' state.

Losing it loses messages that would have come, never restraint. Keys hold digests of item ids, members keyed hashes of
customer ids: whoever watches is looked up afresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import count
from typing import Final, Protocol

from redis.exceptions import ResponseError

from streamproc.core.watching import WATCH_MS, Watch
from streamproc.store.base import StoreUnavailable
from streamproc.store.link import Call, Link, Reply, link_to

__all__ = ["WATCHERS_MAX", "MemoryWatches", "RedisWatches", "Watches"]

WATCHERS_MAX: Final = 100_000
"""Of one item: the newest."""
PAGE: Final = 10_000
"""Fetched at once: it takes Redis some 5 ms. 100,000 at once took it 60."""
OVERLAP: Final = 100
"""Pages overlap by so many, so that nobody is passed over where some stop watching between two pages."""
TIMEOUT_S: Final = 5.0
_DIGEST_BYTES: Final = 16


class Watches(Protocol):
    """Keep who watches what. Every method may raise `StoreUnavailable`; repeating any of them changes nothing."""

    async def note(self, watches: Sequence[Watch]) -> None:
        """Add watchers of items, and take away those who no longer watch. The oldest go beyond `WATCHERS_MAX`."""
        ...

    async def watchers(self, item_id: str, now_ms: int) -> list[str]:
        """Return the hashes of those who watch an item since `WATCH_MS` at most, in their own order.

        Some may have stopped since: their memory decides.
        """
        ...

    async def words(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the word kept under each key, in this order; None where there is none."""
        ...

    async def keep(self, words: Mapping[str, bytes]) -> None:
        """Keep these words in place of those before."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class RedisWatches:
    """Keeps watchers in a sorted set an item, by the time since which they watch."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Keep them in this Redis."""
        self._link: Link = link_to(url, timeout_s=timeout_s)

    async def note(self, watches: Sequence[Watch]) -> None:
        # A cluster does the calls of one exchange in any order, so what must come after waits for it.
        await self._ask([_note_call(watch) for watch in watches])
        grown = {_watch_key(watch.item_id) for watch in watches if watch.at_ms is not None}
        bounds: list[Call] = []
        for key in sorted(grown):
            bounds += [("ZREMRANGEBYRANK", key, 0, -WATCHERS_MAX - 1), ("PEXPIRE", key, WATCH_MS)]
        await self._ask(bounds)

    async def watchers(self, item_id: str, now_ms: int) -> list[str]:
        key = _watch_key(item_id)
        await self._ask([("ZREMRANGEBYSCORE", key, "-inf", now_ms - WATCH_MS)])
        found: list[set[bytes]] = [set() for _ in range(256)]
        for start in count(0, PAGE - OVERLAP):
            (members,) = await self._ask([("ZRANGE", key, start, start + PAGE - 1)])
            for member in members:
                found[member[0]].add(member)
            if len(members) < PAGE:
                break
        hs: list[str] = []
        for part in found:
            # All at once would be sorted for a fifth of a second, and whoever decides waits for that.
            hs += sorted([member.hex() for member in part])
            await asyncio.sleep(0)
        return hs

    async def words(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._ask([("GET", _word_key(key)) for key in keys])

    async def keep(self, words: Mapping[str, bytes]) -> None:
        await self._ask([("SET", _word_key(key), word) for key, word in words.items()])

    async def close(self) -> None:
        await self._link.close()

    async def _ask(self, calls: Sequence[Call]) -> list[Reply]:
        if not calls:
            return []
        replies = await self._link.exchange(calls)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"STREAMPROC_REDIS_URL: Redis refused: {reply}") from reply
        return replies


class MemoryWatches:
    """The same in this process."""

    def __init__(self) -> None:
        """Know of nobody."""
        self._since: dict[str, dict[str, int]] = {}
        self._words: dict[str, bytes] = {}

    async def note(self, watches: Sequence[Watch]) -> None:
        for watch in watches:
            since = self._since.setdefault(watch.item_id, {})
            if watch.at_ms is None:
                since.pop(watch.h, None)
                continue
            since[watch.h] = watch.at_ms
            while len(since) > WATCHERS_MAX:
                del since[min(since, key=lambda h: (since[h], h))]

    async def watchers(self, item_id: str, now_ms: int) -> list[str]:
        since = self._since.get(item_id, {})
        return sorted(h for h, at_ms in since.items() if at_ms > now_ms - WATCH_MS)

    async def words(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self._words.get(key) for key in keys]

    async def keep(self, words: Mapping[str, bytes]) -> None:
        self._words.update(words)

    async def close(self) -> None:
        """Do nothing."""


def _note_call(watch: Watch) -> Call:
    key, member = _watch_key(watch.item_id), bytes.fromhex(watch.h)
    return ("ZREM", key, member) if watch.at_ms is None else ("ZADD", key, watch.at_ms, member)


def _watch_key(item_id: str) -> str:
    return f"sp:watch:{_digest(item_id)}"


def _word_key(key: str) -> str:
    return f"sp:word:{_digest(key)}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
