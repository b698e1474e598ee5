"""`streamproc replay`, `capture`, `check-events` and `verify`: commands over recorded traffic."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import Progress

from streamproc.ops.commands.terminal import (
    FAILED,
    AsJson,
    counted,
    fail,
    run,
    say_aside,
    settings,
    show_json,
)
from streamproc.ops.times import utc_text

if TYPE_CHECKING:
    from streamproc.ops.replay import Summary

__all__ = ["capture", "check_events", "replay", "verify"]

PROGRESS_AFTER_SECONDS = 1.0
STDIN = "standard input"

Files = Annotated[
    list[Path] | None,
    typer.Option("--from", help="A record file; may be repeated. Standard input unless given."),
]
To = Annotated[Path | None, typer.Option(help="Where to write. Standard output unless given.")]


def replay(
    policy: Annotated[Path, typer.Option(help="The policy's folder.", show_default=False)],
    source: Files = None,
    to: To = None,
    then: Annotated[
        str, typer.Option(help="How long the time goes on after the last record, such as 2d.")
    ] = "0m",
    as_json: Annotated[bool, typer.Option("--json", help="Write the summary, on stderr, as JSON.")] = False,
) -> None:
    """Run recorded traffic through the whole pipeline, with no Kafka, no Redis, and nothing sent.

    Records go in in the order of the files; the clock is the latest timestamp seen, so what waits for a later time
    stays silent unless --then lets it pass. Switches on `config` in the file apply, the policy is the one given. What
    comes out, nudges, decisions, ledger and receipts, are lines of a record file, the same bytes each time. Customer
    ids are hashed with a published key unless STREAMPROC_ID_KEY_FILE is set.

    Example: `streamproc replay --policy policy/ --from monday.ndjson --to out.ndjson`
    """
    from streamproc.core.policy.fields import duration_ms  # noqa: PLC0415
    from streamproc.dry_run import PUBLISHED_ID_KEY, DryRun  # noqa: PLC0415
    from streamproc.ops.policy_files import load_folder  # noqa: PLC0415
    from streamproc.ops.replay import ReplayError, read_files  # noqa: PLC0415
    from streamproc.ops.replay import replay as replay_records  # noqa: PLC0415

    given = settings()
    files = source or []
    then_ms = duration_ms(then)
    if then_ms is None:
        fail(f"--then {then} is no duration, such as 90s, 30m, 12h or 2d")
    if to is not None and to.resolve() in {file.resolve() for file in files}:
        fail(f"--to {to} is also read from")
    key = given.id_key_file.read_bytes().strip() if given.id_key_file is not None else PUBLISHED_ID_KEY
    dry_run = DryRun(
        load_folder(policy),
        id_key=key,
        event_age_max_ms=given.event_age_max_ms,
        context_ttl_ms=given.context_days * 86_400_000,
    )
    begun_at = time.monotonic()
    with contextlib.ExitStack() as stack:
        out: BinaryIO = stack.enter_context(to.open("wb")) if to is not None else sys.stdout.buffer
        opened: list[tuple[str, Iterable[bytes]]] = [
            (str(file), stack.enter_context(file.open("rb"))) for file in files
        ]
        opened = opened or [(STDIN, sys.stdin.buffer)]
        bytes_sum = sum(file.stat().st_size for file in files) or None
        watched = stack.enter_context(_progress(bytes_sum))
        try:
            records = read_files((name, watched(lines)) for name, lines in opened)
            summary = replay_records(dry_run, records, out.write, then_ms=then_ms)
        except ReplayError as error:
            fail(str(error))
        out.flush()
    _say_summary(summary, time.monotonic() - begun_at, as_json=as_json)


def capture(
    topics: Annotated[
        str, typer.Option(help="Topics, separated by commas, without the installation's prefix.")
    ],
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="Take what comes in from now on, for so long; else all there is."),
    ] = None,
    to: To = None,
    records_max: Annotated[
        int, typer.Option(min=1, help="Stop after so many: they are held in memory.")
    ] = 1_000_000,
) -> None:
    """Write topics to a record file, in the order of the records' times.

    The file holds customer ids and what customers did: keep it as you keep the topics.

    Example: `streamproc capture --topics consents,profiles,clickstream,config --to monday.ndjson`
    """
    from streamproc.flow.capture import capture as capture_topics  # noqa: PLC0415
    from streamproc.ingest.record_file import encode_record  # noqa: PLC0415

    given = settings("kafka")
    names = [name.strip() for name in topics.split(",") if name.strip()]
    if not names:
        fail("--topics names no topic")
    captured = run(
        capture_topics(
            str(given.kafka), names, prefix=given.topic_prefix, seconds=seconds, records_max=records_max
        )
    )
    with contextlib.ExitStack() as stack:
        out: BinaryIO = stack.enter_context(to.open("wb")) if to is not None else sys.stdout.buffer
        out.writelines(encode_record(record) + b"\n" for record in captured.records)
        out.flush()
    say_aside(
        f"{len(captured.records)} records"
        + ("" if captured.is_whole else f", and more: --records-max {records_max}")
    )


def check_events(
    file: Annotated[
        Path | None, typer.Argument(help="Standard input unless given.", show_default=False)
    ] = None,
    topic: Annotated[
        str,
        typer.Option(help="The topic that raw payloads are meant for, without the installation's prefix."),
    ] = "clickstream",
) -> None:
    """Show what becomes of payloads before they are sent: one JSON line an event, or why it is refused.

    Lines are raw payloads in any dialect that is understood, or lines of a record file; a payload may also be printed
    over many lines, alone in its file. Exit code 1 if any was refused.

    Example: `echo '{"type": "track", "event": "Product Viewed"}' | streamproc check-events`
    """
    from streamproc.core.policy.problems import listed, nearest  # noqa: PLC0415
    from streamproc.ops.check_events import check_events as check_lines  # noqa: PLC0415
    from streamproc.ops.topics import load_topics  # noqa: PLC0415

    known = [spec.topic for spec in load_topics() if spec.flow in ("facts", "moments")]
    if topic == "catalog":
        fail(
            "of the catalog the key says what a record is about: give lines of a record file, without --topic"
        )
    if topic not in known:
        fail(f"--topic {topic!r} is none that producers write to: {listed(known)}{nearest(topic, known)}")
    out = sys.stdout.buffer
    with contextlib.ExitStack() as stack:
        lines: Iterable[bytes] = (
            stack.enter_context(file.open("rb")) if file is not None else sys.stdin.buffer
        )
        now_ms = time.time_ns() // 1_000_000
        tally = check_lines(lines, lambda line: out.write(line + b"\n"), now_ms=now_ms, topic=topic)
        out.flush()
    say_aside(f"{counted(tally.events, 'event')}, {tally.rejected} refused")
    raise typer.Exit(FAILED if tally.rejected else 0)


def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False)],
    policy: Annotated[
        Path | None, typer.Option(help="The policy's folder, for versions that no `config` record carries.")
    ] = None,
    from_start: Annotated[
        bool,
        typer.Option(help="The files reach back to the first offset: holes before the first line count."),
    ] = False,
    record_clock: Annotated[
        bool, typer.Option(help="Decisions were made at the records' own times.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Derive from recorded topics alone that the promises were kept: coverage, caps, consent, one nudge, switches.

    It shares no code with the pipeline. Exit code 1 if a promise is broken, 2 if a file cannot be read or
    there is no record at all.

    Example: `streamproc verify in.ndjson out.ndjson --policy policy/ --record-clock`
    """
    from streamproc.ops.verify.command import main  # noqa: PLC0415

    raise typer.Exit(
        main(files, policy=policy, from_start=from_start, record_clock=record_clock, as_json=as_json)
    )


