"""`streamproc policy`: check a policy, publish it, go back, and show what is in force."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streamproc.ops.commands.named_policy import NamedPolicy, in_force, published, read
from streamproc.ops.commands.policy_diff import say_changes
from streamproc.ops.commands.rollout import roll_out, say_rollout, who
from streamproc.ops.commands.terminal import (
    FAILED,
    AsJson,
    confirm,
    counted,
    fail,
    group,
    mark,
    run,
    say,
    say_aside,
    settings,
    show_json,
)
from streamproc.ops.times import utc_text

if TYPE_CHECKING:
    from streamproc.core.policy.examples import Expected
    from streamproc.core.policy.problems import PolicyError
    from streamproc.flow.config_log import ConfigState
    from streamproc.ops.policy_files import Report
    from streamproc.ops.try_examples import Came, Outcome
    from streamproc.settings import Settings

__all__ = ["policy"]

policy = group("Begin a policy, look at it, check it, publish it, and go back to an earlier one.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The policy's folder.", show_default=False)]


@policy.command("check")
def check(folder: Folder, as_json: AsJson = False) -> None:
    """Check a policy's files, and run its campaigns' examples through the whole pipeline. Nothing is sent.

    Errors and warnings carry file and line; a failing example says what was expected, what came and why not. Exit code
    1 if there is an error or an example fails.

    Example: `streamproc policy check policy/`
    """
    report, outcomes = _check(folder)
    if as_json:
        show_json(_as_json(report, outcomes))
    else:
        _say_report(folder, report, outcomes)
    raise typer.Exit(0 if _may_be_published(report, outcomes) else FAILED)


@policy.command("publish")
def publish(folder: Folder, as_json: AsJson = False) -> None:
    """Check a policy, put it on the topic `config`, and wait until every live worker runs it.

    It tells in words what that changes. The policy stands there under its version, the hash of its files, and is never
    overwritten; `policy` points to it. To publish what is in force already changes nothing. Exit code 1 if the check
    fails, or if a worker has not followed within 5 s.

    Example: `streamproc policy publish policy/`
    """
    given = settings("kafka", "redis_url")
    report, outcomes = _check(folder)
    if not _may_be_published(report, outcomes):
        _say_report(folder, report, outcomes)
        fail("not published")
    assert report.policy is not None
    version = report.policy.version
    state = run(read(given))
    _see_that_caps_go_on(folder, given, state, report.policy)
    if not as_json and state.version() == version:
        say(f"{mark('ok')} policy {version} is what config names already; nothing to write")
    elif not as_json:
        _say_what_changes(given, state, NamedPolicy(f"{folder}, {version}", version, report.policy.files))
    rollout = run(_publish(given, version, report.policy))
    say_rollout(f"policy {version} in force", rollout, as_json=as_json)


@policy.command("rollback")
def rollback(
    version: Annotated[str, typer.Argument(help="The one in force before, unless given.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put an earlier version in force again, and wait until every live worker runs it.

    It tells in words what that changes, and asks before it does it. Going back can be undone in the same way: no
    version is ever lost. Exit code 1 if nobody agreed, or if a worker has not followed within 5 s.

    Example: `streamproc policy list`, then `streamproc policy rollback 8d9c5d4faea2`
    """
    given = settings("kafka", "redis_url")
    state = run(read(given))
    wanted = version or _previous(state)
    if wanted not in state.versions():
        fail(f"config holds no policy {wanted}; it holds {', '.join(state.versions()) or 'none'}")
    if state.version() == wanted and not as_json:
        say(f"{mark('ok')} policy {wanted} is in force already; nothing to write")
    else:
        _see_that_it_loads(state, wanted)
        if not as_json:
            _say_what_changes(given, state, published(state, wanted))
        if not yes:
            confirm(f"Put {wanted} in force?")
    entries = [] if state.version() == wanted else [_pointer(wanted)]
    rollout = run(roll_out(given, entries, policy=wanted, end=state.end))
    say_rollout(f"policy {wanted} in force", rollout, as_json=as_json)


