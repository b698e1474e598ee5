"""What waits to become a unit: how much is held of each partition, and how much a unit takes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.flow.buffers import BYTES_MAX, PARTITION_BYTES_MAX, Buffers, Waiting
from streamproc.flow.progress import PartitionProgress

# The sizes of the runs that wait, each by its partition and its records' bytes.
RUNS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 50), min_size=1, max_size=5)), max_size=12
)


def filled(runs: list[tuple[int, list[int]]]) -> Buffers:
    """Return buffers with these runs, received in this order."""
    buffers = Buffers()
    progress = {partition: PartitionProgress(0) for partition, _ in runs}
    for partition, sizes in runs:
        first = progress[partition].expected
        records = [
            Record("clickstream", partition, first + at, 0, append_time=False, key=None, value=b"x" * size)
            for at, size in enumerate(sizes)
        ]
        run = progress[partition].deliver(records, sum(sizes))
        message: Any = SimpleNamespace(tp=TP("clickstream", partition), run=run)
        event: Any = None
        buffers.add(Waiting(event, message, 0))
    return buffers


def anything(_waiting: Waiting) -> bool:
    return True


def records_of(taken: list[Waiting]) -> list[Record]:
    return [record for waiting in taken for record in waiting.message.run.records]


@given(RUNS, st.integers(1, 12), st.integers(1, 200))
def test_a_unit_is_within_both_bounds_unless_one_run_alone_is_not(
    runs: list[tuple[int, list[int]]], records_max: int, bytes_max: int
) -> None:
    buffers = filled(runs)
    while taken := buffers.take(anything, records_max, bytes_max):
        sizes = [len(record.value or b"") for record in records_of(taken)]
        assert len(taken) == 1 or (len(sizes) <= records_max and sum(sizes) <= bytes_max)
    assert (buffers.records, buffers.weight_bytes) == (0, 0)


@given(RUNS, st.integers(1, 12))
def test_everything_is_taken_once_and_in_the_order_of_its_partition(
    runs: list[tuple[int, list[int]]], records_max: int
) -> None:
    buffers = filled(runs)
    offsets: dict[int, list[int]] = {}
    while taken := buffers.take(anything, records_max, 10_000):
        for record in records_of(taken):
            offsets.setdefault(record.partition, []).append(record.offset)
    held = Counter[int]()
    for partition, sizes in runs:
        held[partition] += len(sizes)
    assert offsets == {partition: list(range(records)) for partition, records in held.items()}


def test_what_is_not_ready_holds_up_its_own_partition_alone() -> None:
    buffers = filled([(0, [1]), (0, [1]), (1, [1])])
    taken = buffers.take(lambda waiting: waiting.message.tp.partition == 1, 10, 10)
    assert [(record.partition, record.offset) for record in records_of(taken)] == [(1, 0)]
    assert buffers.records == 2


def test_no_partition_starves_beside_one_that_could_fill_every_unit() -> None:
    buffers = filled([*[(0, [1])] * 10, (1, [1])])
    first, second = (records_of(buffers.take(anything, 1, 10))[0].partition for _ in range(2))
    assert {first, second} == {0, 1}


def test_a_partition_has_room_up_to_its_share_of_the_space() -> None:
    tp = TP("clickstream", 0)
    buffers = filled([(0, [PARTITION_BYTES_MAX // 2])])
    assert buffers.has_room(tp, 1)
    assert not buffers.has_room(tp, 2 * BYTES_MAX // PARTITION_BYTES_MAX)
    assert buffers.has_room(TP("clickstream", 1), 1_000)
