"""Occasions: what one record gives reason to ask campaigns about.

An arriving event is one; what follows from it may give others. All occasions of one record are judged together: there
is one decision, and at most one nudge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamproc.core.event import Event
from streamproc.core.occasion import Occasion
from streamproc.core.policy.model import Policy

NONE: Final[tuple[Occasion, ...]] = ()


def occasions_of(event: Event, policy: Policy) -> Sequence[Occasion]:
    """Return what an event gives reason to ask about; nothing, for most events."""
    campaigns = policy.by_kind.get(event.kind)
    if campaigns:
        return (Occasion(event, campaigns),)
    return (Occasion(event, ()),) if event.kind in policy.ending else NONE
