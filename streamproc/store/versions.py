"""Number the states of a value, so that no two states that ever existed share a number."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import randbits
from typing import Final

from streamproc.store.base import VERSION_BYTES

RANDOM_BITS: Final = 22
"""Below 42 bits of milliseconds, which last until 2109. A value deleted and created again meets its old
numbers only after more than 4,000 writes in every millisecond of its life."""

FreshVersion = Callable[[], int]
"""Returns a number below 2^64 for a value that did not exist: time in its high bits, chance in its low ones."""


def fresh_version() -> int:
    """Return the first version of a new value, from the wall clock and 22 random bits."""
    return (time.time_ns() // 1_000_000 << RANDOM_BITS | randbits(RANDOM_BITS)) % 2**64


def next_version(version: bytes, fresh: FreshVersion) -> bytes:
    """Return the version that follows: one more, or a fresh one where there was none."""
    number = int.from_bytes(version, "big") + 1 if version else fresh()
    return (number % 2**64).to_bytes(VERSION_BYTES, "big")
