"""The offsets of one partition: what may be committed never passes what is not finished."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.flow.progress import RUN_BYTES_MAX, PartitionProgress, slices


def records(*offsets: int, value: bytes = b"x") -> list[Record]:
    return [Record("clickstream", 0, offset, 0, False, b"k", value, ()) for offset in offsets]


def test_with_nothing_outstanding_the_applied_position_is_the_fetch_position() -> None:
    progress = PartitionProgress(100)
    assert progress.applied == 100
    run = progress.deliver(records(100, 101), 2)
    assert progress.applied == 100
    progress.finish(run)
    assert progress.applied == 102
    progress.advance(110)
    assert progress.applied == 110
    assert progress.holes == 8


def test_the_applied_position_never_passes_an_unfinished_run() -> None:
    progress = PartitionProgress(0)
    first, second = progress.deliver(records(0, 1), 2), progress.deliver(records(2, 3), 2)
    progress.finish(second)
    assert progress.applied == 0
    progress.finish(first)
    assert progress.applied == 4


def test_a_gap_is_fetched_again_once_and_accepted_the_second_time() -> None:
    progress = PartitionProgress(10)
    assert progress.admit(15) == "refetch"
    assert progress.admit(15) == "deliver"
    run = progress.deliver(records(15, 17), 2)
    assert (run.first, run.last) == (10, 17)
    assert progress.holes == 6


def test_a_lost_batch_that_comes_when_fetched_again_is_no_hole() -> None:
    progress = PartitionProgress(10)
    assert progress.admit(15) == "refetch"
    assert progress.admit(10) == "deliver"
    progress.deliver(records(*range(10, 15)), 5)
    assert progress.admit(15) == "deliver"
    assert progress.holes == 0


def test_another_gap_is_fetched_again_too() -> None:
    progress = PartitionProgress(10)
    assert progress.admit(15) == "refetch"
    assert progress.admit(20) == "refetch"
    assert progress.admit(20) == "deliver"


def test_an_offset_below_the_expected_one_means_that_the_log_starts_anew() -> None:
    assert PartitionProgress(10).admit(9) == "restarted"


def test_delivering_below_the_expected_offset_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="offset 9 < expected 10"):
        PartitionProgress(10).deliver(records(9), 1)


def test_settled_is_the_last_end_of_a_batch_that_is_applied_whole() -> None:
    progress = PartitionProgress(0)
    assert progress.settled == -1
    runs = [progress.deliver(records(0, 1), 2), progress.deliver(records(2, 3), 2)]
    progress.settle()
    progress.finish(runs[0])
    assert progress.applied == 2
    assert progress.settled == -1
    progress.finish(runs[1])
    assert progress.settled == 4


def test_a_rewound_partition_at_the_end_of_its_log_is_settled_where_it_stands() -> None:
    progress = PartitionProgress(7)
    progress.settle()
    assert progress.settled == 7


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=20),
    gaps=st.lists(st.integers(0, 3), min_size=20, max_size=20),
    data=st.data(),
)
def test_runs_touch_and_the_applied_position_is_the_first_unfinished_offset(
    sizes: list[int], gaps: list[int], data: st.DataObject
) -> None:
    progress, runs, next_offset = PartitionProgress(0), [], 0
    for size, gap in zip(sizes, gaps, strict=False):
        runs.append(progress.deliver(records(*range(next_offset + gap, next_offset + gap + size)), size))
        next_offset += gap + size
    assert [run.first for run in runs] == [0, *(run.last + 1 for run in runs[:-1])]
    unfinished = list(runs)
    while unfinished:
        assert progress.applied == unfinished[0].first
        progress.finish(unfinished.pop(data.draw(st.integers(0, len(unfinished) - 1))))
    assert progress.applied == next_offset
    assert progress.holes == sum(gaps[: len(sizes)])


@given(st.lists(st.integers(0, 700_000), min_size=1, max_size=30), st.integers(1, 10))
def test_slices_keep_all_records_in_order_within_their_bounds(lengths: list[int], records_max: int) -> None:
    originals = [records(offset, value=bytes(length))[0] for offset, length in enumerate(lengths)]
    parts = list(slices(originals, records_max))
    assert [record for part, _ in parts for record in part] == originals
    for part, size_bytes in parts:
        assert len(part) <= records_max
        assert size_bytes == sum(len(record.value or b"") + 1 for record in part)
        assert size_bytes <= RUN_BYTES_MAX or len(part) == 1
