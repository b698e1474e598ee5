"""When too many opted out after a campaign's messages: the numbers compared, day by day."""

from __future__ import annotations

import pytest

from streamproc.core.creep.model import FACTOR_MAX, Pausing
from streamproc.core.creep.pausing import too_many

DAY = 20_784  # 27 November 2026
QUIET = [(0, 5_000)] * 3


def verdict(counts: list[tuple[int, int]], pausing: Pausing | None = None) -> str:
    return too_many("unsubscribed", DAY, counts, pausing or Pausing()).split(":")[0]


def test_the_usual_is_never_less_than_two_in_a_thousand() -> None:
    assert verdict([(6, 1_000), *QUIET]) == ""
    assert verdict([(7, 1_000), *QUIET]) == "unsubscriptions 0.007 > 3 x 0.002"


def test_the_usual_is_the_median_of_the_days_before() -> None:
    before = [(20, 2_000), (4, 2_000), (900, 1_000), (8, 2_000)]
    assert verdict([(42, 2_000), *before]) == ""
    assert verdict([(43, 2_000), *before]) == "unsubscriptions 0.0215 > 3 x 0.007"
    assert verdict([(24, 2_000), *before[1:]]) == ""
    assert verdict([(25, 2_000), *before[1:]]) == "unsubscriptions 0.0125 > 3 x 0.004"


def test_days_of_few_messages_are_left_out() -> None:
    few = [(999, 999)] * 3
    assert verdict([(7, 1_000), *QUIET, *few]) == "unsubscriptions 0.007 > 3 x 0.002"
    assert verdict([(7, 1_000), *QUIET[:2], *few]) == ""
    assert verdict([(900, 999), *QUIET]) == ""


def test_three_times_the_usual_is_no_more_than_three_times_the_usual() -> None:
    """Rounded, 27 in 1,000 are more than three times 9 in 1,000."""
    assert 27 / 1_000 > 3 * (9 / 1_000)
    assert verdict([(27, 1_000), *[(9, 1_000)] * 3]) == ""


@pytest.mark.parametrize(("factor", "pauses"), [(FACTOR_MAX, False), (FACTOR_MAX - 1, True)])
def test_the_greatest_factor_is_every_message(factor: float, *, pauses: bool) -> None:
    pausing = Pausing(unsubscription_factor=factor)
    assert bool(verdict([(1_000, 1_000), *QUIET], pausing)) is pauses
    assert pausing.heeds("unsubscribed") is pauses


def test_what_it_says_names_the_numbers_the_day_and_what_it_was_compared_with() -> None:
    why = too_many("unsubscribed", DAY, [(26, 2_110), *QUIET], Pausing(unsubscription_factor=2.5))
    assert why == (
        "unsubscriptions 0.01232 > 2.5 x 0.002: 26 after 2110 messages of 2026-11-27, "
        "against the median of 3 days before"
    )
