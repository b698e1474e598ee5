"""I3: a nudge had consent at its decision, by a fresh reading of `consents`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.consent import fold, processing_granted
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.facts import CONSENT_STATES, ConsentChange
from tests.ops.run_records import (
    DAY_MS,
    NOON_MS,
    Line,
    charge,
    consent,
    consent_receipt,
    ledger,
    nudge,
    only,
    policy,
    violations,
)

YESTERDAY_MS = NOON_MS - DAY_MS
PROCESSING = consent(0, "*", "processing")
PUSH = consent(1, "push", "marketing")


def run(*consents: Line, below: int | None = None, **fields: Any) -> list[Line]:
    """One nudge on push, decided with all of these consents applied, or those `below` an offset."""
    offset = len(consents) if below is None else below
    charged = charge("n-1", category=fields.get("category", "coats"))
    sent = nudge(consents_offset=offset, **fields)
    return [policy(), *consents, consent_receipt(len(consents) - 1), *ledger(charged), sent]


def test_granted_for_the_channel_and_for_processing_holds() -> None:
    assert violations(run(PROCESSING, PUSH)) == []


def test_unknown_is_no() -> None:
    assert "marketing on push is not granted" in only(run(PROCESSING), "I3")
    assert "processing on * is not granted" in only(run(consent(0, "push", "marketing")), "I3")


def test_another_customers_grant_is_none() -> None:
    other = consent(1, "push", "marketing")
    other["value"]["customer_id"] = "c-18"
    assert "marketing" in only(run(PROCESSING, other), "I3")


def test_a_grant_at_or_beyond_the_named_position_is_none() -> None:
    # Appended within the last second: the lane may not have seen it, so it may not use it either.
    late = consent(1, "push", "marketing", at_ms=NOON_MS - 500)
    assert violations(run(PROCESSING, late, below=2)) == []
    assert "below 1" in only(run(PROCESSING, late, below=1), "I3")


@pytest.mark.parametrize("state", ["withdrawn", "denied", "pending", "expired"])
def test_the_latest_word_wins(state: str) -> None:
    word = consent(2, "push", "marketing", state, at_ms=YESTERDAY_MS + 1)
    assert "marketing" in only(run(PROCESSING, PUSH, word), "I3")
    earlier = consent(2, "push", "marketing", state, at_ms=YESTERDAY_MS - 1)
    assert violations(run(PROCESSING, PUSH, earlier)) == []


def test_at_a_tie_the_less_permissive_word_wins_in_either_order() -> None:
    refused = consent(1, "push", "marketing", "withdrawn")
    assert "marketing" in only(run(PROCESSING, PUSH, {**refused, "offset": 2}), "I3")
    assert "marketing" in only(run(PROCESSING, refused, {**PUSH, "offset": 2}), "I3")


def test_the_effective_time_is_the_earlier_of_its_own_and_the_append_time() -> None:
    refused = consent(1, "push", "marketing", "withdrawn", at_ms=YESTERDAY_MS)
    ahead = consent(2, "push", "marketing", at_ms=YESTERDAY_MS + 60_000, appended_ms=YESTERDAY_MS - 1)
    assert "marketing" in only(run(PROCESSING, refused, ahead), "I3")


def test_a_grant_stamped_more_than_five_minutes_ahead_is_none() -> None:
    ahead: dict[str, Any] = {"at_ms": YESTERDAY_MS + 300_000, "appended_ms": YESTERDAY_MS}
    assert violations(run(PROCESSING, consent(1, "push", "marketing", **ahead))) == []
    ahead["at_ms"] += 1
    assert "marketing" in only(run(PROCESSING, consent(1, "push", "marketing", **ahead)), "I3")


def test_a_grant_ends_when_it_expires() -> None:
    assert violations(run(PROCESSING, consent(1, "push", "marketing", expires_at_ms=NOON_MS + 1))) == []
    assert "marketing" in only(run(PROCESSING, consent(1, "push", "marketing", expires_at_ms=NOON_MS)), "I3")


def test_a_grant_for_all_channels_holds_for_one_but_never_lifts_its_refusal() -> None:
    every = consent(1, "*", "marketing")
    assert violations(run(PROCESSING, every)) == []
    refused = consent(2, "push", "marketing", "withdrawn", at_ms=YESTERDAY_MS - 1)
    assert "marketing" in only(run(PROCESSING, every, refused), "I3")


def test_a_grant_for_all_channels_may_follow_a_grant_that_lapsed_but_not_precede_it() -> None:
    lapsed = consent(1, "push", "marketing", expires_at_ms=NOON_MS)
    assert violations(run(PROCESSING, lapsed, consent(2, "*", "marketing", at_ms=YESTERDAY_MS + 1))) == []
    assert "marketing" in only(
        run(PROCESSING, lapsed, consent(2, "*", "marketing", at_ms=YESTERDAY_MS)), "I3"
    )


def test_a_later_refusal_of_all_channels_ends_the_grant_of_one() -> None:
    none = consent(2, "*", "marketing", "withdrawn", at_ms=YESTERDAY_MS + 1)
    assert "marketing" in only(run(PROCESSING, PUSH, none), "I3")
    none["value"]["at_ms"] = none["timestamp_ms"] = YESTERDAY_MS - 1
    assert violations(run(PROCESSING, PUSH, none)) == []


def test_a_sensed_reason_needs_the_sensing_consent() -> None:
    because = ("visiting",)
    assert "sensing on *" in only(run(PROCESSING, PUSH, because=because), "I3")
    assert violations(run(PROCESSING, PUSH, consent(2, "*", "sensing"), because=because)) == []


def test_a_special_category_needs_its_own_consent() -> None:
    every = consent(1, "*", "marketing")
    assert "category/pregnancy on *" in only(run(PROCESSING, every, category="pregnancy"), "I3")
    special = consent(2, "*", "category/pregnancy")
    assert violations(run(PROCESSING, every, special, category="pregnancy")) == []


def test_a_record_that_waited_unread_for_more_than_a_second_is_found() -> None:
    other = consent(2, "push", "marketing", at_ms=NOON_MS - 1_000)
    other["value"]["customer_id"] = "c-18"
    assert violations(run(PROCESSING, PUSH, other, below=2)) == []
    other["timestamp_ms"] -= 1
    assert "a later record was there" in only(run(PROCESSING, PUSH, other, below=2), "I3")
    assert violations(run(PROCESSING, PUSH, other, below=2), record_clock=True) == []


def test_a_withdrawal_in_another_partition_counts_a_second_after_it() -> None:
    astray = consent(0, "push", "marketing", "withdrawn", at_ms=NOON_MS - 999, partition=1)
    lines = [*run(PROCESSING, PUSH), {**consent_receipt(0)}]
    lines[-1]["value"]["sources"][0]["partition"] = 1
    assert violations([*lines, astray]) == []
    earlier = consent(0, "push", "marketing", "withdrawn", at_ms=NOON_MS - 1_000, partition=1)
    assert "marketing" in only([*lines, earlier], "I3")
    backdated = consent(
        0, "push", "marketing", "withdrawn", at_ms=YESTERDAY_MS + 1, appended_ms=NOON_MS - 999, partition=1
    )
    assert violations([*lines, backdated]) == []


def test_the_channel_is_that_of_the_topic_whatever_the_value_says() -> None:
    lines = run(PROCESSING, PUSH)
    lines[-1]["topic"] = "nudges.sms"
    found = violations(lines)
    assert [violation.invariant for violation in found] == ["I2", "I3"]
    assert "marketing on sms" in found[1].detail


SIGNAL = "signal/segment"


def test_where_the_customer_said_nothing_the_newest_signal_counts() -> None:
    agreed = consent(0, "*", "processing", source=SIGNAL)
    assert violations(run(agreed, PUSH)) == []
    refused = consent(2, "*", "processing", "withdrawn", at_ms=YESTERDAY_MS + 1, source=SIGNAL)
    assert "processing" in only(run(agreed, PUSH, refused), "I3")
    again = consent(3, "*", "processing", at_ms=YESTERDAY_MS + 2, source=SIGNAL)
    assert violations(run(agreed, PUSH, refused, again)) == []


@pytest.mark.parametrize("state", ["withdrawn", "denied", "pending", "expired"])
def test_a_signal_never_lifts_what_the_customer_said(state: str) -> None:
    said = consent(0, "*", "processing", state)
    agreed = consent(2, "*", "processing", at_ms=YESTERDAY_MS + 1, source=SIGNAL)
    assert "processing" in only(run(said, PUSH, agreed), "I3")


def test_a_signal_refuses_from_its_time_on_what_the_customer_granted() -> None:
    for later_ms, wanted in ((-1, 0), (0, 1), (1, 1)):
        refused = consent(2, "*", "processing", "withdrawn", at_ms=YESTERDAY_MS + later_ms, source=SIGNAL)
        assert len(violations(run(PROCESSING, PUSH, refused))) == wanted


def test_a_signal_grants_nothing_but_processing() -> None:
    assert "marketing" in only(run(PROCESSING, consent(1, "push", "marketing", source=SIGNAL)), "I3")


LINES = st.lists(
    st.builds(
        lambda state, at_ms, source, expires: (state, YESTERDAY_MS + at_ms, source, expires),
        st.sampled_from(CONSENT_STATES),
        st.integers(0, 4),
        st.sampled_from(["account page", SIGNAL]),
        st.sampled_from([None, NOON_MS]),
    ),
    max_size=6,
)


@given(LINES)
def test_verify_and_the_worker_fold_words_and_signals_to_the_same_answer(
    lines: list[tuple[str, int, str, int | None]],
) -> None:
    head, written = NO_CONSENT, [PUSH]
    for offset, (state, at_ms, source, expires_at_ms) in enumerate(lines, start=2):
        word = ConsentChange("c-17", "*", "processing", state, at_ms, expires_at_ms, source)
        head = fold(head, word, at_ms, 0, offset)
        expiry = {} if expires_at_ms is None else {"expires_at_ms": expires_at_ms}
        written.append(consent(offset, "*", "processing", state, at_ms, source=source, **expiry))
    judged = [one for one in violations(run(*written, below=9)) if one.invariant == "I3"]
    assert (judged == []) == processing_granted(head, NOON_MS)
