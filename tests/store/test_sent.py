"""The marks of nudges that left, in a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from streamproc.ops.embedded import EmbeddedRedis
from streamproc.store.base import StoreUnavailable
from streamproc.store.keys import IdKey
from streamproc.store.sent import UNREADABLE, Sent, SentLog

KEY = IdKey(b"a key of the test suite, published")
NUDGE = "5f0c1d2e3a4b5c6d7e8f901234567890"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as started:
        yield started


@pytest.fixture
async def log(server: EmbeddedRedis) -> AsyncIterator[SentLog]:
    with Redis.from_url(server.url) as client:
        client.flushall()
    made = SentLog(server.url, KEY)
    yield made
    await made.close()


async def test_a_mark_is_found_again_as_it_was_kept(log: SentLog) -> None:
    assert await log.find(NUDGE) is None
    await log.keep(NUDGE, Sent("bounced", 17, "refused"), ttl_ms=60_000)
    assert await log.find(NUDGE) == Sent("bounced", 17, "refused", reported=False)
    await log.keep(NUDGE, Sent("bounced", 17, "refused", reported=True), ttl_ms=60_000)
    assert await log.find(NUDGE) == Sent("bounced", 17, "refused", reported=True)
    assert await log.find("0" * 32) is None


async def test_a_mark_expires(log: SentLog, server: EmbeddedRedis) -> None:
    await log.keep(NUDGE, Sent("delivered", 17), ttl_ms=60_000)
    with Redis.from_url(server.url) as client:
        (key,) = client.keys()
        assert 59_000 < client.pttl(key) <= 60_000


async def test_a_key_tells_neither_nudge_nor_customer_and_stands_in_a_bucket(
    log: SentLog, server: EmbeddedRedis
) -> None:
    await log.keep(NUDGE, Sent("delivered", 17), ttl_ms=60_000)
    with Redis.from_url(server.url) as client:
        (key,) = client.keys()
    h = KEY.h(NUDGE)
    assert key.decode() == f"sp:{{{int(h, 16) % 64}}}:sent:{h}"
    assert NUDGE.encode() not in key


async def test_a_mark_that_cannot_be_read_says_that_the_nudge_left(
    log: SentLog, server: EmbeddedRedis
) -> None:
    await log.keep(NUDGE, Sent("delivered", 17), ttl_ms=60_000)
    with Redis.from_url(server.url) as client:
        (key,) = client.keys()
        client.set(key, b"\xff")
    assert await log.find(NUDGE) == UNREADABLE


async def test_a_redis_that_is_away_or_refuses_is_no_answer(server: EmbeddedRedis) -> None:
    with EmbeddedRedis() as other:
        log = SentLog(other.url, KEY)
    with pytest.raises(StoreUnavailable):
        await log.find(NUDGE)
    with Redis.from_url(server.url) as client:
        client.flushall()
        h = KEY.h(NUDGE)
        client.rpush(f"sp:{{{int(h, 16) % 64}}}:sent:{h}", b"no string")
    refusing = SentLog(server.url, KEY)
    with pytest.raises(StoreUnavailable, match="Redis refused"):
        await refusing.find(NUDGE)
    await refusing.close()
