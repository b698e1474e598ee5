"""The numbers that follow from ids alone."""

from __future__ import annotations

from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from streamproc.core.digests import event_digest, nudge_id, partition_of

IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=140)


@given(IDS, st.integers(1, 512))
@example("", 12)
@example("é" * 300, 12)
@example("customer-17", 1)
def test_a_customer_has_the_partition_that_kafkas_default_partitioner_gives(
    customer_id: str, partitions: int
) -> None:
    assert partition_of(customer_id, partitions) == (murmur2(customer_id.encode()) & 0x7FFFFFFF) % partitions


def test_partitions_are_those_that_the_java_client_gives() -> None:
    # Two of the test vectors in Kafka's own UtilsTest; the partitioner clears the sign bit.
    assert partition_of("21", 2**31) == -973932308 & 0x7FFFFFFF
    assert partition_of("foobar", 2**31) == -790332482 & 0x7FFFFFFF


def test_a_nudge_id_is_thirty_two_hexadecimal_digits_that_never_change() -> None:
    assert nudge_id("c-17", "shop#e-1") == "f644511bc6a6f5fd9dde89b0668b9020"


def test_moving_a_letter_from_the_event_to_the_customer_gives_another_nudge_id() -> None:
    assert nudge_id("ab", "c") != nudge_id("a", "bc")


@given(IDS, IDS, IDS, IDS)
def test_nudge_ids_agree_only_for_the_same_customer_and_event(c1: str, e1: str, c2: str, e2: str) -> None:
    assert (nudge_id(c1, e1) == nudge_id(c2, e2)) == ((c1, e1) == (c2, e2))


def test_an_event_digest_is_eight_bytes_that_never_change() -> None:
    assert event_digest("shop#e-1").hex() == "3d48c772bfd60cc8"
