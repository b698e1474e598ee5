from __future__ import annotations

import pytest
from redis.asyncio import Redis

from streamproc.ops.embedded import EmbeddedRedis, free_port
from streamproc.store.base import StoreUnavailable
from streamproc.store.redis_check import judge, redis_findings
from tests.store.conftest import ClusterServer

GOOD_INFO = {"maxmemory_policy": "noeviction", "redis_version": "8.1.0", "role": "master"}
GOOD_CONFIG = {"appendonly": "yes", "appendfsync": "everysec", "min-replicas-to-write": "0"}


def test_a_server_as_it_should_be_gives_no_finding() -> None:
    assert judge(GOOD_CONFIG, GOOD_INFO) == []


@pytest.mark.parametrize(
    ("setting", "config", "info", "fatal"),
    [
        ("maxmemory-policy", {}, {"maxmemory_policy": "allkeys-lru"}, True),
        ("redis_version", {}, {"redis_version": "6.2.14"}, True),
        ("role", {}, {"role": "slave"}, True),
        ("appendonly", {"appendonly": "no"}, {}, False),
        ("appendfsync", {"appendfsync": "no"}, {}, False),
        ("min-replicas-to-write", {}, {"connected_slaves": "2"}, False),
    ],
)
def test_each_wrong_setting_is_one_finding_that_says_what_it_has_to_be(
    setting: str, config: dict[str, str], info: dict[str, str], *, fatal: bool
) -> None:
    (finding,) = judge(GOOD_CONFIG | config, GOOD_INFO | info)
    assert (finding.setting, finding.fatal) == (setting, fatal)
    assert finding.found != finding.wanted


def test_hidden_settings_are_a_finding_and_eviction_is_seen_all_the_same() -> None:
    findings = judge(None, GOOD_INFO | {"maxmemory_policy": "volatile-ttl"})
    assert [finding.setting for finding in findings] == ["maxmemory-policy", "CONFIG GET"]


async def test_a_real_server_without_append_only_file_is_found_out(redis_server: EmbeddedRedis) -> None:
    findings = await redis_findings(redis_server.url)
    assert [(finding.setting, finding.found, finding.fatal) for finding in findings] == [
        ("appendonly", "no", False)
    ]


async def test_a_real_server_that_evicts_is_found_out(redis_server: EmbeddedRedis) -> None:
    async with Redis.from_url(redis_server.url) as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            findings = await redis_findings(redis_server.url)
        finally:
            await client.config_set("maxmemory-policy", "noeviction")
    assert [finding.setting for finding in findings if finding.fatal] == ["maxmemory-policy"]


async def test_every_primary_of_a_cluster_is_asked(cluster_server: ClusterServer) -> None:
    findings = await redis_findings(cluster_server.cluster_url)
    assert [finding.setting for finding in findings] == ["appendonly"]


async def test_a_server_that_is_away_is_no_finding_but_an_error() -> None:
    with pytest.raises(StoreUnavailable, match="STREAMPROC_REDIS_URL"):
        await redis_findings(f"redis://127.0.0.1:{free_port()}")
