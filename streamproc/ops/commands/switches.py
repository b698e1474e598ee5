"""`streamproc channel`, `campaign`, `stop-all` and `resume-all`: switch things off and on, and know that it is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streamproc.ops.commands.rollout import roll_out, say_rollout, who
from streamproc.ops.commands.terminal import AsJson, fail, group, run, settings, show_json
from streamproc.ops.times import utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.core.policy.model import Campaign as PolicyCampaign
    from streamproc.core.switches import Switch
    from streamproc.flow.config_log import ConfigState
    from streamproc.settings import Settings

__all__ = ["campaign", "channel", "resume_all", "stop_all"]

_STEPS = """

It writes the switch to the topic `config`, waits until every live worker has applied it, a line each, and says how long
that took: under a second. Exit code 1 names workers that have not within 5 s; 69 if Kafka or Redis is away.
"""

channel = group("Switch a channel off and on.")
campaign = group("Pause a campaign and let it go on.")

Channel = Annotated[str, typer.Argument(metavar="NAME", help="push, email, sms, in_app, web or in_store.")]
Campaign = Annotated[str, typer.Argument(metavar="ID", help="As `streamproc campaign list` names it.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept beside the switch.")]
OffReason = Annotated[str, typer.Option(help="Why; it is kept beside the switch.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Also where the policy knows no such campaign.")]


def _help(what: str, example: str) -> str:
    return f"{what}{_STEPS}\n\nExample: `streamproc {example}`"


@channel.command(
    "off",
    help=_help(
        "Hand nothing over on this channel any more.",
        'channel off push --reason "the gateway repeats messages"',
    ),
)
def channel_off(name: Channel, reason: OffReason, as_json: AsJson = False) -> None:
    _switch_channel(name, enabled=False, reason=reason, as_json=as_json)


@channel.command("on", help=_help("Let a channel speak again.", "channel on push"))
def channel_on(name: Channel, reason: Reason = "", as_json: AsJson = False) -> None:
    _switch_channel(name, enabled=True, reason=reason, as_json=as_json)


@channel.command("list")
def channel_list(as_json: AsJson = False) -> None:
    """List the channels with their switches: since when, by whom and why.

    Example: `streamproc channel list --json`
    """
    from streamproc.core.switches import channel_states  # noqa: PLC0415

    state = run(_read(settings("kafka")))
    _list(state, dict(channel_states(state.switches())), "channel", as_json=as_json)


@campaign.command(
    "pause",
    help=_help("Pause a campaign.", 'campaign pause wishlist_saved --reason "wrong prices"'),
)
def campaign_pause(
    name: Campaign,
    reason: OffReason,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    _switch_campaign(name, enabled=False, reason=reason, force=force, as_json=as_json)


@campaign.command("resume", help=_help("Let a paused campaign go on.", "campaign resume wishlist_saved"))
def campaign_resume(
    name: Campaign,
    reason: Reason = "",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    _switch_campaign(name, enabled=True, reason=reason, force=force, as_json=as_json)


@campaign.command("list")
def campaign_list(as_json: AsJson = False) -> None:
    """List the campaigns of the policy in force with their switches.

    Example: `streamproc campaign list`
    """
    from streamproc.core.switches import CAMPAIGN_PREFIX, Switch  # noqa: PLC0415

    given = settings("kafka")
    state = run(_read(given))
    switches = state.switches()
    names = {name: one.names for name, one in _campaigns(given, state).items()}
    known = {name for called in names.values() for name in called}
    names |= {name: (name,) for name in _named(switches.states, CAMPAIGN_PREFIX) if name not in known}
    on = Switch(enabled=True)
    _list(
        state,
        {name: switches.of_campaign(*names[name]) or on for name in sorted(names)},
        "campaign",
        as_json=as_json,
    )


def stop_all(reason: OffReason, as_json: AsJson = False) -> None:
    """Hand nothing over any more, on any channel. Events are still read, and silences written down with this reason.

    Example: `streamproc stop-all --reason "wrong prices everywhere"`
    """
    _set(
        settings("kafka", "redis_url"), "all", "everything off", enabled=False, reason=reason, as_json=as_json
    )


def resume_all(reason: Reason = "", as_json: AsJson = False) -> None:
    """Undo `stop-all`. Channels and campaigns that are off stay off.

    Example: `streamproc resume-all`
    """
    _set(settings("kafka", "redis_url"), "all", "everything on", enabled=True, reason=reason, as_json=as_json)


def _switch_channel(name: str, *, enabled: bool, reason: str, as_json: bool) -> None:
    from streamproc.core.facts import CHANNELS  # noqa: PLC0415
    from streamproc.core.policy.problems import nearest  # noqa: PLC0415
    from streamproc.core.switches import CHANNEL_PREFIX  # noqa: PLC0415

    if name not in CHANNELS:
        fail(f"there is no channel {name!r}{nearest(name, CHANNELS)}; there are {', '.join(CHANNELS)}")
    what = f"channel {name} {'on' if enabled else 'off'}"
    given = settings("kafka", "redis_url")
    _set(given, CHANNEL_PREFIX + name, what, enabled=enabled, reason=reason, as_json=as_json)


def _switch_campaign(name: str, *, enabled: bool, reason: str, force: bool, as_json: bool) -> None:
    from streamproc.core.policy.problems import nearest  # noqa: PLC0415
    from streamproc.core.switches import CAMPAIGN_PREFIX  # noqa: PLC0415

    given = settings("kafka", "redis_url")
    if not force:
        known = _campaigns(given, run(_read(given)))
        if name not in known:
            # A mistyped pause would be acknowledged by all, and the campaign would go on.
            fail(
                f"the policy has no campaign {name!r}{nearest(name, known)}; --force writes the switch all the same"
            )
    what = f"campaign {name} {'resumed' if enabled else 'paused'}"
    _set(given, CAMPAIGN_PREFIX + name, what, enabled=enabled, reason=reason, as_json=as_json)


def _set(given: Settings, key: str, what: str, *, enabled: bool, reason: str, as_json: bool) -> None:
    from streamproc.core.switches import Switch  # noqa: PLC0415

    if not enabled and not reason.strip():
        fail("--reason says nothing: whoever finds this switch off must know why")
    switch = Switch(enabled=enabled, reason=reason.strip(), by=who(), at_ms=time.time_ns() // 1_000_000)
    say_rollout(what, run(_write(given, key, msgspec.json.encode(switch))), as_json=as_json)


async def _read(given: Settings) -> ConfigState:
    from streamproc.flow.config_log import read_config  # noqa: PLC0415

    return await read_config(str(given.kafka), given.topic_prefix)


async def _write(given: Settings, key: str, value: bytes) -> Any:
    # Reading first says that the topic exists: writing to one that does not may create it.
    await _read(given)
    return await roll_out(given, [(key, value)])


def _campaigns(given: Settings, state: ConfigState) -> Mapping[str, PolicyCampaign]:
    """Return the campaigns of the policy that `config` points to, else of the default policy."""
    from streamproc.ops.policy_files import default_policy  # noqa: PLC0415

    version = state.version()
    policy = state.policy(version) if version is not None else None
    return (policy or default_policy(given.policy)).campaigns


def _named(states: Any, prefix: str) -> list[str]:
    return [key.removeprefix(prefix) for key in states if key.startswith(prefix)]


def _list(state: ConfigState, shown: dict[str, Switch], what: str, *, as_json: bool) -> None:
    everything = state.switches().all_off()
    if as_json:
        show_json({"all": everything or {"enabled": True}, f"{what}s": shown})
        return
    table = Table(what, "", "since", "by", "reason", box=None, header_style="bold")
    rows = {**({"everything": everything} if everything else {}), **shown}
    for name, switch in rows.items():
        since = utc_text(switch.at_ms) if switch.at_ms else ""
        on = "[green]on[/]" if switch.enabled else "[red]off[/]"
        table.add_row(escape(name), on, since, escape(switch.by), escape(switch.reason))
    Console().print(table)
