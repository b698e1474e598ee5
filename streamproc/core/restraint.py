"""What restrains one customer's messages from an event on."""

from __future__ import annotations

import msgspec


class Restraint(msgspec.Struct, frozen=True):
    """One change that restrains, as the ledger names it; `until_ms` is when it ends by itself."""

    kind: str  # fulfilled | hold | mute
    until_ms: int
    channel: str = ""
    category: str = ""
