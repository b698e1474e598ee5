"""What delivery ends keep in Redis: which nudges left, so that none leaves twice, and that they are alive."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec
from redis.exceptions import ResponseError

from streamproc.store.base import TTL_MS_MAX, StoreUnavailable
from streamproc.store.keys import DELIVERIES, KEYS, IdKey, bucket_of, check_worker, delivery_key
from streamproc.store.link import Call, Link, Reply, link_to

__all__ = ["Sent", "SentLog"]

TIMEOUT_S: Final = 5.0
FORGOTTEN_MS: Final = 3_600_000
"""A delivery end that was silent for an hour may leave the list of names to look up."""


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """What became of a nudge that left: the kind of its outcome, when (milliseconds), and why if it bounced.

    `reported` says that the outcome lies in Kafka.
    """

    kind: str
    at_ms: int
    reason: str = ""
    reported: bool = False


UNREADABLE: Final = Sent("delivered", 0, reported=True)
"""What a mark counts as that this version cannot read: the nudge left, and another version reports it."""

_decoder = msgspec.msgpack.Decoder(Sent)
_encoder = msgspec.msgpack.Encoder()


class SentLog:
    """Keeps a mark for each nudge that left, beside the customers' state, until it is no longer needed.

    The key holds a keyed hash of the nudge id, which anybody could compute who guesses a customer and an event.
    Every method raises StoreUnavailable if Redis does not do as asked.
    """

    def __init__(
        self,
        url: str,
        key: IdKey,
        *,
        timeout_s: float = TIMEOUT_S,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Keep the marks in this Redis."""
        self._link: Link = link_to(url, timeout_s=timeout_s)
        self._key = key
        self._now_ms = now_ms

    async def find(self, nudge_id: str) -> Sent | None:
        """Return the mark of a nudge, None if it has not left."""
        (value,) = await self._ask(("GET", self._name(nudge_id)))
        if value is None:
            return None
        try:
            return _decoder.decode(value)
        except msgspec.DecodeError:
            return UNREADABLE

    async def keep(self, nudge_id: str, sent: Sent, *, ttl_ms: int) -> None:
        """Mark a nudge as gone for so long, at least 1 ms; an earlier mark is replaced."""
        assert 1 <= ttl_ms <= TTL_MS_MAX, f"a mark lives for {ttl_ms} ms"
        await self._ask(("SET", self._name(nudge_id), _encoder.encode(sent), "PX", ttl_ms))

    async def beat(self, delivery: str, value: bytes, ttl_ms: int) -> None:
        """Publish the state of one delivery end for so long: it is no worker, but whoever switches off waits for it."""
        check_worker(delivery, ttl_ms)
        now_ms = self._now_ms()
        await self._ask(
            ("SET", delivery_key(delivery), value, "PX", ttl_ms),
            ("ZADD", DELIVERIES, now_ms, delivery),
            ("ZREMRANGEBYSCORE", DELIVERIES, "-inf", now_ms - FORGOTTEN_MS),
        )

    async def close(self) -> None:
        """Give the connection back."""
        await self._link.close()

    def _name(self, nudge_id: str) -> str:
        h = self._key.h(nudge_id)
        return KEYS[bucket_of(h)].sent + h

    async def _ask(self, *calls: Call) -> list[Reply]:
        replies = await self._link.exchange(calls)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"STREAMPROC_REDIS_URL: Redis refused: {reply}") from reply
        return replies
