"""What all tests share: the broker they run on, and how hypothesis searches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.kafka.brokers import ApacheKafka, Broker, Tansu

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# How long an example takes depends on what else the machine does; pytest-timeout bounds what hangs.
# A check that must pass before a change lands tries the same examples each time; at a desk each run tries new ones.
settings.register_profile("streamproc", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("streamproc")

_started: list[Broker | Exception] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=("tansu", "kafka"),
        default="tansu",
        help="the broker for tests that need one: the embedded Tansu, or Apache Kafka (needs Java 17 and Maven)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what the broker must be able to do")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start Apache Kafka before the first test, whose time limit must not pay for Maven and Java."""
    config = session.config
    asked = config.getoption("--broker") == "kafka" and not config.getoption("collectonly")
    if asked and any("broker" in getattr(item, "fixturenames", ()) for item in session.items):
        _started.append(_start(ApacheKafka()))


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """The broker of `--broker`. Where it cannot start the tests fail; they never pass by not running."""
    server = _started.pop() if _started else _start(Tansu())
    if isinstance(server, Exception):
        raise server
    yield server
    server.close()


def _start(server: Broker) -> Broker | Exception:
    try:
        server.start()
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is raised where it is asked for
        server.close()
        return error
    return server


# A worker writes thousands of lines in a minute; those before a failure are its last ones.
CAPTURED_LINES_MAX = 80


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of what a failed test printed and logged, so that the failure itself is not buried."""
    report = yield
    report.sections = [
        (title, "\n".join(text.splitlines()[-CAPTURED_LINES_MAX:])) for title, text in report.sections
    ]
    return report
