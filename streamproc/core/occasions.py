"""Occasions: what one record gives reason to ask campaigns about.

An arriving event is one; what follows from it may give others. All occasions of one record are judged together: there
is one decision, and at most one nudge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from streamproc.core.context import Timer
from streamproc.core.event import Event
from streamproc.core.policy.model import Campaign, Policy


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """An event as conditions see it, and the campaigns to ask, in the policy's order.

    A nudge that it causes carries the event's id. `visit_id` names the visit that it is about, where it is about one;
    `timer` is what came due, where that is the occasion.
    """

    event: Event
    campaigns: Sequence[Campaign]
    visit_id: str = ""
    timer: Timer | None = None


NONE: Final[tuple[Occasion, ...]] = ()


def occasions_of(event: Event, policy: Policy) -> Sequence[Occasion]:
    """Return what an event gives reason to ask about; nothing, for most events."""
    campaigns = policy.by_kind.get(event.kind)
    if campaigns:
        return (Occasion(event, campaigns),)
    return (Occasion(event, ()),) if event.kind in policy.ending else NONE