@contextlib.contextmanager
def _progress(bytes_sum: int | None) -> Iterator[Callable[[Iterable[bytes]], Iterator[bytes]]]:
    """Show on a terminal how far reading is, once it takes long; elsewhere show nothing."""
    console = Console(stderr=True)
    begun_at = time.monotonic()
    with Progress(
        console=console, transient=True, disable=not console.is_terminal, auto_refresh=False
    ) as progress:
        task = progress.add_task("replay", total=bytes_sum, visible=False)

        def watched(lines: Iterable[bytes]) -> Iterator[bytes]:
            shown_at = begun_at
            read_bytes = 0
            for line in lines:
                yield line
                read_bytes += len(line)
                if console.is_terminal and time.monotonic() - shown_at > PROGRESS_AFTER_SECONDS:
                    shown_at = time.monotonic()
                    progress.update(task, advance=read_bytes, visible=True, refresh=True)
                    read_bytes = 0
            progress.update(task, advance=read_bytes)

        yield watched


def _say_summary(summary: Summary, seconds: float, *, as_json: bool) -> None:
    if as_json:
        counted = {
            name: dict(getattr(summary, name)) for name in ("read", "skipped", "written", "verdicts", "gates")
        }
        waits = {"waiting": summary.waiting, "next_due_ms": summary.next_due_ms}
        show_json({**counted, "nudges": summary.nudges, **waits, "seconds": round(seconds, 3)}, aside=True)
        return
    count = sum(summary.read.values())
    say_aside(f"{count} records in {seconds:.1f} s, {summary.nudges} nudges")
    for name in ("read", "skipped", "written", "verdicts", "gates"):
        counts = getattr(summary, name)
        if counts:
            listed = ", ".join(f"{what} {times}" for what, times in counts.most_common())
            say_aside(f"  {name + ':':<10}{listed}")
    if summary.next_due_ms is not None:
        until = utc_text(summary.next_due_ms)
        say_aside(
            f"  {'waiting:':<10}customers {summary.waiting}, the first until {until}; --then 2d goes on"
        )
