"""What all tests share: which broker to run on."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=("tansu", "kafka"),
        default="tansu",
        help="the broker for tests that need one: the embedded Tansu, or Apache Kafka (needs Java 17 and Maven)",
    )
