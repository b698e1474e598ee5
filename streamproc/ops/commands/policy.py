"""`streamproc policy`: check a policy, publish it, go back, and show what is in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape

from streamproc.ops.commands.rollout import roll_out, say_rollout
from streamproc.ops.commands.terminal import (
    FAILED,
    AsJson,
    counted,
    fail,
    group,
    mark,
    run,
    say,
    settings,
    show_json,
)

if TYPE_CHECKING:
    from streamproc.core.policy.examples import Expected
    from streamproc.core.policy.problems import PolicyError
    from streamproc.flow.config_log import ConfigState
    from streamproc.ops.policy_files import Report
    from streamproc.ops.try_examples import Came, Outcome
    from streamproc.settings import Settings

__all__ = ["policy"]

policy = group("Check a policy, publish it, go back to an earlier one.")

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

    It stands there under its version, the hash of its files, and is never overwritten; `policy` points to it. To
    publish what is in force already changes nothing. Exit code 1 if the check fails, or if a worker has not followed
    within 5 s.

    Example: `streamproc policy publish policy/`
    """
    given = settings("kafka", "redis_url")
    report, outcomes = _check(folder)
    if not _may_be_published(report, outcomes):
        _say_report(folder, report, outcomes)
        fail("not published")
    assert report.policy is not None
    version = report.policy.version
    if run(_read(given)).version() == version and not as_json:
        say(f"{mark('ok')} policy {version} is what config names already; nothing to write")
    rollout = run(_publish(given, version, report.policy))
    say_rollout(f"policy {version} in force", rollout, as_json=as_json)


@policy.command("rollback")
def rollback(
    version: Annotated[str, typer.Argument(help="The one in force before, unless given.")] = "",
    as_json: AsJson = False,
) -> None:
    """Point `policy` to an earlier version, and wait until every live worker runs it.

    Example: `streamproc policy rollback 8d9c5d4faea2`; `streamproc policy show` lists the versions.
    """
    given = settings("kafka", "redis_url")
    state = run(_read(given))
    wanted = version or _previous(state)
    if wanted not in state.versions():
        fail(f"config holds no policy {wanted}; it holds {', '.join(state.versions()) or 'none'}")
    rollout = run(roll_out(given, [_pointer(wanted)], policy=wanted))
    say_rollout(f"policy {wanted} in force", rollout, as_json=as_json)


@policy.command("show")
def show(as_json: AsJson = False) -> None:
    """Show the policy in force and the versions that were published.

    Example: `streamproc policy show --json`
    """
    from streamproc.ops.policy_files import default_policy  # noqa: PLC0415

    given = settings("kafka")
    state = run(_read(given))
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


async def _read(given: Settings) -> ConfigState:
    from streamproc.flow.config_log import read_config  # noqa: PLC0415

    return await read_config(str(given.kafka), given.topic_prefix)


async def _publish(given: Settings, version: str, checked: Any) -> Any:
    from streamproc.core.policy.bundle import to_document  # noqa: PLC0415

    state = await _read(given)
    document = (f"policy/{version}", to_document(checked))
    entries = [] if version in state.versions() else [document]
    if state.version() != version or entries:
        entries.append(_pointer(version))
    return await roll_out(given, entries, policy=version, end=state.end)


def _pointer(version: str) -> tuple[str, bytes]:
    return "policy", msgspec.json.encode({"version": version})


def _previous(state: ConfigState) -> str:
    """Name the version that was in force before the present one."""
    present = state.version()
    earlier = [version for version in state.pointers if version != present]
    # Compaction forgets old pointers; then the order of publishing says what came before.
    published = [version for version in state.versions() if version != present]
    if not earlier and not published:
        fail("config holds no other policy to go back to; `streamproc policy show` lists what it holds")
    return earlier[-1] if earlier else published[-1]


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
    listed = [f"{one.channel}{f' ({one.rung})' if one.rung else ''} {_after(one.at_ms)}" for one in expected]
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
