"""A record goes to the partition that any other producer's default would choose."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streamproc.flow.sink import _partition


@given(key=st.binary(max_size=300), partitions=st.integers(1, 64))
def test_a_key_has_the_partition_that_the_default_partitioner_gives_it(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert _partition(key, every, every) == DefaultPartitioner()(key, every, every)


def test_a_record_without_a_key_goes_where_a_leader_is() -> None:
    assert _partition(None, [0, 1, 2], [1]) == 1
    assert _partition(None, [2], []) == 2
