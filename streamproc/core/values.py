"""What a fact can be, and how a text that somebody else wrote is made safe to be one."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from wcwidth import iter_graphemes

VALUE_CHARS_MAX: Final = 80
ELLIPSIS: Final = "…"
# Unicode's categories of what prints nothing: control, format, half of a character, private, unassigned ...
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
# ... except the joiners (ZWNJ, ZWJ), which spell words in some scripts, and emoji.
_JOINERS: Final = "\u200c\u200d"

# `any` is a trait, whose kind only shows when a customer declares it.
Kind = Literal["text", "number", "money", "date", "any"]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency's minor units (`core.money`)."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the policy's own that is called differently in each language; locale -> name."""

    names: Mapping[str, str]


FactValue = str | int | float | Money | date | Term


def clean(value: str) -> str:
    """Make a text safe for any field: one line, and no control, format or half characters.

    Line breaks would forge headers, and direction marks would make a text read as another.
    """
    if value.isprintable():
        return " ".join(value.split())
    kept = "".join(" " if _breaks(char) else char for char in value if not _is_hidden(char))
    return " ".join(kept.split()) if kept.strip(_JOINERS) else ""


def _breaks(char: str) -> bool:
    return unicodedata.category(char) in ("Zl", "Zp") or char in "\t\n\v\f\r\x1c\x1d\x1e\x85"


def _is_hidden(char: str) -> bool:
    return not _breaks(char) and char not in _JOINERS and unicodedata.category(char) in _HIDDEN


def shortened(text: str, chars_max: int) -> str:
    """Cut a text to at most `chars_max` characters, the last an ellipsis, and never inside a grapheme cluster.

    A cluster (UAX 29) is what people see as one character: a letter with its accents, a flag, a family of emoji.
    Empty if not even the first one fits.
    """
    if len(text) <= chars_max:
        return text
    end = 0
    for cluster in iter_graphemes(text):
        if end + len(cluster) > chars_max - len(ELLIPSIS):
            break
        end += len(cluster)
    kept = text[:end].rstrip()
    return kept + ELLIPSIS if kept else ""
