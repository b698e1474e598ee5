"""`streamproc policy preview`: a campaign as its customers would see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from streamproc.ops.commands.terminal import AsJson, fail, mark, say, settings, show_json

if TYPE_CHECKING:
    from streamproc.core.policy.loader import Loaded
    from streamproc.core.preview import Preview, ShownChannel, Variant

__all__ = ["preview"]

BESIDE_COLUMNS_MIN: Final = 100  # from here on two boxes stand beside each other
BOX_COLUMNS_MAX: Final = 64
RUNGS: Final = {"send": "as written", "soften": "softened"}

Folder = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="DIR",
        help="The policy's folder; STREAMPROC_POLICY or the one that ships unless given.",
        show_default=False,
    ),
]
Locale = Annotated[
    str, typer.Option(metavar="LOCALE", help="The customer's language, such as de.", show_default=False)
]
Page = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page to look at in a browser.", show_default=False),
]


def preview(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its id: the name of its file.")],
    folder: Folder = None,
    locale: Locale = "",
    html: Page = None,
    as_json: AsJson = False,
) -> None:
    """Show a campaign's messages as customers see them: on each channel, as written and softened.

    The facts in the texts are those of the campaign's first example that expects a message; a sample stands for what
    no example tells. `--html` writes one page that needs no network. Nothing is sent.

    Example: `streamproc policy preview second_look --policy policy/ --locale de`
    """
    from streamproc.core.locales import is_locale  # noqa: PLC0415
    from streamproc.core.preview import preview as look_at  # noqa: PLC0415

    loaded = _load(folder)
    if campaign not in loaded.policy.campaigns:
        from streamproc.core.policy.problems import listed, nearest  # noqa: PLC0415

        known = sorted(loaded.policy.campaigns)
        fail(f"the policy has no campaign {campaign!r}{nearest(campaign, known)}; it has {listed(known)}")
    if locale and not is_locale(locale):
        fail(f"{locale!r} is not a locale such as en or de-CH")
    shown = look_at(loaded, campaign, locale)
    if html is not None:
        from streamproc.ops.preview_page import page  # noqa: PLC0415

        html.write_text(page(shown, loaded.policy, locale), "utf-8")
        say(f"{mark('ok')} {escape(str(html))}")
    if as_json:
        show_json(_as_json(shown, loaded.policy.version))
    elif html is None:
        _show(shown, locale)


def _load(folder: Path | None) -> Loaded:
    from streamproc.ops.policy_files import load_files, read_folder  # noqa: PLC0415
    from streamproc.shipped import shipped_folder  # noqa: PLC0415

    return load_files(read_folder(folder or settings().policy or shipped_folder("policy")))


def _show(shown: Preview, asked: str) -> None:
    console = Console(highlight=False)
    campaign = shown.campaign
    console.print(f"[bold]{escape(campaign.id)}[/]  {escape(campaign.helps)}")
    console.print(_facts(shown))
    score = "" if shown.creep.score is None else f", score {shown.creep.score:.2f}"
    told = f"{RUNGS.get(shown.creep.rung, shown.creep.rung)}{score}: {shown.why}"
    console.print(f"[dim]said[/]   {escape(told)}")
    for channel in shown.channels:
        console.print()
        _show_channel(console, shown, channel, asked)


def _facts(shown: Preview) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    locale = shown.channels[0].locale if shown.channels else "en"
    for at, fact in enumerate(shown.facts):
        source = f'example "{fact.example}"' if fact.example else "a sample"
        table.add_row(
            "" if at else "[dim]facts[/]",
            escape(fact.name),
            escape(fact.text(locale)),
            f"[dim]{escape(fact.path)}, {escape(source)}[/]",
        )
    return table


def _show_channel(console: Console, shown: Preview, channel: ShownChannel, asked: str) -> None:
    boxes = [_box(shown, channel, variant, asked) for variant in channel.variants]
    if console.width >= BESIDE_COLUMNS_MIN:
        table = Table.grid(padding=(0, 2, 0, 0), expand=False)
        for _ in boxes:
            table.add_column(width=min(BOX_COLUMNS_MAX, (console.width - 4) // 2))
        table.add_row(*boxes)
        console.print(table)
    else:
        for box in boxes:
            console.print(box)


def _box(shown: Preview, channel: ShownChannel, variant: Variant, asked: str) -> Panel:
    is_said = variant.rung == shown.creep.rung
    form = "" if channel.channel.form == channel.channel.name else f" ({channel.channel.form})"
    spoken = "" if asked in ("", channel.locale) else f", in {channel.locale}"
    score = "" if variant.score is None else f" {variant.score:.2f}"
    title = f"{channel.channel.name}{form}, {RUNGS.get(variant.rung, variant.rung)}{score}{spoken}"
    if variant.content is None:
        body: RenderableType = Text(f"cannot be said: {variant.problem}", style="red")
        return Panel(body, title=escape(title), title_align="left", border_style="red", width=BOX_COLUMNS_MAX)
    body, below = _words(channel, variant.content)
    return Panel(
        body,
        title=f"[bold]{escape(title)}[/]" if is_said else escape(title),
        title_align="left",
        subtitle=escape(below),
        subtitle_align="right",
        border_style="green" if is_said else "dim",
        width=BOX_COLUMNS_MAX,
    )


def _words(channel: ShownChannel, content: Any) -> tuple[RenderableType, str]:
    """Lay out what the customer reads, and what stands at the box's lower edge."""
    labels = " · ".join(channel.labels.get(name, name) for name in channel.controls)
    if "subject" in content:
        head = [Text(content["subject"], "bold"), Text(content.get("preheader", ""), "dim")]
        return Group(*head, Rule(style="dim"), Text(content["text"].rstrip())), ""
    if "title" in content:
        reason = [] if channel.reason in content["body"] else [Text("(no room for the reason)", "dim")]
        lines = [Text(content["title"], "bold"), Text(content["body"]), *reason]
        return Group(*lines, *(Text(line, "dim") for line in _beneath(content))), labels
    if "segments" in content:
        size = f"{content['segments']} segments" if content["segments"] > 1 else "1 segment"
        return Text(content["text"]), f"{size}, {content['encoding']}, {len(content['text'])} characters"
    return Text(content["text"]), ""


def _beneath(content: Any) -> list[str]:
    """Say where a tap leads, and of a push how it arrives and how much of what the services carry it takes."""
    action = content.get("action_url") or content.get("data", {}).get("action") or ""
    lines = [f"→ {action}"] if action else []
    if "payload_bytes" in content:
        size = max(content["payload_bytes"].values())
        lines.append(f"{content['interruption_level']}, {size} bytes")
    return lines


def _as_json(shown: Preview, version: str) -> dict[str, Any]:
    return {
        "campaign": shown.campaign.id,
        "policy": version,
        "helps": shown.campaign.helps,
        "category": shown.category,
        "example": shown.example or None,
        "said": {"rung": shown.creep.rung, "score": shown.creep.score, "why": shown.why},
        "facts": [
            {"name": one.name, "path": one.path, "value": one.text("en"), "example": one.example or None}
            for one in shown.facts
        ],
        "channels": [
            {
                "channel": one.channel.name,
                "form": one.channel.form,
                "locale": one.locale,
                "reason": one.reason,
                "controls": one.controls,
                "variants": [
                    {
                        "rung": variant.rung,
                        "score": variant.score,
                        "content": variant.content,
                        "problem": variant.problem or None,
                    }
                    for variant in one.variants
                ],
            }
            for one in shown.channels
        ],
    }
