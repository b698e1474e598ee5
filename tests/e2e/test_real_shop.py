"""31,106 shop events that others published, at their own times, through a real worker on real parts."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from benchmarks.real_shop import JOINED_MS, NAMES, Replay, Row, find_events, read_rows, records_of, replay

EVENTS = 31_106
FILE = find_events()

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.slow,
    pytest.mark.skipif(
        FILE is None, reason="retentioneering, whose wheel holds the events, is not installed"
    ),
]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    assert FILE is not None
    return read_rows(FILE)


@pytest.fixture(scope="module")
def done(rows: list[Row]) -> Replay:
    return replay(rows)


def test_all_events_are_there_in_order_of_their_own_times(rows: list[Row]) -> None:
    times = [row.at_ms for row in rows]
    assert len(rows) == EVENTS
    assert times == sorted(times)
    assert times[0] > JOINED_MS


def test_the_shops_names_become_segments_and_unknown_ones_stay_its_own(rows: list[Row]) -> None:
    _, calls = records_of(rows)
    read = [orjson.loads(output.value or b"") for _, output in calls]
    names = Counter(call["event"] for call in read if call["type"] == "track" and "event" in call)
    assert names["Product Viewed"] == 6_851
    assert names["Order Completed"] == 470
    assert set(NAMES.values()) <= set(names)
    assert {"support_chat", "checkout_bug", "payment_error", "compare"} <= set(names)


def test_a_part_of_the_users_agreed_to_something(rows: list[Row]) -> None:
    consents, _ = records_of(rows)
    agreed = {output.key for _, output in consents}
    assert 300 < len(agreed) < 550


def test_every_record_is_accounted_for(done: Replay) -> None:
    coverage = done.report.findings[0]
    woken = coverage.checked["records"] - done.produced
    assert (coverage.found, woken > 100) == (0, True)
    assert done.story.events == done.produced + woken
    counts = done.story.counts
    names = ("decided", "quiet", "duplicate", "redelivered", "too_old", "rejected")
    assert sum(counts[name] for name in names) == done.produced + woken
    assert counts["rejected"] == counts["redelivered"] == counts["duplicate"] == counts["too_old"] == 0
    assert not done.story.dead_letters


def test_no_cap_is_broken_and_every_nudge_had_its_consent(done: Replay) -> None:
    caps, consent = done.report.findings[1:3]
    assert (caps.found, consent.found) == (0, 0)
    assert caps.checked["charges"] == consent.checked["nudges"] == len(done.story.nudges)
    assert done.report.violations == []


def test_some_nudges_come_out_and_most_is_silence(done: Replay) -> None:
    assert len(done.story.nudges) > 100
    assert {campaign for campaign, _ in done.story.by_campaign} == {
        "second_look",
        "abandoned_cart",
        "replenishment",
        "wishlist_saved",
    }
    assert set(done.story.by_channel) == {"push", "email", "in_app"}
    assert {"channel_not_opted_in", "frequency_cap", "gap", "quiet_hours"} <= set(done.story.reasons)
    assert done.story.counts["quiet"] > 1_000


def test_whoever_agreed_to_nothing_hears_nothing(done: Replay, rows: list[Row]) -> None:
    consents, _ = records_of(rows)
    agreed = {(output.key or b"").decode() for _, output in consents}
    assert {nudge["customer_id"] for nudge in done.story.nudges} <= agreed


def test_it_takes_well_under_a_minute(done: Replay) -> None:
    assert done.seconds < 50
