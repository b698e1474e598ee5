"""What soft words must not say in plain letters: an hour, a place, that somebody was watched, or what is private.

A short list of words finds what people write without a thought. It understands nothing: who wants to hint will.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from unicodedata import normalize

from streamproc.core.policy.document import Node
from streamproc.core.policy.model import Category

# `8.30` alone is as often a price, and `5 am` begins a phrase in German: these need more beside them.
_HOUR: Final = re.compile(
    r"\b(?:[01]?\d|2[0-4])(?::[0-5]\d|h[0-5]\d)\b"
    r"|\b(?:[01]?\d|2[0-4])(?:[.:][0-5]\d)? ?(?:uhr\b|o'clock\b|pm\b|p\.m\.|a\.m\.)"
    r"|\b\d{1,2}(?:[.:][0-5]\d)?am\b"
    r"|\b(?:at|by|from|until|till|since|around|before|after) \d{1,2}(?:[.:][0-5]\d)? am\b"
)
# In the languages that ship, English and German. What a customer asked for (`you wished for`) is no watching.
_WATCHED: Final = re.compile(
    r"\bwe(?:'ve| have)? (?:just |also )?(?:noticed|saw|seen|spotted|watched|tracked|observed|detected)\b"
    r"|\byou(?:'ve| have)? (?:just |recently |last )?(?:looked at|looked for|viewed|browsed|searched for|visited)\b"
    r"|\byou(?:'ve| have)? (?:been|were) (?:just )?(?:looking|browsing|searching|walking)\b"
    r"|\byou(?:'ve| have)? (?:were|been) (?:just |recently )?(?:in|at|near|nearby|outside|close to|around)\b"
    r"|\byou walked (?:past|by)\b"
    r"|\bwir haben (?:\w+ ){0,4}(?:gesehen|bemerkt|beobachtet|festgestellt|gemerkt)\b"
    r"|\buns ist (?:\w+ )?aufgefallen\b"
    r"|\b(?:sie|du|ihr) (?:\w+ ){0,4}(?:angesehen|angeschaut|betrachtet|besucht) (?:haben|hast|habt)\b"
    r"|\b(?:sie haben|haben sie|du hast|hast du|ihr habt|habt ihr) (?:\w+ ){0,4}"
    r"(?:angesehen|angeschaut|betrachtet|besucht)\b"
    r"|\b(?:sie waren|waren sie|du warst|warst du|ihr wart|wart ihr) (?:\w+ ){0,2}"
    r"(?:in|im|bei|beim|nahe|nähe|vor|am)\b"
)
_TAG: Final = re.compile(r"<[^>]*>")
_SPACES: Final = re.compile(r"\s+")
_LETTERS_MIN: Final = 4
# What many stores are called besides where they are.
_ANY_STORE: Final = frozenset(
    {"branch", "filiale", "laden", "main", "markt", "outlet", "shop", "site", "store", "stores"}
)
_PRIVATE: Final = ("intimate", "special")
_PLACE, _PRIVATELY = "name a place", "name what is private"


@dataclass(frozen=True)
class Discretion:
    """The names that a policy knows and soft words must not say: in small letters, each with why."""

    names: Mapping[str, str] = field(default_factory=dict)

    def slip(self, text: str) -> str:
        """Say what soft words say that they must not, or nothing. A NUL stands for a fact, tags for what they mark."""
        plain = _plain(text)
        for pattern, slips in ((_HOUR, "name an hour"), (_WATCHED, "say that somebody was watched")):
            if found := pattern.search(plain):
                return f"soft words must not {slips}: {found[0]!r}"
        for name, slips in self.names.items():
            if name in plain and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", plain):
                return f"soft words must not {slips}: {name!r}"
        return ""


NO_NAMES: Final = Discretion()


def discretion_of(categories: Iterable[Category], nodes: Iterable[Node]) -> Discretion:
    """Collect what soft words must not name: intimate and special categories, and the stores that campaigns name."""
    private = [one for one in categories if one.sensitivity in _PRIVATE]
    names = dict.fromkeys((_plain(name) for one in private for name in _called(one)), _PRIVATELY)
    for node in nodes:
        for site in _sites(node):
            names |= dict.fromkeys(_site_called(site), _PLACE)
    names.pop("", None)
    return Discretion(names)


def _plain(text: str) -> str:
    """Fold a text to what it reads like: small letters, plain quotes, single spaces, no tags."""
    read = normalize("NFKC", unescape(_TAG.sub(" ", text))).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return _SPACES.sub(" ", read.replace("\0", " ")).strip().lower()


def _called(category: Category) -> Iterator[str]:
    """Name a category as its policy does: its name, what customers call it, and the words of its patterns."""
    yield category.name.replace("_", " ")
    yield from category.names.values()
    for pattern in category.match:
        word = pattern.rpartition("/")[2].strip("*")
        if len(word) >= _LETTERS_MIN and "*" not in word:
            yield word


def _site_called(site: str) -> Iterator[str]:
    """Name a store: as its id stands, with spaces, and by each word of it, such as the city."""
    yield _plain(site)
    words = [one for one in re.split(r"[\W_]+", _plain(site)) if one]
    yield " ".join(words)
    yield from (one for one in words if len(one) >= _LETTERS_MIN and one.isalpha() and one not in _ANY_STORE)


def _sites(node: Node) -> Iterator[str]:
    """Find the stores that a campaign names, in its trigger and its conditions."""
    for name in ("trigger", "when"):
        if name in node.keys:
            yield from _named_in(node.keys[name])


def _named_in(node: Node) -> Iterator[str]:
    for name, inner in node.keys.items():
        if name in ("site", "sites"):
            yield from (one.raw for one in (inner, *inner.items) if one.kind == "text")
        yield from _named_in(inner)
    for item in node.items:
        yield from _named_in(item)
