"""What payloads say about consent to processing, wherever producers put it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.event import Event
from streamproc.ingest.consent_signals import (
    ADDRESSED,
    PASSED_OVER,
    REMEMBERED,
    Managed,
    Tcf,
    agreed,
    of_categories,
    of_managed,
    of_tcf,
)
from streamproc.ingest.refusal import Refused

OnlyEvent = Callable[..., Event]
Refusal = Callable[..., tuple[str, str]]

# Published examples: all but 7 and 8 of the first ten purposes; 1, 2 and 3; 1, 3, 9 and 10.
MOST = "COxSKBCOxSKCCBcABCENAgCMAPzAAEPAAAqIDaQBQAMgAgABqAR0A2gDaQAwAMgAgANoAAA"
FIRST_THREE = (
    "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBA"
)
OTHERS = (
    "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA"
)


def call(**context: Any) -> dict[str, Any]:
    return {"type": "page", "messageId": "m-1", "userId": "c-17", "context": context}


@pytest.mark.parametrize(
    ("preferences", "said"),
    [
        ({}, None),
        ({"Advertising": True}, True),
        ({"Advertising": False}, False),
        ({"Advertising": True, "Analytics": True, "Functional": False, "DataSharing": False}, True),
        ({"Advertising": True, "Analytics": False, "Functional": True, "DataSharing": False}, False),
        ({"Advertising": True, "personalization": False}, False),
        ({"Analytics": True}, None),
        ({"Analytics": False}, False),
        ({"C0001": True, "C0002": True, "C0003": False, "C0004": True}, True),
        ({"C0001": True, "C0004": False}, False),
        ({"targeted_advertising": True, "Strictly Necessary": True}, True),
        ({"Marketing & Analytics": True}, True),
        ({"Advertising": True, "Chat": True}, True),
        ({"Advertising": True, "Chat": False}, None),
        ({"Chat": False}, None),
        ({"Chat": True}, None),
        ({"Advertising": None}, None),
    ],
)
def test_cookie_categories_agree_only_if_what_counts_is_granted_and_nothing_is_unclear(
    event: OnlyEvent, preferences: dict[str, bool | None], *, said: bool | None
) -> None:
    seen = event(call(consent={"categoryPreferences": preferences}))
    assert (seen.processing_consent, of_categories(preferences)) == (said, said)


def test_no_name_stands_in_two_lists() -> None:
    assert len(ADDRESSED | REMEMBERED | PASSED_OVER) == len(ADDRESSED) + len(REMEMBERED) + len(PASSED_OVER)


@pytest.mark.parametrize(
    ("allowed", "denied", "said"),
    [
        (["C0001", "C0004"], ["C0003"], True),
        (["C0001"], ["C0004"], False),
        (["Marketing"], ["Marketing"], False),
        ([], [], None),
        (["5"], [], None),
        (None, None, None),
    ],
)
def test_rudderstacks_lists_say_the_same(
    event: OnlyEvent, allowed: list[str] | None, denied: list[str] | None, *, said: bool | None
) -> None:
    managed = {"allowedConsentIds": allowed, "deniedConsentIds": denied, "provider": "oneTrust"}
    assert event(call(consentManagement=managed)).processing_consent == said
    assert of_managed(Managed(allowed, denied)) == said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"IABTCF_PurposeConsents": "1011000000"}, True),
        ({"IABTCF_PurposeConsents": "1011"}, True),
        ({"IABTCF_PurposeConsents": "0011000000"}, False),
        ({"IABTCF_PurposeConsents": "1001000000"}, False),
        ({"IABTCF_PurposeConsents": "1010111111"}, False),
        ({"IABTCF_PurposeConsents": "101"}, False),
        ({"IABTCF_PurposeConsents": "1011", "IABTCF_gdprApplies": 1}, True),
        ({"IABTCF_PurposeConsents": "0000", "IABTCF_gdprApplies": "0"}, None),
        ({"IABTCF_PurposeConsents": "1011", "IABTCF_gdprApplies": False}, None),
        ({"IABTCF_gdprApplies": 1}, None),
        ({"IABTCF_TCString": MOST}, True),
        ({"IABTCF_TCString": FIRST_THREE}, False),
        ({"IABTCF_TCString": OTHERS}, False),
        ({"IABTCF_PurposeConsents": "1011", "IABTCF_TCString": "unread where the purposes are told"}, True),
    ],
)
@pytest.mark.parametrize("place", ["consent", "traits"])
def test_the_frameworks_purposes_1_3_and_4_have_to_be_agreed_to(
    event: OnlyEvent, keys: dict[str, Any], place: str, *, said: bool | None
) -> None:
    assert event(call(**{place: keys})).processing_consent == said


@pytest.mark.parametrize(
    ("keys", "reason", "field"),
    [
        ({"IABTCF_PurposeConsents": "yes"}, "bad_text", "IABTCF_PurposeConsents"),
        ({"IABTCF_PurposeConsents": 1011}, "wrong_type", "IABTCF_PurposeConsents"),
        (
            {"IABTCF_PurposeConsents": "1011", "IABTCF_gdprApplies": "maybe"},
            "unknown_value",
            "IABTCF_gdprApplies",
        ),
        ({"IABTCF_TCString": "~"}, "bad_text", "IABTCF_TCString"),
        ({"IABTCF_TCString": "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA"}, "bad_text", "IABTCF_TCString"),
        ({"IABTCF_TCString": MOST[:20]}, "bad_text", "IABTCF_TCString"),
    ],
)
def test_keys_that_cannot_be_read_cost_the_event(
    refusal: Refusal, keys: dict[str, Any], reason: str, field: str
) -> None:
    assert refusal(call(consent=keys)) == (reason, f"context.consent.{field}")
    assert refusal(call(traits=keys)) == (reason, f"context.traits.{field}")
    identify = {"type": "identify", "messageId": "m", "userId": "c", "traits": keys}
    assert refusal(identify) == (reason, f"traits.{field}")


def test_the_keys_in_an_identify_call_are_a_signal_and_no_traits(event: OnlyEvent) -> None:
    traits = {"diet": "vegetarian", "IABTCF_PurposeConsents": "1011"}
    seen = event({"type": "identify", "messageId": "m", "userId": "c", "traits": traits})
    assert (seen.processing_consent, getattr(seen.fact, "traits", None)) == (True, {"diet": "vegetarian"})


def test_of_several_answers_one_refusal_is_enough(event: OnlyEvent) -> None:
    seen = event(
        call(
            consent={"categoryPreferences": {"Advertising": True}},
            consentManagement={"deniedConsentIds": ["C0004"]},
        )
    )
    assert seen.processing_consent is False


@pytest.mark.parametrize("consent", [[], "yes", {"categoryPreferences": {"Advertising": "yes"}}])
def test_a_consent_that_is_not_as_documented_costs_the_event(refusal: Refusal, consent: Any) -> None:
    """Whoever cannot be understood has not agreed, and may have refused."""
    assert refusal(call(consent=consent))[0] == "wrong_type"


def test_the_context_of_a_batch_speaks_for_its_calls(send: Callable[..., list[Any]]) -> None:
    refused = {"consent": {"categoryPreferences": {"Advertising": False}}, "locale": "de"}
    own = {"consent": {"categoryPreferences": {"Advertising": True}}}
    batch = [call(), call(**own), {**call(), "context": None}, {**call(locale="fr"), "userId": 7}]
    seen = send({"batch": batch, "context": refused})
    assert [one.processing_consent for one in seen] == [False, True, False, False]
    assert [one.locale for one in seen] == ["de", "de", "de", "fr"]


@pytest.mark.parametrize("name", ["gpc", "sec_gpc"])
@pytest.mark.parametrize("signal", [True, 1, "1", "true"])
def test_global_privacy_control_is_kept_and_refuses_nothing(event: OnlyEvent, name: str, signal: Any) -> None:
    for place in ({"context": {name: signal}}, {"properties": {name: signal}}, {name: signal}):
        seen = event(call() | place)
        assert (seen.gpc, seen.processing_consent) == (True, None)
    assert not event(call(**{name: "0"})).gpc
    assert event(call(**{name: 0}) | {name: signal}).gpc


def test_no_integration_that_is_switched_off_is_a_refusal(event: OnlyEvent) -> None:
    assert event(call() | {"integrations": {"All": False}}).processing_consent is None


NAMES = st.sampled_from(sorted(ADDRESSED | REMEMBERED | PASSED_OVER)) | st.text(max_size=12)
PREFERENCES = st.dictionaries(NAMES, st.booleans() | st.none(), max_size=6)


@given(PREFERENCES, NAMES)
def test_one_refusal_more_never_agrees_to_more(preferences: dict[str, bool | None], name: str) -> None:
    order = [False, None, True]
    before, after = of_categories(preferences), of_categories(preferences | {name: False})
    assert order.index(after) <= order.index(before)


@given(st.binary(max_size=60), st.text(max_size=80))
def test_any_tc_string_is_read_or_refused(raw: bytes, text: str) -> None:
    for tc_string in (base64.urlsafe_b64encode(raw).decode().rstrip("="), text):
        try:
            said, field = of_tcf(Tcf(tc_string=tc_string)), "IABTCF_TCString"
        except Refused as refused:
            said, field = False, refused.field
        assert (said is None, field) == (not tc_string, "IABTCF_TCString")


@given(st.lists(st.sampled_from([True, False, None])))
def test_answers_unite_whatever_their_order(answers: list[bool | None]) -> None:
    wanted = False if False in answers else True if True in answers else None
    assert agreed(answers) == agreed(reversed(answers)) == wanted
