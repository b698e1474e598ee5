"""Who watches what, and the last word on each item: the same in memory, on a server and on a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis import Redis

from streamproc.core.watching import WATCH_MS, Watch
from streamproc.ops.embedded import EmbeddedRedis
from streamproc.store import watches as module
from streamproc.store.watches import MemoryWatches, RedisWatches, Watches
from tests.store.conftest import ClusterServer

NOW = 1_772_539_200_000
H = [f"{number:032x}" for number in range(8)]


@pytest.fixture(params=["memory", "redis", "cluster"])
async def watches(
    request: pytest.FixtureRequest, redis_server: EmbeddedRedis, cluster_server: ClusterServer
) -> AsyncIterator[Watches]:
    if request.param == "memory":
        yield MemoryWatches()
        return
    server = redis_server if request.param == "redis" else cluster_server
    with Redis.from_url(server.url) as client:
        client.flushall()
    url = server.url if request.param == "redis" else cluster_server.cluster_url
    found = RedisWatches(url)
    yield found
    await found.close()


async def test_who_watches_is_found_in_the_order_of_hashes_whoever_came_first(watches: Watches) -> None:
    await watches.note([Watch("coat", H[2], NOW), Watch("coat", H[1], NOW + 1), Watch("hat", H[3], NOW)])
    assert await watches.watchers("coat", NOW + 1) == [H[1], H[2]]
    assert await watches.watchers("scarf", NOW) == []


async def test_noting_the_same_again_changes_nothing(watches: Watches) -> None:
    noted = [Watch("coat", H[1], NOW), Watch("coat", H[2], None)]
    await watches.note(noted)
    await watches.note(noted)
    assert await watches.watchers("coat", NOW) == [H[1]]


async def test_who_does_not_watch_any_more_is_not_found(watches: Watches) -> None:
    await watches.note([Watch("coat", H[1], NOW), Watch("coat", H[2], NOW)])
    await watches.note([Watch("coat", H[1], None)])
    assert await watches.watchers("coat", NOW) == [H[2]]


async def test_a_wish_is_forgotten_in_its_time(watches: Watches) -> None:
    await watches.note([Watch("coat", H[1], NOW), Watch("coat", H[2], NOW + 1)])
    assert await watches.watchers("coat", NOW + WATCH_MS) == [H[2]]


async def test_of_too_many_watchers_the_newest_stay(
    watches: Watches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCHERS_MAX", 3)
    await watches.note([Watch("coat", h, NOW + number) for number, h in enumerate(H)])
    assert await watches.watchers("coat", NOW) == H[-3:]


async def test_many_watchers_are_found_page_by_page(
    watches: Watches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr(module, "OVERLAP", 1)
    for last in (1, 3, 5, 8):
        await watches.note([Watch("coat", h, NOW + number) for number, h in enumerate(H[:last])])
        assert await watches.watchers("coat", NOW) == H[:last]


async def test_words_are_kept_by_item_and_replaced(watches: Watches) -> None:
    await watches.keep({"coat": b"1", "coat@berlin": b"2"})
    await watches.keep({"coat": b"3"})
    assert await watches.words(["coat@berlin", "coat", "hat"]) == [b"2", b"3", None]
    await watches.keep({})
    assert await watches.words([]) == []


async def test_no_key_holds_an_item_or_a_customer_in_plain_text(redis_server: EmbeddedRedis) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
        watches = RedisWatches(redis_server.url)
        await watches.note([Watch("ring {for} Ann", H[1], NOW)])
        await watches.keep({"ring {for} Ann": b"1"})
        await watches.close()
        keys = sorted(key.decode() for key in client.scan_iter())
        assert [key.rpartition(":")[0] for key in keys] == ["sp:watch", "sp:word"]
        assert all(len(key.rpartition(":")[2]) == 32 for key in keys)
        assert 0 < client.pttl(keys[0]) <= WATCH_MS
