"""What every command shares: how it speaks to people and programs, and how it fails."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

if TYPE_CHECKING:
    from streamproc.settings import Settings

__all__ = [
    "FAILED",
    "UNAVAILABLE",
    "AsJson",
    "Commands",
    "confirm",
    "counted",
    "fail",
    "group",
    "mark",
    "run",
    "say",
    "say_aside",
    "settings",
    "show_json",
]

FAILED: Final = 1
"""The answer is no: a check failed, a setting is wrong, a worker did not follow."""
UNAVAILABLE: Final = 69
"""Kafka or Redis is away or cannot be used as it is; sysexits.h calls it EX_UNAVAILABLE."""

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document for programs.")]

T = TypeVar("T")

_MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}


class Commands(TyperGroup):
    """A group of commands that ends in a message and an exit code, not in a traceback, where the world is at fault."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; say what can be said about how it failed."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            known = _known(error)
            if known is None:
                raise
            message, code = known
            fail(message, code)


def group(help_text: str, **options: Any) -> typer.Typer:
    """Make a group of commands that shows its help where no command is named."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode="markdown", **options)


def say(text: str = "") -> None:
    """Write a line for people; `[green]` and the like are colours where the output has some."""
    Console(soft_wrap=True, highlight=False).print(text)


def say_aside(text: str) -> None:
    """Write a line beside the output proper, to stderr."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(text)


def show_json(value: Any, *, aside: bool = False) -> None:
    """Write one JSON document and a line end, to stdout or aside to stderr."""
    (sys.stderr if aside else sys.stdout).write(
        msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
    )


def mark(state: str) -> str:
    """Return `ok`, `warn` or `fail` in its colour."""
    return _MARKS[state]


def counted(count: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 worker`, `2 workers`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def fail(message: str | Iterable[str], code: int = FAILED) -> NoReturn:
    """Say why a command cannot go on, a line each, and end it with this exit code."""
    lines = message.splitlines() if isinstance(message, str) else list(message)
    for line in lines:
        say_aside(f"[red]error[/]: {escape(line)}")
    raise typer.Exit(code)


def confirm(question: str) -> None:
    """Ask before something is done; end the command unless the answer is yes.

    Where there is nobody to ask, say what to add.
    """
    if not sys.stdin.isatty():
        fail(f"{question} There is nobody to ask here: add --yes")
    if not typer.confirm(question):
        fail("nothing was done")


def settings(*required: Literal["kafka", "redis_url", "id_key_file"]) -> Settings:
    """Read the settings, and see that these are set. Raises SettingsError."""
    from streamproc.settings import load_settings  # noqa: PLC0415 - pydantic takes a good part of a second.

    found = load_settings()
    found.require(*required)
    return found


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous part to its end."""
    # What libraries log about a connection, the command's own message says better; only `worker` logs.
    logging.getLogger().addHandler(logging.NullHandler())
    return asyncio.run(work)


def _known(error: Exception) -> tuple[str, int] | None:
    # Imported where something failed: a command that succeeds must not pay for aiokafka.
    from streamproc.core.policy.problems import PolicyErrors  # noqa: PLC0415
    from streamproc.ops.topics import TopicsError  # noqa: PLC0415
    from streamproc.settings import SettingsError  # noqa: PLC0415
    from streamproc.store.base import StoreRefused, StoreUnavailable  # noqa: PLC0415
    from streamproc.store.keys import IdKeyUnusable  # noqa: PLC0415

    if isinstance(error, SettingsError | IdKeyUnusable | PolicyErrors | TopicsError):
        return str(error), FAILED
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", FAILED
    if isinstance(error, StoreUnavailable | StoreRefused):
        return str(error), UNAVAILABLE
    if "aiokafka" in sys.modules:
        from streamproc.flow.cluster import ClusterUnready  # noqa: PLC0415
        from streamproc.ports import SinkUnavailable  # noqa: PLC0415

        if isinstance(error, ClusterUnready | SinkUnavailable):
            return str(error), UNAVAILABLE
    return None
