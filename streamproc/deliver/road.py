"""The way to the target, which all lanes share: open, or shut for a while after it failed; and how fast one may go."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final

from streamproc.deliver.ports import Answer, Away, Unusable

__all__ = ["Pace", "Road", "read_rate", "wait_after"]

log = logging.getLogger(__name__)

# The target is asked again after 0.5 s, 1 s, 2 s ... 30 s: soon after a restart, and gently in a long outage.
FIRST_SECONDS: Final = 0.5
AWAY_SECONDS_MAX: Final = 30.0
# One nudge that the target would not take comes again after 1 s, 2 s, 4 s ... 5 min, beside all others.
LATER_FIRST_SECONDS: Final = 1.0
LATER_SECONDS_MAX: Final = 300.0
_DOUBLINGS_MAX: Final = 16

_RATE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/(s|m|h)")
_PER_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0}


class Road:
    """Shut while the target takes nothing from anybody; then one at a time tries whether it does again."""

    def __init__(self, name: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Lead to the target of this name."""
        self._name = name
        self._monotonic = monotonic
        self._failures = 0
        self._open_at = float("-inf")
        self._why: str | None = None
        self._is_tried = False

    def shut_because(self) -> str | None:
        """Say why the target took nothing when it was asked last; None if it took something, or said why not."""
        return self._why

    def is_open(self) -> bool:
        """Tell whether the target may be asked now."""
        return self._why is None or not (self._is_tried or self._monotonic() < self._open_at)

    def enter(self) -> bool:
        """Set out to the target, if it may be asked now; whoever did must call `leave`."""
        if not self.is_open():
            return False
        self._is_tried = self._why is not None
        return True

    def leave(self, answer: Answer | None) -> None:
        """Take note of what the target answered; None if nobody knows.

        If it takes nothing, it is asked again when it said, or else later each time.
        """
        self._is_tried = False
        if isinstance(answer, Away):
            seconds = wait_after(self._failures, FIRST_SECONDS, AWAY_SECONDS_MAX)
            # Those who were under way together fail together, and that is one failure.
            if self._monotonic() >= self._open_at:
                self._failures += 1
                self._open_at = self._monotonic() + seconds
            if answer.after_s is not None:
                self._open_at = max(self._open_at, self._monotonic() + answer.after_s)
            self._why = f"{self._name}: {answer.why}"
            log.warning("the target takes nothing: %s", self._why)
        elif answer is not None:
            if self._why is not None:
                log.info("the target answers again: %s", self._name)
            self._failures, self._open_at, self._why = 0, float("-inf"), None


class Pace:
    """Hands out moments that lie at least an interval apart, for all lanes of this process."""

    def __init__(self, per_second: float | None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Allow so many a second; None: as many as the target takes."""
        self._interval_s = 1 / per_second if per_second else 0.0
        self._monotonic = monotonic
        self._next_at = float("-inf")

    def turn(self) -> float:
        """Take the next moment, and return in how many seconds it comes; a moment not used in time is lost."""
        now = self._monotonic()
        at = max(now, self._next_at)
        self._next_at = at + self._interval_s
        return at - now


def read_rate(text: str) -> float:
    """Read `20/s`, `100/m` or `1000/h` as a number a second. Raises Unusable."""
    match = _RATE.fullmatch(text.strip())
    if match is None or float(match[1]) <= 0:
        raise Unusable(f"--rate {text!r}: write a number above 0 and its unit, as in 20/s, 100/m or 1000/h")
    return float(match[1]) / _PER_SECONDS[match[2]]


def wait_after(failures: int, first_s: float, most_s: float) -> float:
    """Return how long to wait after so many failures before this one: doubled each time, in [first, most]."""
    return min(first_s * 2.0 ** min(failures, _DOUBLINGS_MAX), most_s)
