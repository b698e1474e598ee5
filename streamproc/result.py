"""What deciding one customer gave."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from streamproc.core.decision import Emission
from streamproc.core.receipt import Counted
from streamproc.core.record import Position
from streamproc.core.watching import Watch
from streamproc.store.base import Write


class Result(msgspec.Struct, gc=False):
    """What deciding one customer gave: what to count, to write and to emit, valid only if the write succeeds.

    Most cause nothing: a list of their own is made for those that do.
    """

    h: str
    counts: list[tuple[Position, Counted]]
    write: Write | None = None
    emissions: Sequence[tuple[Position, Emission]] = ()
    again: Sequence[Position] = ()
    watches: Sequence[Watch] = ()
