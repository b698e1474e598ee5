"""What is wrong with a policy: every finding with its file and line, gathered before anything is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

ERRORS_MAX: Final = 200  # Beyond that a file is not a policy, and nobody reads on.
SHOWN_CHARS_MAX: Final = 60


@dataclass(frozen=True, order=True)
class PolicyError:
    """One finding. `line` counts from 1; 0 where a whole file is meant."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class PolicyErrors(ValueError):
    """Say that a policy is refused. `errors` holds all that was found, by file and line."""

    def __init__(self, errors: Iterable[PolicyError]) -> None:
        self.errors: Final = sorted(set(errors))
        super().__init__("\n".join(str(error) for error in self.errors))


@dataclass
class Findings:
    """Errors and warnings as they are found; what is found first is kept where there are too many."""

    errors: list[PolicyError] = field(default_factory=list)
    warnings: list[PolicyError] = field(default_factory=list)

    def error(self, file: str, line: int, message: str) -> None:
        if len(self.errors) < ERRORS_MAX:
            self.errors.append(PolicyError(file, line, message))

    def warn(self, file: str, line: int, message: str) -> None:
        if len(self.warnings) < ERRORS_MAX:
            self.warnings.append(PolicyError(file, line, message))


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that looks most like `name`: `; did you mean 'x'?`, or nothing."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Name what is allowed, in the order given."""
    return ", ".join(names) or "none"


def shown(text: str) -> str:
    """Quote what was found, cut so that an error stays a line."""
    return repr(text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…")
