"""Whether too many customers opted out after a campaign's messages, from counts that all workers share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from statistics import median
from typing import Final

from streamproc.core.creep.model import DAY_MS, USUAL_RATIO_MIN, Pausing
from streamproc.core.facts import COMPLAINED

USUAL_DAYS_MIN: Final = 3
"""Of fewer days the median is one day's chance, or the mean of two."""


def too_many(kind: str, day: int, counts: Sequence[tuple[int, int]], pausing: Pausing) -> str:
    """Return why a campaign pauses itself, with the numbers compared; nothing if it does not.

    `counts` are opt-outs of this kind and messages, a pair a day, of `day` (since 1970, in UTC) and the days before it.
    """
    return _complaints(counts, pausing) if kind == COMPLAINED else _unsubscriptions(day, counts, pausing)


def _complaints(counts: Sequence[tuple[int, int]], pausing: Pausing) -> str:
    complaints, messages = (sum(numbers) for numbers in zip(*counts, strict=True))
    if messages < pausing.messages_min or complaints / messages <= pausing.complaint_ratio:
        return ""
    days = "today" if pausing.days == 1 else f"in {pausing.days} days"
    share = f"{complaints / messages:.4g} > {pausing.complaint_ratio:g}"
    return f"complaints {share}: {complaints} about {messages} messages {days}"


def _unsubscriptions(day: int, counts: Sequence[tuple[int, int]], pausing: Pausing) -> str:
    (unsubscriptions, messages), *before = counts
    # Fractions, so that three times the usual is never more than three times the usual.
    shares = [Fraction(*pair) for pair in before if pair[1] >= pausing.messages_min]
    if messages < pausing.messages_min or len(shares) < USUAL_DAYS_MIN:
        return ""
    share, usual = Fraction(unsubscriptions, messages), max(median(shares), USUAL_RATIO_MIN)
    factor = Fraction(pausing.unsubscription_factor)
    if share <= factor * usual:
        return ""
    compared = f"{float(share):.4g} > {pausing.unsubscription_factor:g} x {float(usual):.4g}"
    on = datetime.fromtimestamp(day * DAY_MS // 1_000, UTC).date()
    return (
        f"unsubscriptions {compared}: {unsubscriptions} after {messages} messages of {on}, "
        f"against the median of {len(shares)} days before"
    )
