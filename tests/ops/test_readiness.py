"""What a worker logs of its readiness: a line for each change."""

from __future__ import annotations

import logging

import pytest

from streamproc.ops.readiness import Readiness


def test_a_line_is_written_for_each_change_of_readiness_or_lanes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    readiness = Readiness()
    readiness.tell(["Kafka: no broker answers"], [])
    readiness.tell([], [0, 1])
    readiness.tell([], [0, 1])
    readiness.tell([], [0])
    readiness.tell(["Redis is away", "joining the consumer group"], [0])
    readiness.tell(["Redis is away"], [0])
    readiness.tell([], [])
    assert caplog.messages == [
        "ready, lanes 0, 1",
        "ready, lanes 0",
        "not ready, waiting for: Redis is away; joining the consumer group",
        "ready, no lanes: others have them all",
    ]
