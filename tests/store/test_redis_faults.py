"""What the Redis store does when Redis, the network or the caller fails half-way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from streamproc.ops.embedded import EmbeddedRedis, free_port
from streamproc.store.base import EpochMissing, StoreUnavailable, Write, WrongHashKey
from streamproc.store.keys import KEYS, IdKey, bucket_of
from streamproc.store.redis_store import RedisStore
from tests.store.conftest import ID_KEY, RedisWorld
from tests.store.tcp_proxy import TcpProxy

ANNA = ID_KEY.h("anna")
NAMES = KEYS[bucket_of(ANNA)]
CREATE = Write(h=ANNA, context_version=b"", consent_version=b"", context=b"created")


def redis_store(url: str, timeout_s: float = 5.0) -> RedisStore:
    return RedisStore(url, id_check=ID_KEY.check(), timeout_s=timeout_s)


async def until(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    async with asyncio.timeout(10):
        while await ask() != wanted:  # noqa: ASYNC110 - no event comes from a server
            await asyncio.sleep(0.001)


@pytest.fixture
async def proxy(redis_world: RedisWorld, redis_server: EmbeddedRedis) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
async def behind(proxy: TcpProxy) -> AsyncIterator[RedisStore]:
    """A store that reaches Redis through the proxy, and gives up after 300 ms."""
    store = redis_store(proxy.url, timeout_s=0.3)
    await store.open(fresh=True)
    yield store
    await store.close()


@pytest.fixture
async def direct(behind: RedisStore, redis_world: RedisWorld) -> RedisStore:
    store = redis_world.store()
    await store.open()
    assert isinstance(store, RedisStore)
    return store


async def test_a_commit_whose_reply_was_lost_happened_once_and_a_blind_repeat_conflicts(
    proxy: TcpProxy, behind: RedisStore, redis_world: RedisWorld
) -> None:
    proxy.drop_replies = True
    with pytest.raises(StoreUnavailable, match="STREAMPROC_REDIS_URL"):
        await behind.commit([CREATE])
    proxy.drop_replies = False
    assert await redis_world.client.get(NAMES.count) == b"1"
    assert (await behind.load([ANNA]))[0].context == b"created"
    assert await behind.commit([CREATE]) == [False]


async def test_a_commit_that_arrives_after_its_caller_gave_up_conflicts(
    proxy: TcpProxy, behind: RedisStore, direct: RedisStore, redis_world: RedisWorld
) -> None:
    proxy.requests.clear()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"):
        await behind.commit([CREATE])
    again = Write(h=ANNA, context_version=b"", consent_version=b"", context=b"decided again")
    assert await direct.commit([again]) == [True]
    proxy.requests.set()
    await until(lambda: redis_world.client.get(NAMES.count), b"2")
    assert (await direct.load([ANNA]))[0].context == b"decided again"


async def test_a_cancelled_call_takes_its_connection_with_it(
    proxy: TcpProxy, behind: RedisStore, direct: RedisStore
) -> None:
    await direct.commit([CREATE])
    connections = proxy.connections
    proxy.replies.clear()
    call = asyncio.create_task(behind.load([ID_KEY.h("ben")]))
    await proxy.holds_replies.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    proxy.replies.set()
    assert (await behind.load([ANNA]))[0].context == b"created"
    assert proxy.connections == connections + 1


@pytest.mark.parametrize("stray", [b"$1\r\nx\r\n", b"*1\r\n$1\r\nx\r\n", b"+OK\r\n", b"-ERR stray\r\n"])
async def test_a_reply_that_belongs_to_no_call_is_never_taken_for_an_answer(
    proxy: TcpProxy, behind: RedisStore, stray: bytes
) -> None:
    proxy.prefix = stray
    with pytest.raises(StoreUnavailable):
        await behind.load([ANNA])
    assert (await behind.load([ANNA]))[0].context == b""


async def test_bytes_waiting_on_an_idle_connection_are_never_read_as_a_reply(
    proxy: TcpProxy, behind: RedisStore, direct: RedisStore
) -> None:
    await direct.commit([CREATE])
    (idle,) = behind._link._idle  # type: ignore[attr-defined]
    idle._reader.feed_data(b"$1\r\nx\r\n")
    assert (await behind.load([ANNA]))[0].context == b"created"


async def test_scripts_flushed_on_the_server_are_loaded_again(
    direct: RedisStore, redis_world: RedisWorld
) -> None:
    await redis_world.client.script_flush()
    assert await direct.commit([CREATE]) == [True]
    assert await redis_world.client.get(NAMES.count) == b"1"


async def test_a_server_out_of_memory_is_away_until_it_has_some(
    direct: RedisStore, redis_world: RedisWorld
) -> None:
    await redis_world.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match=r"(?i)oom|maxmemory"):
            await direct.commit([CREATE])
    finally:
        await redis_world.client.config_set("maxmemory", 0)
    assert await direct.commit([CREATE]) == [True]


async def test_a_server_that_became_a_replica_is_away(direct: RedisStore, redis_world: RedisWorld) -> None:
    await redis_world.client.replicaof("127.0.0.1", free_port())
    try:
        with pytest.raises(StoreUnavailable, match=r"(?i)read.?only|replica"):
            await direct.commit([CREATE])
    finally:
        await redis_world.client.replicaof("NO", "ONE")
    assert await direct.commit([CREATE]) == [True]


async def test_a_busy_server_is_away_until_its_script_ends(
    direct: RedisStore, redis_world: RedisWorld
) -> None:
    client = redis_world.client
    await client.config_set("busy-reply-threshold", 10)
    endless = asyncio.ensure_future(client.eval("while true do end", 0))
    try:
        with pytest.raises(StoreUnavailable, match=r"(?i)busy"):
            await until(lambda: direct.load([ANNA]), "an end")
    finally:
        await client.script_kill()
        await asyncio.gather(endless, return_exceptions=True)
        await client.config_set("busy-reply-threshold", 5_000)
    assert await direct.commit([CREATE]) == [True]


async def test_a_customer_with_a_broken_key_gets_no_half_a_write(
    direct: RedisStore, redis_world: RedisWorld
) -> None:
    await redis_world.client.set(NAMES.outputs + ANNA, b"not a hash")
    change = Write(
        h=ANNA,
        context_version=b"",
        consent_version=b"",
        context=b"ctx",
        consent=b"con",
        out_put=(("p", b"o"),),
    )
    with pytest.raises(StoreUnavailable, match=r"WRONGTYPE|wrong kind"):
        await direct.commit([change])
    (slot,) = await direct.load([ANNA])
    assert (slot.context, slot.consent) == (b"", b"")


@pytest.mark.parametrize("appendonly", [True, False])
async def test_a_server_killed_and_started_again_goes_on_only_with_what_it_had(
    tmp_path: Path, *, appendonly: bool
) -> None:
    with EmbeddedRedis(appendonly=appendonly, directory=tmp_path) as server:
        store = redis_store(server.url)
        await store.open(fresh=True)
        await store.commit([CREATE])
        server.kill()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="STREAMPROC_REDIS_URL"):
                await store.load([ANNA])
        server.start()
        if appendonly:
            assert (await store.load([ANNA]))[0].context == b"created"
        else:
            with pytest.raises(EpochMissing):
                await store.load([ANNA])
        await store.close()


async def test_an_unreachable_server_is_named_without_its_password() -> None:
    store = redis_store(f"redis://worker:sesame@127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable, match=r"STREAMPROC_REDIS_URL: redis://127\.0\.0\.1:\d+") as caught:
        await store.open(fresh=True)
    assert "sesame" not in str(caught.value)


async def test_many_commits_at_once_are_not_taken_for_lost_writes(direct: RedisStore) -> None:
    hs = [ID_KEY.h(f"c-{i}") for i in range(2_000)]

    async def write_once(start: int) -> list[bool]:
        slots = await direct.load(hs[start : start + 100])
        return await direct.commit(
            [
                Write(h=slot.h, context_version=slot.context_version, consent_version=b"", context=b"x")
                for slot in slots
            ]
        )

    for _ in range(3):
        results = await asyncio.gather(*(write_once(start) for start in range(0, 2_000, 100)))
        assert all(all(result) for result in results)


async def test_workers_that_start_at_once_agree_on_one_epoch(redis_world: RedisWorld) -> None:
    stores = [redis_world.store() for _ in range(8)]
    await asyncio.gather(*(store.open(fresh=True) for store in stores))
    client: Redis = redis_world.client
    assert len(set(await client.mget([names.epoch for names in KEYS]))) == 1


async def test_of_two_workers_with_different_hash_keys_that_start_at_once_only_one_may_go_on(
    redis_world: RedisWorld,
) -> None:
    stores = [redis_world.store(IdKey(secret * 16)) for secret in (b"a", b"b")]
    results = await asyncio.gather(*(store.open(fresh=True) for store in stores), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [WrongHashKey]


async def test_an_epoch_left_half_made_is_finished_only_if_nothing_was_decided(
    redis_world: RedisWorld,
) -> None:
    await redis_world.put(KEYS[0].epoch, b"making:abc")
    await redis_world.put(KEYS[1].epoch, b"abc")
    with pytest.raises(EpochMissing, match="being made"):
        await redis_world.store().open()
    await redis_world.store().open(fresh=True)
    found = await redis_world.client.mget([names.epoch for names in KEYS])
    assert set(found) == {b"abc"}
