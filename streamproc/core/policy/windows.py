"""How long a charge must be kept, so that no window of any cap forgets it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streamproc.core.creep.model import Model
from streamproc.core.event import VISIT_KINDS
from streamproc.core.policy.caps import DAY_MS
from streamproc.core.policy.categories import Categories
from streamproc.core.policy.channels import Channels
from streamproc.core.policy.model import Campaign, Cap, Period
from streamproc.core.visits import VISIT_MS_MAX

FOR_EVER: Final = -1
HOUR_MS: Final = 3_600_000
# A calendar window can last longer than its name says: zones lie up to 26 h apart (UTC-12 to UTC+14), and a
# customer who flies west sees the same date again; the clock change adds one hour.
CALENDAR_SLACK_MS: Final = 27 * HOUR_MS
_PERIOD_MS: Final = {
    Period.DAY: DAY_MS,
    Period.VISIT: VISIT_MS_MAX,
    Period.WEEK: 7 * DAY_MS,
    Period.MONTH: 31 * DAY_MS,
}
# Every customer may set nudges a week, so a charge is never forgotten sooner.
CUSTOMER_WINDOW_MS: Final = 7 * DAY_MS
# What is kept for longer would fill the memory of who orders much, and the answer to a full one is silence.
HALVES: Final = 2


def window_ms(cap: Cap) -> int:
    """Return the longest time between two nudges that fall into one window of this cap; -1 for ever."""
    if cap.ever:
        return FOR_EVER
    if cap.per is not None:
        return _PERIOD_MS[cap.per] + CALENDAR_SLACK_MS
    return cap.rolling_ms or 0


def charge_ms_max(
    channels: Channels, categories: Categories, campaigns: Iterable[Campaign], creep: Model
) -> int:
    """Return how long a charge is kept; -1 for ever.

    It is the longest window of all caps and groups, the minimum gap and one sensed nudge a visit, and no less than it
    takes a repeated message to be a quarter of what it was. What waits for after a visit still belongs to it, so a
    visit's window is longer by that.
    """
    campaigns = list(campaigns)
    caps = [*channels.overall.caps, *categories.default.caps]
    caps += [cap for channel in channels.channels.values() for cap in channel.caps]
    caps += [cap for category in categories.categories.values() for cap in category.caps]
    caps += [cap for campaign in campaigns for cap in campaign.caps]
    if channels.overall.one_sensed_per_visit:
        caps.append(Cap(1, per=Period.VISIT))
    waits_ms = [one.wait.ms for one in campaigns if one.wait is not None and one.trigger.kind in VISIT_KINDS]
    holds_ms = [one.hold_max_ms for one in channels.channels.values()]
    later_ms = max(waits_ms, default=0) + max(holds_ms, default=0)
    windows = [window_ms(cap) + (later_ms if cap.per is Period.VISIT else 0) for cap in caps]
    if FOR_EVER in windows:
        return FOR_EVER
    groups = [group.window_ms for group in channels.groups.values()]
    repeated_ms = HALVES * creep.scales.repeated_ms
    return max([CUSTOMER_WINDOW_MS, repeated_ms, channels.overall.gap_min_ms, *groups, *windows])
