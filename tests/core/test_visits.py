"""A visit is made of readings: what begins it, what it goes on through, and what ends it."""

from __future__ import annotations

import pytest

from streamproc.core import visits
from streamproc.core.policy.model import Visits
from tests.core.phone import HOUR_MS, MINUTE_MS, NOON_MS, SECOND_MS, Phone

STARTED, DWELLED, ENDED = "visit.started", "visit.dwelled", "visit.ended"


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def inside() -> Phone:
    """A phone that is in a store since noon, heard of until one minute past."""
    phone = Phone()
    phone.hears("entered", 0)
    assert phone.hears("ranged", 60) == [STARTED]
    return phone


def test_one_reading_is_no_visit(phone: Phone) -> None:
    assert phone.hears("entered", 0) == []
    assert not phone.is_in(0)
    assert phone.waits(10_000) == []


def test_two_readings_far_enough_apart_are_one(phone: Phone) -> None:
    phone.hears("entered", 0)
    assert phone.hears("ranged", 9) == []
    assert phone.hears("ranged", 10) == [STARTED]
    assert phone.is_in(10)


def test_the_same_reading_again_proves_nothing(phone: Phone) -> None:
    phone.rules = Visits(readings_min=3)
    phone.hears("entered", 0)
    phone.hears("entered", 20)
    assert phone.hears("entered", 20) == []
    assert phone.hears("entered", 21) == [STARTED]


def test_a_visit_is_named_by_its_store_and_first_reading(phone: Phone) -> None:
    phone.hears("entered", 5)
    phone.hears("ranged", 30)
    assert [one.visit_id for one in phone.happened] == [f"berlin-1/{NOON_MS + 5_000}"]


def test_each_length_of_stay_is_told_once(inside: Phone) -> None:
    told = [inside.hears("ranged", at_s) for at_s in (299, 300, 301, 540, 600, 660)]
    assert told == [[], [DWELLED], [], [], [DWELLED], []]
    assert [one.reached_ms for one in inside.happened[1:]] == [(5 * MINUTE_MS,), (10 * MINUTE_MS,)]


def test_lengths_of_stay_that_one_reading_reaches_are_told_together(inside: Phone) -> None:
    assert inside.hears("dwelled", 700) == [DWELLED]
    assert inside.happened[-1].reached_ms == (5 * MINUTE_MS, 10 * MINUTE_MS)
    assert inside.happened[-1].dwell_ms == 700 * SECOND_MS


def test_an_exit_ends_a_visit_only_after_the_hold_down(inside: Phone) -> None:
    inside.hears("exited", 400)
    assert inside.is_in(519)
    assert inside.waits(519) == []
    assert inside.waits(520) == [ENDED]
    assert not inside.is_in(520)
    assert inside.happened[-1].dwell_ms == 400 * SECOND_MS


def test_who_is_heard_again_within_the_hold_down_never_left(inside: Phone) -> None:
    inside.hears("exited", 70)
    assert inside.hears("entered", 189) == []
    assert inside.waits(1_088) == []
    assert inside.kinds == [STARTED]


def test_who_is_heard_again_after_the_hold_down_begins_another_visit(inside: Phone) -> None:
    inside.hears("exited", 70)
    assert inside.hears("entered", 190) == [ENDED]
    assert inside.hears("ranged", 250) == [STARTED]
    first, _, second = inside.happened
    assert first.visit_id != second.visit_id


def test_silence_ends_a_visit_at_what_was_heard_last(inside: Phone) -> None:
    assert inside.waits(959) == []
    assert inside.waits(960) == [ENDED]
    assert inside.happened[-1].at_ms == NOON_MS + 60_000
    assert inside.happened[-1].dwell_ms == 60_000


def test_a_reading_after_the_silence_ends_the_visit_as_the_silence_would_have(inside: Phone) -> None:
    assert inside.hears("ranged", 2_000) == [ENDED]
    assert inside.happened[-1].at_ms == NOON_MS + 60_000


