"""What only the hour forbids is held until the hour allows it, and no longer than its channel says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from streamproc.core.policy.loader import load
from tests.core.shopper import DAY_MS, FILES, HOUR_MS, MINUTE_MS, NOON_MS, Shopper, campaign, shop
from tests.core.test_waiting import HOLDING, NIGHT_MS, entered, patient, verdicts

OPENS_MS = NOON_MS + 21 * HOUR_MS


def at_night(channels: tuple[str, ...] = ("push",)) -> Shopper:
    shopper = Shopper.opted_in(patient())
    for channel in {"push", "email", "in_app"} - set(channels):
        shopper.consents(channel, state="withdrawn")
    shopper.now_ms += NIGHT_MS
    return shopper


def test_what_only_quiet_hours_stop_is_held_until_they_end() -> None:
    shopper = at_night()
    said = shopper.views()
    assert verdicts(said)[0][1] == "deferred"
    assert said.candidates[0].reasons[0].next_at_ms == OPENS_MS
    assert [(one.due_ms, one.held_until_ms) for one in shopper.timers] == [
        (OPENS_MS, NOON_MS + NIGHT_MS + 14 * HOUR_MS)
    ]
    released = shopper.wakes(OPENS_MS - shopper.now_ms)
    assert released.channel == "push"
    assert [kind for kind, _ in entered(released)] == ["timer_done"]


def test_nothing_is_held_where_another_channel_may_speak_now() -> None:
    shopper = at_night(("push", "in_app"))
    assert shopper.views().channel == "in_app"
    assert shopper.timers == []


def test_nothing_is_held_longer_than_its_channel_holds_it() -> None:
    shopper = at_night()
    shopper.now_ms = NOON_MS + 8 * HOUR_MS + MINUTE_MS  # the opening is 12 h 59 min away
    shopper.rules = replace(
        shopper.rules,
        policy=load({**FILES, "channels.yaml": HOLDING.replace("hold_max: 14h", "hold_max: 12h")}, "v1"),
    )
    assert verdicts(shopper.views())[0][1] == "suppressed"
    assert shopper.timers == []


def test_nothing_is_held_on_a_channel_that_holds_nothing() -> None:
    shopper = at_night()
    shopper.rules = replace(shopper.rules, policy=shop())
    assert verdicts(shopper.views())[0][1] == "suppressed"


def test_what_anything_else_stops_is_not_held() -> None:
    shopper = at_night()
    shopper.tells(preferences=None, minor=None)
    shopper.switch("channel/push")
    said = shopper.views()
    assert said.candidates[0].verdict == "suppressed"
    assert shopper.timers == []


def test_a_cap_that_is_full_is_no_quiet_hour_though_the_morning_would_open_both() -> None:
    shopper = at_night()
    shopper.now_ms -= NIGHT_MS
    assert shopper.views().channel == "push"
    shopper.now_ms += NIGHT_MS
    said = shopper.views("hat-1", "hats")
    assert [why.code.value for why in said.candidates[0].reasons][:2] == ["quiet_hours", "frequency_cap"]
    assert said.candidates[0].verdict == "suppressed"
    assert shopper.timers == []


def test_who_may_only_speak_later_gives_way_to_who_may_now_so_that_an_event_has_one_nudge() -> None:
    loud = campaign(
        "loud",
        "{event: wishlist.added}",
        "{wishlist.count: {min: 1}}",
        because="wishlist",
        priority=90,
        channels=("push",),
    )
    shopper = at_night(("push", "in_app"))
    policy = load({**FILES, "channels.yaml": HOLDING, "campaigns/loud.yaml": loud}, "v1")
    shopper.rules = replace(shopper.rules, policy=policy)
    said = shopper.does("wishlist.added", "hat-1", "hats")
    assert [(one.campaign, one.verdict) for one in said.candidates][:2] == [
        ("loud", "outranked"),
        ("wish", "nudged"),
    ]
    assert said.candidates[0].reasons[-1].detail == "by wish, which may go now"
    assert shopper.timers == []


def test_one_customer_gets_one_release_a_window_ranked_anew() -> None:
    shopper = at_night()
    shopper.views()
    shopper.does("wishlist.added", "hat-1", "hats")
    assert len(shopper.timers) == 3
    said = shopper.wakes(OPENS_MS - shopper.now_ms)
    assert sorted(one.verdict for one in said.candidates) == ["nudged", "outranked", "outranked"]
    assert shopper.timers == []
    assert shopper.wakes(HOUR_MS).nudge is None


def test_what_is_true_no_longer_in_the_morning_is_dropped() -> None:
    shopper = at_night()
    shopper.does("wishlist.added", "hat-1", "hats")
    shopper.does("wishlist.removed", "hat-1", "hats")
    said = shopper.wakes(OPENS_MS - shopper.now_ms)
    assert {(one.verdict, one.reasons[0].code.value) for one in said.candidates} == {("expired", "stale")}


def test_a_customer_who_moved_east_meanwhile_is_asked_by_the_new_clock() -> None:
    shopper = at_night()
    shopper.views()
    shopper.tells(timezone="America/New_York")
    said = shopper.wakes(
        OPENS_MS - shopper.now_ms
    )  # 03:00 there, 6 h before it opens, 3 h before it is given up
    assert said.nudge is None
    assert said.candidates[0].verdict == "suppressed"
    assert shopper.timers == []


def test_a_customer_who_moved_a_little_is_held_again_but_no_longer_than_before() -> None:
    shopper = at_night()
    shopper.views()
    until_ms = shopper.timers[0].held_until_ms
    shopper.tells(timezone="Europe/London")
    said = shopper.wakes(OPENS_MS - shopper.now_ms)
    assert said.candidates[0].verdict == "deferred"
    assert [(one.due_ms, one.held_until_ms) for one in shopper.timers] == [(OPENS_MS + HOUR_MS, until_ms)]
    assert entered(said) == [("timer_set", shopper.timers[0].event.hex())]
    assert shopper.wakes(HOUR_MS).channel == "push"


def test_a_worker_that_was_away_over_the_hold_says_nothing() -> None:
    shopper = at_night()
    shopper.views()
    said = shopper.wakes(15 * HOUR_MS)
    assert said.candidates[0].verdict == "expired"


@pytest.mark.parametrize(
    ("night", "opens"),
    [("2027-03-27T21:00Z", "2027-03-28T07:00Z"), ("2027-10-30T20:00Z", "2027-10-31T08:00Z")],
)
def test_a_night_in_which_clocks_change_ends_when_the_wall_clock_says_so(night: str, opens: str) -> None:
    shopper = at_night()
    shopper.now_ms = int(datetime.fromisoformat(night).timestamp() * 1000)
    shopper.consents("push")
    shopper.views()
    assert [one.due_ms for one in shopper.timers] == [int(datetime.fromisoformat(opens).timestamp() * 1000)]


def test_who_withdraws_while_a_message_is_held_hears_nothing() -> None:
    shopper = at_night()
    shopper.views()
    shopper.consents("push", state="withdrawn")
    assert shopper.wakes(OPENS_MS - shopper.now_ms).nudge is None
    assert shopper.wakes(DAY_MS).nudge is None
