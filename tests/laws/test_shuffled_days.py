"""A recorded day, shuffled, delayed and repeated: the promises hold, and what restrains counts from its arrival."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import Phase, example, given, settings

from streamproc.core.record import Record
from streamproc.dry_run import DryRun
from streamproc.ops.demo.calendar import DAY_MS
from tests.laws.arrivals import BadDay, arrivals, bad_days
from tests.laws.judge import Judge, violations
from tests.laws.recorded_day import policy

Written = tuple[str, bytes | None, bytes | None]

# The older word arrives last: a grant after the withdrawal, a wish after the one that took its place.
OVERTAKEN = BadDay(
    restraints=(
        *((60, "revoke push", "r-2", 0), (30, "grant push", "r-2", 90), (20, "grant *", "r-2", 110)),
        *((60, "mute coats", "r-1", 0), (30, "mute shoes", "r-1", 90)),
        *((70, "decline email", "r-3", 0), (40, "decline push", "r-3", 90)),
    )
)
LATE = BadDay(
    restraints=(
        *(
            (150, "order shoe-1", "r-1", 20),
            (180, "order coat-1", "r-2", 0),
            (160, "order pan-1", "r-2", 170),
        ),
        *((300, "complained", "r-1", 90), (400, "unsubscribed", "r-2", 30), (350, "object", "r-3", 180)),
    )
)
PACED = BadDay(
    restraints=(
        *((100, "pause", "r-1", 60), (60, "pace 1", "r-2", 0), (200, "uninstalled", "r-3", 0)),
        (180, "revoke processing", "c-0007", 200),
    )
)
# What was withdrawn is granted anew, and nobody else says anything before the next message.
# What ends a waiting arrives after what began it, and before it is over.
ENDED = BadDay(
    restraints=(
        (155, "order toy-2", "r-4", 15),
        (370, "order toy-2", "r-4", 0),
        (601, "order toy-2", "r-4", 28),
    )
)
GRANTED = BadDay(restraints=((30, "revoke push", "r-2", 0), (130, "grant push", "r-2", 0)))
SWITCHED = BadDay(
    restraints=(
        *((125, "channel/push", "r-1", 0), (290, "on channel/push", "r-1", 30), (330, "all", "r-1", 0)),
        *((480, "on all", "r-1", 9), (500, "campaign/second_look", "r-1", 0)),
    )
)
SHAKEN = BadDay(
    jitter=90,
    seed=1,
    restraints=tuple((22 + 66 * n, "order toy-2", f"r-{1 + n % 3}", 5 * n) for n in range(14)),
)
AGAIN = BadDay(
    repeats=tuple((place, 5 + place * 7 % 400) for place in range(0, 700, 2)),
    rewinds=tuple((place, 200) for place in range(150, 900, 60)),
)


def lived(day: BadDay, *, eager: bool) -> tuple[Judge, list[Record]]:
    """Live through a day, judged as it goes; return the judge and all records, those read once and those written."""
    run, judge = DryRun(policy(eager=eager)), Judge(eager=eager)
    read: dict[tuple[str, int], bool] = {}
    records: list[Record] = []
    known: set[Written] = set()
    for one, record in arrivals(day):
        due = run.advance(record.timestamp_ms)
        judge.see(due)
        judge.hear(one, record)
        caused = run.feed(record)
        judge.see(caused)
        place = record.topic, record.offset
        if place not in read:
            read[place] = was_quiet(caused)
            records.append(record)
        elif not read[place]:
            assert said(caused) <= known, "what is read again causes nothing that it did not cause before"
        known |= said(caused)
        records += [*due, *caused]
    released = run.advance(run.clock.now_ms() + DAY_MS)
    judge.see(released)
    return judge, [*records, *released]


def was_quiet(caused: Sequence[Record]) -> bool:
    """Tell whether a record met somebody of whom nothing may be kept, not even that it was read."""
    receipts = [json.loads(one.value or b"") for one in caused if one.topic == "receipts"]
    return any(source["quiet"] for receipt in receipts for source in receipt["sources"])


def said(caused: Sequence[Record]) -> set[Written]:
    """Return what was said, but for receipts, and for nudges of before that come again when it is too late for them."""
    return {
        (one.topic, one.key, one.value)
        for one in caused
        if one.topic not in ("receipts", "dead-letters") and not is_withheld(one)
    }


def is_withheld(one: Record) -> bool:
    return one.topic == "decisions" and b'"withheld"' in (one.value or b"")


# A day takes a fifth of a second, too long to shrink one that broke a promise within a test's minute.
@pytest.mark.parametrize("eager", [False, True], ids=["as shipped", "eager"])
@settings(max_examples=10, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(day=bad_days)
@example(day=OVERTAKEN)
@example(day=LATE)
@example(day=PACED)
@example(day=ENDED)
@example(day=GRANTED)
@example(day=SWITCHED)
@example(day=SHAKEN)
@example(day=AGAIN)
def test_whatever_order_a_day_arrives_in_every_promise_holds(*, eager: bool, day: BadDay) -> None:
    judge, records = lived(day, eager=eager)
    assert judge.broken == []
    assert violations(records, eager=eager) == []
    if not day.rewinds:
        assert not any(map(is_withheld, records)), (
            "what was known when it was decided is no reason to withhold it afterwards"
        )


def test_a_good_day_has_nudges_of_all_kinds_to_judge() -> None:
    judge, _ = lived(BadDay(), eager=True)
    nudges = [nudge for known in judge.known.values() for nudge in known.nudges]
    assert {"second_look", "wishlist_saved", "reminder"} <= {nudge["campaign"] for nudge in nudges}
    assert {nudge["channel"] for nudge in nudges} >= {"push", "email", "in_app"}
    assert len(nudges) > 50


def test_on_a_shaken_day_waitings_are_cancelled_and_messages_held() -> None:
    _, records = lived(SHAKEN, eager=True)
    verdicts = Counter(
        candidate["verdict"]
        for one in records
        if one.topic == "decisions"
        for candidate in json.loads(one.value or b"")["candidates"]
    )
    assert verdicts["cancelled"] > 5
    assert verdicts["deferred"] > 1