def test_a_late_reading_of_a_visit_that_is_over_begins_no_other(inside: Phone) -> None:
    inside.hears("exited", 300)
    assert inside.waits(420) == [ENDED]
    assert [inside.hears("ranged", at_s) for at_s in (310, 330, 419)] == [[], [], []]
    assert inside.hears("ranged", 420) == []
    assert inside.hears("ranged", 430) == [STARTED]


def test_an_exit_without_an_enter_changes_nothing(phone: Phone) -> None:
    assert phone.hears("exited", 0) == []
    assert (phone.context.visit, phone.context.nearby) == (None, None)


def test_enter_and_exit_alone_are_no_visit(phone: Phone) -> None:
    """An exit lags by minutes, so that who walks past looks the same."""
    phone.hears("entered", 0)
    assert phone.hears("exited", 400) == []
    assert phone.waits(5_000) == []


def test_an_exit_older_than_the_last_reading_says_nothing(inside: Phone) -> None:
    inside.hears("exited", 40)
    assert inside.waits(400) == []


def test_a_reading_older_than_an_exit_does_not_take_it_back(inside: Phone) -> None:
    inside.hears("exited", 100)
    inside.hears("ranged", 90)
    assert inside.waits(220) == [ENDED]


def test_a_reading_older_than_the_visit_changes_nothing(inside: Phone) -> None:
    assert inside.hears("ranged", -30) == []
    assert inside.hears("ranged", -30, "hamburg-1") == []
    assert inside.context.visit is not None
    assert inside.context.visit.start_ms == NOON_MS
    assert inside.context.nearby is None


def test_leaving_one_zone_for_another_is_no_exit(phone: Phone) -> None:
    phone.hears("entered", 0, zone="coats")
    phone.hears("entered", 20, zone="shoes")
    phone.hears("exited", 90, zone="coats")
    assert phone.waits(500) == []
    phone.hears("exited", 600, zone="shoes")
    assert phone.waits(720) == [ENDED]


def test_an_exit_that_names_no_zone_leaves_them_all(inside: Phone) -> None:
    inside.hears("entered", 70, zone="coats")
    inside.hears("exited", 90)
    assert inside.waits(210) == [ENDED]


def test_a_late_exit_does_not_leave_a_zone_entered_since(phone: Phone) -> None:
    phone.hears("entered", 0, zone="coats")
    phone.hears("entered", 100, zone="coats")
    phone.hears("exited", 90, zone="coats")
    phone.hears("entered", 110, zone="shoes")
    phone.hears("exited", 120, zone="shoes")
    assert phone.waits(500) == []


def test_a_zone_entered_before_the_visit_is_not_waited_for(phone: Phone) -> None:
    phone.hears("entered", 0, zone="shoes")
    phone.hears("ranged", 60, zone="shoes")
    phone.hears("entered", -30, zone="coats")
    phone.hears("exited", 90, zone="shoes")
    assert phone.waits(210) == [ENDED]


def test_a_reading_from_before_an_exit_makes_no_visit_of_who_left(phone: Phone) -> None:
    phone.hears("entered", 0)
    phone.hears("exited", 60)
    assert phone.hears("ranged", 30) == []
    assert phone.hears("entered", 61) == [STARTED]


def test_a_late_enter_counts_although_its_exit_came_before_it(phone: Phone) -> None:
    for what, at_s in (("ranged", 15), ("exited", 16), ("entered", 0)):
        assert phone.hears(what, at_s) == []
    assert phone.hears("ranged", 17) == [STARTED]
    assert phone.happened[0].visit_id == f"berlin-1/{NOON_MS}"


def test_a_reading_from_long_before_is_none_of_this_visit(phone: Phone) -> None:
    phone.hears("entered", 0)
    assert phone.hears("ranged", -900) == []
    assert phone.hears("ranged", 20) == [STARTED]
    assert phone.happened[0].visit_id == f"berlin-1/{NOON_MS}"


