"""The command line in this process, on a broker and a Redis, under a topic prefix of its own for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamproc.cli import app
from streamproc.ops.embedded import EmbeddedRedis
from tests.cli.command_line import CommandLine
from tests.kafka.brokers import Broker

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line with no setting at all."""
    for name in [name for name in os.environ if name.startswith("STREAMPROC_")]:
        monkeypatch.delenv(name)
    # Narrow terminals fold lines, and these tests read lines.
    monkeypatch.setenv("COLUMNS", "200")
    return CommandLine(CliRunner(), app, monkeypatch)


@pytest.fixture
def cli(offline: CommandLine, broker: Broker, redis: EmbeddedRedis, tmp_path: Path) -> CommandLine:
    """The command line with everything a worker needs, and no topic yet."""
    key = tmp_path / "id"
    key.write_text("a key for these tests only")
    offline.set(
        KAFKA=broker.bootstrap, REDIS_URL=redis.url, ID_KEY_FILE=key, TOPIC_PREFIX=f"cli{next(_numbers)}."
    )
    return offline


@pytest.fixture
def installed(cli: CommandLine) -> CommandLine:
    """The same, with all topics."""
    assert cli("topics", "apply", "--partitions", "2").code == 0
    return cli
