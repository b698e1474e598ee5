"""The same day gives the same bytes, and neither repeats nor strangers change what a customer hears (I9)."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streamproc.core.record import Record
from streamproc.dry_run import DryRun
from streamproc.ingest.record_file import encode_record
from streamproc.ops.demo.calendar import DAY_MS, MINUTE_MS
from tests.laws.arrivals import BadDay, arrivals, bad_days
from tests.laws.recorded_day import policy

SLOT_MS = 20 * MINUTE_MS
POSITIONS = ("source", "consent", "config_offset")
few = settings(max_examples=2, phases=set(Phase) - {Phase.shrink, Phase.explain})
chances = st.integers(0, 2**16).map(random.Random)


def good_day() -> list[Record]:
    return [record for _, record in arrivals(BadDay())]


def placed(records: Iterable[Record]) -> list[Record]:
    """Give the records the offsets that a broker would."""
    ends: Counter[str] = Counter()
    found = []
    for record in records:
        found.append(msgspec.structs.replace(record, offset=ends[record.topic]))
        ends[record.topic] += 1
    return found


def played(records: Iterable[Record]) -> list[Record]:
    """Feed a day to a worker, and let what waits at its end come due."""
    run = DryRun(policy(eager=True))
    written = [output for record in records for output in run.feed(record)]
    return [*written, *run.advance(run.clock.now_ms() + DAY_MS)]


def heard(written: Sequence[Record], *topics: str) -> dict[str, list[Any]]:
    """Return by customer what stands on these topics, positions aside."""
    found: dict[str, list[Any]] = defaultdict(list)
    for one in written:
        if one.topic.startswith(topics):
            value = json.loads(one.value or b"")
            found[value["customer_id"]].append({name: value[name] for name in value if name not in POSITIONS})
    return found


@few
@given(bad_days)
def test_the_same_day_gives_the_same_bytes(day: BadDay) -> None:
    once, again = (played(record for _, record in arrivals(day)) for _ in range(2))
    assert [encode_record(one) for one in once] == [encode_record(one) for one in again]


@few
@given(chances)
def test_a_repeat_within_a_customers_last_sixteen_events_changes_no_nudge(chance: random.Random) -> None:
    repeated: list[Record] = []
    waiting: dict[bytes, list[Record]] = defaultdict(list)
    for record in good_day():
        repeated.append(record)
        mine = waiting[record.key or b""]
        if record.topic in ("clickstream", "beacons"):
            mine.append(record)
        if len(mine) == 10:
            again = chance.sample(mine, 4)
            repeated += [msgspec.structs.replace(one, timestamp_ms=record.timestamp_ms) for one in again]
            mine.clear()
    assert heard(played(placed(repeated)), "nudges.") == heard(played(good_day()), "nudges.")


@few
@given(chances)
def test_the_order_of_other_customers_records_changes_nothing_for_a_customer(chance: random.Random) -> None:
    slots: dict[int, dict[bytes, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in good_day():
        # Time is the running maximum of the records' own: those of a slot arrive at one moment.
        at_ms = (record.timestamp_ms // SLOT_MS + 1) * SLOT_MS
        # What the shop itself says is no customer's, and comes first.
        key = b"" if record.topic in ("catalog", "config") else record.key or b""
        slots[at_ms][key].append(msgspec.structs.replace(record, timestamp_ms=at_ms))
    straight = [
        record
        for queues in slots.values()
        for records in (queues[b""], *(queues[key] for key in list(queues) if key))
        for record in records
    ]
    shuffled: list[Record] = []
    for queues in slots.values():
        turns = [key for key, records in queues.items() for _ in records if key]
        chance.shuffle(turns)
        shuffled += queues[b""]
        left = {key: iter(records) for key, records in queues.items()}
        shuffled += [next(left[key]) for key in turns]
    topics = ("nudges.", "decisions")
    assert heard(played(placed(shuffled)), *topics) == heard(played(placed(straight)), *topics)


def test_a_good_day_has_timers_to_judge() -> None:
    decisions = heard(played(good_day()), "decisions")
    kinds = Counter(one["kind"] for each in decisions.values() for one in each)
    assert kinds["timer"] > 5
    assert kinds["event"] > 50
