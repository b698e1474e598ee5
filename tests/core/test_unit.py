"""Units: what they stand for, and how they are split to find the record that fails."""

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.core.unit import Span, Unit


def record(topic: str, partition: int, offset: int) -> Record:
    return Record(topic, partition, offset, 0, append_time=False, key=None, value=b"{}")


def unit(offsets: dict[tuple[str, int], list[int]]) -> Unit:
    records = [record(topic, p, offset) for (topic, p), found in offsets.items() for offset in found]
    spans = {source: Span(found[0], found[-1] + 1) for source, found in offsets.items()}
    return Unit("moments", records, {}, spans)


def test_halves_split_the_span_of_a_partition_that_is_in_both() -> None:
    first, second = unit({("clickstream", 0): [4, 5, 7, 9]}).halves()
    assert first.spans == {("clickstream", 0): Span(4, 5)}
    assert second.spans == {("clickstream", 0): Span(6, 10)}


def test_halves_keep_the_whole_span_of_a_partition_that_is_in_one() -> None:
    first, second = unit({("clickstream", 0): [4, 5], ("beacons", 1): [8, 9]}).halves()
    assert first.spans == {("clickstream", 0): Span(4, 6)}
    assert second.spans == {("beacons", 1): Span(8, 10)}


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["clickstream", "beacons"]), st.integers(0, 3)),
        st.lists(st.integers(0, 99), min_size=1, unique=True).map(sorted),
        min_size=2,
    )
)
def test_halves_stand_together_for_what_the_unit_stands_for(
    offsets: dict[tuple[str, int], list[int]],
) -> None:
    whole = unit(offsets)
    covered = [
        (source, offset)
        for half in whole.halves()
        for source, span in half.spans.items()
        for offset in range(span.first, span.last + 1)
    ]
    wanted = [(source, o) for source, span in whole.spans.items() for o in range(span.first, span.last + 1)]
    assert sorted(covered) == sorted(wanted)
    assert [r for half in whole.halves() for r in half.records] == whole.records
