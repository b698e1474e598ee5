"""Every zone of the tz database, every setting of a clock in 2026 and 2027: what is local is right to the minute.

The oracle is `wall_clocks`: pieces of constant offset and integers. Zones whose clocks are set alike are one clock, and
each clock is walked through for 26 hours on either side of each setting of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, groupby, pairwise
from operator import itemgetter
from zoneinfo import ZoneInfo

import pytest

from streamproc.core import caps
from streamproc.core.arrival import Rules
from streamproc.core.conditions_moment import time_of_day, weekday_in
from streamproc.core.context import Charge
from streamproc.core.day_counts import count, counted, day_of
from streamproc.core.policy.loader import index_by_kind
from streamproc.core.policy.model import Cap, Overall, Period, Policy, Quiet, Spend
from streamproc.core.policy.windows import window_ms
from streamproc.core.quiet_hours import is_open, next_open_ms
from streamproc.core.store_hours import Week, closes_ms
from streamproc.core.switches import Switches
from streamproc.core.triggers import _on_days
from streamproc.core.zones import zone, zone_names
from streamproc.ops.verify.caps import _period
from streamproc.purse import _day_of
from tests.core.shopper import ALLOWED, Shopper, shop
from tests.core.wall_clocks import (
    DAY_MIN,
    EPOCH,
    FROM_MIN,
    HOUR_MIN,
    MINUTE_MS,
    WallClock,
    clock_of,
    clocks,
    days_of,
    minute_of,
    names,
)
from tests.policy.rules import scene

AROUND_MIN = 26 * HOUR_MIN
LOOK_AHEAD_MIN = 3 * DAY_MIN
LAST_MS = MINUTE_MS - 1
PERIODS = tuple(one for one in Period if one is not Period.VISIT)
NEW_YEAR = minute_of("2027-01-01T00:00Z")
TURNS = [(clock, turn) for clock in clocks() for turn in clock.changes or (NEW_YEAR,)]
"""Every setting of every clock; the turn of the year for those that are never set."""


def known(name: str) -> ZoneInfo:
    found = zone(name)
    assert found is not None
    return found


def zone_of(clock: WallClock) -> ZoneInfo:
    return known(clocks()[clock][0])


def called(clock: WallClock) -> str:
    return clocks()[clock][0]


def windows(clock: WallClock, change: int) -> list[tuple[int, int]]:
    """Return windows of the day, in minutes: the usual ones, and those with ends in and at the gap or fold."""
    before, after = clock.shown(change - 1)[1] + 1, clock.shown(change)[1]
    low, high = sorted((before, after))
    inside = (low + high) // 2 if high - low <= 3 * HOUR_MIN else 15  # Over midnight they are far apart.
    ends = [
        *((0, DAY_MIN), (540, 1200), (1200, 540), (inside, inside)),
        *((low, high), (high, low), (inside, high), (low, inside), (inside - 10, inside + 10)),
        *((inside, low), (low - 30, inside), (inside, high + 30), (high + 5, inside)),
    ]
    return [(opens % DAY_MIN, closes if closes == DAY_MIN else closes % DAY_MIN) for opens, closes in ends]


def minutes_of(opens: int, closes: int) -> frozenset[int]:
    """Return the minutes of the day in a window; one whose ends are equal is empty."""
    if opens <= closes:
        return frozenset(range(opens, closes))
    return frozenset((*range(opens, DAY_MIN), *range(closes)))


def moments(every: int = 17) -> Iterator[tuple[WallClock, int]]:
    """Yield minutes around each setting of each clock, all of them near it and near each midnight it shows."""
    for clock, change in TURNS:
        for minute, _, shown in clock.walk(change - AROUND_MIN, change + AROUND_MIN):
            near_midnight = shown < 2 or shown >= DAY_MIN - 2
            if abs(minute - change) < 3 or near_midnight or (minute - change) % every == 0:
                yield clock, minute


def test_the_database_is_read_whole_and_the_odd_clocks_are_in_it() -> None:
    assert sum(len(zones) for zones in clocks().values()) == len(names()) == len(zone_names()) > 500
    assert [minute_of(text) for text in ("2026-03-29T01:00Z", "2026-10-25T01:00Z")] == list(
        clock_of("Europe/Dublin").changes[:2]
    )
    shifts = {
        abs(after.offset - before.offset) for clock in clocks() for before, after in pairwise(clock.pieces)
    }
    assert {30, 60, 120} <= shifts, "Lord Howe, most zones, Troll"
    offsets = {clock.offset(minute_of("2027-01-01T00:00Z")) for clock in clocks()}
    assert {-12 * HOUR_MIN, 14 * HOUR_MIN, 345, 825} <= offsets, "date line, Kathmandu, Chatham"


def test_some_days_of_the_two_years_last_22_or_26_hours_and_some_begin_at_one() -> None:
    lengths: set[int] = set()
    beginnings: set[int] = set()
    for clock, change in TURNS:
        first = clock.shown(change - AROUND_MIN)[0]
        starts = [clock.first_minute(day) for day in range(first, first + 5)]
        lengths.update(until - start for start, until in pairwise(starts))
        beginnings.update(clock.shown(start)[1] for start in starts)
    assert {hours / 60 for hours in lengths} == {22, 23, 23.5, 24, 24.5, 25, 26}
    assert beginnings == {0, HOUR_MIN}


def test_no_day_of_the_two_years_comes_in_two_parts() -> None:
    """Else a cap a day would have to forget a nudge and remember it again."""
    for clock, change in TURNS:
        days = [day for _, day, _ in clock.walk(change - AROUND_MIN, change + AROUND_MIN)]
        assert days == sorted(days)


def test_every_zone_is_known_and_shows_what_its_clock_shows() -> None:
    for clock, alike in clocks().items():
        at = [*clock.changes, *(change - 1 for change in clock.changes), minute_of("2027-01-15T11:59Z")]
        for name in alike:
            for minute in at:
                day, shown = clock.shown(minute)
                local = datetime.fromtimestamp(minute * 60, UTC).astimezone(known(name))
                assert ((local.date() - EPOCH).days, local.hour * 60 + local.minute) == (day, shown)
                assert day_of(minute * MINUTE_MS, known(name)) == day + EPOCH.toordinal()


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_quiet_hours_are_right_to_the_minute(every: int) -> None:
    """Asked are the minutes around each opening and closing, and every 13th or every one of the others."""
    for clock, change in TURNS:
        walked = list(clock.walk(change - AROUND_MIN, change + AROUND_MIN + LOOK_AHEAD_MIN))
        for opens, closes in windows(clock, change):
            check_quiet_hours(walked, zone_of(clock), Quiet(opens, closes), every)


def check_quiet_hours(
    walked: list[tuple[int, int, int]], in_zone: ZoneInfo, quiet: Quiet, every: int
) -> None:
    allowed, opens_min = minutes_of(quiet.open_min, quiet.close_min), -1
    is_allowed = [shown in allowed for _, _, shown in walked]
    for index in range(len(walked) - 1, -1, -1):
        minute, open_now = walked[index][0], is_allowed[index]
        opens_min = minute if open_now else opens_min
        if is_asked(index, is_allowed, every):
            at_ms = minute * MINUTE_MS + (LAST_MS if index % 2 else 0)
            assert is_open(quiet, at_ms, in_zone) == open_now, (in_zone.key, quiet, at_ms)
            if allowed:
                expected = at_ms if open_now else opens_min * MINUTE_MS
                assert next_open_ms(quiet, at_ms, in_zone) == expected, (in_zone.key, quiet, at_ms)


def is_asked(index: int, states: list[bool], every: int) -> bool:
    """Choose the minutes on both sides of each change of state, and some in between, around a setting of the clock."""
    if index >= 2 * AROUND_MIN:
        return False
    now = states[index]
    return index % every == 0 or now != states[index + 1] or now != states[index - 1]


def charge(at_ms: int, nudge: str) -> Charge:
    return Charge(at_ms, 2**53, nudge.encode(), b"", "push", "look", "coats")


@pytest.mark.parametrize("period", PERIODS)
def test_a_calendar_cap_counts_from_the_first_minute_of_its_window_until_the_last(period: Period) -> None:
    cap = (caps.Scoped("overall", "", Cap(1, per=period, text="1"), lambda _: True),)
    for clock, minute in moments():
        first, following = days_of(clock.shown(minute)[0], period)
        begins_ms = clock.first_minute(first) * MINUTE_MS
        ends_ms = clock.first_minute(following) * MINUTE_MS
        now_ms = minute * MINUTE_MS + minute * 997 % MINUTE_MS
        for at_ms, used in ((begins_ms - 1, 0), (begins_ms, 1), (now_ms, 1)):
            (found,) = caps.check(cap, [charge(at_ms, "n")], now_ms, zone_of(clock), "")
            expected = (used, used == 0, None if used == 0 else ends_ms)
            assert (found.used, found.ok, found.next_at_ms) == expected, (called(clock), now_ms, at_ms)


@pytest.mark.parametrize("period", PERIODS)
def test_verify_has_the_same_calendar(period: Period) -> None:
    for clock, minute in moments(every=61):
        first, following = days_of(clock.shown(minute)[0], period)
        now = _period(minute * MINUTE_MS + LAST_MS, called(clock), period)
        assert (now - EPOCH).days == first
        for start, is_same in ((first, True), (following, False)):
            begins_ms = clock.first_minute(start) * MINUTE_MS
            assert (_period(begins_ms, called(clock), period) == now) == is_same
            assert (_period(begins_ms - 1, called(clock), period) == now) != is_same


def test_no_charge_is_forgotten_before_its_calendar_window_ends() -> None:
    for clock, minute in moments(every=61):
        for period in PERIODS:
            first, following = (clock.first_minute(day) for day in days_of(clock.shown(minute)[0], period))
            assert (following - first) * MINUTE_MS <= window_ms(Cap(1, per=period))


def test_a_counter_of_days_counts_on_the_day_that_the_clock_shows() -> None:
    for clock, minute in moments(every=61):
        at_ms, day = minute * MINUTE_MS + LAST_MS, clock.shown(minute)[0] + EPOCH.toordinal()
        counts: dict[str, bytes] = {}
        count(counts, ["seen"], day_of(at_ms, zone_of(clock)))
        assert counted(counts, ["seen"], day) == ({day: 1}, True)
        assert counted(counts, ["seen"], day + 1) == ({}, True)


def test_conditions_on_the_time_of_day_and_on_dates_read_the_clock() -> None:
    for clock, change in TURNS:
        asked = [(minutes_of(*one), time_of_day([one])) for one in windows(clock, change) if one[0] != one[1]]
        for minute, day, shown in clock.walk(change - AROUND_MIN, change + AROUND_MIN):
            if abs(minute - change) > 2 and shown not in (0, DAY_MIN - 1) and minute % 29:
                continue
            here = scene(zone=called(clock), now_ms=minute * MINUTE_MS + LAST_MS)
            for allowed, (holds, fails) in asked:
                assert (holds(here), fails(here)) == (shown in allowed, shown not in allowed)
            today = (EPOCH + timedelta(days=day)).isoformat()
            assert here.local_day == _day_of(Spend(1, called(clock)), here.now_ms) == today
            assert _on_days(today, today)(here)
            assert weekday_in([(day + 3) % 7])[0](here)


@cache
def one_push_a_day(opens: int, closes: int) -> Policy:
    """The shop, where looking is answered by a push, once a local day and within these hours."""
    policy = shop()
    push = replace(policy.channels["push"], quiet=Quiet(opens, closes), caps=(Cap(1, per=Period.DAY),))
    campaigns = {"look": replace(policy.campaigns["look"], channels=("push",), caps=())}
    return replace(
        policy,
        channels={"push": push},
        overall=Overall(),
        campaigns=campaigns,
        by_kind=index_by_kind(campaigns),
    )


@pytest.mark.parametrize("hours", [(22 * HOUR_MIN, 5 * HOUR_MIN), (0, DAY_MIN), (90, 150), (1410, 30)])
def test_who_looks_all_the_time_hears_at_the_first_open_minute_of_each_local_day(
    hours: tuple[int, int],
) -> None:
    allowed = minutes_of(*hours)
    for clock, walked in groupby(moments(every=31), key=itemgetter(0)):
        shopper = Shopper(
            Rules(one_push_a_day(*hours), Switches(), 7, DAY_MIN * MINUTE_MS), now_ms=FROM_MIN * MINUTE_MS
        )
        for channel, purpose in ALLOWED:
            shopper.consents(channel, purpose)
        shopper.tells(timezone=called(clock))
        spoken: set[int] = set()
        for _, minute in walked:
            day, shown = clock.shown(minute)
            shopper.now_ms = minute * MINUTE_MS + LAST_MS
            said = shopper.views(f"coat-{minute}").nudge is not None
            assert said == (shown in allowed and day not in spoken), (called(clock), minute, shown)
            spoken |= {day} if said else set()
        assert len(spoken) > 1


HOURS: Week = (
    ((600, 1200), (1200, 1320)),  # Two windows that touch, on Monday.
    ((540, 720), (780, 1080)),
    ((0, DAY_MIN),),
    ((1380, 60),),
    (),
    ((1320, 150), (600, 1100)),  # Into Sunday, when most clocks are set.
    ((170, 1410),),
)
SHUT = 5
"""Every fifth day the store is shut all the same."""


def hours_of(windows: Sequence[tuple[int, int]]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the open minutes of the day on which the windows begin, and those of the next day."""
    this = [range(opens, closes if opens < closes else DAY_MIN) for opens, closes in windows]
    following = [range(closes) for opens, closes in windows if closes < opens]
    return frozenset(chain(*this)), frozenset(chain(*following))


def test_a_store_closes_at_the_first_minute_at_which_its_clock_shows_that_it_is_not_open() -> None:
    hours, shut = [hours_of(windows) for windows in HOURS], hours_of(())
    for clock, change in TURNS:
        walked = list(clock.walk(change - AROUND_MIN, change + AROUND_MIN + DAY_MIN + 2 * HOUR_MIN))
        days = range(walked[0][1] - 1, walked[-1][1] + 1)
        begun = {day: shut if day % SHUT == 0 else hours[(day + 3) % 7] for day in days}
        closed_on = frozenset((EPOCH + timedelta(days=day)).isoformat() for day in days if day % SHUT == 0)
        is_in_hours = [shown in begun[day][0] or shown in begun[day - 1][1] for _, day, shown in walked]
        closes_min = -1
        for index in range(len(walked) - 1, -1, -1):
            minute, open_now = walked[index][0], is_in_hours[index]
            closes_min = closes_min if open_now else minute
            if is_asked(index, is_in_hours, 41):
                now_ms = minute * MINUTE_MS + LAST_MS
                expected = closes_min * MINUTE_MS if open_now else None
                assert closes_ms(HOURS, closed_on, now_ms, zone_of(clock)) == expected, (
                    called(clock),
                    now_ms,
                )
