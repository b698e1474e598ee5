"""Visits: what a phone hears of a store's beacons, made into one visit a store and customer.

A radio flaps: it hears a beacon twice, loses it for a minute behind a shelf, hears the shop next door, and tells of
all that late and out of order. So a visit begins only once enough readings lie far enough apart, goes on through
exits that are taken back within the hold-down, stays with its store until another one is heard for longer or plainly
louder, and ends by itself after silence. Times are those of the events, which small disorder does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.context import Visit
from streamproc.core.event import VISIT_DWELLED, VISIT_ENDED, VISIT_STARTED

if TYPE_CHECKING:
    from streamproc.core.context import Context
    from streamproc.core.event import Event
    from streamproc.core.policy.model import Visits

ENTERED: Final = "beacon.entered"
EXITED: Final = "beacon.exited"
# What a radio reports for a beacon it knows of and does not hear; nothing is heard below it.
NOT_HEARD_DBM: Final = -127
# Who is heard without a pause for longer (a phone that lies in the store) begins another visit, so that the charges
# of a visit need not be kept for ever.
VISIT_MS_MAX: Final = 24 * 3_600_000
# A store has a handful of zones that a phone can be in at once. One more is not remembered: its exit then counts for
# nothing, and silence ends the visit.
ZONES_MAX: Final = 8
# The mean of about the last four readings: one that is 20 dB off moves it by 5.
SMOOTHED_OVER: Final = 4


class Happened(msgspec.Struct, frozen=True, gc=False):
    """What became of a visit: it started, was stayed in for so long, or ended, at `at_ms`.

    `dwell_ms` is how long it had lasted; `reached_ms` are the thresholds that it reached just now.
    """

    kind: str
    visit_id: str
    site_id: str
    at_ms: int
    dwell_ms: int
    reached_ms: tuple[int, ...] = ()


def visit_id(visit: Visit) -> str:
    """Name a visit by its store and start: what `per: visit` and one sensed message a visit count by."""
    return f"{visit.site_id}/{visit.start_ms}"


def due_ms(visit: Visit | None, visits: Visits) -> int | None:
    """Return when an open visit ends unless the customer is heard again; None if there is none to end."""
    if visit is None or visit.over_ms:
        return None
    return min(_fades_ms(visit, visits), visit.start_ms + VISIT_MS_MAX)


def is_open(visit: Visit | None, now_ms: int, visits: Visits) -> bool:
    """Tell whether the customer is in a store, as far as is known."""
    ends_ms = due_ms(visit, visits)
    return ends_ms is not None and now_ms < ends_ms


def open_id(visit: Visit | None, now_ms: int, visits: Visits) -> str:
    """Name the visit that the customer is in, as far as is known; empty for none."""
    return visit_id(visit) if visit is not None and is_open(visit, now_ms, visits) else ""


def end_due(context: Context, now_ms: int, visits: Visits) -> list[Happened]:
    """End the visit that is over by now. The moment of its end is its own, however late somebody looks.

    Who looks at `wake_ms` and finds that the visit goes on looks again when it would end then: so a reading, which only
    ever puts the end off, need not wake anybody at another time.
    """
    visit = context.visit
    ends_ms = due_ms(visit, visits)
    if visit is None or ends_ms is None:
        return []
    if now_ms >= ends_ms:
        return [_end(visit, ends_ms)]
    if now_ms >= visit.wake_ms:
        visit.wake_ms = ends_ms
    return []


def hear(
    context: Context, event: Event, at_ms: int, visits: Visits, dwells_ms: Sequence[int]
) -> list[Happened]:
    """Enter a beacon's event, which happened at `at_ms`, into the customer's visit.

    `dwells_ms` are the lengths of stay that somebody wants to know of. Returns what happened, oldest first. An event
    that names no store, was not heard, or is older than the visit it would belong to changes nothing.
    """
    rssi_dbm = event.rssi_dbm
    if not event.site_id or (rssi_dbm is not None and rssi_dbm <= NOT_HEARD_DBM):
        return []
    happened = end_due(context, at_ms, visits)
    if event.kind == EXITED:
        for stay in (context.visit, context.nearby):
            if stay is not None and stay.site_id == event.site_id and not stay.over_ms:
                _leave(stay, event, at_ms, visits)
        return happened
    visit = context.visit
    if visit is not None and visit.site_id == event.site_id and not visit.over_ms:
        return happened + _stay(context, visit, event, at_ms, visits, dwells_ms)
    if visit is None or at_ms >= (visit.over_ms if visit.site_id == event.site_id else visit.start_ms):
        return happened + _approach(context, event, at_ms, visits, dwells_ms)
    return happened


def _leave(stay: Visit, event: Event, at_ms: int, visits: Visits) -> None:
    """Enter an exit: of one zone, or of the whole store where it names none. The hold-down begins with the last one.

    An exit lags by half a minute or more, so it proves no stay: it only ever ends one.
    """
    zone = event.zone_id
    stay.zones = {
        name: since_ms for name, since_ms in stay.zones.items() if since_ms > at_ms or (zone and name != zone)
    }
    if not stay.zones and at_ms >= stay.last_ms:
        stay.exit_ms = max(stay.exit_ms, at_ms)
        stay.wake_ms = min(stay.wake_ms, stay.exit_ms + visits.rejoin_ms)


def _stay(
    context: Context, visit: Visit, event: Event, at_ms: int, visits: Visits, dwells_ms: Sequence[int]
) -> list[Happened]:
    """Enter a reading of the store that the customer is in; too weak a one keeps nobody there."""
    if at_ms < visit.start_ms or at_ms <= visit.exit_ms:
        return []
    _smooth(visit, event)
    floor_dbm = visits.rssi_min_dbm - visits.rssi_margin_db
    if _is_below(visit, floor_dbm) or _is_louder_elsewhere(context, visit, at_ms, visits):
        return []
    before_ms = visit.last_ms - visit.start_ms
    _read(visit, event, at_ms)
    return _dwelled(visit, before_ms, dwells_ms)


def _approach(
    context: Context, event: Event, at_ms: int, visits: Visits, dwells_ms: Sequence[int]
) -> list[Happened]:
    """Enter a reading of a store that the customer is not in: enough of them are a visit."""
    stay = context.nearby
    if stay is not None and stay.site_id != event.site_id:
        # Of two stores that begin to be heard at once the first is followed, until it falls silent.
        if stay.readings and at_ms < stay.last_ms + visits.rejoin_ms:
            return []
        stay = None
    if stay is None or at_ms >= _fades_ms(stay, visits):
        stay = context.nearby = Visit(event.site_id or "", at_ms, at_ms)
    elif at_ms <= stay.start_ms - visits.silence_ms:
        return []
    _smooth(stay, event)
    if _is_below(stay, visits.rssi_min_dbm):
        return []
    if not stay.readings:
        stay.start_ms = stay.last_ms = at_ms
    if not stay.readings or not stay.start_ms <= at_ms <= stay.last_ms:
        stay.readings += 1
    stay.start_ms = min(stay.start_ms, at_ms)
    if at_ms <= stay.exit_ms:
        return []
    _read(stay, event, at_ms)
    if stay.readings < visits.readings_min:
        return []
    return _arrive(context, stay, at_ms, visits, dwells_ms)


def _arrive(
    context: Context, stay: Visit, at_ms: int, visits: Visits, dwells_ms: Sequence[int]
) -> list[Happened]:
    """Begin the visit once it is long enough, unless the customer is still in another store: visits never overlap."""
    before, since_ms = context.visit, stay.start_ms
    if before is not None:
        since_ms = max(since_ms, _left_ms(before))
        if not before.over_ms and at_ms < before.last_ms + visits.rejoin_ms:
            return []
    if stay.last_ms - since_ms < visits.dwell_min_ms:
        return []
    happened: list[Happened] = []
    if before is not None and not before.over_ms:
        happened.append(_end(before, before.last_ms + visits.rejoin_ms))
    stay.start_ms = since_ms
    stay.wake_ms = stay.last_ms + visits.silence_ms
    context.visit, context.nearby = stay, None
    dwell_ms = stay.last_ms - stay.start_ms
    happened.append(Happened(VISIT_STARTED, visit_id(stay), stay.site_id, stay.last_ms, dwell_ms))
    return happened + _dwelled(stay, -1, dwells_ms)


def _end(visit: Visit, ends_ms: int) -> Happened:
    visit.over_ms = ends_ms
    left_ms = _left_ms(visit)
    return Happened(VISIT_ENDED, visit_id(visit), visit.site_id, left_ms, left_ms - visit.start_ms)


def _left_ms(visit: Visit) -> int:
    return max(visit.last_ms, visit.exit_ms)


def _dwelled(visit: Visit, before_ms: int, dwells_ms: Sequence[int]) -> list[Happened]:
    """Tell which lengths of stay were reached since the visit had lasted `before_ms`: so each is told once."""
    dwell_ms = visit.last_ms - visit.start_ms
    reached_ms = tuple([one_ms for one_ms in dwells_ms if before_ms < one_ms <= dwell_ms])
    if not reached_ms:
        return []
    return [Happened(VISIT_DWELLED, visit_id(visit), visit.site_id, visit.last_ms, dwell_ms, reached_ms)]


def _read(stay: Visit, event: Event, at_ms: int) -> None:
    """Enter a reading: the customer was there at `at_ms`, which takes back an exit before it."""
    stay.last_ms = max(stay.last_ms, at_ms)
    stay.exit_ms = 0
    zone = event.zone_id or ""
    if event.kind == ENTERED and (zone in stay.zones or len(stay.zones) < ZONES_MAX):
        stay.zones[zone] = max(at_ms, stay.zones.get(zone, at_ms))


def _smooth(stay: Visit, event: Event) -> None:
    """Move the smoothed strength by a reading, where the phone tells how loud it was."""
    heard_dbm = event.rssi_dbm
    if heard_dbm is not None:
        before_dbm = heard_dbm if stay.rssi_dbm is None else stay.rssi_dbm
        stay.rssi_dbm = before_dbm + (heard_dbm - before_dbm) / SMOOTHED_OVER


def _is_below(stay: Visit, floor_dbm: float) -> bool:
    return stay.rssi_dbm is not None and stay.rssi_dbm < floor_dbm


def _is_louder_elsewhere(context: Context, visit: Visit, at_ms: int, visits: Visits) -> bool:
    """Tell whether another store was heard lately, and by so much louder that the customer must be there."""
    other = context.nearby
    if other is None or other.rssi_dbm is None or visit.rssi_dbm is None or other.site_id == visit.site_id:
        return False
    is_fresh = at_ms - other.last_ms < visits.rejoin_ms
    return is_fresh and other.rssi_dbm >= visit.rssi_dbm + visits.rssi_margin_db


def _fades_ms(stay: Visit, visits: Visits) -> int:
    """Return until when a reading goes on from what was heard before."""
    return stay.exit_ms + visits.rejoin_ms if stay.exit_ms else stay.last_ms + visits.silence_ms
