"""`streamproc settings`, `status` and `doctor`: how an installation stands."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streamproc.ops.commands.terminal import FAILED, UNAVAILABLE, AsJson, counted, mark, run, say, show_json
from streamproc.ops.commands.terminal import settings as read_settings

if TYPE_CHECKING:
    from streamproc.core.switches import Switch
    from streamproc.flow.config_log import ConfigState
    from streamproc.flow.group_lag import TopicLag
    from streamproc.ops.heartbeats import Beat
    from streamproc.ops.stored_state import StoredState
    from streamproc.ops.waiting_timers import WaitingTimers
    from streamproc.settings import Settings

__all__ = ["doctor", "settings", "status"]


@dataclass(frozen=True)
class _Status:
    """What could be learned; a part that is None could not, and `troubles` says why."""

    beats: dict[str, Beat] | None
    state: StoredState | None
    config: ConfigState | None
    lag: dict[str, TopicLag] | None
    timers: WaitingTimers | None
    troubles: tuple[str, ...]


def settings(as_json: AsJson = False) -> None:
    """Show the settings in force, without passwords.

    Example: `STREAMPROC_GROUP=trial streamproc settings --json`
    """
    shown = read_settings().redacted()
    if as_json:
        show_json(shown)
        return
    table = Table("setting", "value", box=None, header_style="bold")
    for name, value in shown.items():
        table.add_row(name, escape(value) or "[dim]not set[/]")
    Console(soft_wrap=True).print(table)


def status(as_json: AsJson = False) -> None:
    """Show the live workers, the lag, who waits for a time, the policy in force and what is switched off.

    Exit code 69 if Kafka or Redis is away, or if Redis lost its state; the rest is shown all the same.

    Example: `streamproc status --json`
    """
    given = read_settings("kafka", "redis_url")
    found = run(_look(given))
    if as_json:
        show_json(_as_json(found))
    else:
        _say_status(found)
    raise typer.Exit(UNAVAILABLE if found.troubles else 0)


def doctor(
    write: Annotated[
        bool,
        typer.Option(help="Write one empty record to `config`, that nobody reads, to learn Kafka's time."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check Kafka, topics, Redis, the ID key, clocks and versions, and say what to change. It changes nothing.

    Exit code 1 if anything fails: a worker would not start, or a promise would not hold.

    Example: `streamproc doctor --json`
    """
    from streamproc.ops.doctor import examine  # noqa: PLC0415

    checks = run(examine(read_settings(), write=write))
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        for check in checks:
            remedy = f" → {escape(check.remedy)}" if check.remedy else ""
            say(f"{mark(check.state):<4} {escape(check.what)}: {escape(check.found)}{remedy}")
    raise typer.Exit(FAILED if any(check.state == "fail" for check in checks) else 0)


async def _look(given: Settings) -> _Status:
    from streamproc.flow.cluster import ClusterUnready  # noqa: PLC0415
    from streamproc.flow.config_log import read_config  # noqa: PLC0415
    from streamproc.flow.group_lag import group_lag  # noqa: PLC0415
    from streamproc.ops.heartbeats import WorkerBoard  # noqa: PLC0415
    from streamproc.ops.stored_state import look_at_state  # noqa: PLC0415
    from streamproc.ops.waiting_timers import count_timers  # noqa: PLC0415
    from streamproc.store.base import StoreUnavailable  # noqa: PLC0415

    beats = state = config = lag = timers = None
    troubles: list[str] = []
    try:
        config = await read_config(str(given.kafka), given.topic_prefix)
        lag = await group_lag(str(given.kafka), given.group, given.topic_prefix)
    except ClusterUnready as error:
        troubles.append(str(error))
    board = WorkerBoard(str(given.redis_url))
    try:
        beats = await board.all_beats()
        timers = await count_timers(given)
        state = await look_at_state(given)
        if state.kind == "lost":
            troubles.append(f"customer state was lost: {state.why}")
    except StoreUnavailable as error:
        troubles.append(str(error))
    finally:
        await board.close()
    return _Status(beats, state, config, lag, timers, tuple(troubles))


def _off(config: ConfigState) -> dict[str, Switch]:
    return {key: switch for key, switch in config.switches().states.items() if not switch.enabled}


def _as_json(found: _Status) -> dict[str, object]:
    config = found.config
    return {
        "workers": None if found.beats is None else list(found.beats.values()),
        "config_offset": None if config is None else config.end,
        "policy": None if config is None else config.version(),
        "state": None if found.state is None else found.state.kind,
        "off": None if config is None else _off(config),
        "lag": found.lag,
        "timers": found.timers,
        "troubles": found.troubles,
    }


def _say_status(found: _Status) -> None:
    for trouble in found.troubles:
        say(f"{mark('fail')} {escape(trouble)}")
    if found.beats is not None:
        _say_workers(found.beats, found.state)
    if found.config is not None:
        version = found.config.version()
        say(f"policy: {escape((version or 'the default of each worker') + _refusals(found.beats or {}))}")
        for key, switch in _off(found.config).items():
            say(f"[red]off[/]: {escape(f'{key}, by {switch.by}: {switch.reason}')}")
    if found.lag is not None:
        behind = ", ".join(f"{name} {lag.records_sum}" for name, lag in found.lag.items() if lag.records_sum)
        say(f"lag: {escape(behind or 'none')}")
    if any(not beat.delivers for beat in (found.beats or {}).values()):
        say(f"catalog: {_catalog(found.beats or {})}")
    if found.timers is not None:
        overdue = f", {found.timers.overdue} overdue" if found.timers.overdue else ""
        say(f"timers: {counted(found.timers.waiting, 'customer')} waiting{overdue}")


def _catalog(beats: dict[str, Beat]) -> str:
    """Say how much of the catalog the workers know: all the same, once they have caught up."""
    known = [beat.catalog for beat in beats.values() if not beat.delivers]
    numbers = sorted({number for number in known if number is not None})
    behind = known.count(None)
    said = (
        f"{' to '.join(map(str, numbers[:1] + numbers[1:][-1:]))} items and stores known" if numbers else ""
    )
    return ", ".join(filter(None, [said, f"{counted(behind, 'worker')} behind" if behind else ""]))


def _refusals(beats: dict[str, Beat]) -> str:
    """Say which workers do not run the policy that `config` points to, and why; nothing while all do."""
    refusing = [beat for beat in beats.values() if beat.refused]
    if not refusing:
        return ""
    whys = "; ".join(sorted({beat.refused for beat in refusing}))
    running = ", ".join(sorted({beat.policy for beat in refusing}))
    return f" ({whys}; {len(refusing)} of {counted(len(beats), 'worker')} still on {running})"


def _say_workers(beats: dict[str, Beat], state: StoredState | None) -> None:
    if not beats and (state is None or state.kind in ("lost", "unclear")):
        say(
            f"{mark('warn')} Redis cannot tell which workers are alive; the /readyz of each says how it stands"
        )
        return
    if all(beat.delivers for beat in beats.values()):
        say(f"{mark('warn')} no worker is alive")
    if not beats:
        return
    now_ms = time.time_ns() // 1_000_000
    table = Table("worker", "policy", "config offset", "lanes", "seen", box=None, header_style="bold")
    for name, beat in beats.items():
        lanes = ", ".join(map(str, beat.lanes)) or "none yet"
        # Another machine's clock may be ahead of this one's.
        ago_s = max(now_ms - beat.at_ms, 0) / 1_000
        table.add_row(escape(name), escape(beat.policy), str(beat.config_offset), lanes, f"{ago_s:.1f} s ago")
    Console(soft_wrap=True).print(table)
