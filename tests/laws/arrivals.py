"""How a recorded day reaches Kafka on a bad one: shuffled, delayed, repeated and read again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.ops.demo.calendar import MINUTE_MS
from tests.laws.recorded_day import (
    CUSTOMERS,
    MORNING_MS,
    NIGHT_MS,
    REGULARS,
    RESTRAINTS,
    Told,
    restrained,
    shopping_day,
)

Restraint = tuple[int, str, str, int]
"""The minute of the day at which it happened, what, of whom, and how many minutes later it arrives."""


@dataclass(frozen=True)
class BadDay:
    """What went wrong on the way. Delays are in minutes, records are named by their place in the day."""

    restraints: tuple[Restraint, ...] = ()
    jitter: int = 0
    """Each record arrives up to so many minutes late."""
    delays: tuple[tuple[int, int], ...] = ()
    repeats: tuple[tuple[int, int], ...] = ()
    """Records that their producer sends again, so many minutes after they happened."""
    rewinds: tuple[tuple[int, int], ...] = ()
    """Places after which so many records of the same topic are read once more, as after a crash."""
    seed: int = 0


places = st.integers(0, len(shopping_day()) - 1)
late = st.one_of(st.integers(0, 3), st.integers(0, 180), st.sampled_from([600, 26 * 60]))
restraints = st.tuples(
    st.integers(0, (NIGHT_MS - MORNING_MS) // MINUTE_MS),
    st.sampled_from(RESTRAINTS),
    st.one_of(st.sampled_from([*REGULARS]), st.sampled_from(CUSTOMERS)),
    st.one_of(st.just(0), late),
)
bad_days = st.builds(
    BadDay,
    restraints=st.lists(restraints, max_size=40).map(tuple),
    jitter=st.sampled_from([0, 1, 10, 90]),
    delays=st.lists(st.tuples(places, late), max_size=20).map(tuple),
    repeats=st.lists(st.tuples(places, late), max_size=20).map(tuple),
    rewinds=st.lists(st.tuples(places, st.integers(1, 30)), max_size=4).map(tuple),
    seed=st.integers(0, 2**16),
)


def arrivals(day: BadDay) -> Iterator[tuple[Told, Record]]:
    """Yield what is read, in order, and who told it: offsets are given in the order of arrival."""
    chance = random.Random(day.seed)
    recorded = shopping_day()
    delay_ms = [chance.randrange(day.jitter * MINUTE_MS + 1) for _ in recorded]
    for place, minutes in day.delays:
        delay_ms[place] += minutes * MINUTE_MS
    sent = [
        (one.at_ms + late_ms, number, one)
        for number, (one, late_ms) in enumerate(zip(recorded, delay_ms, strict=True))
    ]
    for place, minutes in day.repeats:
        sent.append((sent[place][0] + minutes * MINUTE_MS, len(sent), recorded[place]))
    for minute, what, customer, late_min in day.restraints:
        # No two are at one millisecond: which of two wishes of one moment counts is nobody's to say.
        one = restrained(MORNING_MS + minute * MINUTE_MS + len(sent), what, customer)
        sent.append((one.at_ms + late_min * MINUTE_MS, len(sent), one))
    ends: Counter[str] = Counter()
    read: list[tuple[Told, Record]] = []
    rewinds = dict(day.rewinds)
    for number, (arrived_ms, _, one) in enumerate(sorted(sent, key=lambda row: row[:2])):
        offset = ends[one.topic]
        ends[one.topic] += 1
        record = Record(one.topic, 0, offset, arrived_ms, True, one.key.encode(), one.value)
        read.append((one, record))
        yield one, record
        if number in rewinds and one.topic not in ("config", "catalog"):
            yield from [pair for pair in read if pair[0].topic == one.topic][-rewinds[number] :]
