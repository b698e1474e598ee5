"""What a customer agreed to, whatever order the records come in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core import consent
from streamproc.core.consent import (
    CATEGORIES_MAX,
    allows,
    decode_consent,
    encode_consent,
    fold,
    is_agreed,
    processing_granted,
)
from streamproc.core.consent_head import NO_CONSENT, ConsentHead, Row, UnreadableConsent
from streamproc.core.facts import CONSENT_STATES, ConsentChange

NOW_MS = 1_000
UNPLACED = -1


def change(
    channel: str, purpose: str, state: str, expires_at_ms: int | None = None, source: str = ""
) -> ConsentChange:
    return ConsentChange("c-17", channel, purpose, state, 0, expires_at_ms, source)


def head_of(*words: tuple[str, str, str, int]) -> ConsentHead:
    head = NO_CONSENT
    for offset, (channel, purpose, state, effective_ms) in enumerate(words):
        head = fold(head, change(channel, purpose, state), effective_ms, 3, offset)
    return head


ROWS = [
    ("push", "marketing"),
    ("*", "marketing"),
    ("*", "processing"),
    ("*", "category/pregnancy"),
]
CHANGES = st.builds(
    lambda row, state, effective_ms, expires_ms, source: (
        change(row[0], row[1], state, expires_ms, source),
        effective_ms,
    ),
    st.sampled_from(ROWS),
    st.sampled_from(CONSENT_STATES),
    st.integers(0, 4),
    st.none() | st.integers(0, 9),
    st.sampled_from(["account page", "signal/segment"]),
)
LOGS = st.lists(CHANGES, max_size=12)


def folded(log: list[tuple[ConsentChange, int]], order: list[int], partition: int) -> ConsentHead:
    head = NO_CONSENT
    for offset in order:
        head = fold(head, log[offset][0], log[offset][1], partition, offset)
    return head


def answers(head: ConsentHead) -> list[bool]:
    return [allows(head, channel, purpose, now_ms).ok for channel, purpose in ROWS for now_ms in range(10)]


def test_what_nobody_was_asked_about_is_refused() -> None:
    assert not allows(NO_CONSENT, "push", "marketing", NOW_MS).ok
    assert not allows(NO_CONSENT, "push", "category/pregnancy", NOW_MS).ok
    assert allows(NO_CONSENT, "push", "marketing", NOW_MS).detail == "push/marketing: unknown"


def test_a_grant_for_a_channel_allows_that_channel_and_no_other() -> None:
    head = head_of(("push", "marketing", "granted", 5))
    assert allows(head, "push", "marketing", NOW_MS).ok
    assert not allows(head, "sms", "marketing", NOW_MS).ok
    assert not allows(head, "*", "marketing", NOW_MS).ok


def test_a_grant_for_all_channels_allows_a_channel_that_was_never_named() -> None:
    assert allows(head_of(("*", "marketing", "granted", 5)), "sms", "marketing", NOW_MS).ok


@pytest.mark.parametrize("refusal", ["withdrawn", "denied", "pending"])
@pytest.mark.parametrize("effective_ms", [1, 5, 9])
def test_a_grant_for_all_channels_never_lifts_a_refusal_of_one(refusal: str, effective_ms: int) -> None:
    head = head_of(("push", "marketing", refusal, 5), ("*", "marketing", "granted", effective_ms))
    assert not allows(head, "push", "marketing", NOW_MS).ok
    assert allows(head, "email", "marketing", NOW_MS).ok


@pytest.mark.parametrize("refusal", ["withdrawn", "denied", "pending", "expired"])
@pytest.mark.parametrize(("effective_ms", "allowed"), [(4, True), (5, False), (6, False)])
def test_a_later_refusal_of_all_channels_beats_the_grant_of_one(
    refusal: str, effective_ms: int, *, allowed: bool
) -> None:
    head = head_of(("push", "marketing", "granted", 5), ("*", "marketing", refusal, effective_ms))
    assert allows(head, "push", "marketing", NOW_MS).ok is allowed


def test_a_channel_can_be_granted_again_after_all_were_refused() -> None:
    head = head_of(("*", "marketing", "withdrawn", 5), ("push", "marketing", "granted", 6))
    assert allows(head, "push", "marketing", NOW_MS).ok
    assert not allows(head, "email", "marketing", NOW_MS).ok


def test_a_grant_ends_at_its_expiry() -> None:
    head = fold(NO_CONSENT, change("push", "marketing", "granted", 900), 5, 3, 0)
    assert allows(head, "push", "marketing", 899).ok
    assert not allows(head, "push", "marketing", 900).ok
    assert allows(head, "push", "marketing", 900).detail == "push/marketing: granted until 900, now 900"


def test_a_grant_of_one_channel_that_ran_out_gives_way_to_a_later_grant_of_all() -> None:
    head = fold(NO_CONSENT, change("push", "marketing", "granted", 900), 5, 3, 0)
    assert not allows(fold(head, change("*", "marketing", "granted"), 4, 3, 1), "push", "marketing", 950).ok
    assert allows(fold(head, change("*", "marketing", "granted"), 6, 3, 1), "push", "marketing", 950).ok


@pytest.mark.parametrize(("first", "second"), [("*", "push"), ("push", "*"), ("push", "push")])
def test_of_two_grants_of_one_time_the_shorter_counts(first: str, second: str) -> None:
    longer = fold(NO_CONSENT, change(first, "marketing", "granted"), 5, 3, 0)
    assert not allows(
        fold(longer, change(second, "marketing", "granted", 900), 5, 3, 1), "push", "marketing", 950
    ).ok


@pytest.mark.parametrize("purpose", ["processing", "sensing", "category/pregnancy"])
def test_a_grant_of_marketing_for_all_channels_covers_no_other_purpose(purpose: str) -> None:
    assert not allows(head_of(("*", "marketing", "granted", 5)), "push", purpose, NOW_MS).ok


@pytest.mark.parametrize("purpose", ["processing", "sensing", "category/pregnancy"])
def test_every_other_purpose_is_granted_for_all_channels_or_not_at_all(purpose: str) -> None:
    assert allows(head_of(("*", purpose, "granted", 5)), "push", purpose, NOW_MS).ok
    assert not allows(head_of(("push", purpose, "granted", 5)), "push", purpose, NOW_MS).ok
    assert head_of(("push", purpose, "granted", 5)).rows == {}


@pytest.mark.parametrize(("first", "second"), [("granted", "withdrawn"), ("withdrawn", "granted")])
def test_at_one_effective_time_the_less_permissive_word_stands(first: str, second: str) -> None:
    head = head_of(("push", "marketing", first, 5), ("push", "marketing", second, 5))
    assert not allows(head, "push", "marketing", NOW_MS).ok


def test_a_row_names_the_offset_of_the_record_that_is_its_proof() -> None:
    head = head_of(("push", "marketing", "granted", 5), ("push", "marketing", "granted", 5))
    assert head == ConsentHead(partition=3, offset=1, rows={"push/marketing": Row("granted", 5, None, 0)})


@given(LOGS, st.data())
def test_any_order_and_repetition_of_records_gives_the_same_rows(
    log: list[tuple[ConsentChange, int]], data: st.DataObject
) -> None:
    order = [*data.draw(st.permutations(range(len(log))))]
    repeats = data.draw(st.lists(st.sampled_from(order), max_size=6)) if order else []
    in_order = folded(log, [*range(len(log))], 3)
    assert folded(log, order + repeats, UNPLACED).rows == in_order.rows


@given(LOGS, st.data())
def test_reading_a_partition_again_from_anywhere_gives_the_same_head(
    log: list[tuple[ConsentChange, int]], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(log)))
    start = data.draw(st.integers(0, stop))
    once = folded(log, [*range(len(log))], 3)
    assert folded(log, [*range(stop), *range(start, len(log))], 3) == once


def test_a_record_at_or_below_the_heads_position_changes_nothing() -> None:
    head = fold(NO_CONSENT, change("push", "marketing", "granted"), 5, 3, 10)
    assert fold(head, change("push", "marketing", "withdrawn"), 9, 3, 10) is head


def test_a_record_from_another_partition_counts_and_leaves_the_position() -> None:
    head = fold(NO_CONSENT, change("push", "marketing", "granted"), 5, 3, 10)
    folded_in = fold(head, change("push", "marketing", "withdrawn"), 9, 4, 2)
    assert not allows(folded_in, "push", "marketing", NOW_MS).ok
    assert (folded_in.partition, folded_in.offset) == (3, 10)


@given(LOGS, CHANGES.filter(lambda word: word[0].state != "granted"))
def test_a_refusal_never_allows_what_was_refused_before(
    log: list[tuple[ConsentChange, int]], refusal: tuple[ConsentChange, int]
) -> None:
    before = folded(log, [*range(len(log))], 3)
    after = fold(before, refusal[0], 9, 3, len(log))
    assert all(was or not now for was, now in zip(answers(before), answers(after), strict=True))


def test_beyond_the_bound_a_category_stays_refused_and_a_known_one_can_be_withdrawn() -> None:
    words = [("*", f"category/{number}", "granted", 5) for number in range(CATEGORIES_MAX + 1)]
    head = head_of(*words, ("*", "category/0", "withdrawn", 6), ("push", "marketing", "granted", 6))
    assert not allows(head, "*", f"category/{CATEGORIES_MAX}", NOW_MS).ok
    assert allows(head, "*", f"category/{CATEGORIES_MAX - 1}", NOW_MS).ok
    assert not allows(head, "*", "category/0", NOW_MS).ok
    assert allows(head, "push", "marketing", NOW_MS).ok


NAMES = st.sampled_from(["a", "b", "c", "d"])
CATEGORY_LOGS = st.lists(st.tuples(NAMES, st.sampled_from(["granted", "withdrawn"]), st.integers(0, 4)))


@pytest.mark.interpreted
@given(CATEGORY_LOGS)
def test_a_full_head_allows_nothing_that_an_unbounded_one_would_refuse(
    log: list[tuple[str, str, int]],
) -> None:
    words = [("*", f"category/{name}", state, effective_ms) for name, state, effective_ms in log]
    unbounded = head_of(*words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consent, "CATEGORIES_MAX", 2)
        bounded = head_of(*words)
    assert len(bounded.rows) <= 2
    assert all(
        allows(unbounded, "*", word[1], 9).ok or not allows(bounded, "*", word[1], 9).ok for word in words
    )


@given(LOGS, st.integers(0, 9))
def test_the_fast_answer_on_processing_is_the_long_one(
    log: list[tuple[ConsentChange, int]], now_ms: int
) -> None:
    head = folded(log, [*range(len(log))], 3)
    assert processing_granted(head, now_ms) == allows(head, "*", "processing", now_ms).ok


@given(LOGS, st.integers(0, 9), st.sampled_from(ROWS))
def test_the_answer_without_words_is_that_with_words(
    log: list[tuple[ConsentChange, int]], now_ms: int, row: tuple[str, str]
) -> None:
    head = folded(log, [*range(len(log))], 3)
    assert is_agreed(head, *row, now_ms) == allows(head, *row, now_ms).ok


@given(LOGS)
def test_a_head_reads_back_as_it_was_written(log: list[tuple[ConsentChange, int]]) -> None:
    head = folded(log, [*range(len(log))], 3)
    assert decode_consent(encode_consent(head)) == head


@pytest.mark.parametrize("blob", [b"", b"\xc1", msgspec.msgpack.encode([2, 3, 10, {}]), b"{}"])
def test_a_head_of_an_unknown_layout_is_refused(blob: bytes) -> None:
    with pytest.raises(UnreadableConsent):
        decode_consent(blob)
