"""A lane is fresh if end offsets read at most a second ago are reached."""

from __future__ import annotations

from faust.types import TP

from streamproc.flow.end_offsets import EndOffsets, Read, reached

A, B = TP("consents", 0), TP("profiles", 0)


def read_at(begun_s: float, **ends: int) -> Read:
    return Read(1, begun_s, {TP(topic, 0): end for topic, end in ends.items()})


def fresh(ends: EndOffsets, now_s: float, **settled: int) -> bool:
    return ends.is_fresh([A, B], lambda tp: settled.get(tp.topic), now_s)


def test_a_lane_is_fresh_when_each_end_is_at_or_below_the_settled_position() -> None:
    ends = EndOffsets()
    ends.add(read_at(10.0, consents=5, profiles=0))
    assert fresh(ends, 10.5, consents=5, profiles=0)
    assert not fresh(ends, 10.5, consents=4, profiles=0)


def test_a_lane_is_not_fresh_without_a_read_or_with_one_older_than_a_second() -> None:
    ends = EndOffsets()
    assert not fresh(ends, 10.0, consents=5, profiles=0)
    ends.add(read_at(10.0, consents=5, profiles=0))
    assert fresh(ends, 11.0, consents=5, profiles=0)
    assert not fresh(ends, 11.01, consents=5, profiles=0)


def test_the_newest_read_counts_not_an_older_one_that_is_easier_to_reach() -> None:
    ends = EndOffsets()
    ends.add(read_at(10.0, consents=5, profiles=0))
    ends.add(read_at(10.5, consents=9, profiles=0))
    assert not fresh(ends, 10.9, consents=5, profiles=0)
    assert fresh(ends, 10.9, consents=9, profiles=0)


def test_a_partition_that_is_not_ours_or_was_not_read_is_not_fresh() -> None:
    ends = EndOffsets()
    ends.add(read_at(10.0, consents=5))
    assert not fresh(ends, 10.0, consents=5, profiles=0)
    assert not reached({A: 5, B: 0}, [A, B], {A: 5}.get)


def test_forgotten_reads_count_no_more() -> None:
    ends = EndOffsets()
    ends.add(read_at(10.0, consents=0, profiles=0))
    ends.clear()
    assert not fresh(ends, 10.0, consents=0, profiles=0)


def test_the_age_of_a_lanes_facts_is_that_of_the_newest_read_it_has_reached() -> None:
    ends = EndOffsets()
    for step in range(5):
        ends.add(read_at(10.0 + step / 4, consents=step, profiles=0))

    def age_s(consents: int) -> float | None:
        return ends.age_s([A, B], {A: consents, B: 0}.get, 11.25)

    assert [age_s(consents) for consents in (4, 3, 1, 0)] == [0.25, 0.5, 1.0, 1.25]
    assert age_s(-1) is None
    ends.clear()
    assert age_s(4) is None


def test_reads_that_come_close_together_do_not_push_out_those_of_seconds_ago() -> None:
    ends = EndOffsets()
    for step in range(150):
        ends.add(read_at(10.0 + step / 50, consents=step, profiles=0))
    assert (ends.age_s([A, B], {A: 0, B: 0}.get, 13.0) or 0) >= 2.5
