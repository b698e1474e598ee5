"""`streamproc policy schema`: what editors need to complete and check a policy's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from streamproc.ops.commands.terminal import mark, say

if TYPE_CHECKING:
    from streamproc.core.policy.shape import Named

__all__ = ["schema"]


def schema(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to write them.", show_default=False)
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--policy", metavar="DIR", help="Complete this policy's own names too.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a JSON Schema for each kind of file of a policy, for editors: completion, help, and underlined mistakes.

    The folder that ships holds them in `schema/`, and each of its files names its own in the first line. With a policy
    given, its campaigns may only name the channels, categories and groups that it has; write them anew when you add
    one.

    Example: `streamproc policy schema --policy policy/ --out policy/schema`
    """
    from streamproc.core.policy.json_schema import schemas  # noqa: PLC0415
    from streamproc.ops.policy_files import load_folder  # noqa: PLC0415

    named: dict[Named, list[str]] = {}
    if folder is not None:
        policy = load_folder(folder)
        named = {"channel": [*policy.channels], "category": [*policy.categories], "group": [*policy.groups]}
    out.mkdir(parents=True, exist_ok=True)
    for kind, written in schemas(named).items():
        file = out / f"{kind}.json"
        file.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", "utf-8")
        say(f"{mark('ok')} {escape(str(file))}")
