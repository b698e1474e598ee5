"""A Redis for the session, emptied before each bench."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from streamproc.ops.embedded import EmbeddedRedis
from tests.deliver.bench import Bench


@pytest.fixture(scope="session")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
async def bench(redis: EmbeddedRedis) -> AsyncIterator[Bench]:
    with Redis.from_url(redis.url) as client:
        client.flushall()
    found = await Bench.ready(redis.url)
    yield found
    await found.close()
