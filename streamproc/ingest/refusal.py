"""The refusal of a payload, on its way out of the depth of a dialect."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from streamproc.core.event import Reason, Rejection

_VALIDATION: Final = re.compile(r"(?P<what>.*?)(?: - at `(?:key )?(?P<path>\$.*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>\w+)`")
_EXPECTED: Final = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`")
# What producers call the types of JSON; msgspec names Python's.
_JSON_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_HEAD: Final = re.compile(r"\w+")
_SHOWN_END: Final = 10**15


class Refused(Exception):
    """Carry a reason, a field and a detail up to the parser, which turns them into a `Rejection`.

    Never leaves `streamproc.ingest`: a refusal happens several calls deep (an item of an event of a batch), and
    threading it through as a value would cost the hot path a test after each field.
    """

    __slots__ = ("detail", "field", "reason")

    def __init__(self, reason: Reason, field: str = "", detail: str = "") -> None:
        super().__init__(reason, field, detail)
        self.reason = reason
        self.field = field
        self.detail = detail

    def under(self, parent: str) -> Refused:
        """Return the same refusal with its field seen from one level further out."""
        field = f"{parent}.{self.field}" if self.field else parent
        return Refused(self.reason, field, self.detail)

    def called(self, names: dict[str, str]) -> Refused:
        """Return the same refusal with its field as the producer calls it, where `names` has it or its beginning."""
        if self.field in names:
            return Refused(self.reason, names[self.field], self.detail)
        head = _HEAD.match(self.field)
        if head is None or head[0] not in names:
            return self
        return Refused(self.reason, names[head[0]] + self.field[head.end() :], self.detail)

    def rejection(self, index: int = 0) -> Rejection:
        """Return the value that leaves this room; `index` is the place in the list of parsed events."""
        return Rejection(self.reason, self.field, self.detail, index)


def shown(value: float) -> str:
    """Return a number for a detail: as it is, or only its size, since an integer of JSON may have 4300 digits."""
    return str(value) if -_SHOWN_END < value < _SHOWN_END else f"a number beyond {_SHOWN_END}"


def _in_words(types: str) -> str:
    return " or ".join(_JSON_WORDS.get(one, one) for one in types.split(" | "))


def refused_by_type(error: msgspec.ValidationError) -> Refused:
    """Translate a message of msgspec into a refusal that names the field.

    Only the names of types and of declared fields are taken over. Whatever else a message says might quote the
    payload and is dropped.
    """
    match = _VALIDATION.fullmatch(str(error))
    what, path = (match["what"], match["path"] or "$") if match else ("", "$")
    field = path[1:].lstrip(".")
    if missing := _MISSING.fullmatch(what):
        return Refused(Reason.MISSING_FIELD, f"{field}.{missing['name']}".lstrip("."))
    if expected := _EXPECTED.fullmatch(what):
        return Refused(
            Reason.WRONG_TYPE,
            field,
            f"expected {_in_words(expected['expected'])}, got {_in_words(expected['got'])}",
        )
    if "out of range" in what:
        return Refused(Reason.OUT_OF_RANGE, field, "a number too large to be read")
    return Refused(Reason.WRONG_TYPE, field)
