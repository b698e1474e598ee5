"""Show a run as it happens: a calm table on a terminal, a line every few seconds in a pipe."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from streamproc.ops.demo.calendar import shown, shown_day
from streamproc.ops.demo.story import Story
from streamproc.ops.demo.words import label, spoken

__all__ = ["Rate", "picture", "progress_line"]

RATE_SECONDS: Final = 2.0
BAR_CELLS: Final = 24
SILENCES_MAX: Final = 6
"""With these a picture is 23 lines high, so that it stands still on a terminal of 24."""
_SPOKEN: Final = ("push", "email", "in_app")
_FIRST_COLUMN: Final = 24
_DAY_CHARS: Final = len("Sun 30 Nov 11:54")


@dataclass
class Rate:
    """Events a second over the last two seconds."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def of(self, events: int, now_s: float) -> float:
        """Return the rate, given how many events were finished by now (monotonic seconds)."""
        self._seen.append((now_s, events))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > RATE_SECONDS:  # noqa: PLR2004 - a rate needs two
            self._seen.popleft()
        since_s, before = self._seen[0]
        return (events - before) / (now_s - since_s) if now_s > since_s else 0.0


def progress_line(story: Story, rate: float) -> str:
    """Write how a run stands in one line."""
    said = ", ".join(f"{channel} {story.by_channel[channel]:>2}" for channel in _SPOKEN)
    return (
        f"{shown_day(story.now_ms):<{_DAY_CHARS}}  {story.events:>6,} events  {rate:>5,.0f}/s  lag {story.lag:>3}  "
        f"said {len(story.nudges):>3} ({said})  not said {story.silent:>3}  push {_push(story)[0]}"
    )


def picture(story: Story, fraction: float | None, rate: float) -> Callable[[Console], RenderableType]:
    """Return what draws the run; `fraction` is how much of it is over, None where it has no end."""

    def draw(console: Console) -> RenderableType:
        width = console.width
        return Group(
            _head(story, fraction, width),
            Text(),
            _numbers(story, rate),
            Text(),
            _said(story, width),
            Text(),
            _silences(story, width),
            Text(),
            Text(story.notice, style="magenta", overflow="ellipsis", no_wrap=True),
            Text(f"{shown(story.now_ms)}  {story.feed}", style="dim", overflow="ellipsis", no_wrap=True),
        )

    return draw


def _head(story: Story, fraction: float | None, width: int) -> Table:
    head = Table.grid(expand=False, pad_edge=False)
    head.width = width
    head.add_column(ratio=1)
    head.add_column(justify="right")
    bar = Text()
    if fraction is not None:
        done = round(min(1.0, fraction) * BAR_CELLS)
        bar = Text("━" * done, style="cyan") + Text("━" * (BAR_CELLS - done), style="bright_black")
    clock = Text(shown_day(story.now_ms), style="bold cyan")
    head.add_row(Text("streamproc", style="bold") + Text("  a day of 400 shoppers", style="dim"), "")
    head.add_row(clock, bar)
    return head


def _numbers(story: Story, rate: float) -> Text:
    state, style = _push(story)
    line = Text()
    for name, value in (
        ("events", f"{story.events:,}"),
        ("a second", f"{rate:,.0f}"),
        ("lag", f"{story.lag:,}"),
    ):
        line.append(f"{value:>6}", style="bold").append(f" {name}   ", style="dim")
    line.append("push is ", style="dim").append(state, style=style)
    return line


def _push(story: Story) -> tuple[str, str]:
    if story.operations and not story.operations[-1].enabled:
        return "off", "bold red"
    return "on", "bold green"


def _said(story: Story, width: int) -> Table:
    table = _table(width, "said", len(story.nudges), "green")
    for channel in _SPOKEN:
        nudge = story.latest.get(channel)
        words, why = Text(), Text()
        if nudge is not None:
            words = Text(f"“{spoken(nudge)}”")
            why = Text(str(nudge["reason"]), style="dim")
        table.add_row(channel, str(story.by_channel[channel]), words)
        table.add_row("", "", why)
    return table


def _silences(story: Story, width: int) -> Table:
    table = _table(width, "not said", story.silent, "yellow")
    for code, count in story.reasons.most_common(SILENCES_MAX):
        example = story.examples[code]
        words = f"{example.customer} at {shown(example.at_ms)}, {example.campaign}"
        table.add_row(label(code), str(count), Text(words, style="dim"))
    for _ in range(SILENCES_MAX - len(story.reasons)):
        table.add_row("", "", "")
    return table


def _table(width: int, title: str, count: int, style: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=width, header_style="")
    table.add_column(Text(title, style=f"bold {style}"), width=_FIRST_COLUMN, no_wrap=True)
    table.add_column(Text(f"{count:,}", style=f"bold {style}"), justify="right", width=5)
    table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
    return table
