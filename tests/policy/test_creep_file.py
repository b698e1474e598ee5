"""`creep.yaml`: what may stand in it, what it amounts to where it is silent, and how a change of it reads."""

from __future__ import annotations

import pytest

from streamproc.core.creep.model import SHIPPED, Answer, Pausing
from streamproc.core.policy.diff import differences
from streamproc.core.policy.loader import load, load_all
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.ops.policy_files import load_folder
from streamproc.shipped import shipped_folder
from tests.policy.samples import FILES


def with_creep(text: str) -> Policy:
    return load({**FILES, "creep.yaml": text})


def test_the_shipped_file_says_what_holds_without_one() -> None:
    assert load_folder(shipped_folder("policy")).creep == SHIPPED == load(FILES).creep


def test_what_the_file_does_not_say_is_as_shipped() -> None:
    creep = with_creep("limit: 0.3\nweights: {opacity: 0.5}\nfeedback: {clicked: {wariness: 1}}\n").creep
    assert (creep.limit, creep.capacity) == (0.3, SHIPPED.capacity)
    assert creep.weights == {**SHIPPED.weights, "opacity": 0.5}
    assert creep.feedback == {**SHIPPED.feedback, "clicked": Answer(1.0)}


def test_when_a_campaign_pauses_itself_may_be_said_in_part() -> None:
    pausing = with_creep("pause_campaign: {messages_min: 200}\n").creep.pausing
    assert pausing == Pausing(0.001, 3, messages_min=200, days=7)


@pytest.mark.parametrize(
    ("rule", "warns"), [("days: 3", True), ("days: 4", False), ("days: 3, unsubscriptions: 500", False)]
)
def test_days_too_few_to_tell_what_is_usual_are_warned_of(rule: str, *, warns: bool) -> None:
    loaded = load_all({**FILES, "creep.yaml": f"pause_campaign: {{{rule}}}\n"})
    says = "pause_campaign.days: 3, today included, and what is usual takes 3 days before: unsubscriptions pause no "
    warnings = [f"creep.yaml:1: {says}campaign (unsubscriptions: 500 says so)"]
    assert [str(one) for one in loaded.warnings if one.file == "creep.yaml"] == warnings * warns


