"""The nudges of one partition: none is forgotten, and none that cannot go now keeps the others."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.deliver.lane import UNFINISHED_MAX, Lane, LaneStopped


def record(offset: int) -> Record:
    return Record("nudges.push", 4, offset, 0, False, None, None)


class Script:
    """Finishes a record after as many tries as the script says, 1 unless it says otherwise."""

    def __init__(self, tries: dict[int, int]) -> None:
        self.tries = tries
        self.order: list[int] = []
        self.lane = Lane(self.hand)
        self.positions: list[int | None] = []
        self.done = asyncio.Event()

    async def hand(self, record: Record, lane: Lane, tries: int) -> float | None:
        self.order.append(record.offset)
        self.positions.append(lane.position())
        await asyncio.sleep(0)
        if tries + 1 < self.tries.get(record.offset, 1):
            return 0.001
        if lane.unfinished == 1:
            self.done.set()
        return None

    async def run(self, offsets: list[int]) -> None:
        running = asyncio.create_task(self.lane.run())
        self.lane.add(map(record, offsets))
        await asyncio.wait_for(self.done.wait(), 5)
        self.lane.stop()
        await running


@given(
    st.sets(st.integers(0, 60), min_size=1, max_size=12),
    st.dictionaries(st.integers(0, 60), st.integers(1, 3)),
)
def test_the_position_never_passes_what_is_not_finished(offsets: set[int], tries: dict[int, int]) -> None:
    ordered = sorted(offsets)
    script = Script(tries)
    asyncio.run(script.run(ordered))
    left = {offset: tries.get(offset, 1) for offset in ordered}
    for offset, position in zip(script.order, script.positions, strict=True):
        assert position == min(one for one in ordered if left[one] > 0)
        left[offset] -= 1
    assert set(left.values()) == {0}
    assert script.lane.position() == ordered[-1] + 1


async def test_what_is_put_off_lets_those_behind_it_pass() -> None:
    script = Script({0: 2})
    await script.run([0, 1, 2])
    assert script.order == [0, 1, 2, 0]


async def test_a_lane_takes_no_more_than_a_bounded_number() -> None:
    lane = Lane(Script({}).hand)
    lane.add(map(record, range(UNFINISHED_MAX - 1)))
    assert lane.has_room()
    lane.add([record(UNFINISHED_MAX)])
    assert not lane.has_room()
    assert (lane.position(), lane.unfinished) == (0, UNFINISHED_MAX)


def test_an_offset_that_goes_back_is_a_bug() -> None:
    lane = Lane(Script({}).hand)
    lane.add([record(5)])
    with pytest.raises(AssertionError, match="offset 5 < 6"):
        lane.add([record(5)])


async def test_a_lane_that_is_told_to_stop_ends_what_is_in_flight_and_begins_nothing_more() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    seen: list[int] = []

    async def hand(record: Record, lane: Lane, tries: int) -> float | None:
        begun.set()
        await may_end.wait()
        seen.append(record.offset)
        return None

    lane = Lane(hand)
    running = asyncio.create_task(lane.run())
    lane.add([record(0), record(1)])
    await begun.wait()
    lane.stop()
    may_end.set()
    await asyncio.wait_for(running, 2)
    assert (seen, lane.position()) == ([0], 1)


async def test_a_wait_ends_as_soon_as_the_lane_is_told_to_stop() -> None:
    lane = Lane(Script({}).hand)
    waiting = asyncio.create_task(lane.pause(3_600))
    await asyncio.sleep(0)
    lane.stop()
    with pytest.raises(LaneStopped):
        await asyncio.wait_for(waiting, 1)


async def test_a_lane_is_busy_while_it_works_and_not_while_it_waits() -> None:
    now = 0.0
    times: list[float] = []
    done = asyncio.Event()

    async def hand(record: Record, lane: Lane, tries: int) -> float | None:
        nonlocal now
        now += 7
        times.append(lane.busy_s)
        await asyncio.sleep(0)
        pausing = asyncio.create_task(lane.pause(3_600))
        await asyncio.sleep(0)
        times.append(lane.busy_s)
        pausing.cancel()
        done.set()
        return None

    lane = Lane(hand, monotonic=lambda: now)
    running = asyncio.create_task(lane.run())
    lane.add([record(0)])
    await asyncio.wait_for(done.wait(), 2)
    assert times == [7, 0]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_lane_that_has_nothing_to_do_is_not_busy() -> None:
    now = 0.0
    script = Script({})
    script.lane = Lane(script.hand, monotonic=lambda: now)
    await script.run([0])
    now = 1_000.0
    assert script.lane.busy_s == 0
