"""A running broker for the session, and topics of its own for each test."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

import pytest

from tests.kafka.brokers import ApacheKafka, Broker, Tansu
from tests.kafka.harness import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what the broker must be able to do")


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """The broker of `--broker`. Where it cannot start the tests fail; they never pass by not running."""
    server = ApacheKafka() if request.config.getoption("--broker") == "kafka" else Tansu()
    server.start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _capability(request: pytest.FixtureRequest, broker: Broker) -> None:
    for marker in request.node.iter_markers("needs"):
        missing = set(marker.args) - broker.capabilities
        if missing:
            pytest.skip(
                f"{type(broker).__name__} lacks {', '.join(sorted(missing))}; run with --broker=kafka"
            )


@pytest.fixture
async def cluster(broker: Broker) -> Cluster:
    """The lanes' topics under a prefix of their own, four partitions each."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    cluster = Cluster(broker, f"t{next(_numbers)}.")
    await cluster.create_topics()
    return cluster
