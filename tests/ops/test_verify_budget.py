"""I2: what each message cost fits into its customer's budget, counted again from the ledger alone."""

from __future__ import annotations

from typing import Any

from tests.ops.run_records import DAY_MS, FILES, NOON_MS, Line, charge, ledger, only, policy
from tests.ops.run_records import violations as found

BARE = {**dict.fromkeys(FILES, "{}"), "campaigns/coats.yaml": "campaign: coats\n"}
WEEK_MS = 7 * DAY_MS


def spent(*costs: tuple[int, float, float], creep: str = "", **fields: Any) -> list[Line]:
    entries = [
        charge(f"n-{at}", NOON_MS + ms, campaign="coats", cost=cost, level_after=level, **fields)
        for at, (ms, cost, level) in enumerate(costs)
    ]
    return [policy(files={**BARE, "creep.yaml": creep} if creep else BARE), *ledger(*entries)]


def test_a_level_that_drains_by_half_a_week_and_is_filled_by_each_cost_is_fine() -> None:
    assert found(spent((0, 0.4, 0.4), (WEEK_MS, 0.4, 0.6), (2 * WEEK_MS, 0.7, 1.0))) == []


def test_more_than_the_budget_holds_is_found() -> None:
    over = spent((0, 0.6, 0.6), (1, 0.5, 1.1))
    assert only(over, "I2").endswith("holds 1.100000 of 1 after n-1")
    assert found(spent((0, 0.6, 0.6), (1, 0.5, 1.1), creep="capacity: 1.2")) == []


def test_a_level_that_was_lost_or_drained_too_fast_is_found() -> None:
    lost = spent((0, 0.4, 0.4), (WEEK_MS, 0.4, 0.4))
    assert "0.200000 and the cost 0.400000 are not 0.400000" in only(lost, "I2")
    fast = spent((0, 0.4, 0.4), (WEEK_MS, 0.4, 0.5), creep="half_life: 84h")
    assert found(fast) == []


def test_what_cost_nothing_because_it_was_not_weighed_is_fine() -> None:
    entries = [charge("n-0", NOON_MS, campaign="coats"), charge("n-1", NOON_MS + 1, campaign="coats")]
    assert found([policy(files=BARE), *ledger(*entries)]) == []


def test_a_budget_that_is_no_number_is_found() -> None:
    assert "this is no number: much" in only(spent((0, 0.1, 0.1), creep="capacity: much"), "I2")