def test_more_zones_than_are_remembered_are_left_to_silence(inside: Phone) -> None:
    for number in range(visits.ZONES_MAX + 5):
        inside.hears("entered", 70, zone=f"zone-{number}")
    assert inside.context.visit is not None
    assert len(inside.context.visit.zones) == visits.ZONES_MAX


@pytest.mark.parametrize("site", [None, ""])
def test_a_beacon_of_no_store_is_nowhere(phone: Phone, site: str | None) -> None:
    assert [phone.hears("ranged", at_s, site) for at_s in (0, 60, 120)] == [[], [], []]
    assert phone.context.nearby is None


@pytest.mark.parametrize("rssi_dbm", [-127, -200])
def test_a_beacon_that_was_not_heard_is_not_there(phone: Phone, rssi_dbm: int) -> None:
    assert [phone.hears("ranged", at_s, rssi_dbm=rssi_dbm) for at_s in (0, 60, 120)] == [[], [], []]
    phone.hears("ranged", 200, rssi_dbm=-60)
    phone.hears("ranged", 260, rssi_dbm=-60)
    phone.hears("ranged", 300, rssi_dbm=rssi_dbm)
    assert phone.context.visit is not None
    assert (phone.context.visit.rssi_dbm, phone.context.visit.last_ms) == (-60, NOON_MS + 260_000)


def test_a_weak_signal_is_somebody_outside(phone: Phone) -> None:
    assert [phone.hears("ranged", at_s, rssi_dbm=-95) for at_s in range(0, 600, 20)] == [[]] * 30


def test_one_strong_reading_among_weak_ones_is_noise(phone: Phone) -> None:
    readings = [-95, -96, -80, -95, -97, -95, -80, -96]
    assert [phone.hears("ranged", 20 * turn, rssi_dbm=one) for turn, one in enumerate(readings)] == [[]] * 8


def test_one_weak_reading_among_strong_ones_is_noise_too(phone: Phone) -> None:
    for turn in range(40):
        phone.hears("ranged", 20 * turn, rssi_dbm=-101 if turn % 5 == 4 else -70)
    assert phone.kinds == [STARTED, DWELLED, DWELLED]


def test_who_is_in_stays_in_at_a_strength_at_which_nobody_comes_in(phone: Phone) -> None:
    for at_s in (0, 20, 40):
        phone.hears("ranged", at_s, rssi_dbm=-88)
    for at_s in range(60, 1_500, 20):
        phone.hears("ranged", at_s, rssi_dbm=-94)
    assert phone.kinds == [STARTED, DWELLED, DWELLED]
    for at_s in range(1_500, 3_000, 20):
        phone.hears("ranged", at_s, rssi_dbm=-100)
    assert phone.kinds[3:] == [ENDED]


def test_of_two_stores_heard_at_once_the_first_is_the_one(phone: Phone) -> None:
    for at_s in range(0, 1_200, 10):
        phone.hears("ranged", at_s, "berlin-1")
        phone.hears("ranged", at_s + 5, "berlin-2")
    assert phone.kinds == [STARTED, DWELLED, DWELLED]
    assert {one.site_id for one in phone.happened} == {"berlin-1"}


def test_a_store_that_is_plainly_louder_takes_over_after_the_hold_down(phone: Phone) -> None:
    for at_s in range(0, 120, 10):
        phone.hears("ranged", at_s, "berlin-1", rssi_dbm=-60)
        phone.hears("ranged", at_s + 5, "berlin-2", rssi_dbm=-75)
    for at_s in range(120, 480, 10):
        phone.hears("ranged", at_s, "berlin-1", rssi_dbm=-75)
        phone.hears("ranged", at_s + 5, "berlin-2", rssi_dbm=-60)
    assert [(one.kind, one.site_id) for one in phone.happened] == [
        (STARTED, "berlin-1"),
        (ENDED, "berlin-1"),
        (STARTED, "berlin-2"),
        (DWELLED, "berlin-2"),
    ]


