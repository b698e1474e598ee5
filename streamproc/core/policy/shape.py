"""What a policy's files may hold, said once: loader, editors and `policy diff` go by it.

A `Shape` is a mapping with known keys. Each `Key` has a value of one of the kinds below, a sentence for the author who
is about to write it, and, where it restrains, which way it gets looser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

TEXT_CHARS_MAX: Final = 200
LIST_MAX: Final = 64
# What `more` of a value does to restraint: nothing that could be said in general, or the way it gets looser.
Looser = Literal["", "more", "less"]
# What a key that bears on restraint amounts to where it is not said.
Unsaid = Literal["loosest", "tightest", "neither"]
# What a policy itself names: its channels, its categories, its exclusive groups.
Named = Literal["channel", "category", "group"]


@dataclass(frozen=True)
class Text:
    """A text; `pattern` is what all of it must match, `is_long` allows several lines.

    A text with `{{ ... }}` may be longer by `braces_chars_max`: only its words count.
    """

    chars_max: int = TEXT_CHARS_MAX
    pattern: str = ""
    is_long: bool = False
    braces_chars_max: int = 0


@dataclass(frozen=True)
class Hours(Text):
    """A part of the day, such as `09:00-20:00`; one over midnight closes before it opens."""


@dataclass(frozen=True)
class Whole:
    """A whole number, both bounds included."""

    low: int
    high: int


@dataclass(frozen=True)
class Number:
    """A number, both bounds included."""

    low: float
    high: float


@dataclass(frozen=True)
class Duration:
    """A number with its unit, such as `30m`; both bounds are in milliseconds and included."""

    low_ms: int
    high_ms: int


@dataclass(frozen=True)
class Flag:
    """`true` or `false`."""

    default: bool = True


@dataclass(frozen=True)
class Choice:
    """One of these names, in their order where they have one; `what` says what each is.

    `or_like` is an expression for names of the author's own that may stand as well.
    """

    names: tuple[str, ...]
    what: str = ""
    or_like: str = ""


@dataclass(frozen=True)
class NameOf:
    """A name that the policy itself gives to something, or one of `also`."""

    of: Named
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind, at most `most` and at least `least`; texts in it differ."""

    of: Value
    most: int = LIST_MAX
    least: int = 0


@dataclass(frozen=True)
class ByName:
    """A mapping whose keys are the author's own names, each of which matches `names`."""

    of: Value
    names: str
    most: int = 0  # no bound of its own
    says: str = ""


@dataclass(frozen=True)
class Either:
    """A value of one kind or of another."""

    of: tuple[Value, ...]


@dataclass(frozen=True)
class Again:
    """A shape that is used in several places, or inside itself; it is looked up when it is needed."""

    name: str
    shape: Callable[[], Shape]


@dataclass(frozen=True)
class Key:
    """One key of a mapping: `says` is for its author, `label` is what people call it, the key itself unless given.

    `looser` is the way it gets looser for customers, `unsaid` what it amounts to where it is not there. The latter is
    not asked of a key without a way, nor of a flag, which has a default.
    """

    says: str
    value: Value
    required: bool = False
    looser: Looser = ""
    label: str = ""
    unsaid: Unsaid = "loosest"


@dataclass(frozen=True)
class Shape:
    """A mapping with known keys.

    `patterned` holds keys with a part of the author's own, by the expression that such a key matches. `one_of` are keys
    of which exactly one must stand, `any_of` of which at least one must. `is_single` marks a mapping of a single key.
    `unsupported` says of keys that people may expect why they cannot be used.
    """

    says: str
    keys: Mapping[str, Key]
    patterned: Mapping[str, Key] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    is_single: bool = False
    unsupported: Mapping[str, str] = field(default_factory=dict)

    @property
    def required(self) -> tuple[str, ...]:
        """Name the keys that must stand."""
        return tuple(name for name, key in self.keys.items() if key.required)


Value = Text | Whole | Number | Duration | Flag | Choice | NameOf | ListOf | ByName | Either | Again | Shape
