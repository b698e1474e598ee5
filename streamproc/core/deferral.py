"""Later instead of never: when a message that only the hour forbids may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc.core.reasons import Gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.gates import Case
    from streamproc.core.policy.model import Channel
    from streamproc.core.reasons import Why


class Deferral(msgspec.Struct, frozen=True):
    """A message that is held: on `channel` it may go from `opens_ms`, and no later than `until_ms`."""

    case: Case
    channel: Channel
    opens_ms: int
    until_ms: int


def deferral(case: Case, channel: Channel, failed: Sequence[Why]) -> Deferral | None:
    """Return until when a message is held on this channel, where nothing but its quiet hours is in the way.

    None where they last longer than it may be held, and for what a beacon caused just now: that is about being there.
    What was held before is held no longer than was said then.
    """
    if not failed or any(why.code != Gate.QUIET_HOURS for why in failed):
        return None
    opens_ms = failed[0].next_at_ms
    return None if opens_ms is None else hold(case, channel, opens_ms)


def hold(case: Case, channel: Channel, opens_ms: int) -> Deferral | None:
    """Hold a message on this channel until `opens_ms`, if it may be held so long."""
    scene, quiet = case.scene, channel.quiet
    if quiet is None or (case.campaign.sensed and scene.timer is None):
        return None
    held_until_ms = scene.timer.held_until_ms if scene.timer is not None else 0
    until_ms = held_until_ms or scene.now_ms + quiet.hold_max_ms
    return Deferral(case, channel, opens_ms, until_ms) if opens_ms <= until_ms else None
