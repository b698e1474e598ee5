"""The figures of one run: beside their targets in a table, and in a file."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured number, and what it should be: at least `low`, at most `high`."""

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    digits: int = 1

    @property
    def met(self) -> bool | None:
        """Tell whether the target is met; None if there is none."""
        if self.low is None and self.high is None:
            return None
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)

    @property
    def target(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low:,g} to {self.high:,g}"
        if self.low is not None:
            return f">= {self.low:,g}"
        return f"<= {self.high:,g}" if self.high is not None else ""


@dataclass
class Report:
    """Gathers figures, and everything else that was measured under `details`."""

    machine: dict[str, Any]
    command: str
    at: str
    sections: dict[str, list[Figure]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, section: str, *figures: Figure) -> None:
        self.sections.setdefault(section, []).extend(figures)

    def figures(self) -> list[Figure]:
        return [figure for figures in self.sections.values() for figure in figures]

    def show(self, console: Console) -> None:
        """Print the table."""
        how = "compiled" if self.machine["compiled"] else "not compiled"
        cores, cpu = self.machine["cores"], self.machine["cpu"]
        table = Table(title=f"streamproc, {how}, Python {platform.python_version()}, {cores} cores, {cpu}")
        table.add_column("")
        table.add_column("measured", justify="right")
        table.add_column("unit")
        table.add_column("target", justify="right")
        table.add_column("")
        marks = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}
        for section, figures in self.sections.items():
            table.add_section()
            table.add_row(f"[bold]{section}[/]")
            for one in figures:
                value = f"{one.value:,.{one.digits}f}"
                table.add_row(f"  {one.name}", value, one.unit, one.target, marks[one.met])
        console.print(table)

    def write(self, folder: Path = RESULTS) -> Path:
        """Write everything to a file that is named after the time; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.at.replace(':', '')}.json"
        sections = {
            section: [asdict(figure) | {"met": figure.met} for figure in figures]
            for section, figures in self.sections.items()
        }
        content = {
            "at": self.at,
            "commit": commit(),
            "command": self.command,
            "machine": self.machine | {"python": platform.python_version(), "system": platform.platform()},
            "figures": sections,
            "details": self.details,
        }
        path.write_text(json.dumps(content, indent=1) + "\n")
        return path


def commit() -> str:
    """Return the commit that is checked out, marked if the tree differs from it; empty outside of a repository."""
    root = Path(__file__).parent.parent
    try:
        named = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return named.stdout.strip()
