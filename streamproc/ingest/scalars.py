"""The single values of a payload: ids, labels, texts and numbers, each with its bounds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from streamproc.core.event import ID_CHARS_MAX, TEXT_CHARS_MAX, Reason
from streamproc.ingest.refusal import Refused, shown

Id = str | int | None
Number = int | float | str | None
Scalar = str | int | float | bool | None

# Beyond this a JSON reader that uses doubles (every browser) has already changed the number.
_ID_INTEGER_END: Final = 2**53
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE_CHARS_MAX: Final = 512
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.0{1,6})?", re.ASCII)
# Text directions that would let a product's name rewrite the sentence around it.
_DIRECTIONS: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NAME_CHARS_MAX: Final = 64
_TRUE: Final = frozenset({"1", "true"})


def identifier(value: Id, field: str) -> str:
    """Return an id of 1 to 128 printable ASCII characters without spaces, or "" if there is none.

    Spaces around it are trimmed: they never make another customer. An integer below 2**53 stands for its decimal
    text, and 0, which shops write for a guest, for none. Other alphabets are refused, since two spellings of one
    name (composed and decomposed) would be two customers.
    """
    # On ASCII "printable" means 0x20 to 0x7e; calls into C are cheaper than one regular expression.
    if (
        type(value) is str
        and value.isascii()
        and value.isprintable()
        and " " not in value
        and len(value) <= ID_CHARS_MAX
    ):
        return value
    return _identifier_slowly(value, field)


def plain_ids(first: Id, second: Id, third: Id) -> tuple[str, str, str] | None:
    """Return three ids that `identifier` leaves as they are; None unless one look at all of them shows it."""
    # It costs half of three looks.
    if type(first) is str and type(second) is str and type(third) is str and first and second and third:
        together = f"{first}{second}{third}"
        if (
            len(together) <= ID_CHARS_MAX
            and together.isascii()
            and together.isprintable()
            and " " not in together
        ):
            return first, second, third
    return None


def _identifier_slowly(value: Id, field: str) -> str:
    if not value:
        return ""
    if isinstance(value, int):
        return _integer_id(value, field)
    trimmed = value.strip(" ")
    if len(trimmed) > ID_CHARS_MAX:
        raise Refused(Reason.BAD_TEXT, field, f"{len(trimmed)} characters > {ID_CHARS_MAX}")
    if trimmed.isascii() and trimmed.isprintable() and " " not in trimmed:
        return trimmed
    raise Refused(Reason.BAD_TEXT, field, "an id holds only the ASCII characters 0x21 to 0x7e")


def label(value: Id, field: str) -> str | None:
    """Return the id of a thing (item, order, site): like `identifier`, but any printable text, spaces inside too."""
    if not value:
        return None
    if isinstance(value, int):
        return _integer_id(value, field)
    if value[0] == " " or value[-1] == " ":
        value = value.strip(" ")
    if value.isprintable() and len(value) <= ID_CHARS_MAX:
        return value or None
    if len(value) > ID_CHARS_MAX:
        raise Refused(Reason.BAD_TEXT, field, f"{len(value)} characters > {ID_CHARS_MAX}")
    raise Refused(Reason.BAD_TEXT, field, "control characters in an id")


def _integer_id(value: int, field: str) -> str:
    if 0 <= value < _ID_INTEGER_END:
        return str(value)
    raise Refused(Reason.OUT_OF_RANGE, field, "an integer id lies in 0 to 2**53 - 1")


def text(value: str | None, field: str, chars_max: int = TEXT_CHARS_MAX) -> str | None:
    """Return text cut to `chars_max` characters, None if empty; refuse a NUL.

    Line breaks and other control characters become spaces, because texts end up in the headers of e-mails.
    """
    if not value:
        return None
    if len(value) <= chars_max and value.isprintable():
        return value
    if "\x00" in value:
        raise Refused(Reason.BAD_TEXT, field, f"NUL at character {value.index(chr(0))}")
    cleaned = "".join(_harmless(char) for char in value[:chars_max]).strip()
    return cleaned or None


def _harmless(char: str) -> str:
    if char.isprintable():
        return char
    if char in _DIRECTIONS:
        return ""
    return " " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char


def count(value: Number, field: str, low: int, high: int) -> int | None:
    """Return a whole number in `low` to `high`, also from text and from a float without a fraction."""
    if type(value) is int and low <= value <= high:
        return value
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise Refused(Reason.WRONG_TYPE, field, "expected a whole number")
        value = float(value)
    if not low <= value <= high:
        raise Refused(Reason.OUT_OF_RANGE, field, f"{shown(value)} not in {low} to {high}")
    if value != int(value):
        raise Refused(Reason.WRONG_TYPE, field, "expected a whole number")
    return int(value)


def one_of(value: str | None, field: str, known: tuple[str, ...] | frozenset[str]) -> str:
    """Return a value of a closed list; the detail lists what is known and never repeats the value."""
    if not value:
        raise Refused(Reason.MISSING_FIELD, field)
    if value in known:
        return value
    raise Refused(Reason.UNKNOWN_VALUE, field, "known: " + ", ".join(sorted(known)))


def is_true(value: Scalar) -> bool:
    """Read a browser's signal, which arrives as true, 1 or "1"."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() in _TRUE)


def trace(value: str | None) -> str | None:
    """Return a W3C traceparent, or None for anything else: a broken trace never costs an event."""
    return value if value and _TRACEPARENT.fullmatch(value) else None


def trace_state(value: str | None) -> str | None:
    """Return a W3C tracestate, which is opaque to all but its vendors, or None for what is none."""
    if value and len(value) <= _TRACESTATE_CHARS_MAX and value.isascii() and value.isprintable():
        return value
    return None


def kept(values: Mapping[str, object], entries_max: int) -> dict[str, str | int | float | bool]:
    """Keep the first `entries_max` single values under short plain names and drop the rest."""
    result: dict[str, str | int | float | bool] = {}
    for name, value in values.items():
        if len(result) == entries_max:
            break
        if not (0 < len(name) <= _NAME_CHARS_MAX and name.isascii() and name.isprintable()):
            continue
        single = single_value(value, name)
        if single is not None:
            result[name] = single
    return result


def single_value(value: object, name: str) -> str | int | float | bool | None:
    """Return a value as an event's further fields keep it; None for what is empty, too large or none at all."""
    if isinstance(value, str):
        return text(value, name)
    # Before whole numbers, which true and false are as well: compiled code would make 1 and 0 of them.
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_ID_INTEGER_END < value < _ID_INTEGER_END else None
    return value if isinstance(value, float) else None
