"""What customers answer moves their wariness and their budget, each time on the record, and never twice."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.context import Throttle
from streamproc.core.creep.model import SHIPPED, Answer
from streamproc.core.creep.mood import mood_of
from streamproc.core.facts import Preferences
from streamproc.core.ledger import LedgerRecord
from streamproc.core.policy.loader import load
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, Said, Shopper

POLICY = load({name: text for name, text in FILES.items() if name != "creep.yaml"}, "throttled")
NEWCOMER, CAPACITY = SHIPPED.wariness.start, SHIPPED.capacity


def known(days: int = 30) -> Shopper:
    """Return a customer who was first heard of so long ago."""
    shopper = Shopper.opted_in(POLICY)
    shopper.now_ms += days * DAY_MS
    return shopper


def mood(shopper: Shopper) -> tuple[float, float]:
    context = shopper.customer.context
    assert context is not None
    found = mood_of(context, POLICY.creep, shopper.now_ms)
    return found.wariness, found.level


def ledger(said: Said) -> list[LedgerRecord]:
    ahead = said.emission.ahead if said.emission is not None else []
    return [
        msgspec.json.decode(one.value or b"", type=LedgerRecord) for one in ahead if one.topic == "ledger"
    ]


def nudged(shopper: Shopper, item: str = "coat-1", category: str = "coats") -> str:
    nudge = shopper.views(item, category).nudge
    assert nudge is not None
    return nudge.nudge_id


@pytest.mark.parametrize(
    ("kind", "wariness", "level"),
    [
        ("dismissed", 1.10, 0.05),
        ("not_interested", 1.15, 0.10),
        ("why_opened", 1.05, 0.0),
        ("unsubscribed", 1.5, 0.50),
        ("delivered", 1.0, 0.0),
        ("opened", 1.0, 0.0),
        ("clicked", 0.98, 0.0),
        ("converted", 0.95, 0.0),
    ],
)
def test_an_answer_does_what_the_table_says(kind: str, wariness: float, level: float) -> None:
    shopper = known()
    nudge = nudged(shopper)
    before = mood(shopper)[1]
    records = ledger(shopper.answers(kind, nudge))
    assert mood(shopper) == pytest.approx((wariness, before + level))
    felt = [one for one in records if one.kind == "feedback"]
    assert [(one.wariness_after, one.nudge_id) for one in felt] == (
        [(wariness, nudge)] if wariness != 1 else []
    )


@pytest.mark.parametrize(("kind", "wariness"), [("complained", 2.0), ("uninstalled", 1.5)])
def test_a_complaint_fills_the_budget(kind: str, wariness: float) -> None:
    shopper = known()
    shopper.answers(kind, nudged(shopper))
    assert mood(shopper) == (wariness, CAPACITY)


@pytest.mark.parametrize("kind", ["dismissed", "complained", "clicked", "not_interested"])
def test_an_answer_that_is_told_twice_counts_once(kind: str) -> None:
    shopper = known()
    nudge = nudged(shopper)
    shopper.answers(kind, nudge)
    once = mood(shopper)
    assert ledger(shopper.answers(kind, nudge)) == []
    assert mood(shopper) == once


def test_a_complaint_about_no_message_we_remember_counts_once_too() -> None:
    shopper = known()
    shopper.answers("complained", channel="sms")
    shopper.answers("complained", channel="sms")
    assert mood(shopper) == (2.0, CAPACITY)


def test_a_click_on_something_private_never_makes_less_wary() -> None:
    shopper = known()
    shopper.answers("clicked", nudged(shopper, "toy-1", "toys"))
    assert mood(shopper)[0] == 1.0


def test_turning_a_channel_off_is_an_answer_and_saying_so_again_is_none() -> None:
    shopper = known()
    shopper.tells(preferences=Preferences(channels_off=("sms",)))
    once = mood(shopper)
    assert once == (1.25, 0.20)
    shopper.tells(preferences=Preferences(channels_off=("sms",)))
    assert mood(shopper) == once


def test_withdrawing_a_consent_is_an_answer_and_what_was_never_given_is_none() -> None:
    shopper = known()
    shopper.consents("sms", state="denied")
    assert mood(shopper) == (1.0, 0.0)
    shopper.consents("push", state="withdrawn")
    assert mood(shopper) == (1.25, 0.20)


def test_whoever_asks_for_a_topic_gives_room_for_it() -> None:
    shopper = known()
    nudged(shopper)
    before = mood(shopper)[1]
    shopper.consents("*", "category/pregnancy")
    assert mood(shopper) == pytest.approx((0.9, before - 0.10))


DAYS = 24


@pytest.mark.parametrize(
    ("told", "hours", "wariness"),
    [
        (("delivered",), 71, 1.0),
        (("delivered",), 72, 1.02),
        (("delivered",), (3 + 60) * DAYS, 1.02**0.5),
        ((), 72, 1.0),
        (("delivered", "opened"), 72, 1.0),
        (("opened", "delivered"), 72, 1.0),
        (("delivered", "delivered"), 72, 1.02),
        (("bounced",), 72, 1.0),
    ],
)
def test_what_was_delivered_and_nothing_else_for_three_days_was_ignored(
    told: tuple[str, ...], hours: int, wariness: float
) -> None:
    shopper = known()
    nudge = nudged(shopper)
    for kind in told:
        shopper.answers(kind, nudge)
    shopper.now_ms += hours * HOUR_MS
    assert mood(shopper)[0] == pytest.approx(wariness)


def test_what_is_opened_late_was_not_ignored() -> None:
    shopper = known()
    nudge = nudged(shopper)
    shopper.answers("delivered", nudge)
    shopper.now_ms += 4 * DAY_MS
    assert mood(shopper)[0] > 1
    shopper.answers("opened", nudge)
    assert mood(shopper)[0] == 1


def test_whoever_ignores_everything_is_no_warier_than_anybody_may_be() -> None:
    creep = replace(POLICY.creep, feedback={**POLICY.creep.feedback, "ignored": Answer(10.0)})
    shopper = known()
    shopper.answers("delivered", nudged(shopper))
    shopper.now_ms += 3 * DAY_MS
    context = shopper.customer.context
    assert context is not None
    assert mood_of(context, creep, shopper.now_ms).wariness == SHIPPED.wariness.most


def test_a_newcomer_is_warier_and_bad_news_starts_from_there() -> None:
    shopper = Shopper.opted_in(POLICY)
    nudge = nudged(shopper)
    assert mood(shopper)[0] == NEWCOMER
    shopper.answers("dismissed", nudge)
    assert mood(shopper)[0] == pytest.approx(NEWCOMER * 1.10)


BAD = ("dismissed", "not_interested", "why_opened", "unsubscribed", "complained", "uninstalled")
GOOD = ("clicked", "converted", "delivered", "opened")


def spoken_after(kind: str | None, hours: list[int]) -> int:
    """Return how many messages follow an answer of this kind to a first one within thirty days."""
    shopper = known()
    nudge = nudged(shopper)
    if kind is not None:
        shopper.answers(kind, nudge)
    spoken = 0
    for number, wait in enumerate(hours):
        shopper.now_ms += wait * HOUR_MS
        spoken += shopper.views(f"coat-{number}").nudge is not None
    return spoken


@given(st.sampled_from(BAD), st.integers(1, 200))
def test_bad_news_never_leads_to_the_message_that_would_not_have_come(kind: str, wait: int) -> None:
    assert spoken_after(kind, [wait]) <= spoken_after(None, [wait])


@given(st.sampled_from(GOOD))
def test_good_news_never_gives_anything_back(kind: str) -> None:
    shopper = known()
    nudge = nudged(shopper)
    level = mood(shopper)[1]
    shopper.answers(kind, nudge)
    assert mood(shopper)[1] == level


def test_good_news_opens_no_gate() -> None:
    shopper = known()
    nudge = nudged(shopper)
    for kind in GOOD:
        shopper.answers(kind, nudge)
    shopper.now_ms += 2 * HOUR_MS
    said = shopper.views("wine-1", "wine")
    assert said.nudge is None
    assert said.reasons[0][0] == "ADULTS_ONLY"


def test_what_was_spent_and_felt_outlives_the_consent_to_processing() -> None:
    shopper = known()
    shopper.answers("dismissed", nudged(shopper))
    kept = mood(shopper)
    shopper.consents("*", "processing", state="withdrawn")
    shopper.consents("*", "processing")
    assert mood(shopper) == kept


def test_the_feedback_of_a_policy_is_its_own() -> None:
    creep = replace(
        POLICY.creep, feedback={**POLICY.creep.feedback, "dismissed": SHIPPED.feedback["clicked"]}
    )
    shopper = Shopper.opted_in(replace(POLICY, creep=creep))
    shopper.now_ms += 30 * DAY_MS
    shopper.answers("dismissed", nudged(shopper))
    context = shopper.customer.context
    assert context is not None
    assert isinstance(context.throttle, Throttle)
    assert context.throttle.wariness == 0.98
