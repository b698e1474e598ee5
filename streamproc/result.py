"""What deciding one customer gave."""

from __future__ import annotations

import msgspec

from streamproc.core.decision import Emission
from streamproc.core.receipt import Counted
from streamproc.core.record import Position
from streamproc.core.watching import Watch
from streamproc.store.base import Write


class Result(msgspec.Struct, gc=False):
    """What deciding one customer gave: what to write, to emit and to count, valid only if the write succeeds."""

    h: str
    write: Write | None = None
    emissions: list[tuple[Position, Emission]] = []
    again: list[Position] = []
    counts: list[tuple[Position, Counted]] = []
    watches: list[Watch] = []
