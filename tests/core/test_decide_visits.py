"""What a visit gives reason to say, and what is left of it in memory: nothing without consent to sensing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from streamproc.core.catalog import Catalog, Change, Offer
from streamproc.core.context import Context
from streamproc.core.event import Event
from streamproc.core.facts import ConsentChange
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.receipt import Counted
from streamproc.core.recent import remembered
from streamproc.core.timers import next_due_ms
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, Said, Shopper, campaign

SECOND_MS = 1_000


def _visiting(
    name: str, trigger: str, when: str = "{visit.site: {in: [berlin-1]}}", priority: int = 40
) -> str:
    return campaign(
        name,
        trigger,
        when,
        because="visiting",
        category="coats",
        facts="{}",
        say=f"{name.title()}.",
        priority=priority,
        channels=("in_app",),
    ).replace("channel: push", "channel: in_app")


@cache
def rules() -> Policy:
    started, ended = "{event: visit.started, sites: [berlin-1]}", "{event: visit.ended, dwell_min: 2m}"
    often = "{count: {event: visit.started, same: site, within: 30d, min: 3}}"
    weekly = "{all: [{count: {event: visit.started, days: 7, min: 1}}, {first: {event: visit.ended}}]}"
    files = {name: text for name, text in FILES.items() if "welcome" not in name}
    return load(
        {
            **files,
            "channels.yaml": files["channels.yaml"].replace("gap_min: 1h", "one_sensed_per_visit: false"),
            "campaigns/hello.yaml": _visiting("hello", started),
            "campaigns/often.yaml": _visiting("often", started, often, priority=60),
            "campaigns/five.yaml": _visiting("five", "{event: visit.dwelled, dwell_min: 5m}"),
            "campaigns/ten.yaml": _visiting("ten", "{event: visit.dwelled, dwell_min: 10m}"),
            "campaigns/thanks.yaml": _visiting("thanks", ended, weekly),
        },
        "v1",
    )


@pytest.fixture
def shopper() -> Shopper:
    """A customer who agreed to be sensed."""
    shopper = Shopper.opted_in(rules())
    shopper.consents("*", "sensing")
    return shopper


def context(shopper: Shopper) -> Context:
    assert shopper.customer.context is not None
    return shopper.customer.context


def hears(shopper: Shopper, at_ms: int, what: str = "ranged", site: str = "berlin-1", **more: object) -> Said:
    """Be heard so long after noon."""
    shopper.now_ms = NOON_MS + at_ms
    return shopper.does(f"beacon.{what}", "", None, site_id=site, **more)


def wakes(shopper: Shopper, at_ms: int) -> Said:
    """Let what is due by then come due."""
    shopper.now_ms = NOON_MS + at_ms
    event = Event(
        event_id=f"timer/{shopper.now_ms}",
        dialect="inside",
        kind="timer.due",
        customer_id="c-1",
        occurred_at_ms=shopper.now_ms,
        received_at_ms=shopper.now_ms,
    )
    return shopper.meets(event, "timers")


def said(what: Said) -> list[tuple[str, str]]:
    return [(one.campaign, one.verdict) for one in what.candidates]


def test_a_visit_speaks_at_its_second_reading_and_once(shopper: Shopper) -> None:
    assert said(hears(shopper, 0, "entered")) == []
    second = hears(shopper, MINUTE_MS)
    assert said(second) == [("hello", "nudged")]
    assert second.nudge is not None
    assert (second.nudge.event_id, second.nudge.source.topic) == (f"e-{shopper.count}", "clickstream")
    assert [said(hears(shopper, at_ms)) for at_ms in (2 * MINUTE_MS, 3 * MINUTE_MS)] == [[], []]


def test_each_length_of_stay_asks_its_own_campaigns_once(shopper: Shopper) -> None:
    hears(shopper, 0, "entered")
    asked = [said(hears(shopper, minutes * MINUTE_MS)) for minutes in (1, 5, 6, 9, 10, 11)]
    assert asked == [[("hello", "nudged")], [("five", "nudged")], [], [], [("ten", "nudged")], []]


def test_of_all_that_one_reading_gives_reason_to_say_one_thing_is_said(shopper: Shopper) -> None:
    hears(shopper, 0, "entered")
    late = hears(shopper, 11 * MINUTE_MS)
    verdicts = dict(said(late))
    assert set(verdicts) == {"hello", "five", "ten"}
    assert sorted(verdicts.values()) == ["nudged", "outranked", "outranked"]
    assert late.ahead.count("decisions") == 1


def test_the_end_of_a_visit_is_told_when_the_hold_down_has_passed(shopper: Shopper) -> None:
    hears(shopper, 0, "entered")
    hears(shopper, 3 * MINUTE_MS)
    hears(shopper, 4 * MINUTE_MS, "exited")
    assert next_due_ms(context(shopper)) == NOON_MS + 6 * MINUTE_MS
    assert said(wakes(shopper, 6 * MINUTE_MS - 1)) == []
    last = wakes(shopper, 6 * MINUTE_MS)
    assert said(last) == [("thanks", "nudged")]
    assert last.nudge is not None
    assert last.nudge.event_id == f"visit/berlin-1/{NOON_MS}"
    assert next_due_ms(context(shopper)) is None
    assert said(wakes(shopper, 7 * MINUTE_MS)) == []


def test_a_visit_too_short_for_a_campaign_ends_in_silence(shopper: Shopper) -> None:
    hears(shopper, 0, "entered")
    hears(shopper, MINUTE_MS)
    assert said(wakes(shopper, HOUR_MS)) == []


def test_a_store_heard_alone_ends_one_visit_and_begins_another_at_once(shopper: Shopper) -> None:
    hears(shopper, 0, "entered", "berlin-2")
    hears(shopper, 3 * MINUTE_MS, site="berlin-2")
    hears(shopper, 4 * MINUTE_MS, "entered")
    both = hears(shopper, 6 * MINUTE_MS)
    assert dict(said(both)).keys() == {"hello", "thanks"}
    assert both.nudge is not None


def test_readings_do_not_move_when_to_look_for_the_end(shopper: Shopper) -> None:
    """So that a store's beacons cost no write to the sorted set of what is due."""
    hears(shopper, 0, "entered")
    hears(shopper, MINUTE_MS)
    due_ms = next_due_ms(context(shopper))
    assert due_ms == NOON_MS + 16 * MINUTE_MS
    for minutes in range(2, 16):
        hears(shopper, minutes * MINUTE_MS)
        assert next_due_ms(context(shopper)) == due_ms
    assert said(wakes(shopper, 16 * MINUTE_MS)) == []
    assert next_due_ms(context(shopper)) == NOON_MS + 30 * MINUTE_MS


