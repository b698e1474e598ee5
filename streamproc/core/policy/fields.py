"""Typed reading of a mapping's fields: what is wrong is reported with its line, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from streamproc.core.policy.document import Node
from streamproc.core.policy.problems import Findings, listed, nearest, shown
from streamproc.core.policy.shape import (
    LIST_MAX,
    TEXT_CHARS_MAX,
    Again,
    Choice,
    Duration,
    Either,
    Flag,
    ListOf,
    Number,
    Shape,
    Text,
    Value,
    Whole,
)

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
NAME_RULE: Final = "lower-case letters, digits and _, at most 48, a letter first"
_DURATION: Final = re.compile(r"(\d{1,6})(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str) -> int | None:
    """Read a duration such as `30m` or `7d`; None if it is not one."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNIT_MS[match[2]] if match else None


def duration_text(ms: int) -> str:
    """Write a duration in its largest whole unit: `7 d`, `90 m`."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % _UNIT_MS[unit] == 0:
            return f"{ms // _UNIT_MS[unit]} {unit}"
    return f"{ms} ms"


V = TypeVar("V")


class Fields:
    """The fields of one mapping. Each reader returns None, or what stands for nothing, after reporting an error.

    With a shape, keys that it does not know and keys that it misses are reported at once, and readers take bounds and
    names from it; without one, `only` and `require` say what may stand, and each reader is told what it takes.
    """

    def __init__(self, node: Node, findings: Findings, shape: Shape | None = None) -> None:
        self.node: Final = node
        self.findings: Final = findings
        self.shape: Final = shape
        self.keys: Mapping[str, Node] = node.keys
        if node.kind != "mapping":
            self.error(node, f"{node} is not a mapping")
        if shape is not None:
            self.only(shape.keys, shape.unsupported)
            self.require(*shape.required)
            # What is not known was reported; for the readers it does not stand there.
            self.keys = {key: value for key, value in node.keys.items() if key in shape.keys}

    def _declared(self, key: str, kind: type[V]) -> V:
        """Return what the shape says of a key's value; a reader of another kind is a mistake of the loader."""
        assert self.shape is not None, f"{self.node.path}.{key} has no shape"
        value = self.shape.keys[key].value
        assert isinstance(value, kind), f"{self.node.path}.{key} is declared as {value}"
        return value

    def __contains__(self, key: str) -> bool:
        return key in self.keys

    def error(self, node: Node, message: str) -> None:
        self.findings.error(node.file, node.line, f"{node.path}: {message}" if node.path else message)

    def at(self, key: str, message: str) -> None:
        """Report an error of one field, at its key's line."""
        place = f"{self.node.path}.{key}" if self.node.path else key
        self.findings.error(self.node.file, self.node.line_of(key), f"{place}: {message}")

    def only(self, allowed: Collection[str], unsupported: Mapping[str, str] | None = None) -> None:
        """Report each key that is not allowed; `unsupported` says in words why a known key cannot be used."""
        for key in self.keys:
            if unsupported and key in unsupported:
                self.at(key, unsupported[key])
            elif key not in allowed:
                self.at(key, f"unknown key; allowed are {listed(allowed)}{nearest(key, allowed)}")

    def require(self, *keys: str) -> None:
        """Report each of these keys that is missing."""
        if self.node.kind == "mapping":
            for key in keys:
                if key not in self.keys:
                    self.at(key, "is required")

    def _scalar(self, key: str, kind: str, what: str) -> str | None:
        node = self.keys.get(key)
        if node is None:
            return None
        if node.kind != kind:
            self.at(key, f"{node} is not {what}")
            return None
        return node.raw

    def text(self, key: str, chars_max: int | None = None) -> str | None:
        """Read a text of one line that is not empty. A number or date as written counts as text."""
        node = self.keys.get(key)
        if node is None:
            return None
        if chars_max is None:
            declared = None if self.shape is None else self.shape.keys[key].value
            chars_max = declared.chars_max if isinstance(declared, Text) else TEXT_CHARS_MAX
        if node.kind not in ("text", "number"):
            self.at(key, f"{node} is not a text")
            return None
        text = node.raw.strip()
        if not text or len(text) > chars_max or not text.isprintable():
            self.at(key, f"must be a text of 1 to {chars_max} printable characters, it has {len(text)}")
            return None
        return text

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Read `true` or `false`."""
        if default is None:
            default = self._declared(key, Flag).default
        raw = self._scalar(key, "bool", "true or false")
        return default if raw is None else raw.lower() == "true"

    def integer(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        """Read a whole number between both bounds."""
        if key not in self.keys:
            return None
        if low is None or high is None:
            declared = self._declared(key, Whole)
            low, high = declared.low, declared.high
        number = self.number(key, low, high)
        if number is not None and number != number.to_integral_value():
            self.at(key, f"{number} is not a whole number")
            return None
        return None if number is None else int(number)

    def number(self, key: str, low: float | None = None, high: float | None = None) -> Decimal | None:
        """Read a number between both bounds."""
        if key not in self.keys:
            return None
        if key not in self.keys:
            return None
        if low is None or high is None:
            declared = self._declared(key, Number)
            low, high = declared.low, declared.high
        raw = self._scalar(key, "number", "a number")
        if raw is None:
            return None
        number = Decimal(raw)
        if not low <= number <= high:
            self.at(key, f"{raw} is not between {low} and {high}")
            return None
        return number

    def duration(self, key: str, low_ms: int | None = None, high_ms: int | None = None) -> int | None:
        """Read a duration in milliseconds, between both bounds."""
        node = self.keys.get(key)
        if node is None:
            return None
        if low_ms is None or high_ms is None:
            declared = self._declared(key, Duration)
            low_ms, high_ms = declared.low_ms, declared.high_ms
        ms = duration_ms(node.raw) if node.kind == "text" else None
        if ms is None:
            self.at(key, f"{node} is not a duration; write a number and a unit, such as 30m, 12h or 7d")
            return None
        if not low_ms <= ms <= high_ms:
            self.at(
                key,
                f"{duration_text(ms)} is not between {duration_text(low_ms)} and {duration_text(high_ms)}",
            )
            return None
        return ms

    def choice(self, key: str, allowed: Iterable[str] | None = None, what: str = "") -> str | None:
        """Read one of the names that are allowed; `what` says what they name."""
        node = self.keys.get(key)
        if node is None:
            return None
        if allowed is None:
            declared = self._declared(key, Choice)
            allowed, what = declared.names, declared.what
        return node.raw if self.is_known(node, allowed, what) else None

    def is_known(self, node: Node, allowed: Iterable[str], what: str = "") -> bool:
        """Tell whether a node names one of `allowed`, and report it if not."""
        names = list(allowed)
        if node.kind in ("text", "number") and node.raw in names:
            return True
        self.error(
            node, f"{node} is not {what or 'allowed'}; allowed are {listed(names)}{nearest(node.raw, names)}"
        )
        return False

    def nodes(self, key: str) -> tuple[Node, ...]:
        """Read a list's nodes, at most `LIST_MAX`; a missing one is empty."""
        node = self.keys.get(key)
        if node is None:
            return ()
        if node.kind != "list":
            self.at(key, f"{node} is not a list")
            return ()
        if len(node.items) > LIST_MAX:
            self.at(key, f"has {len(node.items)} entries, {LIST_MAX} are allowed")
        return node.items[:LIST_MAX]

    def is_empty(self, key: str) -> bool:
        """Tell whether a field is a list without entries."""
        node = self.keys.get(key)
        return node is not None and node.kind == "list" and not node.items

    def texts(self, key: str, allowed: Iterable[str] | None = None, what: str = "") -> tuple[str, ...]:
        """Read a list of different texts, each one of `allowed` where given."""
        found: list[str] = []
        names = None if allowed is None else list(allowed)
        for node in self.nodes(key):
            if names is not None and not self.is_known(node, names, what):
                continue
            if node.kind not in ("text", "number") or not node.raw.strip() or len(node.raw) > TEXT_CHARS_MAX:
                self.error(node, f"{node} is not a text of 1 to {TEXT_CHARS_MAX} characters")
            elif node.raw in found:
                self.error(node, f"{shown(node.raw)} stands twice")
            else:
                found.append(node.raw)
        return tuple(found)

    def one_or_more(self, key: str, allowed: Iterable[str] | None = None, what: str = "") -> tuple[str, ...]:
        """Read a text, or a list of different texts, that is not empty; each one of `allowed` where given."""
        node = self.keys.get(key)
        if node is None:
            return ()
        one, several = self._declared(key, Either).of
        assert isinstance(several, ListOf), f"{node.path} is declared as {several}"
        if allowed is None and isinstance(one, Choice) and not one.or_like:
            allowed, what = one.names, one.what
        if node.kind != "list":
            name = self.text(key) if allowed is None else self.choice(key, allowed, what)
            return () if name is None else (name,)
        if not node.items:
            self.at(key, "is empty")
        elif several.most < len(node.items) <= LIST_MAX:
            self.at(key, f"has {len(node.items)} entries, {several.most} are allowed")
        return self.texts(key, allowed, what)[: several.most]

    def mapping(self, key: str, shape: Shape | None = None) -> Fields | None:
        """Read a field that is itself a mapping."""
        node = self.keys.get(key)
        if node is None:
            return None
        if shape is None and self.shape is not None and key in self.shape.keys:
            shape = _shape_of(self.shape.keys[key].value)
        return Fields(node, self.findings, shape)

    def is_name(self, key: str, *, reserved: Collection[str] = ()) -> bool:
        """Tell whether a key is a well-formed name, and report it if not."""
        if not NAME.fullmatch(key):
            self.at(key, f"is not a name: {NAME_RULE}")
            return False
        if key in reserved:
            self.at(key, "this name is reserved")
            return False
        return True


def _shape_of(value: Value) -> Shape | None:
    if isinstance(value, Again):
        return value.shape()
    return value if isinstance(value, Shape) else None