@policy.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List the published versions, the latest first: when, by whom, and when each was in force.

    How one differs from what is in force, `streamproc policy diff VERSION config` tells.

    Example: `streamproc policy list`
    """
    state = run(read(settings("kafka")))
    if as_json:
        show_json([_version_json(state, version) for version in reversed(state.versions())])
        return
    if not state.versions():
        say("`config` holds no policy: workers run their default; `streamproc policy show` names it")
        return
    table = Table(box=None, header_style="bold", padding=(0, 3, 0, 0))
    for heading in ("version", "published", "by", "in force since"):
        table.add_column(heading, overflow="fold")
    for version in reversed(state.versions()):
        table.add_row(
            escape(version),
            utc_text(state.published_ms(version)),
            escape(state.publisher(version)) or "-",
            escape(_in_force_text(state, version)),
        )
    Console(highlight=False).print(table)


@policy.command("show")
def show(as_json: AsJson = False) -> None:
    """Show the policy in force and the versions that were published.

    Example: `streamproc policy show --json`
    """
    from streamproc.ops.policy_files import default_policy  # noqa: PLC0415

    given = settings("kafka")
    state = run(read(given))
    version = state.version()
    loaded = state.policy(version) if version is not None else default_policy(given.policy)
    campaigns = [] if loaded is None else [one.id for one in loaded.campaigns.values()]
    if as_json:
        in_force = {"version": loaded.version if loaded else version, "published": version is not None}
        show_json({**in_force, "campaigns": campaigns, "versions": state.versions()})
        return
    if version is None:
        say(f"{loaded.version if loaded else ''}, the workers' default: `config` names no policy")
    elif loaded is None:
        say(
            f"{mark('fail')} {escape(version)} is named in `config`, and is not there: workers keep what they had"
        )
    else:
        say(f"{escape(version)}, as published")
    for name in campaigns:
        say(f"  {escape(name)}")
    for name in state.versions():
        say(f"published: {escape(name)}" + (" (in force)" if name == version else ""))


def _check(folder: Path) -> tuple[Report, list[Outcome]]:
    from streamproc.ops.policy_files import check as check_folder  # noqa: PLC0415
    from streamproc.ops.try_examples import try_example  # noqa: PLC0415

    report = check_folder(folder)
    if report.policy is None:
        return report, []
    examples = [example for campaign in report.campaigns for example in campaign.examples]
    return report, [try_example(report.policy, example) for example in examples]


def _may_be_published(report: Report, outcomes: list[Outcome]) -> bool:
    return report.is_sound and all(outcome.passed for outcome in outcomes)


async def _publish(given: Settings, version: str, checked: Any) -> Any:
    from streamproc.core.policy.bundle import to_document  # noqa: PLC0415

    state = await read(given)
    document = (f"policy/{version}", to_document(checked, who()))
    entries = [] if version in state.versions() else [document]
    if state.version() != version or entries:
        entries.append(_pointer(version))
    return await roll_out(given, entries, policy=version, end=state.end)


def _pointer(version: str) -> tuple[str, bytes]:
    by_whom = {"by": who(), "at_ms": time.time_ns() // 1_000_000}
    return "policy", msgspec.json.encode({"version": version, **by_whom})


def _say_what_changes(given: Settings, state: ConfigState, then: NamedPolicy) -> None:
    from streamproc.core.policy.diff import differences  # noqa: PLC0415
    from streamproc.core.policy.problems import PolicyErrors  # noqa: PLC0415

    try:
        now = in_force(given, state)
        changes = differences(now.files, then.files)
    except PolicyErrors as error:
        # What is in force is broken, which may be why it is to be replaced.
        say(f"{mark('warn')} what changes cannot be told: {escape(str(error))}")
        return
    say(f"[dim]was[/] {escape(now.name)}\n[dim]now[/] {escape(then.name)}")
    say_changes(changes)


def _see_that_caps_go_on(folder: Path, given: Settings, state: ConfigState, then: Any) -> None:
    """Refuse a policy under which a renamed campaign would forget what was counted of it."""
    from streamproc.core.policy.loader import load  # noqa: PLC0415
    from streamproc.core.policy.problems import PolicyErrors  # noqa: PLC0415
    from streamproc.core.policy.renames import check_renames  # noqa: PLC0415

    try:
        now = in_force(given, state)
        found = check_renames(load(now.files, now.version), then)
    except PolicyErrors:
        return  # What is in force is broken, which may be why it is to be replaced.
    for warning in found.warnings:
        say_aside(f"{mark('warn')} {escape(_placed(folder, warning))}")
    if found.errors:
        fail([*(_placed(folder, error) for error in found.errors), "not published"])


def _see_that_it_loads(state: ConfigState, version: str) -> None:
    from streamproc.core.policy.problems import PolicyErrors  # noqa: PLC0415

    try:
        state.policy(version)
    except PolicyErrors as refused:
        said = (
            f"policy {version} does not load in this version of streamproc, so its workers would refuse it:"
        )
        fail([said, *map(str, refused.errors)])


def _previous(state: ConfigState) -> str:
    """Name the version that was in force before the present one."""
    present = state.version()
    earlier = [one.version for one in state.pointers if one.version != present]
    # Compaction forgets old pointers; then the order of publishing says what came before.
    published = [version for version in state.versions() if version != present]
    if not earlier and not published:
        fail("config holds no other policy to go back to; `streamproc policy list` lists what it holds")
    return earlier[-1] if earlier else published[-1]


def _in_force_text(state: ConfigState, version: str) -> str:
    """Say since when a version is in force, else when it was put there last."""
    times = [one for one in state.pointers if one.version == version]
    is_present = state.version() == version
    if not times:
        return "yes" if is_present else ""
    last = times[-1]
    by = f", by {last.by}" if last.by else ""
    return (
        f"{utc_text(last.at_ms)}{by}" if is_present else f"(no more; put in force {utc_text(last.at_ms)}{by})"
    )


def _version_json(state: ConfigState, version: str) -> dict[str, Any]:
    return {
        "version": version,
        "published_at_ms": state.published_ms(version),
        "published_by": state.publisher(version) or None,
        "in_force": state.version() == version,
        "put_in_force": [
            {"at_ms": one.at_ms, "by": one.by or None} for one in state.pointers if one.version == version
        ],
    }


def _say_report(folder: Path, report: Report, outcomes: list[Outcome]) -> None:
    for error in report.errors:
        say(f"{mark('fail')} {escape(_placed(folder, error))}")
    for warning in report.warnings:
        say(f"{mark('warn')} {escape(_placed(folder, warning))}")
    for outcome in outcomes:
        example = outcome.example
        where = f"{folder}/{example.file}:{example.line}"
        say(f"{mark('ok' if outcome.passed else 'fail')} {escape(f'{where}: {example.name}')}")
        if not outcome.passed:
            say(f"     expected: {escape(_expected_text(example.expect))}")
            say(f"     came:     {escape(_came_text(outcome.came))}")
            for silence in outcome.silences:
                say(f"     silent:   {escape(silence)}")
    if report.policy is None:
        say(f"{mark('fail')} {counted(len(report.errors), 'error')}")
        return
    for campaign in report.campaigns:
        told = f"on {campaign.trigger}, by {', '.join(campaign.channels)}; {campaign.warmup_text}"
        say(f"     {escape(campaign.id)}: {escape(told)}")
    passed = sum(outcome.passed for outcome in outcomes)
    state = mark("ok" if passed == len(outcomes) else "fail")
    say(f"{state} policy {report.policy.version}: {passed} of {counted(len(outcomes), 'example')} hold")


def _placed(folder: Path, finding: PolicyError) -> str:
    """Write a finding with the place of its file; one about the whole folder names it already."""
    return str(finding) if finding.file == str(folder) else f"{folder}/{finding}"


def _after(at_ms: int) -> str:
    from streamproc.core.policy.fields import duration_text  # noqa: PLC0415

    return f"after {duration_text(at_ms)}" if at_ms else "at once"


def _expected_text(expected: tuple[Expected, ...]) -> str:
    listed = [
        f"{one.channel}{f' ({one.rung})' if one.rung else ''} {_after(one.at_ms)}"
        f"{f' from {one.campaign}' if one.campaign else ''}"
        for one in expected
    ]
    return ", ".join(listed) or "silence"


def _came_text(came: tuple[Came, ...]) -> str:
    listed = [f"{one.channel} ({one.rung}) {_after(one.at_ms)} from {one.campaign}" for one in came]
    return ", ".join(listed) or "silence"


def _as_json(report: Report, outcomes: list[Outcome]) -> dict[str, Any]:
    def finding(one: Any) -> dict[str, Any]:
        return {"file": one.file, "line": one.line, "message": one.message}

    return {
        "version": report.policy.version if report.policy is not None else None,
        "errors": [finding(one) for one in report.errors],
        "warnings": [finding(one) for one in report.warnings],
        "campaigns": [
            {"id": one.id, "trigger": one.trigger, "channels": one.channels, "warmup_ms": one.warmup_ms}
            for one in report.campaigns
        ],
        "examples": [
            {
                "file": one.example.file,
                "line": one.example.line,
                "campaign": one.example.campaign,
                "name": one.example.name,
                "passed": one.passed,
                "expected": one.example.expect,
                "came": one.came,
                "silences": one.silences,
            }
            for one in outcomes
        ],
    }