def test_visits_are_counted_and_readings_are_not_remembered(shopper: Shopper) -> None:
    for day in range(3):
        hears(shopper, day * DAY_MS, "entered")
        for minutes in (1, 2, 3):
            last = hears(shopper, day * DAY_MS + minutes * MINUTE_MS)
            if minutes == 1:
                assert ("often" in dict(said(last))) == (day == 2)
        wakes(shopper, day * DAY_MS + HOUR_MS)
    kinds = [(one.kind, one.site_id) for one in remembered(context(shopper))]
    assert kinds == [("visit.started", "berlin-1"), ("visit.ended", "berlin-1")] * 3
    assert list(context(shopper).day_counts) == ["visit.started"]


def test_a_visit_to_a_store_that_nobody_named_is_one_that_nobody_asks_about(shopper: Shopper) -> None:
    hears(shopper, 0, "entered", "nowhere")
    quiet = hears(shopper, MINUTE_MS, site="nowhere")
    assert (quiet.counted, said(quiet)) == (Counted.DECIDED, [])
    assert context(shopper).visit is not None


def test_without_consent_to_sensing_a_beacon_leaves_no_trace(shopper: Shopper) -> None:
    shopper.consents("*", "sensing", "withdrawn")
    before = context(shopper)
    heard = [hears(shopper, minutes * MINUTE_MS, timezone="Asia/Tokyo") for minutes in (0, 1, 6)]
    assert [one.counted for one in heard] == [Counted.QUIET] * 3
    assert [one.emission for one in heard] == [None] * 3
    assert (before.visit, before.nearby, before.recent, before.day_counts) == (None, None, [], {})
    assert next_due_ms(before) is None


def test_a_withdrawal_of_sensing_forgets_the_visit_and_what_was_remembered_of_others(
    shopper: Shopper,
) -> None:
    hears(shopper, 0, "entered")
    hears(shopper, MINUTE_MS)
    shopper.does("wishlist.added", "coat-1", "coats")
    hears(shopper, 2 * MINUTE_MS, site="berlin-2")
    shopper.consents("*", "sensing", "withdrawn")
    left = context(shopper)
    assert (left.visit, left.nearby, left.day_counts) == (None, None, {})
    assert all(not one.kind.startswith("visit.") for one in remembered(left))
    assert len(left.wishlist) == 1
    assert said(wakes(shopper, HOUR_MS)) == []


