"""Tell at the end of a run what was said, what held, what was not said and why; and whether all promises were kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamproc.core.policy.model import Policy
from streamproc.ops.demo.calendar import shown, shown_day
from streamproc.ops.demo.judgement import CapRow, Honoured, Switched, cap_rows, honoured, switched
from streamproc.ops.demo.story import Silence, Story
from streamproc.ops.demo.words import label, numbers, sentence, spoken
from streamproc.ops.verify.report import PROMISES, Report

__all__ = ["failures", "print_summary"]

WITHDRAWALS_SHOWN: Final = 6
_GOOD: Final = Text("held", style="green")


def failures(story: Story, policy: Policy, report: Report | None, *, is_finished: bool) -> list[str]:
    """List in a sentence each what did not hold; empty if everything did.

    `report` is what `verify` found, None where nothing was verified. `is_finished` says that all records were
    produced: only then must the worker have finished them all.
    """
    found = [
        f"{row.name}: {row.highest} of {row.limit}" for row in cap_rows(story, policy) if not row.is_held
    ]
    after = sum(one.after for one in honoured(story))
    if after:
        found.append(f"{after} nudges followed a withdrawal")
    found += [f"{one.through} nudges on push while it was off" for one in switched(story) if one.through]
    found += [
        f"a switch was not applied within {one.took_ms} ms" for one in story.operations if not one.is_done
    ]
    if is_finished and story.lag:
        found.append(f"{story.lag} records were not finished")
    if report is None:
        found.append("nothing was verified")
    elif not report.holds:
        found += [
            f"{one.invariant} is violated: {PROMISES[one.invariant]}" for one in report.findings if one.found
        ]
    return found


def print_summary(
    console: Console, story: Story, policy: Policy, report: Report | None, failed: list[str], seconds: float
) -> None:
    """Print the whole summary; in a pipe or a file no line ends in spaces, with which tables fill their cells."""
    if console.is_terminal:
        _print(console, story, policy, report, failed, seconds)
        return
    with console.capture() as captured:
        _print(console, story, policy, report, failed, seconds)
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)


def _print(
    console: Console, story: Story, policy: Policy, report: Report | None, failed: list[str], seconds: float
) -> None:
    rate = story.events / seconds if seconds > 0 else 0.0
    console.print()
    console.rule(Text("What happened", style="bold"), align="left", style="bright_black")
    console.print(
        f"[bold]{story.events:,}[/] events in {seconds:.0f} s ({rate:,.0f}/s), simulated until "
        f"{shown_day(story.now_ms)}: [bold green]{len(story.nudges)}[/] messages, "
        f"[bold yellow]{story.silent}[/] considered and not sent, {story.counts['quiet']:,} events of people who "
        f"agreed to nothing, {story.counts['duplicate']} duplicates, {story.counts['rejected']} broken."
    )
    _section(console, "Said, by campaign and channel", _said(story))
    _section(console, "Caps that held", _caps(cap_rows(story, policy)))
    _section(console, "Not said, and why (one silence may have several reasons)", _not_said(story))
    if story.withdrawals:
        _section(console, "Withdrawals honoured", _withdrawals(honoured(story)))
    for one in switched(story):
        _section(console, "The operator's switch", Text.from_markup(_switch(one)))
    if story.dead_letters:
        letters = ", ".join(f"{reason} {count}" for reason, count in sorted(story.dead_letters.items()))
        _section(console, "Refused payloads, kept on dead-letters", Text(letters))
    _beside(console, story)
    _verdict(console, report, failed)


def _section(console: Console, title: str, body: Table | Text) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    console.print(body)


def _table(*columns: str, right: Iterable[int] = (), cut: bool = False) -> Table:
    """Make a table; with `cut` its last column takes the room that is left, and what does not fit is cut off."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=cut)
    for index, column in enumerate(columns):
        is_cut = cut and index == len(columns) - 1
        table.add_column(
            column,
            justify="right" if index in right else "left",
            no_wrap=is_cut,
            overflow="ellipsis",
            ratio=1 if is_cut else None,
        )
    return table


def _said(story: Story) -> Table:
    channels = sorted({channel for _, channel in story.by_campaign})
    table = _table("", *channels, right=range(1, len(channels) + 1))
    for campaign in sorted({campaign for campaign, _ in story.by_campaign}):
        table.add_row(campaign, *(str(story.by_campaign[campaign, channel] or "") for channel in channels))
    table.add_row("together", *(str(story.by_channel[channel]) for channel in channels), style="bold")
    return table