def test_another_store_that_was_loud_once_takes_nobody_away(phone: Phone) -> None:
    phone.hears("ranged", 0, rssi_dbm=-70)
    phone.hears("ranged", 10, rssi_dbm=-70)
    phone.hears("ranged", 15, "berlin-2", rssi_dbm=-50)
    for at_s in range(60, 2_400, 60):
        phone.hears("ranged", at_s, rssi_dbm=-70)
    assert phone.kinds == [STARTED, DWELLED, DWELLED]


def test_two_stores_of_about_the_same_strength_take_no_turns(phone: Phone) -> None:
    for at_s in range(0, 1_200, 10):
        quieter, louder = (-66, -62) if at_s // 100 % 2 else (-62, -66)
        phone.hears("ranged", at_s, "berlin-1", rssi_dbm=quieter)
        phone.hears("ranged", at_s + 5, "berlin-2", rssi_dbm=louder)
    assert {one.site_id for one in phone.happened} == {"berlin-1"}


def test_a_store_heard_alone_ends_the_visit_to_another_whose_exit_got_lost(inside: Phone) -> None:
    assert inside.hears("entered", 100, "berlin-2") == []
    assert inside.hears("ranged", 170, "berlin-2") == []
    assert inside.hears("ranged", 180, "berlin-2") == [ENDED, STARTED]
    ended, started = inside.happened[1:]
    assert (ended.site_id, ended.at_ms) == ("berlin-1", NOON_MS + 60_000)
    assert started.visit_id == f"berlin-2/{NOON_MS + 100_000}"


def test_late_readings_of_another_store_make_no_visit_in_the_past(inside: Phone) -> None:
    inside.hears("exited", 400)
    inside.waits(520)
    assert [inside.hears("ranged", at_s, "berlin-2") for at_s in (100, 200, 300, 405)] == [[]] * 4
    assert inside.hears("ranged", 410, "berlin-2") == [STARTED]
    assert inside.happened[-1].visit_id == f"berlin-2/{NOON_MS + 400_000}"


def test_a_clock_set_back_by_an_hour_ends_the_visit_by_silence_and_begins_none(inside: Phone) -> None:
    for at_s in range(120, 2_000, 60):
        assert inside.hears("ranged", at_s - 3_600) == []
    assert inside.waits(2_000) == [ENDED]
    assert inside.hears("ranged", 2_060) == []
    assert inside.hears("ranged", 2_120) == [STARTED]


def test_a_clock_set_ahead_by_an_hour_ends_the_visit_and_another_one_waits_for_two_readings(
    inside: Phone,
) -> None:
    assert inside.hears("ranged", 3_700) == [ENDED]
    assert inside.hears("ranged", 120) == []
    assert inside.hears("ranged", 3_760) == [STARTED]
    assert [inside.hears("ranged", at_s) for at_s in (180, 240, 300)] == [[], [], []]


def test_a_phone_that_lies_in_the_store_begins_a_visit_a_day(phone: Phone) -> None:
    for at_s in range(0, 25 * 3_600, 600):
        phone.hears("ranged", at_s)
    assert phone.kinds == [STARTED, DWELLED, ENDED, STARTED, DWELLED]
    ended = phone.happened[2]
    assert ended.dwell_ms <= visits.VISIT_MS_MAX
    assert phone.context.visit is not None
    assert phone.context.visit.start_ms >= NOON_MS + 24 * HOUR_MS


def test_a_visit_is_due_when_it_would_end(phone: Phone) -> None:
    assert visits.due_ms(phone.context.visit, phone.rules) is None
    phone.hears("entered", 0)
    phone.hears("ranged", 60)
    assert visits.due_ms(phone.context.visit, phone.rules) == NOON_MS + 16 * MINUTE_MS
    phone.hears("exited", 90)
    assert visits.due_ms(phone.context.visit, phone.rules) == NOON_MS + 210 * SECOND_MS
    phone.waits(210)
    assert visits.due_ms(phone.context.visit, phone.rules) is None