@pytest.mark.parametrize("hears_again", [True, False])
def test_a_consent_that_ran_out_ends_the_visit_without_a_word(shopper: Shopper, *, hears_again: bool) -> None:
    change = ConsentChange(
        "c-1", "*", "sensing", "granted", NOON_MS, expires_at_ms=NOON_MS + 5 * MINUTE_MS, source="app"
    )
    event = Event(
        event_id="until",
        dialect="canonical",
        kind="consent.granted",
        customer_id="c-1",
        occurred_at_ms=NOON_MS,
        received_at_ms=NOON_MS,
        fact=change,
    )
    shopper.meets(event, "consents", 9)
    hears(shopper, 0, "entered")
    hears(shopper, 3 * MINUTE_MS)
    last = hears(shopper, 6 * MINUTE_MS) if hears_again else wakes(shopper, HOUR_MS)
    assert said(last) == []
    assert (context(shopper).visit, context(shopper).recent) == (None, [])


def test_an_end_that_nobody_noticed_for_a_day_triggers_nothing(shopper: Shopper) -> None:
    hears(shopper, 0, "entered")
    hears(shopper, 3 * MINUTE_MS)
    assert said(wakes(shopper, DAY_MS + 4 * MINUTE_MS)) == []
    assert next_due_ms(context(shopper)) is None


def test_a_visit_that_a_phone_tells_of_when_it_is_over_is_remembered_and_not_spoken_of(
    shopper: Shopper,
) -> None:
    been = "{count: {event: visit.started, within: 30d, min: 1}}"
    files = {name: text for name, text in FILES.items() if "welcome" not in name}
    hello = _visiting("hello", "{event: visit.started}", been)
    five = _visiting("five", "{event: visit.dwelled, dwell_min: 5m}", been)
    told = {**files, "campaigns/hello.yaml": hello, "campaigns/five.yaml": five}
    shopper.rules = replace(shopper.rules, policy=load(told, "v1"))
    shopper.now_ms = NOON_MS + HOUR_MS
    for at_ms in (NOON_MS, NOON_MS + 6 * MINUTE_MS):
        late = shopper.does("beacon.ranged", "", None, site_id="berlin-1", occurred_at_ms=at_ms)
    assert sorted(said(late)) == [("five", "suppressed"), ("hello", "suppressed")]
    ends_ms = NOON_MS + 21 * MINUTE_MS
    assert ("TOO_LATE", f"{NOON_MS + HOUR_MS} >= {ends_ms}, the end of the visit") in late.reasons
    assert [one.kind for one in remembered(context(shopper))] == ["visit.started"]


def test_the_same_reading_sent_twice_is_one_reading(shopper: Shopper) -> None:
    hears(shopper, 0, "entered", event_id="b-1")
    assert hears(shopper, MINUTE_MS, "entered", event_id="b-1").counted is Counted.DUPLICATE
    assert context(shopper).visit is None


def test_who_hears_something_else_while_in_a_store_is_charged_for_the_visit(shopper: Shopper) -> None:
    hears(shopper, 0, "entered")
    hears(shopper, MINUTE_MS)
    shopper.now_ms += HOUR_MS // 6
    assert shopper.views().channel == "push"
    assert [charge.visit for charge in context(shopper).charges] == [f"berlin-1/{NOON_MS}"] * 2
    shopper.now_ms += DAY_MS
    shopper.rules = replace(shopper.rules, policy=rules())
    assert shopper.views("coat-2").channel == "push"
    assert context(shopper).charges[-1].visit == ""


def test_what_rests_on_visits_while_there_is_none_is_said_once_and_then_told_apart(shopper: Shopper) -> None:
    files = {name: text for name, text in FILES.items() if "welcome" not in name}
    been = _visiting("been", "{event: app.opened}", "{count: {event: visit.started, within: 30d, min: 1}}")
    shopper.rules = replace(shopper.rules, policy=load({**files, "campaigns/been.yaml": been}, "v1"))
    hears(shopper, 0, "entered")
    hears(shopper, MINUTE_MS)
    wakes(shopper, HOUR_MS)
    assert shopper.does("app.opened").channel == "in_app"
    shopper.now_ms += 2 * HOUR_MS
    assert shopper.does("app.opened").reasons == [("VISIT_CAP", "in no visit: 1 of 1")]


@cache
def waiting_rules() -> Policy:
    """One campaign that is asked the day after a visit, and one while it lasts; beacons cause one nudge a visit."""
    files = {name: text for name, text in FILES.items() if "welcome" not in name}
    still_away = "{all: [{not: {visit.open: true}}, {absent: {event: visit.started, within: 20h}}]}"
    later = _visiting("later", "{event: visit.ended}", still_away)
    return load(
        {
            **files,
            "campaigns/later.yaml": later.replace("when:", "wait: 20h\nwhen:", 1),
            "campaigns/five.yaml": _visiting("five", "{event: visit.dwelled, dwell_min: 5m}"),
        },
        "v1",
    )


