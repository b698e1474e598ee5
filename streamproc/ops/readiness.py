"""Log when a worker becomes ready and with which lanes, and when it no longer is and why."""

from __future__ import annotations

import logging
from collections.abc import Sequence

__all__ = ["Readiness"]

log = logging.getLogger(__name__)


class Readiness:
    """Remembers what was told last, so that a line is written for each change and for nothing else."""

    def __init__(self) -> None:
        self._told: tuple[int, ...] | None = None

    def tell(self, waits_for: Sequence[str], lanes: Sequence[int]) -> None:
        """Log a change of readiness or, while ready, of the lanes.

        What it waits for before it is ready once, the worker logs itself.
        """
        if waits_for:
            if self._told is not None:
                log.warning("not ready, waiting for: %s", "; ".join(waits_for))
            self._told = None
        elif self._told != (now := tuple(lanes)):
            log.info(
                "ready, %s", f"lanes {', '.join(map(str, now))}" if now else "no lanes: others have them all"
            )
            self._told = now
