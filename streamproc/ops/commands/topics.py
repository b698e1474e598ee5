"""`streamproc topics apply` and `streamproc topics check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from streamproc.ops.commands.terminal import FAILED, AsJson, fail, group, mark, run, say, settings, show_json

if TYPE_CHECKING:
    from streamproc.ops.topic_apply import Applied
    from streamproc.ops.topics import Finding
    from streamproc.settings import Settings

__all__ = ["topics"]

topics = group("Create the Kafka topics, or say how the cluster differs.")

Partitions = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000,
        help="Lanes: partitions of every topic keyed by customer. 12 unless they exist already.",
    ),
]
Replication = Annotated[
    int | None,
    typer.Option(min=1, max=10, help="Replicas. As many as there are brokers, at most 3, unless given."),
]


@topics.command("apply")
def apply(partitions: Partitions = None, replication: Replication = None, as_json: AsJson = False) -> None:
    """Create the topics that are missing, and mend settings that differ. Doing it again changes nothing.

    The number of partitions is never changed: it would move customers away from what was decided for them. What
    differs and cannot be mended is listed, with exit code 1.

    Example: `streamproc topics apply --partitions 24 --replication 3`
    """
    applied = run(_apply(settings("kafka"), partitions, replication))
    if as_json:
        show_json(asdict(applied))
    else:
        for name in applied.created:
            say(f"{mark('ok')} {escape(name)}: created")
        for name in applied.changed:
            say(f"{mark('ok')} {escape(name)}: settings mended")
        _say_findings(applied.left)
        if not (applied.created or applied.changed or applied.left):
            say(f"{mark('ok')} all topics are as they must be")
    raise typer.Exit(FAILED if applied.left else 0)


@topics.command("check")
def check(partitions: Partitions = None, replication: Replication = None, as_json: AsJson = False) -> None:
    """Say how the cluster's topics differ from what they must be; exit code 1 if they do.

    Example: `streamproc topics check --json`
    """
    findings = run(_check(settings("kafka"), partitions, replication))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        _say_findings(findings)
        if not findings:
            say(f"{mark('ok')} all topics are as they must be")
    if any(finding.mendable for finding in findings) and not as_json:
        fail("run `streamproc topics apply`")
    raise typer.Exit(FAILED if findings else 0)


async def _apply(given: Settings, partitions: int | None, replication: int | None) -> Applied:
    from streamproc.flow.admin import KafkaAdmin  # noqa: PLC0415
    from streamproc.ops.topic_apply import apply_topics  # noqa: PLC0415

    async with KafkaAdmin.connect(str(given.kafka)) as admin:
        return await apply_topics(admin, prefix=given.topic_prefix, lanes=partitions, replication=replication)


async def _check(given: Settings, partitions: int | None, replication: int | None) -> list[Finding]:
    from streamproc.flow.admin import KafkaAdmin  # noqa: PLC0415
    from streamproc.ops.topic_apply import check_topics  # noqa: PLC0415

    async with KafkaAdmin.connect(str(given.kafka)) as admin:
        return await check_topics(admin, prefix=given.topic_prefix, lanes=partitions, replication=replication)


def _say_findings(findings: tuple[Finding, ...] | list[Finding]) -> None:
    from streamproc.ops.topics import summed_up  # noqa: PLC0415

    if summary := summed_up(findings):
        say(f"{mark('warn')} {escape(summary)}")
        return
    for finding in findings:
        say(f"{mark('warn' if finding.mendable else 'fail')} {escape(str(finding))}")
