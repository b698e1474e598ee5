"""What producers signal about processing: a refusal counts at once, a grant when it is on the record, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.consent import processing_granted
from streamproc.core.facts import CHANNELS, CONSENT_STATES
from streamproc.core.record import Output, Record
from streamproc.ingest import parse
from tests.core.shopper import DAY_MS, HOUR_MS, NOON_MS, Said, Shopper

REFUSALS = ["withdrawn", "denied", "pending"]


def written(said: Said) -> list[Output]:
    """The records of `consents` that an event caused."""
    ahead = said.emission.ahead if said.emission is not None else []
    return [output for output in ahead if output.topic == "consents"]


def rows(said: Said) -> list[dict[str, Any]]:
    return [json.loads(output.value or b"") for output in written(said)]


def comes_back(shopper: Shopper, *outputs: Output) -> None:
    """Read records that were written to `consents`, as the lane does, in a unit of its own."""
    for output in outputs:
        place = shopper.offsets.get("consents", 0)
        (event,) = parse(Record("consents", 4, place, shopper.now_ms, True, output.key, output.value))
        shopper.meets(event, "consents")  # type: ignore[arg-type]
    next_unit(shopper)


def next_unit(shopper: Shopper) -> None:
    shopper.customer.signalled = ""


def clicks(shopper: Shopper, *, agrees: bool | None, **more: Any) -> Said:
    shopper.now_ms += 1_000
    return shopper.views(processing_consent=agrees, **more)


def granted(shopper: Shopper) -> bool:
    return processing_granted(shopper.customer.consent, shopper.now_ms)


def test_a_grant_is_written_and_counts_only_once_its_record_came_back() -> None:
    shopper = Shopper()
    said = clicks(shopper, agrees=True)
    assert (said.counted, shopper.customer.context, granted(shopper)) == ("quiet", None, False)
    (row,) = rows(said)
    assert row == {
        "customer_id": "c-1",
        "channel": "*",
        "purpose": "processing",
        "state": "granted",
        "at_ms": NOON_MS + 1_000,
        "source": "signal/segment",
        "text_version": "",
    }
    comes_back(shopper, *written(said))
    said = clicks(shopper, agrees=True)
    assert (said.counted, rows(said)) == ("decided", [])


def test_a_refusal_counts_at_once_for_the_event_that_carries_it_and_for_the_next() -> None:
    shopper = Shopper.opted_in()
    shopper.does("wishlist.added", "coat-1", "coats")
    said = clicks(shopper, agrees=False)
    assert (said.counted, said.ahead, shopper.customer.context and shopper.customer.context.wishlist) == (
        "quiet",
        ["consents"],
        [],
    )
    assert [(row["state"], row["source"]) for row in rows(said)] == [("withdrawn", "signal/segment")]
    assert clicks(shopper, agrees=None).counted == "quiet"


def test_who_never_said_anything_and_refuses_leaves_one_record_and_no_memory() -> None:
    shopper = Shopper()
    said = clicks(shopper, agrees=False)
    comes_back(shopper, *written(said))
    assert [row["state"] for row in rows(said)] == ["withdrawn"]
    assert (rows(clicks(shopper, agrees=False)), shopper.customer.context) == ([], None)


@pytest.mark.parametrize("agrees", [True, False])
def test_the_same_signal_again_writes_nothing(*, agrees: bool) -> None:
    shopper = Shopper.opted_in()
    comes_back(shopper, *written(clicks(shopper, agrees=not agrees)))
    comes_back(shopper, *written(clicks(shopper, agrees=agrees)))
    for _ in range(3):
        assert rows(clicks(shopper, agrees=agrees)) == []
        next_unit(shopper)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_unit_with_many_equal_signals_writes_one_record(*, agrees: bool) -> None:
    shopper = Shopper()
    assert [len(rows(clicks(shopper, agrees=agrees))) for _ in range(5)] == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("agrees", [True, False])
def test_a_signal_whose_record_was_lost_in_a_crash_is_written_again(*, agrees: bool) -> None:
    shopper = Shopper()
    first = rows(clicks(shopper, agrees=agrees, event_id="v-1"))
    next_unit(shopper)
    shopper.now_ms -= 1_000
    assert rows(clicks(shopper, agrees=agrees, event_id="v-1")) == first


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_signal_never_lifts_what_the_customer_refused(refusal: str) -> None:
    shopper = Shopper.opted_in()
    shopper.consents("*", "processing", refusal)
    said = clicks(shopper, agrees=True)
    assert (said.counted, rows(said)) == ("quiet", [])
    shopper.consents("*", "processing")
    assert clicks(shopper, agrees=True).counted == "decided"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_nor_does_a_grant_that_was_on_its_way_when_the_customer_refused(refusal: str) -> None:
    shopper = Shopper()
    outputs = written(clicks(shopper, agrees=True))
    shopper.now_ms -= HOUR_MS
    shopper.consents("*", "processing", refusal)
    shopper.now_ms += HOUR_MS
    comes_back(shopper, *outputs)
    assert clicks(shopper, agrees=True).counted == "quiet"


def test_what_a_signal_took_away_a_later_signal_gives_back() -> None:
    shopper = Shopper.opted_in()
    comes_back(shopper, *written(clicks(shopper, agrees=False)))
    comes_back(shopper, *written(clicks(shopper, agrees=True)))
    assert clicks(shopper, agrees=None).counted == "decided"


def test_the_customers_later_word_ends_a_signalled_refusal() -> None:
    shopper = Shopper.opted_in()
    comes_back(shopper, *written(clicks(shopper, agrees=False)))
    shopper.consents("*", "processing")
    assert not granted(shopper), "at one time the less permissive word stands"
    shopper.now_ms += 1
    shopper.consents("*", "processing")
    assert clicks(shopper, agrees=None).counted == "decided"


def test_a_grant_of_the_customers_that_ran_out_is_not_renewed_by_a_signal() -> None:
    shopper = Shopper.opted_in()
    shopper.now_ms += 1
    shopper.consents("*", "processing", "expired")
    assert (clicks(shopper, agrees=True).counted, rows(clicks(shopper, agrees=True))) == ("quiet", [])


def test_a_click_under_a_refusal_stays_unused_although_the_customer_agreed_since() -> None:
    shopper = Shopper.opted_in()
    said = clicks(shopper, agrees=False, occurred_at_ms=NOON_MS - 2 * DAY_MS)
    assert (said.counted, said.emission) == ("quiet", None)
    assert clicks(shopper, agrees=None).counted == "decided"


def test_a_refusal_is_not_lost_while_a_grant_is_on_its_way() -> None:
    """Refused, then within a second agreed and refused again: the grant comes back after the refusal was read."""
    shopper = Shopper()
    comes_back(shopper, *written(clicks(shopper, agrees=False)))
    agreed = written(clicks(shopper, agrees=True))
    next_unit(shopper)
    refused = written(clicks(shopper, agrees=False))
    assert (len(agreed), len(refused)) == (1, 1)
    comes_back(shopper, *agreed)
    assert not granted(shopper)
    comes_back(shopper, *refused)
    assert (granted(shopper), rows(clicks(shopper, agrees=False))) == (False, [])


def test_a_refusal_on_its_way_is_confirmed_by_a_record_that_the_broker_dated_earlier() -> None:
    shopper = Shopper()
    (refusal,) = written(clicks(shopper, agrees=False))
    shopper.now_ms -= 50
    comes_back(shopper, refusal)
    shopper.now_ms += 50
    assert rows(clicks(shopper, agrees=False)) == []


def test_a_signal_never_counts_later_than_it_was_received() -> None:
    said = Shopper().views(processing_consent=True, occurred_at_ms=NOON_MS + HOUR_MS)
    assert rows(said)[0]["at_ms"] == NOON_MS


def test_global_privacy_control_alone_refuses_nothing() -> None:
    said = Shopper.opted_in().views(gpc=True)
    assert (said.counted, rows(said)) == ("decided", [])


@dataclass(frozen=True)
class Click:
    agrees: bool
    hours_off: int
    overtaken: bool


@dataclass(frozen=True)
class Word:
    channel: str
    purpose: str
    state: str


STATES = st.sampled_from(CONSENT_STATES)
CLICKS = st.builds(Click, st.booleans(), st.integers(-2, 2), st.booleans())
WORDS = st.builds(Word, st.just("*"), st.sampled_from(["processing", "sensing", "marketing"]), STATES) | (
    st.builds(Word, st.sampled_from(CHANNELS), st.just("marketing"), STATES)
)
HISTORIES = st.lists(CLICKS | WORDS, max_size=12)


def lived(history: list[Click | Word], *, signals: bool = True) -> Shopper:
    """Let a customer click and say things; what the clicks write comes back, some of it late."""
    shopper = Shopper.opted_in()
    on_their_way: list[Output] = []
    for step in history:
        if isinstance(step, Word):
            shopper.now_ms += 1
            shopper.consents(step.channel, step.purpose, step.state)
            continue
        at_ms = shopper.now_ms + step.hours_off * HOUR_MS
        said = clicks(shopper, agrees=step.agrees if signals else None, occurred_at_ms=at_ms)
        on_their_way += written(said)
        next_unit(shopper)
        if not step.overtaken:
            comes_back(shopper, *on_their_way)
            on_their_way = []
    comes_back(shopper, *on_their_way)
    return shopper


@given(HISTORIES)
def test_no_signal_ever_touches_an_opt_in_or_any_word_of_the_customers(history: list[Click | Word]) -> None:
    def said(shopper: Shopper) -> dict[str, tuple[str, int]]:
        known = shopper.customer.consent.rows.items()
        return {name: (row.state, row.effective_ms) for name, row in known if not name.endswith("/signal")}

    assert said(lived(history)) == said(lived(history, signals=False))


@given(HISTORIES)
def test_who_spoke_is_processed_only_while_their_own_newest_word_is_a_grant(
    history: list[Click | Word],
) -> None:
    shopper = lived(history)
    own = shopper.customer.consent.rows["*/processing"]
    assert not granted(shopper) or own.state == "granted"


@given(history=HISTORIES, agrees=st.booleans())
def test_a_signal_never_makes_its_own_event_count_and_a_refusal_silences_it(
    history: list[Click | Word], *, agrees: bool
) -> None:
    without, with_signal = lived(history), lived(history)
    counted = clicks(with_signal, agrees=agrees).counted
    assert counted == ("quiet" if not agrees else clicks(without, agrees=None).counted)
