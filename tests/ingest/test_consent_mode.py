"""Google's consent mode as consent to processing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.ingest.consent_mode import SIGNALS, processing_consent

BOTH = {"analytics_storage": "granted", "ad_personalization": "granted"}


@pytest.mark.parametrize("word", ["granted", "GRANTED", "Yes", True, "true"])
def test_remembering_and_addressing_granted_is_a_yes_in_every_spelling(word: Any) -> None:
    assert processing_consent({"analytics_storage": word, "ad_personalization": word}) is True


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("word", ["denied", "DENIED", "No", False])
def test_any_signal_denied_is_a_no(signal: str, word: Any) -> None:
    assert processing_consent(dict.fromkeys(SIGNALS, "granted") | {signal: word}) is False


@pytest.mark.parametrize(
    "stated",
    [
        {},
        None,
        {"analytics_storage": "granted"},
        {"ad_personalization": "granted", "ad_storage": "granted", "ad_user_data": "granted"},
        {"analytics_storage": "granted", "ad_user_data": "granted"},
        {"analytics_storage": "Unset", "ads_storage": "Unset"},
        {"analytics_storage": "granted", "ad_storage": "granted", "ad_personalization": "unset"},
        {"analytics_storage": ["granted"], "ad_personalization": {"granted": True}},
        {"functionality_storage": "granted", "security_storage": "denied"},
    ],
)
def test_anything_less_is_unknown(stated: dict[str, Any] | None) -> None:
    assert processing_consent(stated) is None


def test_senders_of_the_two_older_signals_are_understood() -> None:
    assert processing_consent({"analytics_storage": "Yes", "ads_storage": "Yes"}) is True
    assert processing_consent({"analytics_storage": "Yes", "ads_storage": "No"}) is False


@pytest.mark.parametrize(
    ("gcs", "consent"),
    [
        ("G111", True),
        ("G101", False),
        ("G110", False),
        ("G100", False),
        ("G1--", None),
        ("G1-1", None),
        (111, None),
    ],
)
def test_the_state_of_a_tag_manager_counts_where_nothing_better_is_known(
    gcs: Any,
    *,
    consent: bool | None,
) -> None:
    assert processing_consent(None, gcs=gcs) is consent


@pytest.mark.parametrize(
    ("gcd", "consent"),
    [
        ("11r1r1r1r5", True),
        ("13n3n3v3v5", True),
        ("11q1r1r1r5", False),
        ("11r1u1r1r5", False),
        ("11l1l1l1l1", None),
        ("11t1t1t1t5", None),
        ("11p1p1p1p5", None),
        ("11l1r1l1r5", True),
        ("11r1r1l1l5", None),
    ],
)
def test_a_default_that_nobody_chose_is_neither_yes_nor_no(gcd: str, *, consent: bool | None) -> None:
    granted = dict.fromkeys(SIGNALS, True)
    assert processing_consent(None, granted, "G111", gcd) is consent


@pytest.mark.parametrize("gcd", ["", "r", "11r1r", "1" * 1000, 5, None, ["11r1r1r1r5"]])
def test_an_unreadable_code_leaves_the_state_in_force(gcd: Any) -> None:
    assert processing_consent(None, None, "G111", gcd) is True


def test_a_signal_stated_as_denied_outweighs_every_code() -> None:
    assert processing_consent({"ad_user_data": "denied"}, None, "G111", "11r1r1r1r5") is False


@given(
    st.dictionaries(
        st.sampled_from(SIGNALS), st.sampled_from(["granted", "denied", "unset", True, False, None, 5])
    ),
    st.none() | st.dictionaries(st.sampled_from(SIGNALS), st.booleans()),
    st.sampled_from([None, "G111", "G101", "G1--", 7]),
    st.none() | st.from_regex(r"11[lpqtrmnuv]1[lpqtrmnuv]1[lpqtrmnuv]1[lpqtrmnuv]5", fullmatch=True),
    st.sampled_from(SIGNALS),
    st.sampled_from(["denied", False]),
)
def test_a_denial_more_never_raises_consent(
    stated: dict[str, Any], state: dict[str, Any] | None, gcs: Any, gcd: str | None, signal: str, word: Any
) -> None:
    assert processing_consent(stated | {signal: word}, state, gcs, gcd) is False


@given(st.dictionaries(st.sampled_from(SIGNALS), st.sampled_from(["granted", "denied", "unset"])))
def test_a_grant_less_never_raises_consent(stated: dict[str, str]) -> None:
    for signal, word in stated.items():
        if word == "granted":
            less = {name: value for name, value in stated.items() if name != signal}
            assert (processing_consent(less) is True) <= (processing_consent(stated) is True)