def test_how_loud_a_form_is_orders_the_channels_of_a_campaign() -> None:
    policy = with_creep("scales: {obtrusiveness: {push: 0.9}}\n")
    assert policy.channels["push"].obtrusiveness == 0.9
    with pytest.raises(PolicyErrors, match=r"go from loud to quiet, but in_app \(0\.90\) stands after"):
        with_creep("scales: {obtrusiveness: {inbox: 0.9}}\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "weights: {opacity: 1}",
            "1: weights.opacity: 1 is not below 1: a cause that is always enough leaves nothing to weigh",
        ),
        ("weights: {opacity: -0.1}", "1: weights.opacity: -0.1 is not between 0 and 1"),
        ("\nlimit: 1.5", "2: limit: 1.5 is not between 0 and 1"),
        (
            "interactions: {loud_now: 1.0}",
            "1: interactions.loud_now: 1 is not below 1: a cause that is always enough leaves nothing to weigh",
        ),
        (
            "scales: {specificity: {item: 0.2}}",
            "1: scales.specificity: item (0.2) must not count less than family (0.45)",
        ),
        (
            "scales: {provenance: {declared: 1}}",
            "1: scales.provenance: purchased (0.15) must not count less than declared (1)",
        ),
        (
            "scales: {provenance: {inferred: 0.3}}",
            "1: scales.provenance: inferred (0.3) must not count less than sensed (0.4)",
        ),
        (
            "scales: {provenance: {third_party: 0}}",
            "1: scales.provenance: third_party (0) must not count less than inferred (0.8)",
        ),
        (
            "scales: {distance: {third_party: 0.2}}",
            "1: scales.distance: third_party (0.2) must not count less than to_store (0.45)",
        ),
        (
            "scales: {distance: {same_session: 0.15}}",
            "1: scales.distance: same_surface (0.1) must not count less than same_session (0.15)",
        ),
        (
            "scales: {sensitivity: {none: 0.1, mild: 0}}",
            "1: scales.sensitivity: mild (0) must not count less than none (0.1)",
        ),
        (
            "scales: {sensitivity: {gift_prone: 0.7}}",
            "1: scales.sensitivity: intimate (0.6) must not count less than gift_prone (0.7)",
        ),
        (
            "scales: {sensitivity: {none: 0, mild: 0, gift_prone: 0, intimate: 0, special: 0}}",
            "1: scales.sensitivity: special (0) must count: what the law protects most is never nothing",
        ),
        (
            "scales: {exposure: {shared_device: 0.5}}",
            "1: scales.exposure: shared_device (0.5) must not count less than shared_mailbox (0.7)",
        ),
        (
            "scales: {invalidity: {bought: 0.5}}",
            "1: scales.invalidity: bought (0.5) must not count less than gift (0.6)",
        ),
        ("wariness: {start: 10, most: 1}", "1: wariness: start (10) must not be above most (1)"),
        ("\nwariness: {start: 5}", "2: wariness: start (5) must not be above most (4)"),
        (
            "feedback: {complained: {hold: 0d}}",
            "1: feedback.complained: needs a hold: until the withdrawal is known everywhere, only that keeps it",
        ),
        (
            "feedback:\n  unsubscribed: {hold: 0d}",
            "2: feedback.unsubscribed: needs a hold: until the withdrawal is known everywhere, only that keeps it",
        ),
        (
            "feedback: {uninstalled: {hold: 0d}}",
            "1: feedback.uninstalled: needs a hold: until the withdrawal is known everywhere, only that keeps it",
        ),
        (
            "feedback: {complained: {full: false}}",
            "1: feedback.complained: must spend the whole budget: full: true",
        ),
        ("feedback: {unsubscribed: {wariness: 0.9}}", "1: feedback.unsubscribed.wariness: 0.9 is not between 1 and 10"),
        (
            "feedback: {clicked: {level: -0.5}}",
            "1: feedback.clicked.level: unknown key; allowed are wariness",
        ),
        ("feedback: {complained: {wariness: 0.9}}", "1: feedback.complained.wariness: 0.9 is not between 1 and 10"),
        (
            "pause_campaign: {complaints: 1.5}",
            "1: pause_campaign.complaints: 1.5 is not between 0 and 1",
        ),
        (
            "pause_campaign: {unsubscriptions: 0}",
            "1: pause_campaign.unsubscriptions: 0 is not between 1 and 500",
        ),
        ("pause_campaign: {messages_min: 0}", "1: pause_campaign.messages_min: 0 is not between 1 and 1000000"),
        ("pause_campaign: {days: 29}", "1: pause_campaign.days: 29 is not between 1 and 28"),
        ("half_life: 7", "1: half_life: '7' is not a duration; write a number and a unit, such as 30m, 12h or 7d"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, error: str) -> None:
    with pytest.raises(PolicyErrors) as refused:
        with_creep(text)
    assert [str(one) for one in refused.value.errors] == [f"creep.yaml:{error}"]


@pytest.mark.parametrize(
    ("old", "new", "says", "restraint"),
    [
        ("limit: 0.40", "limit: 0.45", "limit: 0.45, was 0.40", "looser"),
        ("weights: {opacity: 0.1}", "weights: {opacity: 0.2}", "weights opacity: 0.2, was 0.1", "tighter"),
        (
            "pause_campaign: {complaints: 0.001}",
            "pause_campaign: {complaints: 0.002}",
            "pause campaign complaints: 0.002, was 0.001",
            "looser",
        ),
        (
            "pause_campaign: {unsubscriptions: 3}",
            "pause_campaign: {unsubscriptions: 2.5}",
            "pause campaign unsubscriptions: 2.5, was 3",
            "tighter",
        ),
        (
            "pause_campaign: {messages_min: 1000}",
            "pause_campaign: {messages_min: 100}",
            "pause campaign messages at least: 100, was 1000",
            "tighter",
        ),
        ("half_life: 7d", "half_life: 5d", "half-life: 5 days, was 7 days", "looser"),
    ],
)
def test_a_change_says_which_way_restraint_moves(old: str, new: str, says: str, restraint: str) -> None:
    (change,) = differences({**FILES, "creep.yaml": old}, {**FILES, "creep.yaml": new})
    assert (change.part, change.says, change.restraint) == ("creep", says, restraint)
