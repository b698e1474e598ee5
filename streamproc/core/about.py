"""What a campaign's file says that its messages are about, beside the category that it is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from streamproc.core.context import Line
    from streamproc.core.policy.model import Category
    from streamproc.core.scene import Scene


class Named(msgspec.Struct, frozen=True, gc=False):
    """What a fact tells of one customer: the category that it is about, and the line of a list that it names."""

    category: Category
    line: Line | None = None


Names = Callable[["Scene"], Named | None]


@dataclass(frozen=True)
class About:
    """What the messages of a campaign are about, as far as its file tells.

    `categories` are those that its conditions name; `facts` its facts that are about something of their
    own, each by name and path, with what it names at run time; `called` are its facts whose value is what a category
    is called. `proofs` are the codes of `because` that neither trigger nor conditions make true at the moment of the
    message, each with what does.
    """

    categories: tuple[str, ...] = ()
    facts: tuple[tuple[str, str, Names], ...] = ()
    proofs: tuple[tuple[str, Callable[[Scene], bool]], ...] = ()
    called: tuple[str, ...] = ()


NOTHING_MORE = About()
