"""What is counted against a cap, and how it stands."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from streamproc.core.context import Charge
from streamproc.core.policy.model import Cap

Matches = Callable[[Charge], bool]


class Scoped(msgspec.Struct, frozen=True, gc=False):
    """A cap and the charges that it counts. `scope` and `name` say whose it is, as in `channel` and
    `push`.
    """

    scope: str
    name: str
    cap: Cap
    matches: Matches


class CapCheck(msgspec.Struct, frozen=True, gc=False):
    """One cap as it stands now. `ok` means that one more nudge fits: `used` counts those before it.

    `scope` is like `channel/push` or `overall`. `next_at_ms` is when a failed cap has room again, if no other
    nudge is charged until then; None if it has room, or if no time alone gives it any. `unknown` says why a
    window cannot be told.
    """

    scope: str
    window: str
    used: int
    max: int
    next_at_ms: int | None
    ok: bool
    unknown: str = ""

    @property
    def detail(self) -> str:
        """The numbers compared: `push 1 d: 2 of 2`."""
        numbers = self.unknown or f"{self.used} of {self.max}"
        return f"{self.scope.rpartition('/')[2]} {self.window}: {numbers}"


class Gap(msgspec.Struct, frozen=True, gc=False):
    """The last nudge, of all or of a group, is too recent; `next_at_ms` is when it no longer is."""

    detail: str
    next_at_ms: int
