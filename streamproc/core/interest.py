"""What a customer looked at lately: a score for each category that halves in a fortnight.

It is kept in whole numbers, so that the same looks give the same scores on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

DAY_MS: Final = 86_400_000
# Only looks count, so that "you looked at it" is true of whatever stands on top.
KINDS: Final = frozenset({"product.viewed", "product.clicked"})
CATEGORIES_MAX: Final = 12
# A look is a thousand; of that a day leaves 2 ** (-1 / 14), a fortnight half.
LOOK: Final = 1_000
_DAY_LEAVES: Final = 951_695
_OF: Final = 1_000_000
# After so many days a thousand looks are less than one.
_FADED_DAYS: Final = 200

# Category to score, and the day since 1970 (UTC) on which it was that much.
Interests = dict[str, tuple[int, int]]


def look(interests: Interests, categories: Iterable[str], at_ms: int) -> None:
    """Enter a look at items of these categories; the faintest interest beyond `CATEGORIES_MAX` is forgotten."""
    day = at_ms // DAY_MS
    for name in categories:
        score, since = interests.get(name, (0, day))
        newest = max(day, since)
        interests[name] = (_faded(score, newest - since) + _faded(LOOK, newest - day), newest)
    while len(interests) > CATEGORIES_MAX:
        today = max(since for _, since in interests.values())
        del interests[min(interests, key=lambda name: (_faded_by(interests, name, today), name))]


def top(interests: Mapping[str, tuple[int, int]], now_ms: int) -> tuple[str, int]:
    """Return the category looked at most, and its score in thousandths of a look; empty if there is none."""
    today = now_ms // DAY_MS
    best = min(interests, key=lambda name: (-_faded_by(interests, name, today), name), default="")
    return (best, _faded_by(interests, best, today)) if best else ("", 0)


def _faded_by(interests: Mapping[str, tuple[int, int]], name: str, day: int) -> int:
    score, since = interests[name]
    return _faded(score, max(0, day - since))


def _faded(score: int, days: int) -> int:
    if days > _FADED_DAYS:
        return 0
    for _ in range(days):
        score = score * _DAY_LEAVES // _OF
    return score
