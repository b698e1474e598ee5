"""The worked cases, each through the whole pipeline: what may be said, how, and what only silence answers."""

from __future__ import annotations

import pytest

from streamproc.core import candidates
from streamproc.core.gates import Case as Judged
from streamproc.core.gates import candidate_reasons
from streamproc.core.reasons import Gate, Why
from tests.creep.case_files import Case, read_cases, run

CASES = read_cases()
# What is not asked of a score: may we at all?
VETOES = frozenset(
    {
        Gate.SPECIAL_CATEGORY,
        Gate.SENSING,
        Gate.THIRD_PARTY,
        Gate.ABOUT_OTHER,
        Gate.LIFE_EVENT,
        Gate.ADULTS_ONLY,
        Gate.SHARED_DEVICE,
        Gate.INTENT_FULFILLED,
        Gate.VISIT_CAP,
    }
)


def test_there_are_all_cases_and_none_states_a_factor() -> None:
    assert len(CASES) >= 21
    names = {"obtrusiveness", "provenance_factor", "context_distance", "opacity", "exposure", "sensitivity"}
    assert not [case for case in CASES if names & set(str(case.told).replace("'", " ").split())]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_ends_as_it_should(case: Case) -> None:
    harness, last = run(case)
    expected = case.told["expect"]
    if expected["verdict"] == "nothing":
        assert (harness.decisions, harness.nudges) == ([], [])
        return
    assert last is not None
    assert last.verdict == expected["verdict"], last
    if "reasons" in expected:
        assert [reason for reason in last.reasons if reason.code in expected["reasons"]]
        assert {str(reason.code) for reason in last.reasons} >= set(expected["reasons"])
        return
    assert last.creep is not None
    assert (last.creep.rung, last.channel) == (expected["rung"], expected["channel"])
    assert last.creep.score == pytest.approx(expected["score"], abs=0.0005)
    assert harness.nudges[-1].creep.level_after == last.creep.level_after


@pytest.fixture
def _without_vetoes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the vetoes off: only then does the score have to answer for these cases."""

    def others(case: Judged) -> list[Why]:
        return [why for why in candidate_reasons(case) if why.code not in VETOES]

    monkeypatch.setattr(candidates, "candidate_reasons", others)


SILENT = [case for case in CASES if "without_vetoes" in case.told]


def test_the_cases_that_must_stay_silent_are_these() -> None:
    assert [case.number[:2] for case in SILENT] == ["01", "02", "03", "04", "07", "13"]


@pytest.mark.usefixtures("_without_vetoes")
@pytest.mark.parametrize("case", SILENT, ids=str)
def test_the_worst_cases_stay_silent_by_their_score_alone(case: Case) -> None:
    harness, last = run(case)
    assert last is not None
    assert last.verdict == "suppressed"
    assert last.creep is not None
    assert last.creep.rung == case.told["without_vetoes"]["rung"]
    assert [reason.code for reason in last.reasons if reason.code in VETOES] == []
    assert harness.decisions[-1].result == "silent"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_how_a_case_was_weighed_adds_up(case: Case) -> None:
    _, last = run(case)
    creep = None if last is None else last.creep
    if creep is None or creep.score is None:
        return
    assert sum(creep.contributions.values()) == pytest.approx(creep.score, abs=1e-9)
    assert all(0 < value <= 1 for value in creep.factors.values())
    scores = [one.score for one in creep.tried]
    assert scores == sorted(scores, reverse=True)
    if creep.level_after is not None:
        assert creep.level_before is not None
        assert creep.level_after == pytest.approx(creep.level_before + creep.score)
