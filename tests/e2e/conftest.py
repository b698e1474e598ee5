"""A broker for the session, and an installation for each test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from streamproc.ops.embedded import EmbeddedRedis
from tests.e2e.installation import Installation
from tests.kafka.brokers import ApacheKafka, Broker, Tansu

_numbers = itertools.count(1)


def _new_broker(request: pytest.FixtureRequest) -> Broker:
    return ApacheKafka() if request.config.getoption("--broker") == "kafka" else Tansu()


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """The broker of `--broker`, shared by tests that leave it alone."""
    server = _new_broker(request)
    server.start()
    yield server
    server.close()


@pytest.fixture
def own_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker that a test may stop, not started yet."""
    server = _new_broker(request)
    yield server
    server.close()


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    """A Redis that keeps every write, not started yet."""
    server = EmbeddedRedis(appendonly=True)
    yield server
    server.close()


@pytest.fixture
async def shop(broker: Broker, redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation whose topics are there, with no worker yet."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    redis.start()
    installation = Installation(broker, redis, tmp_path, f"e{next(_numbers)}.")
    await installation.create_topics()
    yield installation
    installation.close()
