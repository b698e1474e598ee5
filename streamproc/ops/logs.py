"""Write logs as JSON, one line a record, with nothing in them that names a customer."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TextIO

import orjson
import structlog

__all__ = ["set_up_logs"]

# Chatty below warning, and about themselves alone. At `debug` they may speak, from info on: below it Faust and
# aiokafka write keys and values, which name customers.
_QUIET: Final = ("aiohttp", "aiokafka", "asyncio", "faust", "mode")
# An outage is asked about every second or more often: a line for it a minute is what people read.
REPEAT_SECONDS: Final = 60.0
_REPEATS_MAX: Final = 64
_FRAMES_MAX: Final = 30
_CHAIN_MAX: Final = 5


class _OnceAMinute(logging.Filter):
    """Lets a warning or an error through, and the very same one again only after a minute."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is new; one that is let through again carries how many were left out."""
        if record.levelno < logging.WARNING or record.exc_info:
            return True
        now, key = self._monotonic(), (record.name, record.getMessage())
        said_at, left_out = self._said.get(key, (float("-inf"), 0))
        if now - said_at < REPEAT_SECONDS:
            self._said[key] = said_at, left_out + 1
            return False
        if len(self._said) >= _REPEATS_MAX:
            self._said.clear()
        self._said[key] = now, 0
        if left_out:
            record.left_out = left_out
        return True


def set_up_logs(
    level: str,
    *,
    worker: str = "",
    stream: TextIO | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Send what `logging` is told at this level or above to `stream` (by default stderr), replacing its handlers.

    Each line is a JSON object with `at`, `level`, `logger`, `message` and, if given, `worker`. The same warning or
    error is written once a minute at most, then with `left_out`, the number of those that were not written. Of an
    exception the types and places are written and not the text, unless it is ours or the system's: a library's text
    may quote the value it failed on, which may be a customer's.
    """

    def named(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if worker:
            fields["worker"] = worker
        if left_out := getattr(fields.get("_record"), "left_out", 0):
            fields["left_out"] = left_out
        return fields

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        named,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _describe_exception,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_OnceAMinute(monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _to_json(fields: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(fields, default=str).decode()


def _describe_exception(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    found = fields.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        fields["exception"] = _chain(error)
    return fields


def _chain(error: BaseException) -> list[dict[str, Any]]:
    """Describe an exception and what caused it, the outermost first; of a group, each of its exceptions."""
    waiting = [error]
    told: list[dict[str, Any]] = []
    while waiting and len(told) < _CHAIN_MAX:
        one = waiting.pop(0)
        frames = traceback.extract_tb(one.__traceback__)[-_FRAMES_MAX:]
        told.append(
            {
                "type": f"{type(one).__module__}.{type(one).__qualname__}",
                "text": _text(one),
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else []
        waiting += [cause] if (cause := one.__cause__ or one.__context__) is not None else []
    return told


def _text(error: BaseException) -> str:
    ours = type(error).__module__.startswith("streamproc.")
    return str(error) if ours or isinstance(error, OSError) else ""
