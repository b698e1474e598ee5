"""docs/creep.md says what holds, and its pictures are what the code draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.draw_creep import ANCHORS, PICTURES
from streamproc.core.creep import budget
from streamproc.core.creep.model import DAY_MS, FEEDBACK, SHIPPED, WEIGHTS
from streamproc.core.creep.score import score

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "creep.md").read_text("utf-8")


@pytest.mark.interpreted
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_code_draws(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PICTURES[name](), "run `python -m docs.draw_creep`"


def test_each_cause_is_told_and_each_picture_shown() -> None:
    assert [name for name in WEIGHTS if f"| {name.replace('_', ' ')} |" not in TEXT] == []
    assert set(re.findall(r"\]\((\S+\.svg)\)", TEXT)) == set(PICTURES)


def test_what_answers_do_is_what_the_page_says() -> None:
    told = re.findall(r"^\| [^|]+ \| x ([\d.]+) \|([^|]*)\|", TEXT, re.MULTILINE)
    found = [(answer.wariness, answer.level, answer.is_full) for answer in FEEDBACK.values()]
    levels = [level.strip().replace(" ", "") for _, level in told]
    assert [float(wariness) for wariness, _ in told] == [wariness for wariness, _, _ in found]
    for level, (_, added, is_full) in zip(levels, found, strict=True):
        assert level == ("full" if is_full else f"{added:+.2f}" if added else "")


@pytest.mark.parametrize(("cost", "days"), [(0.20, 2.3), (0.40, 5.2)])
def test_how_often_a_message_fits_is_what_the_page_says(cost: float, days: float) -> None:
    assert budget.spacing_ms(SHIPPED, cost) / DAY_MS == pytest.approx(days, abs=0.06)
    assert f"{cost:.2f} " in TEXT
    assert f"every {days} days" in TEXT


def test_the_model_is_as_far_from_the_surveys_as_the_page_says() -> None:
    apart = [abs(score(SHIPPED, factors) - share) for _, share, factors in ANCHORS]
    assert sum(apart) / len(apart) == pytest.approx(0.05, abs=0.006)
