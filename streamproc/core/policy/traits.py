"""Which category a trait tells of: `predicted_faith` and `userEthnicity` say by their names what they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from streamproc.core.folded import folded, visible
from streamproc.core.policy.model import Category

# Names come from producers, so the cache of what they mean is bounded: a shop has some dozens.
CACHE_MAX: Final = 1_024
# A word as `traits` of a category names it: several are joined by _, and * stands for any letters.
WORD: Final = r"[^A-Z\s]*"
_LOWER_UPPER: Final = re.compile(r"(?<=[^\W\d_A-ZÄÖÜ])(?=[A-ZÄÖÜ])")
_UPPER_WORD: Final = re.compile(r"(?<=[A-ZÄÖÜ])(?=[A-ZÄÖÜ][^\W\d_A-ZÄÖÜ])")
_BETWEEN: Final = re.compile(r"[\W\d_]+")


def words_of(name: str) -> str:
    """Split a trait's name into its words, in lower case and joined by `_`: `userHIVStatus2` is `user_hiv_status`."""
    apart = _UPPER_WORD.sub("_", _LOWER_UPPER.sub("_", visible(name)))
    return _BETWEEN.sub("_", folded(apart)).strip("_")


class _Finder(dict[str, Category | None]):
    """A cache that fills itself: a name seen before is found at the speed of a dictionary."""

    def __init__(self, ranked: Iterable[Category]) -> None:
        super().__init__()
        self._patterns: Final = [(_pattern(one.traits), one) for one in ranked if one.traits]

    def __missing__(self, name: str) -> Category | None:
        words = words_of(name)
        found = next((one for pattern, one in self._patterns if pattern.search(words)), None)
        if len(self) >= CACHE_MAX:
            self.clear()
        self[name] = found
        return found


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    spelled = ("[^_]*".join(re.escape(part) for part in folded(word).split("*")) for word in words)
    return re.compile(rf"(?:^|_)(?:{'|'.join(spelled)})(?:_|$)")


def trait_finder(ranked: Iterable[Category]) -> Callable[[str], Category | None]:
    """Make the function that says of a trait's name which category it tells of, None if of none.

    Of several the first of `ranked` counts, which is the most private.
    """
    return _Finder(ranked).__getitem__
