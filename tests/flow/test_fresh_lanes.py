"""Which lanes may be delivered from, by what their workers say."""

from __future__ import annotations

import msgspec

from streamproc.flow.fresh_lanes import FreshLanes
from streamproc.flow.heartbeat import Heartbeat
from streamproc.store.memory import MemorySpace, MemoryStore


def beat(*fresh: int) -> bytes:
    return msgspec.json.encode(Heartbeat("w-1", 7, "v1", [0, 1, 2, 3], 0, fresh=list(fresh)))


def test_a_lane_is_fresh_while_a_live_worker_says_so() -> None:
    now = 0.0
    lanes = FreshLanes(MemoryStore(MemorySpace(lambda: 0), id_check=""), monotonic=lambda: now)
    assert not lanes.is_fresh(0)
    lanes.take({"w-1": beat(0, 1), "w-2": beat(3), "w-3": b"no heartbeat"})
    assert [lanes.is_fresh(lane) for lane in range(4)] == [True, True, False, True]
    now = 2.0
    lanes.take({"w-1": beat(1)})
    now = 2.1
    assert [lanes.is_fresh(lane) for lane in range(4)] == [False, True, False, False]


def test_a_worker_of_an_older_version_makes_no_lane_fresh() -> None:
    lanes = FreshLanes(MemoryStore(MemorySpace(lambda: 0), id_check=""))
    lanes.take({"w-1": b'{"worker":"w-1","config_offset":7,"policy":"v1","lanes":[0],"at_ms":0}'})
    assert not lanes.is_fresh(0)