@pytest.fixture
def waiting(shopper: Shopper) -> Shopper:
    """A customer who was in a store for three minutes, and of whose visit something is to be said the day after."""
    shopper.rules = replace(shopper.rules, policy=waiting_rules())
    hears(shopper, 0, "entered")
    hears(shopper, 3 * MINUTE_MS)
    assert said(wakes(shopper, HOUR_MS)) == []
    assert next_due_ms(context(shopper)) == NOON_MS + 20 * HOUR_MS + 3 * MINUTE_MS
    return shopper


def test_what_is_said_the_day_after_belongs_to_the_visit(waiting: Shopper) -> None:
    last = wakes(waiting, 20 * HOUR_MS + 3 * MINUTE_MS)
    assert said(last) == [("later", "nudged")]
    assert context(waiting).charges[-1].visit == f"berlin-1/{NOON_MS}"


def test_what_waits_about_a_visit_waits_about_the_next_once_there_is_one(waiting: Shopper) -> None:
    hears(waiting, 5 * HOUR_MS, "entered")
    hears(waiting, 5 * HOUR_MS + MINUTE_MS)
    moved_ms = 25 * HOUR_MS + MINUTE_MS
    wakes(waiting, 6 * HOUR_MS)
    assert said(wakes(waiting, 20 * HOUR_MS + 3 * MINUTE_MS)) == []
    assert next_due_ms(context(waiting)) == NOON_MS + moved_ms
    assert context(waiting).timers[0].visit_id == f"berlin-1/{NOON_MS + 5 * HOUR_MS}"


def test_who_heard_of_the_visit_while_it_lasted_hears_no_more_of_it_the_day_after(shopper: Shopper) -> None:
    shopper.rules = replace(shopper.rules, policy=waiting_rules())
    hears(shopper, 0, "entered")
    assert said(hears(shopper, 5 * MINUTE_MS)) == [("five", "nudged")]
    wakes(shopper, HOUR_MS)
    late = wakes(shopper, 20 * HOUR_MS + 5 * MINUTE_MS)
    assert said(late) == [("later", "suppressed")]
    assert ("VISIT_CAP", f"berlin-1/{NOON_MS}: 1 of 1") in late.reasons


@pytest.mark.parametrize(
    ("agrees_again", "detail"),
    [
        (False, f"*/sensing: withdrawn at {NOON_MS + 2 * HOUR_MS}"),
        (True, "forgotten with an earlier consent"),
    ],
)
def test_what_waits_is_recorded_and_not_said_once_the_consent_to_sensing_ended(
    waiting: Shopper, *, agrees_again: bool, detail: str
) -> None:
    waiting.now_ms = NOON_MS + 2 * HOUR_MS
    waiting.consents("*", "sensing", "withdrawn")
    assert [(one.site_id, one.visit_id) for one in context(waiting).timers] == [("", "")]
    waiting.now_ms += HOUR_MS
    if agrees_again:
        waiting.consents("*", "sensing")
    late = wakes(waiting, 20 * HOUR_MS + 3 * MINUTE_MS)
    assert said(late) == [("later", "suppressed")]
    assert ("SENSING", detail) in late.reasons


def test_charges_are_kept_as_long_as_something_may_be_said_of_their_visit() -> None:
    hours = 24 + 27 + 20  # the longest visit, the slack of clocks and zones, and the wait
    assert waiting_rules().charge_ms_max >= hours * HOUR_MS
    long_wait = {name: text.replace("wait: 20h", "wait: 80d") for name, text in waiting_rules().files.items()}
    assert load(long_wait, "v2").charge_ms_max == (80 * 24 + 24 + 27) * HOUR_MS


def test_the_wish_list_meets_the_stock_of_the_store_that_is_visited(shopper: Shopper) -> None:
    """What somebody put on the wish list at home is in this store, and not in the other one."""
    when = "{all: [{visit.open: true}, {wishlist.available: {at: here, min: 1}}]}"
    here = _visiting("here", "{event: visit.dwelled, dwell_min: 5m}", when)
    files = {name: text for name, text in FILES.items() if "welcome" not in name}
    shop = load({**files, "campaigns/here.yaml": here}, "v1")
    stock = Catalog()
    for site, available in (("berlin-1", True), ("berlin-2", False)):
        stock.fold(Change("coat-1", site, Offer(at_ms=NOON_MS, available=available)))
    shopper.rules = replace(shopper.rules, policy=shop, catalog=stock)
    shopper.does("wishlist.added", "coat-1", "coats")
    for number, (site, expected) in enumerate((("berlin-2", []), ("berlin-1", [("here", "nudged")])), 1):
        hears(shopper, number * DAY_MS, "entered", site)
        assert said(hears(shopper, number * DAY_MS + 5 * MINUTE_MS, site=site)) == expected
