"""Caps: no window ever holds more than its cap allows, whatever the times and the clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.cap_check import CapCheck, Scoped
from streamproc.core.caps import caps_over, channel_caps, check, expire, gap, is_full, shared_caps
from streamproc.core.context import CHARGES_MAX, Charge, Profile
from streamproc.core.policy.model import Campaign, Cap, Category, Channel, Overall, Period, Policy
from streamproc.core.zones import zone

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEVER_MS = 2**53 - 1


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def known(name: str) -> ZoneInfo:
    found = zone(name)
    assert found is not None
    return found


NOON_MS = ms("2026-11-27T12:00+01:00")
BERLIN = known("Europe/Berlin")
DAILY = Cap(max=2, per=Period.DAY, text="1 d")
ROLLING = Cap(max=2, rolling_ms=DAY_MS, text="1 d rolling")


def charge(at_ms: int, number: int = 0, **fields: object) -> Charge:
    known_fields = {
        "channel": "push",
        "campaign": "cart",
        "category": "coats",
        "until_ms": NEVER_MS,
        **fields,
    }
    return Charge(at_ms=at_ms, nudge_id=number.to_bytes(16, "big"), event=bytes(8), **known_fields)  # type: ignore[arg-type]


def overall(cap: Cap) -> tuple[Scoped, ...]:
    return (Scoped("overall", "", cap, lambda _charge: True),)


def checked(cap: Cap, charges: list[Charge], now_ms: int, in_zone: ZoneInfo | None = BERLIN) -> CapCheck:
    return check(overall(cap), charges, now_ms, in_zone, "")[0]


def policy_with(*caps: Cap) -> Policy:
    return Policy(
        version="1",
        locale="en",
        channels={},
        overall=Overall(caps=caps),
        categories={},
        default_category=Category("default"),
        controls={},
        reasons={},
        campaigns={},
        by_kind={},
        remembered=frozenset(),
        charge_ms_max=0,
        find_category=Category,
    )


PUSH = Channel("push", "push", "app", 0.8, 0.2, None, (ROLLING,), expires_ms=HOUR_MS)


def campaign_with(*caps: Cap) -> Campaign:
    return Campaign(
        id="cart",
        helps="",
        purpose="marketing",
        priority=1,
        trigger=None,  # type: ignore[arg-type]
        when=lambda _scene: True,
        channels=("push",),
        category="coats",
        facts={},
        because=(),
        caps=caps,
        content={},
    )


def test_the_caps_over_a_candidate_stand_in_a_fixed_order() -> None:
    scoped = (
        *channel_caps(PUSH),
        *shared_caps(
            policy_with(DAILY),
            campaign_with(DAILY),
            Category("coats", caps=(DAILY,)),
            Profile(nudges_per_week_max=3),
        ),
    )
    checks = check(scoped, [charge(NOON_MS)], NOON_MS, BERLIN, "")
    assert [one.scope for one in checks] == [
        "channel/push",
        "campaign/cart",
        "category/coats",
        "overall",
        "customer",
    ]
    assert [one.used for one in checks] == [1, 1, 1, 1, 1]


def test_a_cap_counts_only_the_charges_of_its_own_scope() -> None:
    others = [charge(NOON_MS, 1, channel="sms", campaign="welcome", category="wine")]
    scoped = (
        *channel_caps(PUSH),
        *shared_caps(policy_with(DAILY), campaign_with(DAILY), Category("coats", caps=(DAILY,)), Profile()),
    )
    assert [one.used for one in check(scoped, others, NOON_MS, BERLIN, "")] == [0, 0, 0, 1]


def test_a_failed_cap_says_which_numbers_were_compared() -> None:
    full = [charge(NOON_MS - 1, 1), charge(NOON_MS - 2, 2)]
    (one,) = check(channel_caps(PUSH), full, NOON_MS, BERLIN, "")
    assert one == CapCheck("channel/push", "1 d rolling", 2, 2, NOON_MS - 2 + DAY_MS, ok=False)
    assert one.detail == "push 1 d rolling: 2 of 2"


def test_a_customers_own_pace_may_be_zero() -> None:
    scoped = shared_caps(policy_with(), campaign_with(), Category("coats"), Profile(nudges_per_week_max=0))
    (one,) = check(scoped, [], NOON_MS, BERLIN, "")
    assert (one.ok, one.used, one.max, one.next_at_ms) == (False, 0, 0, None)


def test_a_rolling_window_leaves_out_its_far_end_and_holds_its_near_one() -> None:
    charges = [charge(NOON_MS - DAY_MS, 1), charge(NOON_MS - DAY_MS + 1, 2), charge(NOON_MS, 3)]
    assert checked(ROLLING, charges, NOON_MS).used == 2


def test_a_calendar_day_begins_at_the_customers_midnight() -> None:
    before, after = charge(ms("2026-11-26T23:59+01:00"), 1), charge(ms("2026-11-27T00:00+01:00"), 2)
    assert checked(DAILY, [before, after], NOON_MS).used == 1
    assert checked(DAILY, [before, after], NOON_MS, known("America/New_York")).used == 0


def test_a_calendar_cap_fails_where_the_zone_is_unknown() -> None:
    one = checked(DAILY, [], NOON_MS, None)
    assert (one.ok, one.detail, one.next_at_ms) == (False, "overall 1 d: zone unknown", None)


def test_a_rolling_cap_needs_no_zone() -> None:
    assert checked(ROLLING, [], NOON_MS, None).ok


def test_a_visits_cap_counts_the_same_visit_only() -> None:
    once = overall(Cap(max=1, per=Period.VISIT, text="visit"))
    charges = [charge(NOON_MS, 1, visit="berlin-1/2026-11-27")]
    assert not check(once, charges, NOON_MS, BERLIN, "berlin-1/2026-11-27")[0].ok
    assert check(once, charges, NOON_MS, BERLIN, "berlin-2/2026-11-27")[0].ok


def test_a_visits_cap_fails_where_there_is_no_visit() -> None:
    assert (
        checked(Cap(max=1, per=Period.VISIT, text="visit"), [], NOON_MS).detail == "overall visit: no visit"
    )


def test_a_cap_for_ever_never_has_room_again() -> None:
    one = checked(Cap(max=1, ever=True, text="ever"), [charge(0)], NOON_MS)
    assert (one.ok, one.next_at_ms) == (False, None)


def test_a_nudge_that_was_charged_twice_counts_once_and_as_long_as_the_later_charge() -> None:
    twice = [charge(NOON_MS, 1), charge(NOON_MS - 1, 1)]
    assert checked(ROLLING, twice, NOON_MS).used == 1
    assert checked(Cap(max=1, rolling_ms=DAY_MS), twice, NOON_MS).next_at_ms == NOON_MS + DAY_MS


@pytest.mark.parametrize("cap", [DAILY, ROLLING])
def test_a_charge_later_than_now_counts_as_inside(cap: Cap) -> None:
    assert checked(cap, [charge(NOON_MS + 3 * DAY_MS)], NOON_MS).used == 1


def test_a_charge_that_does_not_count_for_others_fills_its_own_campaigns_cap_alone() -> None:
    free = [charge(NOON_MS, counts=False)]
    scoped = (
        *channel_caps(PUSH),
        *shared_caps(
            policy_with(ROLLING),
            campaign_with(ROLLING),
            Category("coats", caps=(ROLLING,)),
            Profile(nudges_per_week_max=3),
        ),
    )
    used = {one.scope: one.used for one in check(scoped, free, NOON_MS, BERLIN, "")}
    others = {"channel/push": 0, "category/coats": 0, "overall": 0, "customer": 0}
    assert used == {"campaign/cart": 1, **others}
    assert gap(free, NOON_MS, HOUR_MS) is None


def test_a_campaign_exempt_from_caps_keeps_its_own_and_the_customers_pace() -> None:
    exempt = replace(campaign_with(ROLLING), exempt_from=frozenset({"caps"}))
    category, profile = Category("coats", caps=(ROLLING,)), Profile(nudges_per_week_max=3)
    scoped = caps_over(policy_with(ROLLING), exempt, category, profile, PUSH)
    assert [one.scope for one in scoped] == ["campaign", "customer"]


def test_the_gap_is_over_when_it_has_passed_in_full() -> None:
    charges = [charge(NOON_MS - 5 * HOUR_MS, 1), charge(NOON_MS, 2)]
    assert gap(charges, NOON_MS + HOUR_MS, HOUR_MS) is None
    closed = gap(charges, NOON_MS + HOUR_MS - 1, HOUR_MS)
    assert closed is not None
    assert (closed.detail, closed.next_at_ms) == ("59 min of 60 min since the last", NOON_MS + HOUR_MS)


def test_the_gap_holds_after_a_charge_later_than_now() -> None:
    closed = gap([charge(NOON_MS + HOUR_MS)], NOON_MS, HOUR_MS)
    assert closed is not None
    assert (closed.detail, closed.next_at_ms) == ("0 min of 60 min since the last", NOON_MS + 2 * HOUR_MS)


def test_a_charge_expires_at_its_time_and_never_earlier() -> None:
    charges = [charge(0, number, until_ms=NOON_MS + number) for number in range(3)]
    assert expire(charges, NOON_MS) == charges[1:]


def test_restraint_is_full_at_its_bound() -> None:
    charges = [charge(NOON_MS, number) for number in range(CHARGES_MAX)]
    assert is_full(charges)
    assert not is_full(charges[1:])


# Zones whose clocks change at midnight, over it, by half an hour, by two hours; and two far ends of the
# world.
ZONES = st.sampled_from(
    [
        *("Africa/Cairo", "America/Havana", "America/Nuuk", "Antarctica/Troll", "Atlantic/Azores"),
        *("Australia/Lord_Howe", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    ]
).map(known)
# Around the changes of spring and autumn, in steps that hit midnights.
TIMES = st.builds(
    lambda start_ms, steps, rest_ms: start_ms + steps * 1_800_000 + rest_ms,
    st.sampled_from([ms(f"2026-{day}T00:00Z") for day in ("03-27", "04-22", "10-23", "10-29")]),
    st.integers(0, 48 * 8),
    st.sampled_from([-1, 0, 1, 60_000]),
)
CAPS = st.one_of(
    st.builds(
        lambda most, hours: Cap(most, rolling_ms=hours * HOUR_MS), st.integers(0, 3), st.integers(1, 60)
    ),
    st.builds(lambda most, per: Cap(most, per=per), st.integers(0, 3), st.sampled_from(list(Period)[:3])),
)


def local_date(at_ms: int, in_zone: ZoneInfo) -> date:
    offset = datetime.fromtimestamp(at_ms // 1000, in_zone).utcoffset()
    assert offset is not None
    return (datetime.fromtimestamp(at_ms // 1000, UTC) + offset).date()


def in_window(cap: Cap, at_ms: int, end_ms: int, in_zone: ZoneInfo) -> bool:
    """Say, in other words than the code, whether a nudge lies in the window that ends at `end_ms`."""
    if at_ms > end_ms:
        return False
    if cap.rolling_ms is not None:
        return end_ms - at_ms < cap.rolling_ms
    then, now = local_date(at_ms, in_zone), local_date(end_ms, in_zone)
    if cap.per is Period.WEEK:
        return then.isocalendar()[:2] == now.isocalendar()[:2]
    return then == now if cap.per is Period.DAY else f"{then:%Y-%m}" == f"{now:%Y-%m}"


def accept(caps: list[Cap], times_ms: list[int], in_zone: ZoneInfo) -> list[Charge]:
    charges: list[Charge] = []
    for number, now_ms in enumerate(times_ms):
        scoped = [one for cap in caps for one in overall(cap)]
        if all(one.ok for one in check(scoped, charges, now_ms, in_zone, "")):
            charges.append(charge(now_ms, number))
    return charges


@given(st.lists(CAPS, min_size=1, max_size=3), st.lists(TIMES, max_size=20), ZONES)
def test_no_window_ending_at_any_accepted_nudge_holds_more_than_its_cap(
    caps: list[Cap], times_ms: list[int], in_zone: ZoneInfo
) -> None:
    """The times come in any order: clocks that disagree lift no cap."""
    accepted = [one.at_ms for one in accept(caps, times_ms, in_zone)]
    for cap in caps:
        for end_ms in accepted:
            assert sum(in_window(cap, at_ms, end_ms, in_zone) for at_ms in accepted) <= cap.max


@given(CAPS, st.lists(st.tuples(TIMES, ZONES), max_size=20))
def test_a_customer_who_travels_is_capped_in_the_zone_of_each_nudge(
    cap: Cap, attempts: list[tuple[int, ZoneInfo]]
) -> None:
    charges: list[Charge] = []
    for number, (now_ms, in_zone) in enumerate(sorted(attempts, key=lambda attempt: attempt[0])):
        if checked(cap, charges, now_ms, in_zone).ok:
            charges.append(charge(now_ms, number))
            assert sum(in_window(cap, one.at_ms, now_ms, in_zone) for one in charges) <= cap.max


@given(CAPS, st.lists(TIMES, max_size=12), TIMES, ZONES)
def test_a_cap_uses_exactly_what_lies_in_its_window(
    cap: Cap, times_ms: list[int], now_ms: int, in_zone: ZoneInfo
) -> None:
    charges = [charge(at_ms, number) for number, at_ms in enumerate(times_ms)]
    used = sum(at_ms > now_ms or in_window(cap, at_ms, now_ms, in_zone) for at_ms in times_ms)
    one = checked(cap, charges, now_ms, in_zone)
    assert (one.used, one.ok) == (used, used < cap.max)


@given(CAPS.filter(lambda cap: cap.max > 0), st.lists(TIMES, max_size=12), TIMES, ZONES)
def test_a_failed_cap_has_room_again_at_the_time_it_names_and_not_before(
    cap: Cap, times_ms: list[int], now_ms: int, in_zone: ZoneInfo
) -> None:
    charges = [charge(at_ms, number) for number, at_ms in enumerate(times_ms)]
    one = checked(cap, charges, now_ms, in_zone)
    assert one.ok == (one.next_at_ms is None)
    if one.next_at_ms is not None:
        assert checked(cap, charges, one.next_at_ms, in_zone).ok
        assert not checked(cap, charges, one.next_at_ms - 1, in_zone).ok


@given(CAPS, st.lists(TIMES, max_size=12), TIMES, ZONES, st.data())
def test_lower_caps_and_more_charges_never_make_room(
    cap: Cap, times_ms: list[int], now_ms: int, in_zone: ZoneInfo, data: st.DataObject
) -> None:
    charges = [charge(at_ms, number) for number, at_ms in enumerate(times_ms)]
    fewer = data.draw(st.lists(st.sampled_from(charges), unique=True)) if charges else []
    higher = Cap(cap.max + 1, cap.rolling_ms, cap.per)
    if checked(cap, charges, now_ms, in_zone).ok:
        assert checked(cap, fewer, now_ms, in_zone).ok
        assert checked(higher, charges, now_ms, in_zone).ok


@given(st.integers(1, 60), st.lists(TIMES, max_size=12), TIMES)
def test_an_expired_charge_would_not_have_counted(hours: int, times_ms: list[int], now_ms: int) -> None:
    cap = Cap(2, rolling_ms=hours * HOUR_MS)
    kept_ms = hours * HOUR_MS
    charges = [charge(at_ms, number, until_ms=at_ms + kept_ms) for number, at_ms in enumerate(times_ms)]
    assert checked(cap, charges, now_ms) == checked(cap, expire(charges, now_ms), now_ms)
