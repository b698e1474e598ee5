"""Run `streamproc worker` for a cluster of one: its group settles in half a second instead of half a minute.

The embedded broker makes whoever joins a group wait for the whole rebalance timeout. Everything else is the worker's.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Final

import uvloop

from streamproc.ops.logs import set_up_logs
from streamproc.ops.process import assemble, serve, worker_name
from streamproc.settings import load_settings

__all__ = ["main"]

SESSION_TIMEOUT_MS: Final = 6_000
REBALANCE_TIMEOUT_MS: Final = 500


def main() -> int:
    """Run until told to stop, and return the exit code of `streamproc worker`. Raises SettingsError."""
    settings = load_settings()
    name = worker_name()
    parts = assemble(settings, name)
    config = replace(
        parts.config, session_timeout_ms=SESSION_TIMEOUT_MS, rebalance_timeout_ms=REBALANCE_TIMEOUT_MS
    )
    set_up_logs(settings.log_level, worker=name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(replace(parts, config=config)))


if __name__ == "__main__":
    sys.exit(main())
