"""Later instead of never: when a message that only the hour forbids may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.policy.model import Quiet
from streamproc.core.quiet_hours import next_open_ms
from streamproc.core.reasons import Gate
from streamproc.core.zones import local_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from streamproc.core.case import Case
    from streamproc.core.creep.model import Scales
    from streamproc.core.policy.model import Channel
    from streamproc.core.reasons import Why

DAY_MIN: Final = 24 * 60


class Deferral(msgspec.Struct, frozen=True):
    """A message that is held: on `channel` it may go from `opens_ms`, and no later than `until_ms`.

    `eased` tells that the throttle puts it off.
    """

    case: Case
    channel: Channel
    opens_ms: int
    until_ms: int
    eased: bool = False


def deferral(case: Case, channel: Channel, failed: Sequence[Why]) -> Deferral | None:
    """Return until when a message is held on this channel, where nothing but its quiet hours is in the way.

    None where they last longer than it may be held, and for what a beacon caused just now: that is about being there.
    What was held before is held no longer than was said then.
    """
    if len(failed) != 1 or failed[0].code != Gate.QUIET_HOURS:
        return None
    opens_ms = failed[0].next_at_ms
    until_ms = _until_ms(case, channel)
    return None if opens_ms is None or opens_ms > until_ms else Deferral(case, channel, opens_ms, until_ms)


def put_off(case: Case, channel: Channel) -> Deferral | None:
    """Hold a message on this channel until calm hours begin next: today if that is to come, else tomorrow.

    None where it may not be held so long, or is not worth saying then: the campaign's own `expires` has passed, or its
    last day.
    """
    scene, campaign = case.scene, case.campaign
    until_ms = _until_ms(case, channel)
    if campaign.expires_ms is not None:
        until_ms = min(until_ms, scene.now_ms + campaign.expires_ms)
    if until_ms <= scene.now_ms or case.zone is None:
        return None
    calm_ms = _calm_ms(scene.policy.creep.scales, scene.now_ms, case.zone)
    if calm_ms is None or calm_ms > until_ms:
        return None
    if campaign.active_until and local_day(calm_ms, case.zone) > campaign.active_until:
        return None
    return Deferral(case, channel, calm_ms, until_ms, eased=True)


def _until_ms(case: Case, channel: Channel) -> int:
    """Return until when a message may be held here, 0 if not at all."""
    scene = case.scene
    if case.campaign.sensed and scene.timer is None:
        return 0
    held_until_ms = scene.timer.held_until_ms if scene.timer is not None else 0
    if not channel.hold_max_ms:
        return 0
    return held_until_ms or scene.now_ms + channel.hold_max_ms


def _calm_ms(scales: Scales, now_ms: int, zone: ZoneInfo) -> int | None:
    """Return when calm hours begin next, after now; None where all hours are."""
    opens, closes = scales.calm_from_min, scales.calm_until_min
    if (closes - opens) % DAY_MIN == 0:
        return None
    busy = Quiet(closes % DAY_MIN, opens)
    return next_open_ms(Quiet(opens, closes), next_open_ms(busy, now_ms, zone), zone)
