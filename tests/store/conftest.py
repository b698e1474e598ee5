"""One suite for all stores: a test that asks for `world` runs on memory, a real Redis and a real cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from streamproc.ops.embedded import EmbeddedRedis
from streamproc.store.base import Store
from streamproc.store.keys import IdKey
from streamproc.store.memory import MemorySpace, MemoryStore
from streamproc.store.redis_store import RedisStore

ID_KEY = IdKey(b"a key of the test suite, published")


class MemoryWorld:
    """A key space in this process, and what a test may do to it behind a store's back."""

    def __init__(self) -> None:
        self.now_ms = 1_767_225_600_000
        self.space = MemorySpace(lambda: self.now_ms)

    def store(self, id_key: IdKey = ID_KEY) -> Store:
        return MemoryStore(self.space, id_check=id_key.check())

    async def delete(self, key: str) -> None:
        self.space.delete(key)

    async def put(self, key: str, value: bytes) -> None:
        self.space.set(key, value)

    async def flush(self) -> None:
        self.space.flush()

    async def keys(self) -> list[str]:
        return [*self.space.values, *self.space.outputs]

    async def pass_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms


class RedisWorld:
    """A real server, emptied before each test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Redis = Redis.from_url(url)
        self.opened: list[RedisStore] = []

    def store(self, id_key: IdKey = ID_KEY) -> Store:
        store = RedisStore(self.url, id_check=id_key.check())
        self.opened.append(store)
        return store

    async def delete(self, key: str) -> None:
        await self.client.delete(key)

    async def put(self, key: str, value: bytes) -> None:
        await self.client.set(key, value)

    async def flush(self) -> None:
        await self.client.flushall()

    async def keys(self) -> list[str]:
        return [key if isinstance(key, str) else key.decode() for key in await self.client.keys()]

    async def pass_ms(self, duration_ms: int) -> None:
        """Let the server's own clock pass this instant: it takes no clock as an argument."""
        key = "the server's clock"
        await self.client.set(key, b"", px=duration_ms)
        while await self.client.exists(key):  # noqa: ASYNC110 - no event comes from a server's clock
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        for store in self.opened:
            await store.close()
        await self.client.aclose()


World = MemoryWorld | RedisWorld


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


class ClusterServer(EmbeddedRedis):
    """A cluster of one node: it checks slots and answers as a cluster does."""

    def _command(self) -> list[str]:
        return [*super()._command(), "--cluster-enabled", "yes"]

    @property
    def cluster_url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def cluster_server() -> Iterator[ClusterServer]:
    with ClusterServer() as server, SyncRedis.from_url(server.url) as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16_383)
        deadline = time.monotonic() + 10
        while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            assert time.monotonic() < deadline, "the cluster of one node did not come up within 10 s"
        yield server


@pytest.fixture
async def redis_world(redis_server: EmbeddedRedis) -> AsyncIterator[RedisWorld]:
    world = RedisWorld(redis_server.url)
    await world.flush()
    yield world
    await world.close()


@pytest.fixture(params=["memory", "redis", "cluster"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    server: EmbeddedRedis = request.getfixturevalue(f"{request.param}_server")
    world = RedisWorld(server.url)
    if isinstance(server, ClusterServer):
        world.url = server.cluster_url
    await world.flush()
    yield world
    await world.close()


@pytest.fixture
async def store(world: World) -> Store:
    store = world.store()
    await store.open(fresh=True)
    return store
