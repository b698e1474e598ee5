"""`streamproc worker`."""

from __future__ import annotations

import typer

from streamproc.ops.commands.terminal import settings

__all__ = ["worker"]


def worker() -> None:
    """Run one worker until it is told to stop. Start as many as there are lanes, at most.

    It reads its settings from the environment (`streamproc settings` shows them), waits for Kafka and Redis as long as
    it takes, and serves `/metrics`, `/livez` and `/readyz` on STREAMPROC_METRICS_ADDR. Logs go to stderr, a JSON object
    a line.

    SIGTERM or SIGINT: it finishes the unit in flight, at most 20 s, and leaves the group. A second signal ends it at
    once; what was not acknowledged comes again.

    Exit codes: 0 stopped as asked; 1 wrong settings, all listed; 70 stalled or broken: start it again.

    Example: `STREAMPROC_KAFKA=127.0.0.1:9092 STREAMPROC_REDIS_URL=redis://127.0.0.1:6379/0
    STREAMPROC_ID_KEY_FILE=/keys/id streamproc worker`
    """
    from streamproc.ops.process import run_worker  # noqa: PLC0415 - Faust takes a second to import.

    raise typer.Exit(run_worker(settings()))
