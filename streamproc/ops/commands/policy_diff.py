"""`streamproc policy diff`: what differs between two policies, in words."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from streamproc.ops.commands.named_policy import IN_FORCE, NamedPolicy, find
from streamproc.ops.commands.terminal import AsJson, counted, fail, say, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.policy.diff import Change

__all__ = ["diff", "say_changes"]

SAME: Final = 0
DIFFERENT: Final = 1
TROUBLE: Final = 2
_TURNS: Final = {"looser": "[yellow]looser [/]", "tighter": "[green]tighter[/]", "": "       "}

Policy = Annotated[
    str,
    typer.Argument(
        metavar="A", help="A folder, a published version, or config: what is in force.", show_default=False
    ),
]
Other = Annotated[
    str,
    typer.Argument(
        metavar="B",
        help="What A is compared with; alone, A is compared with what is in force.",
        show_default=False,
    ),
]


def diff(policy: Policy, other: Other = "", as_json: AsJson = False) -> None:
    """Tell how policy B differs from policy A, in words, and what got looser or tighter for customers.

    `streamproc policy diff DIR` tells what publishing DIR would change. Comments and the order of keys do not count.
    Each change of restraint is marked: looser where customers may hear more than before, tighter where less. What
    other words or another trigger do to that cannot be told from the files, so they have no mark; `streamproc replay`
    shows it.

    Exit codes: 0 no difference; 1 there are some; 2 trouble, such as a folder that does not load.

    Example: `streamproc policy diff policy/`; `streamproc policy diff 8d9c5d4faea2 config`
    """
    from streamproc.core.policy.diff import differences  # noqa: PLC0415
    from streamproc.core.policy.problems import PolicyErrors  # noqa: PLC0415
    from streamproc.flow.cluster import ClusterUnready  # noqa: PLC0415
    from streamproc.settings import SettingsError  # noqa: PLC0415

    try:
        old, new = find([policy, other] if other else [IN_FORCE, policy])
        changes = differences(old.files, new.files)
    except (PolicyErrors, SettingsError, ClusterUnready) as error:
        fail(str(error), TROUBLE)
    if as_json:
        show_json(_as_json(old, new, changes))
    else:
        say(f"[dim]was[/] {escape(old.name)}")
        say(f"[dim]now[/] {escape(new.name)}")
        say_changes(changes)
        if not changes and old.version != new.version:
            say("only comments or layout differ")
    raise typer.Exit(DIFFERENT if changes else SAME)


def say_changes(changes: Sequence[Change]) -> None:
    """Tell changes to people, under a heading for each part, and how many of them move restraint."""
    for part, group in groupby(changes, key=lambda change: change.part):
        say(f"\n[bold]{escape(part)}[/]")
        of_part = list(group)
        _say_lines([change for change in of_part if change.kind != "words"])
        _say_words([change for change in of_part if change.kind == "words"])
    say(f"\n{_summed_up(changes)}" if changes else "\nno difference")


def _say_lines(changes: Sequence[Change]) -> None:
    if not changes:
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        # A change a line, however long, for whoever searches the output.
        for change in changes:
            say(f"  {_TURNS[change.restraint]}  {escape(change.says)}")
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for change in changes:
        table.add_row(_TURNS[change.restraint], escape(change.says))
    console.print(Padding(table, (0, 0, 0, 2)))


def _say_words(changes: Sequence[Change]) -> None:
    """Show texts beside each other, as they were and as they are now."""
    if not changes:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for heading, share in (("words", 1), ("was", 2), ("now", 2)):
        table.add_column(heading, ratio=share, overflow="fold")
    for change in changes:
        table.add_row(escape(change.says), escape(change.was), escape(change.now))
    Console(highlight=False).print(Padding(table, (0, 0, 0, 11)))


def _summed_up(changes: Sequence[Change]) -> str:
    turned = [change.restraint for change in changes]
    parts = [f"{turned.count(way)} {way}" for way in ("looser", "tighter") if way in turned]
    return f"{counted(len(changes), 'change')}{': ' if parts else ''}{', '.join(parts)}"


def _as_json(old: NamedPolicy, new: NamedPolicy, changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "was": {"name": old.name, "version": old.version},
        "now": {"name": new.name, "version": new.version},
        "same": not changes,
        "looser": sum(change.restraint == "looser" for change in changes),
        "tighter": sum(change.restraint == "tighter" for change in changes),
        "changes": changes,
    }
