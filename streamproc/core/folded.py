"""What a text comes to as people read it: the same however a program spelled it."""

from __future__ import annotations

import unicodedata
from typing import Final

# Unicode's categories of what prints nothing: control, format, half of a character, private, unassigned.
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
# What prints nothing either, though Unicode counts it among marks and letters: a joiner and fillers.
_BLANK: Final = "\u034f\u115f\u1160\u17b4\u17b5"
# Sixteen signs that choose the shape of the character before them.
_SHAPES: Final = ("\ufe00", "\ufe0f")


def visible(text: str) -> str:
    """Return what of a text can be seen, in its plainest letters (NFKC), with single blanks within and none around."""
    plain = unicodedata.normalize("NFKC", text)
    return " ".join("".join(char for char in plain if char.isspace() or not _is_hidden(char)).split())


def folded(text: str) -> str:
    """Return `visible` without the difference of upper and lower case."""
    return unicodedata.normalize("NFKC", visible(text).casefold())


def _is_hidden(char: str) -> bool:
    return char in _BLANK or _SHAPES[0] <= char <= _SHAPES[1] or unicodedata.category(char) in _HIDDEN
