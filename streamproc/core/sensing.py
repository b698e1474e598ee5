"""What beacons tell of a customer who agreed to it: visits, and the events that follow from them.

Without the consent to sensing nothing that a beacon heard is remembered, and what was is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from streamproc.core import visits
from streamproc.core.context import Context
from streamproc.core.event import VISIT_DWELLED, VISIT_ENDED, VISIT_KINDS, Event
from streamproc.core.memory import apply_moment
from streamproc.core.occasion import Occasion
from streamproc.core.recent import remembered, store_remembered

if TYPE_CHECKING:
    from streamproc.core.arrival import Rules
    from streamproc.core.visits import Happened


def occasions_of_beacon(context: Context, event: Event, rules: Rules, now_ms: int) -> Sequence[Occasion]:
    """Enter a beacon's event into the customer's visit; return what that gives reason to ask about."""
    policy = rules.policy
    at_ms = min(event.occurred_at_ms, now_ms)
    happened = visits.hear(context, event, at_ms, policy.overall.visits, policy.dwells_ms)
    return _occasions(context, event, happened, rules, now_ms) if happened else ()


def occasions_of_silence(context: Context, event: Event, rules: Rules, now_ms: int) -> Sequence[Occasion]:
    """End the visit that is over by now, whatever event lets us look; return what that gives reason to ask about."""
    happened = visits.end_due(context, now_ms, rules.policy.overall.visits)
    return _occasions(context, event, happened, rules, now_ms) if happened else ()


def forget_sensed(context: Context) -> None:
    """Forget all that a beacon told: where the customer is, and what is remembered of visits.

    What is still waited for goes on without its store and visit: it comes due to be recorded, never to be sent.
    """
    context.visit = context.nearby = None
    if any(b"visit." in packed for packed in context.recent):
        store_remembered(context, [one for one in remembered(context) if one.kind not in VISIT_KINDS])
    for name in [name for name in context.day_counts if name.partition("|")[0] in VISIT_KINDS]:
        del context.day_counts[name]
    if any(timer.kind in VISIT_KINDS for timer in context.timers):
        context.timers = [
            replace(timer, site_id="", visit_id="") if timer.kind in VISIT_KINDS else timer
            for timer in context.timers
        ]


def _occasions(
    context: Context, event: Event, happened: Iterable[Happened], rules: Rules, now_ms: int
) -> list[Occasion]:
    """Make an event of all that happened, and remember it as any other; what is too old by now triggers nothing."""
    policy = rules.policy
    occasions: list[Occasion] = []
    for one in happened:
        if now_ms - one.at_ms > rules.event_age_max_ms:
            continue
        derived = _event(event, one)
        apply_moment(context, derived, policy, lambda _category: False, now_ms)
        campaigns = policy.by_kind.get(one.kind, ())
        if one.kind == VISIT_DWELLED:
            campaigns = tuple([each for each in campaigns if each.trigger.dwell_min_ms in one.reached_ms])
        if campaigns:
            occasions.append(Occasion(derived, campaigns, one.visit_id))
    return occasions


def _event(event: Event, happened: Happened) -> Event:
    """Make an event of what happened to a visit, without a trace of zone, beacon or strength.

    A visit ends once, whoever notices it: so its end has an id of its own, the others that of the reading.
    """
    kind = happened.kind
    return replace(
        event,
        event_id=f"visit/{happened.visit_id}" if kind == VISIT_ENDED else event.event_id,
        kind=kind,
        surface="store",
        occurred_at_ms=happened.at_ms,
        site_id=happened.site_id,
        dwell_ms=happened.dwell_ms,
        zone_id=None,
        beacon=None,
        rssi_dbm=None,
        extra={},
    )
