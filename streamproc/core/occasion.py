"""An occasion: what gives reason to ask campaigns."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from streamproc.core.context import Timer
from streamproc.core.event import Event
from streamproc.core.policy.model import Campaign


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """An event as conditions see it, and the campaigns to ask, in the policy's order.

    A nudge that it causes carries the event's id. `visit_id` names the visit that it is about, where it is about one;
    `timer` is what came due, where that is the occasion.
    """

    event: Event
    campaigns: Sequence[Campaign]
    visit_id: str = ""
    timer: Timer | None = None
