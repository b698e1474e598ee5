"""However a phone flaps, repeats itself and is late, one stay in a store is one visit."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core import visits
from tests.core.phone import HOUR_MS, MINUTE_MS, SECOND_MS, Phone

TRACES = sorted((Path(__file__).parents[2] / "../shared/data/ble_mit").glob("*.txt"))
ONE_VISIT = Counter({"visit.started": 1, "visit.ended": 1})
# What flaps stays below the hold-down of two minutes: lost for a minute at most, and late by half a minute.
LOST_S, LATE_S = 60.0, 30.0

Told = tuple[float, str, str | None]  # when in seconds, what, and in which zone

# Exits that are taken back, as phones at the edge of a region tell of them: seconds after the first enter.
FLAPPING: dict[str, list[Told]] = {
    "out and in again at the door": [
        (0, "entered", None),
        (34, "exited", None),
        (41, "entered", None),
        (75, "exited", None),
        (80, "entered", None),
        (81, "ranged", None),
        (200, "ranged", None),
        (260, "exited", None),
    ],
    "a region for each zone": [
        (0, "entered", "door"),
        (12, "ranged", "door"),
        (15, "entered", "coats"),
        (46, "exited", "door"),
        (50, "entered", "door"),
        (85, "exited", "coats"),
        (86, "entered", "coats"),
        (120, "exited", "door"),
        (400, "ranged", "coats"),
        (640, "exited", "coats"),
    ],
    "in a pocket, woken up now and then": [
        (0, "entered", None),
        (0.4, "ranged", None),
        (10, "ranged", None),
        (530, "exited", None),
        (545, "entered", None),
        (546, "ranged", None),
        (1_100, "dwelled", None),
        (1_500, "exited", None),
    ],
    "every exit lost": [(60.0 * turn, "entered", "coats") for turn in range(30)],
    "every enter lost": [
        (12, "exited", None),
        (20, "ranged", None),
        (31, "ranged", None),
        (90, "exited", None),
        (95, "ranged", None),
        (140, "exited", None),
    ],
}


@st.composite
def stays(draw: st.DrawFn) -> list[Told]:
    """One stay: readings at most a minute apart, among them exits that are taken back."""
    told: list[Told] = [(0.0, "entered", None), (15.0, "ranged", None)]
    zones = st.sampled_from([None, "coats", "shoes"])
    at_s = 15.0
    for _ in range(draw(st.integers(0, 12))):
        at_s += draw(st.floats(0.001, LOST_S))
        told.append((at_s, draw(st.sampled_from(["entered", "ranged", "dwelled", "exited"])), draw(zones)))
    return [*told, (at_s + 1, "ranged", None)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[float, Told]]:
    """A stay as it arrives: each event up to half a minute late, some of them twice; with the time of arrival."""
    stay = draw(stays())
    again = [told for told in stay if draw(st.integers(0, 3)) == 0]
    late = [(told[0] + draw(st.floats(0, LATE_S)), told) for told in (*stay, *again)]
    return sorted(late, key=lambda pair: pair[0])


def counted(phone: Phone) -> Counter[str]:
    """Count what happened, besides the lengths of stay."""
    return Counter(kind for kind in phone.kinds if kind != "visit.dwelled")


@given(deliveries())
def test_a_stay_that_flaps_and_arrives_in_disorder_is_one_visit(arriving: list[tuple[float, Told]]) -> None:
    phone = Phone()
    for arrives_s, (at_s, what, zone) in arriving:
        phone.waits(arrives_s)
        phone.hears(what, at_s, zone=zone)
    phone.waits(HOUR_MS)
    assert counted(phone) == ONE_VISIT


@given(deliveries())
def test_each_length_of_stay_is_told_once_and_before_the_end(arriving: list[tuple[float, Told]]) -> None:
    phone = Phone(dwells_ms=(MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS))
    for _, (at_s, what, zone) in arriving:
        phone.hears(what, at_s, zone=zone)
    phone.waits(HOUR_MS)
    reached = [one_ms for one in phone.happened for one_ms in one.reached_ms]
    assert reached == sorted(set(reached))
    assert set(reached) <= {one_ms for one_ms in phone.dwells_ms if one_ms <= phone.happened[-1].dwell_ms}
    assert phone.kinds[-1] == "visit.ended"


@given(
    st.lists(
        st.tuples(
            st.floats(-7_200, 7_200),
            st.sampled_from(["entered", "ranged", "dwelled", "exited"]),
            st.sampled_from([None, "", "berlin-1", "berlin-2", "nowhere"]),
            st.sampled_from([None, "coats"]),
            st.sampled_from([None, -60, -95, -127, -200]),
        ),
        max_size=40,
    )
)
def test_whatever_a_phone_tells_visits_begin_and_end_in_turn_and_never_overlap(
    told: list[tuple[float, str, str | None, str | None, int | None]],
) -> None:
    phone = Phone()
    for at_s, what, site, zone, rssi_dbm in told:
        phone.hears(what, at_s, site, zone, rssi_dbm)
    phone.waits(HOUR_MS)
    turns = [one for one in phone.happened if one.kind != "visit.dwelled"]
    assert [one.kind for one in turns] == ["visit.started", "visit.ended"] * (len(turns) // 2)
    assert [one.visit_id for one in turns[::2]] == [one.visit_id for one in turns[1::2]]
    assert len({one.visit_id for one in turns}) == len(turns) // 2
    assert all(before.at_ms <= after.at_ms for before, after in pairwise(turns))
    assert all(0 <= one.dwell_ms <= visits.VISIT_MS_MAX for one in phone.happened)


@pytest.mark.parametrize("sequence", FLAPPING.values(), ids=FLAPPING)
def test_a_flapping_sequence_is_one_visit(sequence: list[Told]) -> None:
    phone = Phone()
    for at_s, what, zone in sequence:
        phone.hears(what, at_s, zone=zone)
    phone.waits(HOUR_MS)
    assert counted(phone) == ONE_VISIT


@cache
def readings(trace: Path) -> list[tuple[float, int]]:
    """Read what one phone heard: seconds since the first advertisement, and how loud it was in dBm."""
    heard: list[tuple[float, int]] = []
    for line in trace.read_text(encoding="utf-8").splitlines():
        fields = line.split(",")
        if fields[1] == "Bluetooth":
            heard.append((float(fields[-1]), int(fields[3])))
    begins_s = min(at_s for at_s, _ in heard)
    return [(at_s - begins_s, rssi_dbm) for at_s, rssi_dbm in heard]


@pytest.mark.skipif(not TRACES, reason="the traces are not at ../shared/data/ble_mit")
@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_what_a_real_phone_heard_is_one_visit(trace: Path) -> None:
    phone = Phone()
    for at_s, rssi_dbm in readings(trace):
        phone.hears("ranged", at_s, rssi_dbm=rssi_dbm)
    phone.waits(HOUR_MS)
    assert phone.kinds == ["visit.started", "visit.ended"]
    assert 25 * SECOND_MS < phone.happened[-1].dwell_ms < 35 * SECOND_MS


@pytest.mark.skipif(not TRACES, reason="the traces are not at ../shared/data/ble_mit")
@given(
    trace=st.sampled_from(TRACES or [Path()]),
    thinning=st.integers(1, 200),
    exits=st.lists(st.floats(0, 30), max_size=6),
    slower=st.sampled_from([1, 4, 20]),
    offset_db=st.integers(-3, 10),
)
def test_what_a_real_phone_heard_is_one_visit_however_it_flaps(
    trace: Path, thinning: int, exits: list[float], slower: int, offset_db: int
) -> None:
    """The same radio noise, thinned out, stretched, louder or fainter, with exits that are taken back."""
    heard = readings(trace)
    kept = [*heard[::thinning], heard[-1]]
    told: list[tuple[float, str, int | None]] = [(at_s, "ranged", dbm + offset_db) for at_s, dbm in kept]
    told += [(at_s, "exited", None) for at_s in exits if at_s < kept[-1][0]]
    phone = Phone()
    for at_s, what, rssi_dbm in sorted(told, key=lambda one: one[0]):
        phone.hears(what, at_s * slower, rssi_dbm=rssi_dbm)
    phone.waits(HOUR_MS)
    assert counted(phone) == ONE_VISIT


@pytest.mark.skipif(not TRACES, reason="the traces are not at ../shared/data/ble_mit")
@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_a_real_phone_between_two_shops_turns_to_the_louder_one_at_most_once(trace: Path) -> None:
    """Two transmitters of one trace, slowed down to ten minutes, stand for two stores: their noise makes no turns."""
    phone = Phone()
    for line in trace.read_text(encoding="utf-8").splitlines():
        fields = line.split(",")
        if fields[1] == "Bluetooth" and fields[4] in ("TestPhone2", "TestPhone4"):
            phone.hears("ranged", float(fields[-1]) * 20 % 1e6, fields[4], rssi_dbm=int(fields[3]))
    sites = [one.site_id for one in phone.happened if one.kind == "visit.started"]
    assert sites in (
        ["TestPhone2"],
        ["TestPhone4"],
        ["TestPhone2", "TestPhone4"],
        ["TestPhone4", "TestPhone2"],
    )
