"""I1: receipts cover every input offset without a hole, and each event once outside `redelivered`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.run_records import click, only, receipt, sound_run, violations


def test_a_run_whose_receipts_cover_all_input_holds() -> None:
    assert violations(sound_run(), from_start=True) == []


def test_a_hole_between_two_receipts_is_found_without_the_input() -> None:
    assert "clickstream/0 2..3" in only([receipt(0, 0, 1), receipt(1, 4, 5)], "I1")


def test_an_input_record_between_two_receipts_is_a_hole() -> None:
    lines = [click(0), click(1), click(2), receipt(0, 0, 0), receipt(1, 2, 2)]
    assert "clickstream/0 1..1" in only(lines, "I1")


def test_offsets_that_the_log_itself_skips_are_no_hole() -> None:
    assert violations([click(0), click(2), receipt(0, 0, 0), receipt(1, 2, 2)]) == []


def test_an_input_record_before_the_first_receipt_is_a_hole() -> None:
    assert "clickstream/0 0..0" in only([click(0), click(1), receipt(0, 1, 1)], "I1")


def test_an_input_record_after_the_last_receipt_is_a_hole() -> None:
    assert "clickstream/0 1..2" in only([click(0), click(1), click(2), receipt(0, 0, 0)], "I1")


def test_a_partition_with_input_and_no_receipt_is_a_hole() -> None:
    assert "clickstream/0 0..1" in only([click(0), click(1)], "I1")


def test_receipts_from_the_middle_are_a_hole_only_if_the_file_reaches_back_to_the_start() -> None:
    assert violations([receipt(0, 5, 6)]) == []
    assert "clickstream/0 0..4" in only([receipt(0, 5, 6)], "I1", from_start=True)


def test_records_and_holes_must_add_up_to_the_range() -> None:
    assert violations([receipt(0, 0, 4, records=4, holes=1, events=4, decided=4)]) == []
    assert "5 offsets" in only([receipt(0, 0, 4, records=4, events=4, decided=4)], "I1")


def test_the_outcomes_must_add_up_to_the_events() -> None:
    counts: dict[str, Any] = {
        "decided": 1,
        "quiet": 1,
        "duplicate": 1,
        "redelivered": 1,
        "too_old": 1,
        "rejected": 1,
        "rekeyed": 1,
    }
    assert violations([receipt(0, 0, 6, **counts)]) == []
    for outcome in counts:
        assert "7 events, but 6 outcomes" in only([receipt(0, 0, 6, **(counts | {outcome: 0}))], "I1")


def test_an_overlap_is_fine_where_the_events_are_counted_as_redelivered() -> None:
    assert violations([receipt(0, 0, 9), receipt(1, 5, 14, decided=5, redelivered=5)]) == []


def test_an_overlap_that_was_decided_again_is_found() -> None:
    detail = only([receipt(0, 0, 9), receipt(1, 5, 14, decided=6, redelivered=4)], "I1")
    assert "at least 5 events came again, but 4 are counted as redelivered" in detail


@pytest.mark.parametrize("outcome", ["duplicate", "too_old"])
def test_an_event_with_memory_may_not_be_counted_twice(outcome: str) -> None:
    counts: dict[str, Any] = {outcome: 1}
    lines = [receipt(0, 0, 0, **counts), receipt(1, 0, 0, **counts)]
    assert "0..0" in only(lines, "I1")


@pytest.mark.parametrize("outcome", ["quiet", "rejected", "rekeyed"])
def test_an_event_that_left_no_memory_may_be_counted_again_the_same(outcome: str) -> None:
    counts: dict[str, Any] = {outcome: 1}
    assert violations([receipt(0, 0, 0, **counts), receipt(1, 0, 0, **counts)]) == []
    assert only([receipt(0, 0, 0, **counts), receipt(1, 0, 0, decided=1)], "I1")


def test_all_events_of_a_batch_that_came_again_must_be_redelivered() -> None:
    batch = receipt(0, 0, 0, events=5, decided=5)
    assert violations([batch, receipt(1, 0, 0, events=5, redelivered=5)]) == []
    assert "at least 5" in only([batch, receipt(1, 0, 0, events=5, decided=1, redelivered=4)], "I1")


def test_it_does_not_matter_which_of_two_workers_calls_an_event_redelivered() -> None:
    lines = [receipt(0, 0, 3, decided=1, redelivered=3), receipt(1, 0, 3, decided=3, redelivered=1)]
    assert violations(lines) == []


def test_a_receipt_that_a_producer_repeated_counts_once() -> None:
    twice = receipt(0, 0, 3)
    assert violations([twice, {**twice, "offset": 1}]) == []


def test_an_unreadable_receipt_is_found() -> None:
    line = receipt(0, 0, 3)
    line["value"] = {"unit": "u-0"}
    assert "cannot be read" in only([line], "I1")
