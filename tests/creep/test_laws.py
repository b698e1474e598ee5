"""What holds of the throttle in a whole decision: vetoes, opt-ins, clocks, prices, repeats, and what is not guessed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import streamproc.core
from streamproc.core.context import Throttle
from streamproc.core.creep.model import SHIPPED
from streamproc.core.creep.situation import untimeliness
from streamproc.core.decision import Weighed
from streamproc.core.event import Event, Item
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy, Quiet
from streamproc.core.receipt import Counted
from streamproc.core.stored_context import encode_context
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper, campaign
from tests.creep.case_files import Case, read_cases, run

THROTTLED = {name: text for name, text in FILES.items() if name != "creep.yaml"}
POLICY = load(THROTTLED, "throttled")
MUSTARD = "mustard-seed-7"


def known(policy: Policy = POLICY) -> Shopper:
    """Return a customer who is no newcomer."""
    shopper = Shopper.opted_in(policy)
    shopper.now_ms += 30 * DAY_MS
    return shopper


def spent(shopper: Shopper, level: float, wariness: float) -> Shopper:
    """Let a customer have had so much, and be so wary."""
    context = shopper.customer.context
    assert context is not None
    context.throttle = Throttle(level, shopper.now_ms, wariness, shopper.now_ms)
    return shopper


def weighed(said: Said) -> Weighed | None:
    return said.candidates[0].creep if said.candidates else None


# Vetoes: each with what brings it about.
VETOES: dict[str, Callable[[Shopper], object]] = {
    "LIFE_EVENT": lambda shopper: shopper.tells(life_events=({"kind": "bereavement"},)),
    "SHARED_DEVICE": lambda shopper: shopper.tells(shared=("device",)),
    "HOLD": lambda shopper: shopper.answers("complained", channel="sms"),
    "INTENT_FULFILLED": lambda shopper: shopper.does("order.completed", "toy-1", "toys", order_id="o-1"),
}


# A third party's word is not remembered, so that no condition on what was done holds because of it.
ANY_VIEW = load(
    {
        **THROTTLED,
        "campaigns/look.yaml": campaign("look", "{event: product.viewed}", "{cart.count: {max: 20}}"),
    }
)


def silenced_by(names: Sequence[str], surface: str, level: float, wariness: float) -> tuple[set[str], bool]:
    shopper = known(ANY_VIEW)
    for name in names:
        VETOES[name](shopper)
    said = spent(shopper, level, wariness).views("toy-1", "toys", surface=surface)
    return {code for code, _ in said.reasons}, said.nudge is not None


@given(
    st.sets(st.sampled_from(sorted(VETOES))),
    st.sampled_from(["third_party", "app"]),
    st.floats(0, 2),
    st.floats(0.5, 4),
)
def test_a_veto_silences_whatever_the_score_and_each_is_listed(
    names: set[str], surface: str, level: float, wariness: float
) -> None:
    wanted = names | ({"THIRD_PARTY"} if surface == "third_party" else set())
    reasons, spoke = silenced_by(sorted(names), surface, level, wariness)
    assert reasons >= wanted
    assert not (wanted and spoke)


@given(st.sets(st.sampled_from(sorted(VETOES)), min_size=1))
def test_a_veto_that_goes_leaves_no_other_behind(names: set[str]) -> None:
    all_reasons, _ = silenced_by(sorted(names), "app", 0, 1)
    for fewer in combinations(sorted(names), len(names) - 1):
        reasons, _ = silenced_by(fewer, "app", 0, 1)
        assert reasons - {"CREEP"} <= all_reasons


CHANNELS = ("push", "email", "in_app")


@given(
    st.sets(st.sampled_from(CHANNELS)),
    st.sets(st.sampled_from(CHANNELS)),
    st.floats(0, 1.2),
    st.floats(0.5, 4),
    st.sampled_from([("coat-1", "coats"), ("toy-1", "toys"), ("odd-1", "odd")]),
)
def test_an_opt_in_that_goes_never_brings_a_message(
    agreed: set[str], gone: set[str], level: float, wariness: float, item: tuple[str, str]
) -> None:
    def said_on(channels: set[str]) -> str | None:
        shopper = known()
        for channel in set(CHANNELS) - channels:
            shopper.consents(channel, state="withdrawn")
        return spent(shopper, level, wariness).views(*item).channel

    before, after = said_on(agreed), said_on(agreed - gone)
    assert before is None or before in agreed
    assert after is None or after in agreed - gone
    assert (after is not None) <= (before is not None)


@given(st.floats(0, 1.2), st.floats(0, 1.2), st.floats(0.5, 4), st.floats(1, 4))
def test_less_room_or_more_wariness_never_moves_what_is_said_up_and_all_that_is_said_fits(
    level: float, more: float, wariness: float, factor: float
) -> None:
    def ends(level: float, wariness: float) -> int:
        said = spent(known(), level, wariness).views()
        if said.nudge is not None:
            assert said.nudge.creep.score is not None
            assert said.nudge.creep.score <= min(SHIPPED.limit, SHIPPED.capacity - level) + 1e-6
        return rung(said)

    first = ends(level, wariness)
    assert ends(level + more, wariness) >= first
    assert ends(level, min(4.0, wariness * factor)) >= first


@example("odd", "app")
@given(st.text(max_size=20), st.sampled_from(["app", "web", "none"]))
def test_an_item_of_no_known_category_is_spoken_of_softly_at_most(category: str, surface: str) -> None:
    assume(POLICY.find_category(category) is POLICY.default_category)
    said = spent(known(), 0, 0.5).views("odd-1", category or None, surface=surface)
    assert said.nudge is not None
    assert said.nudge.creep.rung != "send"
    creep = weighed(said)
    assert creep is not None
    assert "send" not in [one.rung for one in creep.tried]


ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "America/St_Johns", "UTC")


@given(st.integers(0, 1439), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_the_same_hour_on_the_wall_means_the_same_anywhere(minute: int, one: str, other: str) -> None:
    def ends(zone: str) -> tuple[str | None, Weighed | None]:
        shopper = known()
        shopper.tells(timezone=zone)
        local = datetime(2027, 1, 12, minute // 60, minute % 60, tzinfo=ZoneInfo(zone))
        shopper.now_ms = int(local.timestamp() * 1000)
        said = shopper.views()
        return said.channel, weighed(said)

    assert ends(one) == ends(other)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_price_or_a_discount_changes_nothing(price: int, less: int) -> None:
    def scored(price_minor: int | None) -> Weighed | None:
        item = Item("coat-1", name="Wool coat", category="coats", price_minor=price_minor)
        return weighed(known().does("product.viewed", "coat-1", "coats", items=(item,)))

    assert scored(price) == scored(max(0, price - less)) == scored(None) is not None


SHOWN = ("[]", "[reason]", "[control]", "[reason, control]")


def showing(shows: str) -> Policy:
    look = THROTTLED["campaigns/look.yaml"].replace('here."}, soft', f'here.", shows: {shows}}}, soft')
    assert "shows" in look
    return load({**THROTTLED, "campaigns/look.yaml": look})


def test_a_reason_or_a_control_that_is_shown_never_raises_a_score() -> None:
    scores = []
    for shows in SHOWN:
        creep = weighed(known(showing(shows)).views())
        assert creep is not None
        scores.append(max(one.score for one in creep.tried) if creep.tried else creep.score or 0)
    assert scores[0] > scores[1] == scores[2] > scores[3]


@pytest.mark.parametrize("case", read_cases(), ids=str)
def test_the_same_records_are_weighed_alike_and_a_duplicate_changes_nothing(case: Case) -> None:
    once, again = (run(case)[0] for _ in range(2))
    assert once.records == again.records
    numbered = [(record, number) for number, record in enumerate(case.told["records"])]
    doubled, _ = run(case, [pair for pair in numbered for _ in range(2 if "event" in pair[0] else 1)])
    assert [(one.campaign, one.creep) for one in doubled.nudges] == [
        (one.campaign, one.creep) for one in once.nudges
    ]


# What nobody guesses: facts come from records, and of special categories only from the customer's own word.

FACT = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["due_month", "illness"]),
        "value": st.just(MUSTARD),
        "provenance": st.sampled_from(
            ["declared", "purchase", "viewed", "sensed", "inferred", "broker", "?"]
        ),
        "category": st.sampled_from(["pregnancy", "maternity/dresses", "coats"]),
        "about": st.sampled_from(["self", "household", "other"]),
    }
)


@given(FACT, st.sampled_from([(), ("category/pregnancy",)]))
def test_of_a_special_category_only_the_customers_own_word_with_consent_is_remembered(
    fact: dict[str, str], consents: tuple[str, ...]
) -> None:
    shopper = known()
    for purpose in consents:
        shopper.consents("*", purpose)
    shopper.tells(facts=(fact,))
    context = shopper.customer.context
    assert context is not None
    may = fact["about"] != "other" and (
        fact["category"] == "coats"
        or (consents and fact["provenance"] == "declared" and fact["about"] == "self")
    )
    assert (MUSTARD.encode() in encode_context(context)) == bool(may)


@given(
    st.lists(
        st.sampled_from(
            ["product.viewed", "cart.item_added", "wishlist.added", "order.completed", "alert.requested"]
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_somebody_does_with_private_things_nothing_is_concluded(kinds: list[str]) -> None:
    shopper = known()
    for number, kind in enumerate(kinds):
        shopper.now_ms += HOUR_MS
        shopper.does(kind, f"{MUSTARD}-{number}", "maternity/dresses", order_id=f"o-{number}")
    context = shopper.customer.context
    assert context is not None
    profile = context.profile
    assert profile is not None
    assert (profile.facts, profile.traits, profile.minor) == ({}, {}, None)
    assert not context.interests
    assert not context.recent


def test_no_code_but_the_records_reader_writes_a_fact_about_anybody() -> None:
    writers = {"facts": {"known_facts.py"}, "traits": {"memory.py"}, "minor": {"memory.py"}}
    found: dict[str, set[str]] = {name: set() for name in writers}
    makers: set[str] = set()
    for path in Path(streamproc.core.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
                target = node.value if isinstance(node, ast.Subscript) else node
                if isinstance(target, ast.Attribute) and target.attr in writers:
                    found[target.attr].add(path.name)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Known":
                makers.add(path.name)
    assert found == writers
    assert makers == {"known_facts.py"}


def test_under_gpc_nothing_that_was_guessed_is_used() -> None:
    text = THROTTLED["campaigns/look.yaml"].replace("{item: item.name}", "{item: fact.size}")
    shopper = known(load({**THROTTLED, "campaigns/look.yaml": text}))
    shopper.tells(facts=({"name": "size", "value": "M", "provenance": "inferred", "category": "coats"},))
    assert shopper.views().nudge is not None
    shopper.now_ms += 20 * DAY_MS
    assert ("THIRD_PARTY", "size: inferred") in shopper.views("coat-2", gpc=True).reasons


def test_what_waits_is_asked_under_the_gpc_of_the_event_that_it_waits_for() -> None:
    text = THROTTLED["campaigns/look.yaml"].replace("{item: item.name}", "{item: fact.size}")
    waiting = text.replace("when:", "wait: 30m\nwhen:", 1)
    shopper = known(load({**THROTTLED, "campaigns/look.yaml": waiting}))
    shopper.tells(facts=({"name": "size", "value": "M", "provenance": "inferred", "category": "coats"},))
    shopper.views(gpc=True)
    assert ("THIRD_PARTY", "size: inferred") in shopper.wakes(HOUR_MS).reasons


QUIET = Quiet(9 * 60, 21 * 60)


@pytest.mark.parametrize(
    ("shown", "late"),
    [("09:00", 1), ("09:30", 0.5), ("10:00", 0), ("18:59", 0), ("20:00", 0.5), ("20:30", 0.75), ("03:00", 1)],
)
def test_a_message_is_the_less_timely_the_nearer_the_quiet_hours(shown: str, late: float) -> None:
    at = datetime.fromisoformat(f"2027-01-12T{shown}:00+00:00")
    assert untimeliness(QUIET, int(at.timestamp() * 1000), ZoneInfo("UTC"), SHIPPED.scales) == late


def test_an_unknown_zone_is_never_a_calm_hour_and_where_any_hour_will_do_each_is() -> None:
    assert untimeliness(QUIET, NOON_MS, None, SHIPPED.scales) == 1
    assert untimeliness(None, NOON_MS, None, SHIPPED.scales) == 1
    assert untimeliness(None, NOON_MS + 12 * HOUR_MS, ZoneInfo("UTC"), SHIPPED.scales) == 0


def test_what_is_decided_and_how_it_was_weighed_reads_back() -> None:
    said = known().views()
    assert said.emission is not None
    assert said.emission.decision is not None
    candidate = said.emission.decision.candidates[0]
    assert msgspec.json.decode(msgspec.json.encode(candidate.creep), type=Weighed) == candidate.creep


# What comes late, and what customers answer: a message that was decided stays decided, and restraint only grows.


def last_nudge(shopper: Shopper) -> str:
    context = shopper.customer.context
    assert context is not None
    return context.charges[-1].nudge_id.hex() if context.charges else ""


LATE: dict[str, Callable[[Shopper, int], object]] = {
    "view": lambda shopper, at_ms: shopper.views("coat-1", occurred_at_ms=at_ms),
    "view elsewhere": lambda shopper, at_ms: shopper.views("toy-1", "toys", occurred_at_ms=at_ms),
    "wish": lambda shopper, at_ms: shopper.does("wishlist.added", "coat-1", "coats", occurred_at_ms=at_ms),
    "order": lambda shopper, at_ms: shopper.does(
        "order.completed", "coat-1", "coats", occurred_at_ms=at_ms, order_id=f"o-{shopper.count}"
    ),
    "refusal": lambda shopper, at_ms: shopper.answers("dismissed", last_nudge(shopper), at_ms=at_ms),
    "complaint": lambda shopper, at_ms: shopper.answers("complained", channel="sms", at_ms=at_ms),
    "life event": lambda shopper, at_ms: shopper.tells(
        life_events=({"kind": "loss", "until_ms": at_ms + 60 * DAY_MS},)
    ),
}
late_events = st.lists(st.tuples(st.sampled_from(sorted(LATE)), st.integers(1, 60)), min_size=1, max_size=24)
LADDER = ("send", "soften", "quieter", "defer", "silence")


def rung(said: Said) -> int:
    """Return how far down the ladder it came; silence is the end of it."""
    return LADDER.index(said.nudge.creep.rung if said.nudge is not None else "silence")


@example([("view", 2)] * 20)
@given(late_events)
def test_a_message_that_was_decided_stays_decided_whatever_comes_late(late: list[tuple[str, int]]) -> None:
    shopper = known()
    said = shopper.views("coat-1")
    assert said.nudge is not None
    event = Event(
        event_id=f"e-{shopper.count}",
        dialect="segment",
        kind="product.viewed",
        customer_id="c-1",
        occurred_at_ms=shopper.now_ms,
        received_at_ms=shopper.now_ms,
        items=(Item("coat-1", name="Wool coat", category="coats"),),
    )
    decided_ms = shopper.now_ms
    for kind, hours in late:
        shopper.now_ms += MINUTE_MS
        LATE[kind](shopper, decided_ms - hours * HOUR_MS)
    again = shopper.meets(event, offset=shopper.offsets["clickstream"] - len(moments(late)) - 1)
    repeated = shopper.meets(event)
    assert (again.counted, again.emission) == (Counted.REDELIVERED, None)
    assert (repeated.counted, repeated.emission) == (Counted.DUPLICATE, None)


def moments(late: list[tuple[str, int]]) -> list[str]:
    return [kind for kind, _ in late if kind in ("view", "view elsewhere", "wish", "order")]


@example([("refusal", 60)], 72, 1.2, 0.5)
@given(late_events, st.integers(1, 72), st.floats(0, 1.2), st.floats(0.5, 4))
def test_what_comes_late_moves_the_next_message_to_no_earlier_rung(
    late: list[tuple[str, int]], hours: int, level: float, wariness: float
) -> None:
    def ends(told: list[tuple[str, int]]) -> int:
        shopper = known()
        shopper.views("coat-1")
        spent(shopper, level, wariness)
        decided_ms = shopper.now_ms
        for kind, ago in told:
            LATE[kind](shopper, decided_ms - ago * HOUR_MS)
        shopper.now_ms += hours * HOUR_MS
        return rung(shopper.views("coat-2"))

    assert ends(late) >= ends([])


BAD = ("dismissed", "not_interested", "why_opened", "unsubscribed", "complained", "uninstalled")
days = st.lists(st.tuples(st.integers(1, 200), st.sampled_from(["coats", "toys"])), min_size=1, max_size=4)


@pytest.mark.interpreted
@given(
    days, st.sampled_from(BAD), st.integers(0, 3), st.integers(1, 24 * 30), st.sampled_from(["coats", "toys"])
)
def test_bad_news_after_any_days_leads_to_no_message_and_none_as_loud_that_would_not_have_come(
    before: list[tuple[int, str]], kind: str, about: int, hours: int, category: str
) -> None:
    shopper = known()
    nudges = []
    for number, (wait, viewed) in enumerate(before):
        shopper.now_ms += wait * HOUR_MS
        said = shopper.views(f"{viewed}-{number}", viewed)
        nudges += [said.nudge.nudge_id] if said.nudge is not None else []
    annoyed = deepcopy(shopper)
    annoyed.answers(kind, nudges[about % len(nudges)] if nudges else "")
    for one in (shopper, annoyed):
        one.now_ms += hours * HOUR_MS
    plain, after = shopper.views("other-1", category), annoyed.views("other-1", category)
    assert rung(after) >= rung(plain)
    assert after.nudge is None or hours * HOUR_MS >= SHIPPED.feedback[kind].hold_ms
