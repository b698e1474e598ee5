"""The command line: puts the commands together. What each does stands in `streamproc.ops.commands`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamproc import __version__
from streamproc.ops.commands.deliver import deliver
from streamproc.ops.commands.demo import demo
from streamproc.ops.commands.policy import policy
from streamproc.ops.commands.policy_diff import diff
from streamproc.ops.commands.policy_new import new
from streamproc.ops.commands.policy_preview import preview
from streamproc.ops.commands.policy_schema import schema
from streamproc.ops.commands.recordings import capture, check_events, replay, verify
from streamproc.ops.commands.standing import doctor, settings, status
from streamproc.ops.commands.switches import campaign, channel, resume_all, stop_all
from streamproc.ops.commands.terminal import Commands
from streamproc.ops.commands.topics import topics
from streamproc.ops.commands.worker import worker

__all__ = ["app", "main"]

_WORK = "Run"
_STEER = "Steer"
_RECORDED = "Look at recorded traffic"

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamproc {__version__}")
        raise typer.Exit


@app.callback()
def streamproc(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end."),
    ] = False,
) -> None:
    """Turn shopping events into nudges people agreed to, at the moment they help.

    Settings come from the environment: `streamproc settings` shows them, `streamproc doctor` checks what they name.

    Exit codes: 0 done; 1 the answer is no, or a setting is wrong; 2 wrong usage; 69 Kafka or Redis cannot be used.
    """


app.command(rich_help_panel=_WORK)(worker)
app.command(rich_help_panel=_WORK)(deliver)
app.command(rich_help_panel=_WORK)(demo)
app.command(rich_help_panel=_WORK)(settings)
app.command(rich_help_panel=_WORK)(doctor)
app.command(rich_help_panel=_WORK)(status)
app.add_typer(channel, name="channel", rich_help_panel=_STEER)
app.add_typer(campaign, name="campaign", rich_help_panel=_STEER)
app.command("stop-all", rich_help_panel=_STEER)(stop_all)
app.command("resume-all", rich_help_panel=_STEER)(resume_all)
policy.command("diff")(diff)
policy.command("preview")(preview)
policy.command("new")(new)
policy.command("schema")(schema)
app.add_typer(policy, name="policy", rich_help_panel=_STEER)
app.add_typer(topics, name="topics", rich_help_panel=_STEER)
app.command(rich_help_panel=_RECORDED)(replay)
app.command(rich_help_panel=_RECORDED)(capture)
app.command("check-events", rich_help_panel=_RECORDED)(check_events)
app.command(rich_help_panel=_RECORDED)(verify)


def main() -> None:
    """Run the command line."""
    app(prog_name="streamproc")
