"""End a long-running process in good order: the first signal asks, the second ends it there and then."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any, Final

__all__ = ["STALLED", "STOPPED", "drain", "stop_on_signals"]

log = logging.getLogger(__name__)

STOPPED: Final = 0
STALLED: Final = 70
"""It stood still or broke: start it again. sysexits.h calls it EX_SOFTWARE."""


def stop_on_signals(finishing: str) -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; `finishing` names what is still brought to its end."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        log.info("%s: finishing %s; a second signal ends at once", signal.Signals(number).name, finishing)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    return stop


async def drain(work: asyncio.Task[Any], seconds_max: float) -> None:
    """Cancel the work and wait for it; where it takes too long, end the process as it is."""
    if work.done():
        return
    work.cancel()
    done, _ = await asyncio.wait({work}, timeout=seconds_max)
    if not done:
        log.warning("not finished within %.0f s; what is not acknowledged comes again", seconds_max)
        # The loop would wait for the task for ever, and threads would keep the process.
        logging.shutdown()
        os._exit(STOPPED)
