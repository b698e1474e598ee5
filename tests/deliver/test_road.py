"""The way to the target that all lanes share."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.deliver.ports import Away, Bounce, Bounced, Delivered, Unusable
from streamproc.deliver.road import AWAY_SECONDS_MAX, Pace, Road, read_rate, wait_after


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_target_that_fails_is_left_alone_longer_each_time_up_to_half_a_minute() -> None:
    clock = Clock()
    road = Road("test://", monotonic=clock)
    waits = []
    for _ in range(9):
        assert road.enter()
        road.leave(Away("it answers 503"))
        begun = clock.now
        while not road.is_open():
            clock.now += 0.25
        waits.append(clock.now - begun)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert road.shut_because() == "test://: it answers 503"


def test_after_a_failure_one_at_a_time_tries_whether_it_is_back() -> None:
    clock = Clock()
    road = Road("test://", monotonic=clock)
    assert (road.enter(), road.enter()) == (True, True)
    for _ in range(2):
        road.leave(Away("it cannot be reached"))
    clock.now = 0.5
    assert (road.enter(), road.enter()) == (True, False)
    road.leave(None)
    assert road.enter()
    road.leave(Delivered())
    assert (road.enter(), road.enter(), road.shut_because()) == (True, True, None)


def test_lanes_that_fail_together_are_one_failure() -> None:
    clock = Clock()
    road = Road("test://", monotonic=clock)
    for _ in range(12):
        road.enter()
    for _ in range(12):
        road.leave(Away("it cannot be reached"))
    clock.now = 0.5
    assert road.is_open()


def test_an_answer_about_one_nudge_shows_that_the_target_is_there() -> None:
    road = Road("test://", monotonic=Clock())
    road.enter()
    road.leave(Bounced(Bounce.REFUSED))
    assert road.is_open()


@given(st.integers(0, 2_000))
def test_a_wait_stays_within_its_bounds(failures: int) -> None:
    assert 0.5 <= wait_after(failures, 0.5, AWAY_SECONDS_MAX) <= AWAY_SECONDS_MAX


@given(st.lists(st.floats(0, 5), max_size=30), st.floats(0.5, 50))
def test_moments_of_a_pace_lie_an_interval_apart(steps: list[float], per_second: float) -> None:
    clock = Clock()
    pace = Pace(per_second, monotonic=clock)
    moments = []
    for step in steps:
        clock.now += step
        moments.append(clock.now + pace.turn())
    assert all(later - earlier >= 1 / per_second - 1e-9 for earlier, later in itertools.pairwise(moments))


def test_without_a_rate_every_moment_is_now() -> None:
    pace = Pace(None, monotonic=Clock())
    assert [pace.turn() for _ in range(3)] == [0, 0, 0]


def test_a_rate_carries_its_unit() -> None:
    assert [read_rate(text) for text in ("20/s", "90/m", "1800/h", "0.5/s")] == [20, 1.5, 0.5, 0.5]
    for text in ("20", "0/s", "-1/s", "20/d", "1e3/s", ""):
        with pytest.raises(Unusable, match="--rate"):
            read_rate(text)
