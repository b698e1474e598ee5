"""What each message cost fitted into its customer's budget, which drains as the policy says (part of I2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamproc.ops.verify.log import Entry, Log
from streamproc.ops.verify.report import Findings
from streamproc.ops.verify.rules import RuleBook, UnreadableRules

EXACT: Final = 1e-5  # Levels are written down to six digits.


def check_budget(log: Log, rules: RuleBook, findings: Findings) -> None:
    """Count every customer's budget again from the ledger. What an unknown policy charged is reported with its caps."""
    findings.checked["costs"] = 0
    for h in sorted(log.ledger):
        _check_customer(log.ledger[h], rules, findings)


def _check_customer(entries: Sequence[Entry], rules: RuleBook, findings: Findings) -> None:
    # A ledger whose beginning expired does not tell what was spent before it.
    level: float | None = 0.0 if entries[0].seq == 1 else None
    since_ms, last_seq = 0, 0
    for entry in entries:
        if entry.seq == last_seq or entry.level_after is None:
            continue  # Written again after a crash, or nothing that moves the budget.
        last_seq = entry.seq
        if entry.kind == "charge" and entry.cost is not None:
            findings.checked["costs"] += 1
            _check_cost(entry, level, since_ms, rules, findings)
        level, since_ms = entry.level_after, entry.at_ms


def _check_cost(
    entry: Entry, level: float | None, since_ms: int, rules: RuleBook, findings: Findings
) -> None:
    try:
        policy = rules.find(entry.policy)
    except UnreadableRules:
        return
    assert entry.cost is not None, "only what cost something is looked at"
    assert entry.level_after is not None, "only what moved the level is looked at"
    if entry.level_after > policy.capacity + EXACT:
        message = f"the budget of {entry.h} holds {entry.level_after:.6f} of {policy.capacity:g}"
        findings.add(f"{message} after {entry.nudge_id}", entry.where)
    if level is None:
        return
    left = level * 0.5 ** (max(0, entry.at_ms - since_ms) / policy.half_life_ms)
    if abs(left + entry.cost - entry.level_after) > EXACT:
        message = f"{left:.6f} and the cost {entry.cost:.6f} are not {entry.level_after:.6f}"
        findings.add(f"the budget of {entry.h} after {entry.nudge_id}: {message}", entry.where)
