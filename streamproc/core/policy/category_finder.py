"""How an item's category text finds its group."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import Final

from streamproc.core.event import TEXT_CHARS_MAX
from streamproc.core.folded import folded
from streamproc.core.policy.categories import SENSITIVITIES, Categories
from streamproc.core.policy.model import Category

# Texts come from producers, so the cache of what they mean is bounded: 4,096 texts of 40 B are about half a megabyte.
CACHE_MAX: Final = 4_096
_LEVELS: Final = re.compile(r"[/>|]")


def private_first(found: Categories) -> list[Category]:
    """Order the categories from the most private, else as in their file: of two that fit the first counts."""
    return sorted(found.categories.values(), key=lambda one: -SENSITIVITIES.index(one.sensitivity))


class _Finder(dict[str, Category]):
    """A cache that fills itself: a text seen before is found at the speed of a dictionary."""

    def __init__(self, found: Categories) -> None:
        super().__init__()
        ranked = private_first(found)
        special = [one for one in ranked if one.consent is not None]
        self._default: Final = found.default
        self._patterns: Final = [(_any_of(one.match), one) for one in ranked if one.match]
        self._folded: Final = [(_any_of(map(folded, one.match)), one) for one in ranked if one.match]
        self._special: Final = [(_any_of(map(folded, (one.name, *one.match))), one) for one in special]

    def __missing__(self, text: str) -> Category:
        written = text[:TEXT_CHARS_MAX]
        category = _first(self._patterns, written.lower()) or self._looked_again(written) or self._default
        if len(self) >= CACHE_MAX:
            self.clear()
        self[text] = category
        return category

    def _looked_again(self, written: str) -> Category | None:
        """Find what a text that fits nothing is in plainer letters; what is special, also by one level of a path."""
        plain = folded(written)
        levels = [level.strip() for level in _LEVELS.split(plain)]
        below = ("/".join(levels[place:]) for place in range(len(levels)))
        for path in (*below, *levels):
            if path and (category := _first(self._special, path)) is not None:
                return category
        return _first(self._folded, plain)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns))


def _first(patterns: Iterable[tuple[re.Pattern[str], Category]], text: str) -> Category | None:
    return next((one for pattern, one in patterns if pattern.match(text)), None)


def category_finder(found: Categories) -> Callable[[str], Category]:
    """Make the function that finds the category of an item by its category text.

    Upper and lower case are the same. The first category in the file with a pattern that matches wins, except that a
    more private one goes first: an item in two groups is as private as the more private of them. A text that fits
    nothing is looked at once more as `folded` makes it, and in each level of a path (behind `/`, `>` or `|`) for what
    needs a consent of its own. What is still unknown, or empty, gives the default category.
    """
    return _Finder(found).__getitem__
