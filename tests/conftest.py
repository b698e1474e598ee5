"""What all tests share: which broker to run on, and how hypothesis searches."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does; pytest-timeout bounds what hangs.
settings.register_profile("streamproc", deadline=None)
settings.load_profile("streamproc")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=("tansu", "kafka"),
        default="tansu",
        help="the broker for tests that need one: the embedded Tansu, or Apache Kafka (needs Java 17 and Maven)",
    )
