"""`streamproc policy new`: a campaign to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from streamproc.ops.commands.terminal import fail, mark, say

__all__ = ["new"]


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The campaign's id.", show_default=False)],
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="The policy's folder.")] = Path(
        "policy"
    ),
) -> None:
    """Write a campaign to begin with: a file with a comment above each key, which passes the check as it is.

    It begins with an event, a channel and words that fit the policy that is there, and names what else there is to
    choose from. A file that is there already is left as it is.

    Example: `streamproc policy new spring_shoes --dir policy/`
    """
    from streamproc.core.policy.fields import NAME, NAME_RULE  # noqa: PLC0415
    from streamproc.ops.policy_files import load_files, read_folder  # noqa: PLC0415
    from streamproc.ops.policy_skeleton import CAMPAIGN_FILE, skeleton  # noqa: PLC0415

    if not NAME.fullmatch(name):
        fail(f"{name!r} is not a name: {NAME_RULE}")
    file = folder / CAMPAIGN_FILE.format(name=name)
    if file.exists():
        fail(f"{file} is there already")
    loaded = load_files(read_folder(folder))
    if loaded.policy.names_of(name) != (name,):
        fail(f"{name} is what {loaded.policy.names_of(name)[0]} was called: its counters would hang on both")
    text = skeleton(name, loaded, with_schema=(folder / "schema" / "campaign.json").exists())
    if text is None:
        fail("no campaign to begin with passes beside those of this policy: copy one of them")
    file.parent.mkdir(exist_ok=True)
    with file.open("x", encoding="utf-8") as written:
        written.write(text)
    say(
        f"{mark('ok')} {escape(str(file))}; change it, then run `streamproc policy check {escape(str(folder))}`"
    )
