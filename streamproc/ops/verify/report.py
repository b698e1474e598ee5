"""What a verification found, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TextIO

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

PROMISES: Final[Mapping[str, str]] = {
    "I1": "every input record is accounted for, and decided once",
    "I2": "no charge exceeds a cap, and the ledger is one unbroken chain",
    "I3": "every nudge had its customer's consent, freshly read",
    "I4": "one nudge an event, and one content a nudge",
    "I5": "nothing is sent while it is switched off",
}
VIOLATIONS_MAX: Final = 1_000
"""Kept of one invariant: a thousand cases of 300 B are enough to find any fault; the count goes on."""
SHOWN_MAX: Final = 20
"""Printed of one invariant; a screen holds no more. `--json` has all that are kept."""


@dataclass(frozen=True, order=True)
class Violation:
    """One place where the records break a promise; `detail` carries the numbers that were compared."""

    invariant: str
    detail: str
    where: str


@dataclass
class Findings:
    """What the check of one invariant saw. The first count of `checked` is what the invariant is about."""

    invariant: str
    checked: dict[str, int]
    violations: list[Violation] = field(default_factory=list)
    found: int = 0

    def add(self, detail: str, where: str) -> None:
        self.found += 1
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(self.invariant, detail, where))

    @property
    def is_empty(self) -> bool:
        """Tell that there was nothing to check, so that holding means nothing."""
        return next(iter(self.checked.values()), 0) == 0

    @property
    def seen(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in self.checked.items()) + " seen"

    @property
    def verdict(self) -> str:
        if self.found:
            return "1 violation" if self.found == 1 else f"{self.found} violations"
        return "nothing to check" if self.is_empty else "holds"


@dataclass(frozen=True)
class Report:
    """The findings for every invariant, in order."""

    findings: tuple[Findings, ...]

    @property
    def violations(self) -> list[Violation]:
        """Those kept, at most `VIOLATIONS_MAX` of each invariant, in order."""
        return [violation for finding in self.findings for violation in finding.violations]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """For each invariant, how many things of each sort were looked at."""
        return {finding.invariant: dict(finding.checked) for finding in self.findings}

    @property
    def holds(self) -> bool:
        return not any(finding.found for finding in self.findings)

    def to_json(self) -> bytes:
        invariants = {
            finding.invariant: {
                "promise": PROMISES[finding.invariant],
                "checked": finding.checked,
                "violations": finding.found,
                "verdict": finding.verdict,
            }
            for finding in self.findings
        }
        kept = [
            {"invariant": violation.invariant, "detail": violation.detail, "where": violation.where}
            for violation in self.violations
        ]
        document = {"holds": self.holds, "invariants": invariants, "violations": kept}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def print(self, out: TextIO) -> None:
        """Write the report for people: one row an invariant, then the violations."""
        console = Console(file=out, highlight=False)
        table = Table("", "Promise", "Checked", "Result", box=None, pad_edge=False)
        for finding in self.findings:
            style = "red" if finding.found else "yellow" if finding.is_empty else "green"
            table.add_row(
                finding.invariant,
                PROMISES[finding.invariant],
                finding.seen,
                Text(finding.verdict, style=style),
            )
        console.print(table)
        for finding in self.findings:
            for violation in finding.violations[:SHOWN_MAX]:
                line = f"{violation.invariant} {violation.where}: {violation.detail}"
                console.print(line, style="red", markup=False, soft_wrap=True)
            if finding.found > SHOWN_MAX:
                console.print(f"{finding.invariant} and {finding.found - SHOWN_MAX} more", style="red")
