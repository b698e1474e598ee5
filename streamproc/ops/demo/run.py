"""The demo from start to end: set the stage, run the day, tell what happened, verify it, leave nothing behind."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from streamproc.ops.demo.calendar import moved
from streamproc.ops.demo.show import Show
from streamproc.ops.demo.stage import Stage
from streamproc.ops.demo.summary import failures, print_summary
from streamproc.ops.policy_files import read_folder
from streamproc.ops.verify.command import verify
from streamproc.ops.verify.report import Report
from streamproc.shipped import shipped_folder

__all__ = ["demo"]

PIPED_WIDTH: Final = 110
INTERRUPTED: Final = 130


def demo(seconds: int, console: Console | None = None) -> int:
    """Run a compressed day in about so many seconds, 0: day after day until interrupted.

    Returns 0 if everything promised held, 1 if not, 130 if interrupted before or after the day. Raises
    EmbeddedStartError, SettingsError and ClusterUnready where the parts cannot be started.
    """
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, PIPED_WIDTH)
    begun_at = time.monotonic()

    def say(what: str, took_seconds: float) -> None:
        since = time.monotonic() - begun_at
        console.print(f"[dim]{since:5.1f} s[/]  {what} [dim]({took_seconds:.1f} s)[/]")

    console.print(
        "[bold]streamproc demo[/]: a day of simulated shoppers through a real worker, a real broker, Redis"
    )
    # Whoever ends this process by its id wants no less cleaning up than Ctrl-C brings.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with Stage(moved(read_folder(shipped_folder("policy"))), say=say) as stage:
            stage.start_worker()
            until = "until Ctrl-C" if not seconds else f"in {seconds} s"
            console.print(f"{'':7}  the day begins; it passes {until}, at the records' own times\n")
            show = Show(stage.settings, stage.directory / "records.ndjson", console, float(seconds))
            asyncio.run(show.run())
            return _tell(console, stage, show)
    except KeyboardInterrupt:
        console.print("stopped")
        return INTERRUPTED


def _tell(console: Console, stage: Stage, show: Show) -> int:
    report = _verify(show.captured) if show.is_captured_whole else None
    failed = failures(show.story, stage.policy, report, is_finished=True)
    print_summary(console, show.story, stage.policy, report, failed, show.took_seconds)
    return 1 if failed else 0


def _verify(captured: Path) -> Report:
    with captured.open("rb") as lines:
        return verify(lines, from_start=True, record_clock=True)
