"""The way of one event through `decide`: what it counts as, what it leaves behind, what it causes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamproc.core.context import SEEN_MAX
from streamproc.core.digests import nudge_id
from streamproc.core.event import Event
from streamproc.core.recent import remembered
from tests.core.shopper import ALLOWED, DAY_MS, HOUR_MS, NOON_MS, Said, Shopper


def count(shopper: Shopper) -> int:
    assert shopper.customer.context is not None
    return len(remembered(shopper.customer.context))


def again(shopper: Shopper, event_id: str, **more: Any) -> Said:
    return shopper.views(event_id=event_id, **more)


def test_without_consent_to_processing_nothing_is_remembered_and_nothing_decided() -> None:
    shopper = Shopper()
    shopper.consents("push")
    said = shopper.views()
    assert (said.counted, said.emission, shopper.customer.context) == ("quiet", None, None)


def test_what_customers_agreed_to_is_remembered_without_consent_to_processing() -> None:
    shopper = Shopper()
    shopper.consents("push")
    shopper.consents("email", state="withdrawn")
    assert {name: row.state for name, row in shopper.customer.consent.rows.items()} == {
        "push/marketing": "granted",
        "email/marketing": "withdrawn",
    }


def test_an_event_that_makes_no_candidate_is_decided_without_a_record() -> None:
    said = Shopper.opted_in().does("page.viewed")
    assert (said.counted, said.emission) == ("decided", None)


def test_an_event_with_a_candidate_gets_a_decision_although_nothing_is_said() -> None:
    shopper = Shopper.opted_in()
    shopper.switch("all")
    said = shopper.views()
    assert (said.counted, said.ahead, said.nudge) == ("decided", ["decisions"], None)


def test_a_nudge_names_its_event_its_place_and_all_it_was_decided_by() -> None:
    shopper = Shopper.opted_in()
    nudge = shopper.views().nudge
    assert nudge is not None
    assert nudge.nudge_id == nudge_id("c-1", "e-6")
    assert (nudge.customer_id, nudge.event_id, nudge.campaign, nudge.category) == (
        "c-1",
        "e-6",
        "look",
        "coats",
    )
    assert (nudge.decided_at_ms, nudge.expires_at_ms) == (NOON_MS, NOON_MS + 2 * HOUR_MS)
    assert (nudge.source.topic, nudge.source.partition, nudge.source.offset) == ("clickstream", 4, 0)
    assert (nudge.consent.partition, nudge.consent.offset) == (4, len(ALLOWED))
    assert (nudge.seq, nudge.zone, nudge.policy, nudge.because) == (1, "Europe/Berlin", "v1", ["viewed"])
    assert [(cap.scope, cap.used, cap.max) for cap in nudge.caps] == [
        ("channel/push", 1, 1),
        ("campaign/look", 1, 2),
        ("overall", 1, 3),
    ]


def test_a_nudge_is_keyed_by_its_customer_and_named_as_a_cloud_event() -> None:
    emission = Shopper.opted_in().views().emission
    assert emission is not None
    assert emission.nudge is not None
    assert (emission.nudge.topic, emission.nudge.key, emission.nudge.lane) == ("nudges.push", b"c-1", 4)
    headers = dict(emission.nudge.headers)
    assert headers["ce_id"].decode() == nudge_id("c-1", "e-6")
    assert headers["ce_type"] == b"streamproc.nudge.v1"


def test_a_nudge_carries_the_trace_in_which_its_event_began() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for given in ({}, {"traceparent": parent}, {"traceparent": parent, "tracestate": "a=b"}):
        emission = Shopper.opted_in().views(**given).emission
        assert emission is not None
        assert emission.nudge is not None
        headers = {name.removeprefix("ce_"): text.decode() for name, text in emission.nudge.headers}
        assert {name: text for name, text in headers.items() if name.startswith("trace")} == given


def test_the_charge_is_written_ahead_with_the_nudges_id_and_zone() -> None:
    emission = Shopper.opted_in().views().emission
    assert emission is not None
    charge = json.loads(emission.ahead[0].value or b"")
    assert (charge["kind"], charge["nudge_id"], charge["seq"]) == ("charge", nudge_id("c-1", "e-6"), 1)
    assert (charge["channel"], charge["campaign"], charge["zone"]) == ("push", "look", "Europe/Berlin")


def test_an_event_at_an_applied_position_is_a_redelivery_and_changes_nothing() -> None:
    shopper = Shopper.opted_in()
    event = Event(
        event_id="v-1",
        dialect="segment",
        kind="product.viewed",
        customer_id="c-1",
        occurred_at_ms=NOON_MS,
        received_at_ms=NOON_MS,
    )
    assert shopper.meets(event, offset=8).counted == "decided"
    remembered_then = count(shopper)
    for offset in (8, 3):
        said = shopper.meets(event, offset=offset)
        assert (said.counted, said.emission) == ("redelivered", None)
    assert count(shopper) == remembered_then
    assert shopper.meets(event, offset=9).counted == "duplicate"


def test_a_known_event_at_a_new_position_is_a_duplicate_and_says_nothing() -> None:
    shopper = Shopper.opted_in()
    assert again(shopper, "v-1").nudge is not None
    shopper.now_ms += 2 * HOUR_MS
    said = again(shopper, "v-1")
    assert (said.counted, said.emission, count(shopper)) == ("duplicate", None, 1)


def test_a_charged_event_stays_known_when_many_others_came_after_it() -> None:
    shopper = Shopper.opted_in()
    again(shopper, "charged")
    again(shopper, "silent")
    for _ in range(SEEN_MAX):
        shopper.does("page.viewed")
    shopper.now_ms += DAY_MS - 1
    assert again(shopper, "charged").counted == "duplicate"
    assert again(shopper, "silent").counted == "decided"


def test_an_event_is_young_enough_to_matter_up_to_the_full_age() -> None:
    shopper = Shopper.opted_in()
    assert again(shopper, "v-1", occurred_at_ms=NOON_MS - DAY_MS).counted == "decided"
    said = again(shopper, "v-2", occurred_at_ms=NOON_MS - DAY_MS - 1)
    assert (said.counted, said.emission, count(shopper)) == ("too_old", None, 1)


def test_an_order_that_is_too_old_to_trigger_still_fulfils_its_intent() -> None:
    shopper = Shopper.opted_in()
    said = shopper.does("order.completed", "coat-9", "coats", occurred_at_ms=NOON_MS - 2 * DAY_MS)
    assert (said.counted, said.ahead) == ("too_old", ["ledger", "ledger"])
    assert shopper.views().reasons[0][0] == "INTENT_FULFILLED"


def test_a_withdrawal_counts_however_old_it_is() -> None:
    shopper = Shopper.opted_in()
    shopper.consents("*", state="withdrawn")
    shopper.now_ms += 400 * DAY_MS
    assert {code for code, _ in shopper.views().reasons} == {"NOT_OPTED_IN"}


def test_time_never_runs_back_for_a_customer() -> None:
    shopper = Shopper.opted_in()
    shopper.views()
    shopper.now_ms -= HOUR_MS
    said = shopper.views()
    assert said.emission is not None
    assert said.emission.decision is not None
    assert said.emission.decision.decided_at_ms == NOON_MS
    assert said.reasons[0] == ("GAP", "0 min of 60 min since the last")


@pytest.mark.parametrize(
    ("kind", "withdrawn"),
    [
        ("unsubscribed", [("push", "marketing")]),
        ("complained", [("push", "marketing")]),
        ("uninstalled", [("push", "marketing"), ("*", "sensing")]),
        ("dismissed", []),
    ],
)
def test_bad_news_about_a_nudge_withdraws_its_channel_on_the_record(
    kind: str, withdrawn: list[tuple[str, str]]
) -> None:
    shopper = Shopper.opted_in()
    nudge = shopper.views().nudge
    assert nudge is not None
    emission = shopper.answers(kind, nudge.nudge_id).emission
    outputs = [output for output in emission.ahead if output.topic == "consents"] if emission else []
    rows = [json.loads(output.value or b"") for output in outputs]
    assert [(row["channel"], row["purpose"]) for row in rows] == withdrawn
    assert {(output.key, output.lane) for output in outputs} <= {(b"c-1", 4)}


def test_an_unsubscription_from_an_unknown_nudge_withdraws_every_channel() -> None:
    emission = Shopper.opted_in().answers("unsubscribed", "ff" * 16).emission
    assert emission is not None
    row = json.loads(emission.ahead[0].value or b"")
    assert (row["channel"], row["state"]) == ("*", "withdrawn")


def test_an_objection_holds_for_ever() -> None:
    shopper = Shopper.opted_in()
    shopper.demands("object")
    shopper.now_ms += 3_000 * DAY_MS
    assert shopper.views().reasons[0][0] == "HOLD"


def test_who_ends_processing_is_forgotten_but_for_what_restrains() -> None:
    shopper = Shopper.opted_in()
    shopper.does("wishlist.added", "coat-1", "coats")
    shopper.consents("*", "processing", "withdrawn")
    context = shopper.customer.context
    assert context is not None
    assert (context.recent, context.wishlist, context.cart, context.visit) == ([], [], [], None)
    assert (context.profile, context.seen) == (None, b"")
    assert len(context.charges) == 1


def test_of_who_was_never_restrained_nothing_at_all_is_left() -> None:
    shopper = Shopper.opted_in()
    shopper.tells(traits={"diet": "vegetarian"}, locale="de")
    shopper.does("page.viewed")
    shopper.consents("*", "processing", "withdrawn")
    assert shopper.customer.context is None


def test_a_customers_own_wishes_outlive_the_consent_to_processing_without_what_else_they_told() -> None:
    shopper = Shopper.opted_in()
    shopper.tells(traits={"diet": "vegetarian"}, minor=True, shared=("device",))
    shopper.consents("*", "processing", "withdrawn")
    assert shopper.customer.context is not None
    profile = shopper.customer.context.profile
    assert profile is not None
    assert (profile.minor, profile.shared, profile.traits, profile.zone) == (True, ("device",), {}, "")
    assert profile.at == {"minor": NOON_MS, "shared": NOON_MS}


@pytest.mark.parametrize("until", [{}, {"until_ms": NOON_MS + 400 * DAY_MS}])
def test_a_life_event_holds_for_a_year_where_no_end_is_given_and_outlives_the_consent_to_processing(
    until: dict[str, int],
) -> None:
    shopper = Shopper.opted_in()
    shopper.tells(life_events=({"kind": "bereavement"} | until,))
    shopper.consents("*", "processing", "withdrawn")
    shopper.now_ms += HOUR_MS
    shopper.consents("*", "processing")
    shopper.tells(timezone="Europe/Berlin")
    ends_ms = until.get("until_ms", NOON_MS + 365 * DAY_MS)
    shopper.now_ms = ends_ms - 1
    assert ("LIFE_EVENT", f"until {ends_ms}") in shopper.views().reasons
    shopper.now_ms = ends_ms
    assert shopper.views().nudge is not None


def test_caps_still_hold_for_who_left_and_came_back() -> None:
    shopper = Shopper.opted_in()
    assert shopper.views().channel == "push"
    shopper.consents("*", "processing", "withdrawn")
    shopper.now_ms += 2 * HOUR_MS
    shopper.consents("*", "processing")
    shopper.tells(timezone="Europe/Berlin")
    assert ("FREQUENCY_CAP", "push 1 d: 1 of 1") in shopper.views().reasons


def test_a_nudge_names_its_customers_newest_consent_where_the_lane_had_not_counted_so_far() -> None:
    shopper = Shopper.opted_in()
    shopper.offsets["consents"] = 2
    nudge = shopper.views().nudge
    assert nudge is not None
    assert (nudge.consent.partition, nudge.consent.offset) == (4, len(ALLOWED))
