"""Topics of its own for each test, on the broker of the session."""

from __future__ import annotations

import itertools
import logging

import pytest

from tests.kafka.brokers import Broker
from tests.kafka.harness import Cluster

_numbers = itertools.count(1)


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
