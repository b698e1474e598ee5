"""What Snowplow's consent events say about processing."""

from collections.abc import Callable
from typing import Any

import pytest

from streamproc.core.event import Event
from tests.ingest.snowplow_shapes import FIELDS, SHAPES, Entity, Shape, told

OnlyEvent = Callable[..., Event]

ANSWERS = ("deny_all", "allow_all", "allow_selected", "pending", "implicit_consent", "withdrawn", "expired")
ENOUGH = ["necessary", "statistics", "marketing"]


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    made: Shape = request.param
    return made


def answered(answer: str, scopes: list[str] | None = None, **fields: Any) -> Entity:
    asked = {
        "basisForProcessing": "consent",
        "consentVersion": "3",
        "consentScopes": ENOUGH if scopes is None else scopes,
        "consentUrl": "https://shop.example/privacy",
        "domainsApplied": ["shop.example", "m.shop.example"],
        "gdprApplies": True,
    }
    return told("consent_preferences", eventType=answer, **(asked | fields))


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("deny_all", False),
        ("withdrawn", False),
        ("expired", False),
        ("allow_all", True),
        ("allow_selected", True),
        ("pending", None),
        ("implicit_consent", None),
    ],
)
def test_each_answer_is_a_grant_a_refusal_or_nothing(
    event: OnlyEvent, shape: Shape, answer: str, *, wanted: bool | None
) -> None:
    seen = event(shape(FIELDS, answered(answer)))
    assert (seen.kind, seen.processing_consent) == ("custom.consent_preferences", wanted)
    assert seen.extra == {
        "eventType": answer,
        "basisForProcessing": "consent",
        "consentVersion": "3",
        "consentScopes": "necessary, statistics, marketing",
        "consentUrl": "https://shop.example/privacy",
        "domainsApplied": "shop.example, m.shop.example",
        "gdprApplies": True,
    }


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("basis", ["legitimate_interests", "contract", "public_task", None, ""])
def test_no_other_basis_than_consent_can_grant_and_a_refusal_counts_on_any(
    event: OnlyEvent, answer: str, basis: str | None
) -> None:
    said = event(SHAPES["line"](FIELDS, answered(answer, basisForProcessing=basis))).processing_consent
    assert said is (False if answer in ("deny_all", "withdrawn", "expired") else None)


@pytest.mark.parametrize(
    ("scopes", "all_of_them", "a_selection"),
    [
        (ENOUGH, True, True),
        (["analytics", "functional", "advertisement"], True, True),
        (["Analytics ", "Targeting_Cookies"], True, True),
        (["necessary", "preferences", "statistics"], None, False),
        (["marketing"], True, False),
        (["werbung"], None, False),
        ([], None, False),
    ],
)
def test_a_grant_names_that_customers_are_addressed_and_a_selection_also_that_they_are_remembered(
    event: OnlyEvent, scopes: list[str], *, all_of_them: bool | None, a_selection: bool
) -> None:
    def said(answer: str) -> bool | None:
        return event(SHAPES["sdk_object"](FIELDS, answered(answer, scopes))).processing_consent

    assert (said("allow_all"), said("allow_selected")) == (all_of_them, a_selection)


@pytest.mark.parametrize("answer", ANSWERS)
def test_where_the_law_does_not_apply_consent_is_asked_all_the_same(event: OnlyEvent, answer: str) -> None:
    says = [
        event(SHAPES["tracker"](FIELDS, answered(answer, gdprApplies=applies))).processing_consent
        for applies in (True, False, None)
    ]
    assert says[0] is says[1] is says[2]


@pytest.mark.parametrize("everything", [True, False, None])
def test_a_withdrawal_is_a_refusal_of_a_part_too(
    event: OnlyEvent, shape: Shape, *, everything: bool | None
) -> None:
    seen = event(shape(FIELDS, told("consent_withdrawn", all=everything)))
    assert (seen.kind, seen.processing_consent) == ("custom.consent_withdrawn", False)


def test_a_document_that_was_granted_says_nothing(event: OnlyEvent, shape: Shape) -> None:
    assert (
        event(shape(FIELDS, told("consent_granted", expiry="2027-01-01T00:00:00Z"))).processing_consent
        is None
    )


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"eventType": "allow_some"}, "unknown_value", "consent_preferences.eventType"),
        ({"eventType": None}, "missing_field", "consent_preferences.eventType"),
        ({"eventType": ["deny_all"]}, "wrong_type", "consent_preferences.eventType"),
        ({"consentScopes": "marketing"}, "wrong_type", "consent_preferences.consentScopes"),
        ({"consentScopes": [1]}, "wrong_type", "consent_preferences.consentScopes[0]"),
        ({"gdprApplies": "yes"}, "wrong_type", "consent_preferences.gdprApplies"),
    ],
)
def test_an_answer_that_cannot_be_understood_costs_the_event(
    refusal: Callable[..., tuple[str, str]], fields: dict[str, Any], reason: str, field: str
) -> None:
    schema, data = answered("allow_all")
    assert refusal(SHAPES["line"](FIELDS, (schema, data | fields))) == (reason, field)
    (found, _) = refusal(SHAPES["sdk_object"](FIELDS, (schema, data | fields)))
    assert found == reason


def test_other_events_say_nothing_of_consent(event: OnlyEvent, shape: Shape) -> None:
    assert event(shape(FIELDS, told("link_click", eventType="deny_all"))).processing_consent is None
