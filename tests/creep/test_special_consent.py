"""What consent to a special category brings in the ordinary case, with the numbers that docs/creep.md tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from streamproc.core.creep.factors import Factors, softened
from streamproc.core.creep.model import SHIPPED
from streamproc.core.creep.score import score
from tests.core.shopper import DAY_MS
from tests.creep.test_laws import known, weighed

TEXT = (Path(__file__).parents[2] / "docs" / "creep.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("wariness", "factors", "told"),
    [
        (1.0, Factors(), 0.40),
        (1.0, Factors(obtrusiveness=0.05, specificity=0.7), 0.428),
        (1.0, Factors(obtrusiveness=0.05, specificity=0.7, provenance=0.3), 0.454),
        (1.0, Factors(obtrusiveness=0.8, specificity=0.7, exposure=0.2), 0.569),
        (0.9, Factors(obtrusiveness=0.05, specificity=0.7), 0.395),
    ],
)
def test_what_a_special_category_scores_softened_is_what_the_page_says(
    wariness: float, factors: Factors, told: float
) -> None:
    special = softened(replace(factors, sensitivity=1.0), SHIPPED.scales)
    assert score(SHIPPED, special, wariness) == pytest.approx(told, abs=0.0006)
    assert f"{told:.3f}" in TEXT or f"{told:.2f} by sensitivity alone" in TEXT


def test_whoever_just_asked_for_it_hears_softly_in_the_inbox_and_later_nobody_does() -> None:
    shopper = known()
    for channel in ("push", "email"):
        shopper.consents(channel, state="withdrawn")
    shopper.now_ms += 400 * DAY_MS
    shopper.consents("*", "category/pregnancy")
    said = shopper.does("wishlist.added", "dress-1", "maternity/dresses", surface="app")
    creep = weighed(said)
    assert creep is not None
    assert (said.channel, creep.rung) == ("in_app", "soften")
    assert creep.score == pytest.approx(0.395, abs=0.003)
    shopper.now_ms += 60 * DAY_MS
    creep = weighed(shopper.does("wishlist.added", "dress-2", "maternity/dresses", surface="app"))
    assert creep is not None
    assert creep.rung == "silence"
    assert creep.score == pytest.approx(0.428, abs=0.003)
