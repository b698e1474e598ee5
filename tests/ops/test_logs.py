"""Logs: a JSON object a line, and nothing in them that a library read from a customer's record."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from streamproc.ops.logs import set_up_logs
from streamproc.settings import SettingsError

SECRET = "c-17"


class Log(io.StringIO):
    """What was logged."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = Log()
    set_up_logs("info", worker="w-1", stream=stream)
    yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)


def fail(error: BaseException) -> None:
    try:
        raise error
    except BaseException:
        logging.getLogger("streamproc.x").exception("it broke")


def test_a_line_is_an_object_with_time_level_logger_worker_and_message(log: Log) -> None:
    logging.getLogger("streamproc.x").warning("waited %s s\nfor Kafka", 3)
    (line,) = log.lines
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "streamproc.x",
        "worker": "w-1",
        "message": "waited 3 s\nfor Kafka",
    }


def test_the_same_warning_is_written_once_a_minute_with_how_many_were_left_out() -> None:
    log, now = Log(), [0.0]
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    set_up_logs("info", stream=log, monotonic=lambda: now[0])
    for second in (0, 1, 59, 60):
        now[0] = second
        logging.getLogger("streamproc.x").warning("no heartbeat: %s", "Redis is away")
        logging.getLogger("streamproc.x").info("done")
    root.handlers[:], root.level = before
    warnings = [line for line in log.lines if line["level"] == "warning"]
    assert [line.get("left_out", 0) for line in warnings] == [0, 2]
    assert len(log.lines) == 2 + 4


def test_structlog_and_logging_write_the_same(log: Log) -> None:
    structlog.get_logger("streamproc.x").info("joined", lanes=3)
    (line,) = log.lines
    assert (line["message"], line["lanes"], line["logger"]) == ("joined", 3, "streamproc.x")


def test_what_a_library_says_of_a_value_is_left_out_and_where_it_broke_is_not(log: Log) -> None:
    fail(KeyError(SECRET))
    (line,) = log.lines
    assert SECRET not in json.dumps(line)
    assert line["exception"][0]["type"] == "builtins.KeyError"
    assert "test_logs.py" in line["exception"][0]["at"][0]


def test_our_own_errors_and_the_systems_keep_their_text(log: Log) -> None:
    fail(SettingsError(["STREAMPROC_KAFKA is not set"]))
    fail(ConnectionRefusedError(111, "Connection refused"))
    texts = [line["exception"][0]["text"] for line in log.lines]
    assert texts == ["STREAMPROC_KAFKA is not set", "[Errno 111] Connection refused"]


def test_of_a_group_each_exception_is_told_and_of_a_chain_its_causes(log: Log) -> None:
    cause = ValueError(SECRET)
    outer = RuntimeError(SECRET)
    outer.__cause__ = cause
    fail(ExceptionGroup("two", [outer, TypeError(SECRET)]))
    types = [one["type"].removeprefix("builtins.") for one in log.lines[0]["exception"]]
    assert types == ["ExceptionGroup", "RuntimeError", "TypeError", "ValueError"]
    assert SECRET not in log.getvalue()


def test_faust_and_aiokafka_speak_from_warning_on_and_never_below_info(log: Log) -> None:
    logging.getLogger("faust.app").info("[^--Fetcher]: Starting...")
    assert log.lines == []
    set_up_logs("debug", stream=log)
    logging.getLogger("aiokafka.consumer").debug("key %s", SECRET)
    logging.getLogger("aiokafka.consumer").info("joined")
    assert [line["message"] for line in log.lines] == ["joined"]
