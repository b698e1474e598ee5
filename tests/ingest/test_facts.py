"""Consents, profiles, outcomes and privacy requests."""

from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Event
from streamproc.core.facts import ConsentChange, Outcome, Preferences, PrivacyRequest, ProfileChange

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]
AT_MS, RECEIVED_AT_MS = 1_767_225_600_000, 1_767_225_601_000

CONSENT = {
    "customer_id": "c-17",
    "channel": "push",
    "purpose": "marketing",
    "state": "granted",
    "at_ms": AT_MS,
    "source": "app",
    "text_version": "v3",
}
PROFILE = {"customer_id": "c-17", "at_ms": AT_MS}
OUTCOME = {"nudge_id": "n-1", "customer_id": "c-17", "kind": "clicked", "at_ms": AT_MS}
REQUEST = {"request_id": "r-1", "customer_id": "c-17", "kind": "erase", "at_ms": AT_MS}


def test_a_grant_is_read(event: OnlyEvent) -> None:
    seen = event(CONSENT | {"expires_at_ms": AT_MS + 5}, "consents", append_time=True)
    assert (seen.kind, seen.customer_id, seen.event_id) == ("consent.granted", "c-17", "consents/3/17")
    assert seen.fact == ConsentChange("c-17", "push", "marketing", "granted", AT_MS, AT_MS + 5, "app", "v3")


@pytest.mark.parametrize("state", ["withdrawn", "denied", "pending", "expired"])
def test_every_other_state_restrains(event: OnlyEvent, state: str) -> None:
    assert event(CONSENT | {"state": state}, "consents").kind == "consent.withdrawn"


def test_a_consent_counts_from_the_earlier_of_its_time_and_kafkas(event: OnlyEvent) -> None:
    ahead = event(CONSENT | {"at_ms": RECEIVED_AT_MS + 300_000}, "consents", append_time=True)
    assert ahead.occurred_at_ms == RECEIVED_AT_MS
    assert event(CONSENT, "consents", append_time=True).occurred_at_ms == AT_MS


def test_only_a_grant_can_be_too_far_ahead(event: OnlyEvent, refusal: Refusal) -> None:
    late = CONSENT | {"at_ms": RECEIVED_AT_MS + 300_001}
    assert refusal(late, "consents", append_time=True) == ("in_the_future", "at_ms")
    withdrawn = event(late | {"state": "withdrawn"}, "consents", append_time=True)
    assert withdrawn.fact == ConsentChange(
        "c-17", "push", "marketing", "withdrawn", RECEIVED_AT_MS, None, "app", "v3"
    )


def test_what_repeats_a_producers_signal_grants_processing_alone(event: OnlyEvent, refusal: Refusal) -> None:
    signal = CONSENT | {"source": "signal/segment"}
    assert event(signal | {"channel": "*", "purpose": "processing"}, "consents").kind == "consent.granted"
    assert event(signal | {"state": "withdrawn"}, "consents").kind == "consent.withdrawn"
    for channel, purpose in (("push", "marketing"), ("*", "sensing"), ("*", "category/wine")):
        word = signal | {"channel": channel, "purpose": purpose}
        assert refusal(word, "consents") == ("unknown_value", "source")


@pytest.mark.parametrize(
    "purpose", ["category/Pregnancy", "category/pregnancy ", "category/ PREGNANCY\u200b"]
)
def test_a_withdrawal_counts_for_its_category_however_that_is_spelled(event: OnlyEvent, purpose: str) -> None:
    fact = event(CONSENT | {"channel": "*", "purpose": purpose, "state": "withdrawn"}, "consents").fact
    assert isinstance(fact, ConsentChange)
    assert (fact.purpose, fact.state) == ("category/pregnancy", "withdrawn")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"channel": "fax"}, "unknown_value", "channel"),
        ({"purpose": "fun"}, "unknown_value", "purpose"),
        ({"purpose": "category/"}, "unknown_value", "purpose"),
        ({"channel": "*", "purpose": "category/*"}, "unknown_value", "purpose"),
        ({"channel": "*", "purpose": "category/wine/red"}, "unknown_value", "purpose"),
        ({"purpose": "sensing"}, "unknown_value", "channel"),
        ({"state": "maybe"}, "unknown_value", "state"),
        ({"state": None}, "missing_field", "state"),
        ({"customer_id": None}, "no_identity", "customer_id"),
        ({"at_ms": None}, "missing_field", "at_ms"),
        ({"at_ms": 1.5}, "wrong_type", "at_ms"),
    ],
)
def test_a_bad_consent_is_refused(refusal: Refusal, change: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(CONSENT | change, "consents") == (reason, field)


@pytest.mark.parametrize("purpose", ["sensing", "processing", "category/pregnancy", "marketing"])
def test_every_purpose_stands_on_all_channels(event: OnlyEvent, purpose: str) -> None:
    fact = event(CONSENT | {"purpose": purpose, "channel": "*"}, "consents").fact
    assert isinstance(fact, ConsentChange)
    assert (fact.purpose, fact.channel) == (purpose, "*")


def test_a_profile_says_only_what_it_says(event: OnlyEvent) -> None:
    assert event(PROFILE, "profiles").fact == ProfileChange("c-17", AT_MS)


def test_a_whole_profile_is_read(event: OnlyEvent) -> None:
    whole = PROFILE | {
        "timezone": "Europe/Berlin",
        "locale": "de-DE",
        "traits": {"diet": "vegetarian", "old": None},
        "minor": False,
        "preferences": {
            "nudges_per_week_max": 2,
            "muted_categories": ["coats"],
            "paused_until_ms": 0,
            "channels_off": [],
        },
        "shared": ["device"],
        "facts": [{"name": "size", "value": "M", "about": "self", "at_ms": AT_MS}],
        "life_events": [{"kind": "moving", "until_ms": AT_MS}],
    }
    assert event(whole, "profiles").fact == ProfileChange(
        "c-17",
        AT_MS,
        "Europe/Berlin",
        "de-DE",
        {"diet": "vegetarian"},
        Preferences(2, ("coats",), 0, ()),
        ("device",),
        False,
        ({"name": "size", "value": "M", "about": "self", "at_ms": AT_MS},),
        ({"kind": "moving", "until_ms": AT_MS},),
    )


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"traits": {"a": {"b": 1}}}, "wrong_type", "traits[...]"),
        ({"traits": {str(number): 1 for number in range(33)}}, "too_many", "traits"),
        ({"preferences": {"channels_off": ["push", "fax"]}}, "unknown_value", "preferences.channels_off[1]"),
        ({"preferences": {"nudges_per_week_max": -1}}, "out_of_range", "preferences.nudges_per_week_max"),
        ({"shared": ["house"]}, "unknown_value", "shared[0]"),
        ({"minor": "no"}, "wrong_type", "minor"),
        ({"facts": [{"name": "x", "value": 1}, {"name": "y"}]}, "missing_field", "facts[1].value"),
        ({"life_events": [{}]}, "missing_field", "life_events[0].kind"),
    ],
)
def test_a_bad_profile_is_refused(refusal: Refusal, change: dict[str, Any], reason: str, field: str) -> None:
    assert refusal(PROFILE | change, "profiles") == (reason, field)


