from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from streamproc.store.versions import fresh_version, next_version


@given(st.binary(min_size=8, max_size=8))
def test_the_next_version_is_one_more_and_wraps_at_the_end(version: bytes) -> None:
    following = next_version(version, fresh_version)
    assert int.from_bytes(following) == (int.from_bytes(version) + 1) % 2**64


def test_the_first_version_comes_from_the_source_of_fresh_ones() -> None:
    assert next_version(b"", lambda: 258) == bytes([0, 0, 0, 0, 0, 0, 1, 2])


def test_a_fresh_version_holds_the_time_in_milliseconds_and_22_random_bits() -> None:
    before_ms = time.time_ns() // 1_000_000
    versions = [fresh_version() for _ in range(200)]
    after_ms = time.time_ns() // 1_000_000
    assert all(before_ms <= version >> 22 <= after_ms for version in versions)
    assert len({version & (2**22 - 1) for version in versions}) > 190
