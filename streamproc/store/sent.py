"""Remember which nudges were handed over, so that none is handed over twice."""

from __future__ import annotations

from typing import Final

import msgspec
from redis.exceptions import ResponseError

from streamproc.store.base import TTL_MS_MAX, StoreUnavailable
from streamproc.store.keys import KEYS, IdKey, bucket_of
from streamproc.store.link import Call, Link, Reply, link_to

__all__ = ["Sent", "SentLog"]

TIMEOUT_S: Final = 5.0


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

    def __init__(self, url: str, key: IdKey, *, timeout_s: float = TIMEOUT_S) -> None:
        """Keep the marks in this Redis."""
        self._link: Link = link_to(url, timeout_s=timeout_s)
        self._key = key

    async def find(self, nudge_id: str) -> Sent | None:
        """Return the mark of a nudge, None if it has not left."""
        value = await self._ask("GET", self._name(nudge_id))
        if value is None:
            return None
        try:
            return _decoder.decode(value)
        except msgspec.DecodeError:
            return UNREADABLE

    async def keep(self, nudge_id: str, sent: Sent, *, ttl_ms: int) -> None:
        """Mark a nudge as gone for so long, at least 1 ms; an earlier mark is replaced."""
        assert 1 <= ttl_ms <= TTL_MS_MAX, f"a mark lives for {ttl_ms} ms"
        await self._ask("SET", self._name(nudge_id), _encoder.encode(sent), "PX", ttl_ms)

    async def close(self) -> None:
        """Give the connection back."""
        await self._link.close()

    def _name(self, nudge_id: str) -> str:
        h = self._key.h(nudge_id)
        return KEYS[bucket_of(h)].sent + h

    async def _ask(self, *call: object) -> Reply:
        asked: Call = call
        (reply,) = await self._link.exchange([asked])
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"STREAMPROC_REDIS_URL: Redis refused: {reply}") from reply
        return reply
