"""Which lanes may be delivered from, by what their workers say."""

from __future__ import annotations

import msgspec

from streamproc.flow.fresh_lanes import FreshLanes
from streamproc.flow.heartbeat import Heartbeat
from streamproc.store.memory import MemorySpace, MemoryStore


def beat(at_ms: int, **ages: float) -> bytes:
    facts_age_s = {int(lane.removeprefix("lane")): age_s for lane, age_s in ages.items()}
    return msgspec.json.encode(Heartbeat("w-1", 7, "v1", [0, 1, 2], at_ms, facts_age_s=facts_age_s))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def fresh_lanes(clock: Clock) -> FreshLanes:
    return FreshLanes(MemoryStore(MemorySpace(lambda: 0), id_check=""), monotonic=clock)


def test_a_lane_is_fresh_while_a_live_worker_has_applied_what_was_said_five_seconds_ago() -> None:
    clock = Clock()
    lanes = fresh_lanes(clock)
    assert not lanes.is_fresh(0)
    lanes.take({"w-1": beat(1, lane0=0.5, lane1=4.0), "w-2": beat(1, lane2=5.5), "w-3": b"no heartbeat"})
    assert [lanes.is_fresh(lane) for lane in range(4)] == [True, True, False, False]
    clock.now += 1.5
    assert [lanes.is_fresh(lane) for lane in range(2)] == [True, False]
    lanes.take({"w-1": beat(2, lane1=0.2)})
    clock.now += 3.5
    assert [lanes.is_fresh(lane) for lane in range(2)] == [False, True]


def test_the_heartbeat_of_a_worker_that_fell_silent_keeps_no_lane_fresh() -> None:
    clock = Clock()
    lanes = fresh_lanes(clock)
    for _ in range(4):
        lanes.take({"w-1": beat(1, lane0=2.0)})
        assert lanes.is_fresh(0)
        clock.now += 1
    lanes.take({"w-1": beat(1, lane0=2.0)})
    assert not lanes.is_fresh(0)


def test_a_lane_never_gets_older_by_what_another_worker_says_of_it() -> None:
    clock = Clock()
    lanes = fresh_lanes(clock)
    lanes.take({"w-1": beat(1, lane0=0.5), "w-2": beat(1, lane0=9.0)})
    assert lanes.is_fresh(0)


def test_a_worker_of_an_older_version_makes_no_lane_fresh() -> None:
    lanes = fresh_lanes(Clock())
    lanes.take({"w-1": b'{"worker":"w-1","config_offset":7,"policy":"v1","lanes":[0],"at_ms":0}'})
    assert not lanes.is_fresh(0)
