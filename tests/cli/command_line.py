"""Run one command and look at what it said."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from typer.testing import CliRunner


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Calls commands in this process, with the settings given."""

    def __init__(self, runner: CliRunner, app: typer.Typer, patch: pytest.MonkeyPatch) -> None:
        self._runner, self._app, self._patch = runner, app, patch

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            if value is None:
                self._patch.delenv(f"STREAMPROC_{name}", raising=False)
            else:
                self._patch.setenv(f"STREAMPROC_{name}", str(value))

    def __call__(self, *words: object, given: str | bytes | None = None) -> Said:
        result = self._runner.invoke(self._app, [str(word) for word in words], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    @property
    def env(self) -> dict[str, str]:
        return dict(os.environ)
