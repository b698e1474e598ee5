"""The worked cases, each through the whole pipeline: what may be said, how, and what only silence answers."""

from __future__ import annotations

import pytest

from tests.creep.case_files import VETOES, Case, read_cases, run, run_without_vetoes

CASES = read_cases()


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


SILENT = [case for case in CASES if "without_vetoes" in case.told]


def test_the_cases_that_must_stay_silent_are_these() -> None:
    assert [case.number[:2] for case in SILENT] == ["01", "02", "03", "04", "07", "13"]


@pytest.mark.interpreted
@pytest.mark.parametrize("case", SILENT, ids=str)
def test_the_worst_cases_stay_silent_by_their_score_alone(case: Case) -> None:
    harness, last = run_without_vetoes(case)
    expected = case.told["without_vetoes"]
    assert last is not None
    assert last.creep is not None
    assert (last.verdict, last.creep.rung) == (expected["verdict"], expected["rung"])
    assert last.creep.score == pytest.approx(expected["score"], abs=0.0005)
    as_written = last.creep.tried[0].score if last.creep.tried else last.creep.score
    assert as_written == pytest.approx(expected["as_written"], abs=0.0005)
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