def _caps(rows: list[CapRow]) -> Table:
    table = _table("cap", "limit", "seen", "bound", "", right=(1, 2, 3))
    for row in rows:
        state = _GOOD if row.is_held else Text("BROKEN", style="bold red")
        table.add_row(row.name, row.limit, row.highest, f"{row.bound}x" if row.bound else "never", state)
    return table


def _not_said(story: Story) -> Table:
    table = _table("", "times", "for example", right=(1,), cut=True)
    for code, count in story.reasons.most_common():
        if code in story.examples:
            table.add_row(label(code), str(count), Text(_example(story.examples[code], code), style="dim"))
    return table


def _example(silence: Silence, code: str) -> str:
    why = next(numbers(why) for why in silence.reasons if why["code"] == code)
    return f"{silence.customer}, {shown(silence.at_ms)}, {why}"


def _withdrawals(rows: list[Honoured]) -> Table:
    table = _table("who", "withdrew", "at", "before", "last", "after", right=(3, 5))
    # Those who had heard something before show the most.
    shown_rows = sorted(rows, key=lambda row: (-row.after, -row.before))[:WITHDRAWALS_SHOWN]
    for row in shown_rows:
        one = row.withdrawal
        what = one.purpose if one.purpose != "marketing" else one.channel.replace("*", "all messages")
        last = shown_day(row.last_before_ms) if row.last_before_ms is not None else ""
        after = Text(str(row.after), style="bold red" if row.after else "green")
        table.add_row(one.customer, what, shown_day(one.at_ms), str(row.before), last, after)
    rest = len(rows) - len(shown_rows)
    if rest:
        table.add_row(f"and {rest} more", "", "", "", "", str(sum(row.after for row in rows)))
    return table


def _switch(one: Switched) -> str:
    lines = (
        f"push off at {shown(one.off.at_ms)}: applied by {one.off.workers} worker after {one.off.took_ms} ms"
    )
    if one.on is not None:
        lines += f"; on again at {shown(one.on.at_ms)} after {one.on.took_ms} ms"
    style = "bold red" if one.through else "green"
    return (
        f"{lines}.\n{one.silenced} messages met the switch and were kept back or went another way; "
        f"[{style}]{one.through}[/] got through while it was off."
    )


def _beside(console: Console, story: Story) -> None:
    """Set one message beside one silence."""
    silence = story.fullest
    nudge = story.told_before(silence) if silence is not None else None
    if nudge is None or silence is None:
        return
    table = Table.grid(padding=(0, 4, 0, 0), expand=False)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    said = Text.assemble(
        ("Said\n", "bold green"),
        f"{nudge['customer_id']}, {shown_day(nudge['decided_at_ms'])}, {nudge['campaign']} on {nudge['channel']}\n",
        f"“{spoken(nudge)}”\n",
        (f"{nudge['reason']}\n", "dim"),
        ("Each message carries links: why, pause, unsubscribe.", "dim"),
    )
    not_said = Text.assemble(
        ("Not said\n", "bold yellow"),
        f"{silence.customer}, {shown_day(silence.at_ms)}, {silence.campaign}\n",
        *(f"{sentence(why)}\n" for why in silence.reasons),
        ("Every silence has its reasons on record.", "dim"),
    )
    table.add_row(said, not_said)
    console.print()
    console.print(table)


def _verdict(console: Console, report: Report | None, failed: list[str]) -> None:
    console.print()
    console.rule(Text("Verified from the topics alone", style="bold"), align="left", style="bright_black")
    if report is not None:
        table = _table("", "", "", "")
        for one in report.findings:
            style = "red" if one.found else "yellow" if one.is_empty else "green"
            verdict = Text(one.verdict, style=style)
            table.add_row(one.invariant, verdict, PROMISES[one.invariant], Text(one.seen, style="dim"))
        table.show_header = False
        console.print(table)
        charges, nudges = (report.counts.get("I2", {}).get(name, 0) for name in ("charges", "nudges"))
        if charges != nudges:
            said = f"{charges} charges for {nudges} messages: what was decided and then withheld keeps its charge."
            console.print(Text(said, style="dim"))
        for violation in report.violations[:5]:
            console.print(
                f"{violation.invariant} {violation.where}: {violation.detail}", style="red", markup=False
            )
    console.print()
    if failed:
        for sentence_ in failed:
            console.print(Text(f"Broken: {sentence_}", style="bold red"))
    else:
        console.print(Text("Every promise held.", style="bold green"))
