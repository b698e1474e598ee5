"""How the tests of ingest send a payload."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Event, Rejection
from streamproc.core.record import Record
from streamproc.ingest import parse

RECEIVED_AT_MS = 1_767_225_601_000  # 2026-01-01T00:00:01Z

Results = list[Event | Rejection]
Send = Callable[..., Results]


def _send(
    payload: Any,
    topic: str = "clickstream",
    headers: dict[str, str] | None = None,
    *,
    append_time: bool = False,
) -> Results:
    value = payload if isinstance(payload, bytes) or payload is None else json.dumps(payload).encode()
    named = tuple((name, text.encode()) for name, text in (headers or {}).items())
    return list(parse(Record(topic, 3, 17, RECEIVED_AT_MS, append_time, b"key", value, named)))


@pytest.fixture(scope="session")
def send() -> Send:
    """Return a function that parses one payload as a record received at RECEIVED_AT_MS."""
    return _send


@pytest.fixture(scope="session")
def event(send: Send) -> Callable[..., Event]:
    """Return a function that parses a payload into exactly one event."""

    def only_event(*arguments: Any, **named: Any) -> Event:
        (result,) = send(*arguments, **named)
        assert isinstance(result, Event), result
        return result

    return only_event


@pytest.fixture(scope="session")
def refusal(send: Send) -> Callable[..., tuple[str, str]]:
    """Return a function that parses a payload into exactly one rejection, and gives its reason and field."""

    def only_rejection(*arguments: Any, **named: Any) -> tuple[str, str]:
        (result,) = send(*arguments, **named)
        assert isinstance(result, Rejection), result
        return str(result.reason), result.field

    return only_rejection