UNREADABLE = [0, 1_767_225_600, 2**70, True, "soon", "2027-01-01", "", 1.5, [], {}]


@pytest.mark.parametrize("until_ms", UNREADABLE)
def test_a_life_event_whose_end_cannot_be_read_has_none_of_its_own_and_the_rest_is_read(
    event: OnlyEvent, until_ms: object
) -> None:
    told = {"life_events": [{"kind": "bereavement", "until_ms": until_ms}], "minor": True}
    fact = event(PROFILE | told, "profiles").fact
    assert isinstance(fact, ProfileChange)
    assert (fact.life_events, fact.minor) == (({"kind": "bereavement"},), True)


@pytest.mark.parametrize("about", ["partner", "Self", "", 1, ["self"], {}])
def test_a_fact_about_nobody_we_know_is_one_about_somebody_else(event: OnlyEvent, about: object) -> None:
    fact = event(PROFILE | {"facts": [{"name": "x", "value": 1, "about": about}]}, "profiles").fact
    assert isinstance(fact, ProfileChange)
    assert fact.facts[0]["about"] == "other"


@pytest.mark.parametrize(
    "kind",
    [
        "delivered",
        "opened",
        "clicked",
        "dismissed",
        "not_interested",
        "why_opened",
        "unsubscribed",
        "complained",
        "bounced",
        "converted",
    ],
)
def test_an_outcome_is_read_under_one_id_however_often_it_is_told(event: OnlyEvent, kind: str) -> None:
    seen = event(OUTCOME | {"kind": kind}, "outcomes")
    assert (seen.kind, seen.event_id) == (f"nudge.{kind}", f"{kind}|n-1")
    assert seen.fact == Outcome("n-1", "c-17", kind, AT_MS)


def test_an_uninstall_has_its_own_kind(event: OnlyEvent) -> None:
    assert event(OUTCOME | {"kind": "uninstalled"}, "outcomes").kind == "app.uninstalled"


def test_a_stop_counts_without_the_nudge_it_was_about(event: OnlyEvent, refusal: Refusal) -> None:
    nameless = OUTCOME | {"nudge_id": None}
    assert event(nameless | {"kind": "unsubscribed"}, "outcomes").event_id == "outcomes/3/17"
    assert refusal(nameless, "outcomes") == ("missing_field", "nudge_id")


def test_segment_calls_tell_facts_on_the_topics_of_facts(event: OnlyEvent, refusal: Refusal) -> None:
    call = {"type": "track", "event": "Email Bounced", "messageId": "m", "userId": "c-17"}
    assert event(call, "outcomes").kind == "nudge.bounced"
    assert refusal(call | {"event": "Cart Viewed"}, "outcomes") == ("unknown_value", "event")


def test_a_request_under_the_law_is_read(event: OnlyEvent, refusal: Refusal) -> None:
    seen = event(REQUEST, "privacy-requests")
    assert (seen.kind, seen.event_id) == ("privacy.erase", "r-1")
    assert seen.fact == PrivacyRequest("r-1", "c-17", "erase", AT_MS)
    assert refusal(REQUEST | {"kind": "forget"}, "privacy-requests") == ("unknown_value", "kind")
    assert refusal(REQUEST | {"request_id": ""}, "privacy-requests") == ("missing_field", "request_id")
