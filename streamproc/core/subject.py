"""A subject: one category that a message is about, and how it comes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from streamproc.core.context import Line
    from streamproc.core.policy.model import Category


class Subject(msgspec.Struct, frozen=True, gc=False):
    """A category that a message is about. `via` is how it comes to it: empty for the campaign's own, `when` for a
    condition, `trigger` for an item of the event, else the path of a fact.
    """

    category: Category
    via: str = ""

    def __str__(self) -> str:
        """Name the category, and how the message comes to it."""
        return f"{self.category.name} ({self.via})" if self.via else self.category.name


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a fact of the campaign, by its name and path, is about, and the line of a list that it names."""

    fact: str
    path: str
    category: Category
    line: Line | None = None


class Subjects(msgspec.Struct, frozen=True, gc=False):
    """Whatever a message is about: each category once, the campaign's own first, and what its facts are about."""

    each: tuple[Subject, ...] = ()
    told: tuple[Told, ...] = ()
