"""`channels.yaml`: the six channels, what holds over all of them, and the links of control."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from streamproc.core.facts import CHANNELS
from streamproc.core.links import ALLOWED
from streamproc.core.locales import LOCALE, is_locale
from streamproc.core.policy.caps import CAPS, DAY_MS, MINUTE_MS, read_caps
from streamproc.core.policy.document import Node
from streamproc.core.policy.event_shapes import one_or_more
from streamproc.core.policy.fields import Fields, duration_text
from streamproc.core.policy.hours import HOURS_PATTERN, read_hours
from streamproc.core.policy.model import SEGMENTS_MAX, Channel, Group, Overall, Pace, Quiet
from streamproc.core.policy.overall import GROUPS, OVERALL, read_groups, read_overall
from streamproc.core.policy.plugin_shelf import Shelf
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.shape import (
    Choice,
    Duration,
    Either,
    Hours,
    Key,
    ListOf,
    Number,
    Shape,
    Text,
    Whole,
)
from streamproc.core.producers import DIALECTS

COST_MINOR_MAX: Final = 10_000
PACE_MAX: Final = 1_000_000
SECOND_MS: Final = 1_000
CONTROLS: Final = ("why", "mute", "unsubscribe")
SEGMENTS_LIMIT: Final = 6  # what most networks still put together again
SURFACES: Final = ("app", "phone", "mailbox", "site", "store")
LOCALE_CHARS_MAX: Final = 12

# How obtrusive each form is, and how exposed to other eyes it is unless the file says otherwise.
FORMS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "push": {"push": (0.80, 0.2)},
    "sms": {"sms": (0.90, 0.2)},
    "email": {"email": (0.25, 0.0)},
    "in_app": {"inbox": (0.05, 0.0), "modal": (0.45, 0.0)},
    "web": {"on_site": (0.10, 0.0), "web_push": (0.60, 0.2)},
    "in_store": {"display": (0.85, 1.0), "staff": (0.85, 0.2)},
}
_LINK: Final = r"https://[^ <>\"'{}]*\{nudge_id\}[^ <>\"'{}]*"
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")

HOLD: Final = Duration(0, 2 * DAY_MS)
QUIET: Final = Shape(
    "The hours in which messages may arrive.",
    {
        "open": Key(
            "From when to when a message may arrive, in the customer's time, such as 09:00-20:00.",
            Hours(11, HOURS_PATTERN),
            required=True,
            looser="more",
            label="open",
        ),
        "hold_max": Key("How long a message may wait for the opening.", HOLD, label="hold at most"),
    },
)

_CONTROLS_SAY: Final = {
    "why": "Where customers read why they got a message.",
    "mute": "Where customers pause messages of this kind.",
    "unsubscribe": "Where customers opt out of the channel in one step (RFC 8058).",
}


# An address and a subject that holds the nudge's id: without it nobody could tell who writes.
_MAILTO: Final = re.compile(
    r"mailto:[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\?subject=[A-Za-z0-9._~%+-]*\{nudge_id\}[A-Za-z0-9._~%+-]*"
)
PACE: Final = Shape(
    "How fast all workers together may send.",
    {
        "max": Key("So many messages.", Whole(1, PACE_MAX), required=True, looser="more", label="at most"),
        "per": Key(
            "In so long, such as 1m; they are spread evenly over it.",
            Duration(SECOND_MS, DAY_MS),
            required=True,
            looser="less",
            label="in",
        ),
    },
)


# What one channel alone can say.
_OWN: Final[dict[str, dict[str, Key]]] = {
    "sms": {
        "segments_max": Key(
            "The most segments of one message, each of which is paid for; 2 unless given.",
            Whole(1, SEGMENTS_LIMIT),
            looser="more",
            label="segments of a message",
            unsaid="neither",
        )
    },
    "email": {
        "unsubscribe_mailto": Key(
            "A mailto address that unsubscribes too, such as mailto:stop@shop.example?subject={nudge_id}.",
            Text(200, _MAILTO.pattern),
        )
    },
}


def channel_shape(name: str) -> Shape:
    """Describe one channel; its forms are its own, and so is what the medium adds."""
    own = _OWN.get(name, {})
    return Shape(
        f"The channel {name}.",
        {
            "form": Key(
                "What a message looks like here, which sets how loud it is.",
                Choice(tuple(FORMS[name]), f"a form of {name}"),
                required=True,
            ),
            "surface": Key("Where it appears.", Choice(SURFACES, "a surface"), required=True),
            "exposure": Key(
                "How many other eyes may see it: 0 is private, 1 is public. Follows from the form unless given.",
                Number(0, 1),
            ),
            "quiet": Key(
                "The hours in which a message may arrive, or none where any hour will do.",
                Either((Choice(("none",)), QUIET)),
                required=True,
                looser="less",
                label="quiet hours",
            ),
            "hold_max": Key(
                "How long a message may wait for calm hours, where any hour will do; not at all unless given.",
                HOLD,
                label="hold at most",
            ),
            "caps": Key("How many messages one customer may get here.", CAPS, looser="more"),
            "expires": Key(
                "After so long a message is not delivered any more.",
                Duration(MINUTE_MS, 30 * DAY_MS),
                required=True,
                label="expiry",
            ),
            "cost_minor": Key(
                "What one message costs, in the smallest unit of your currency.",
                Whole(0, COST_MINOR_MAX),
                label="cost of a message",
            ),
            "pace": Key(
                "How many messages may go here to all customers together; the others wait their turn.",
                PACE,
                looser="more",
                label="pace",
            ),
            **own,
        },
    )


CHANNELS_FILE: Final = Shape(
    "The channels that may speak, how often each may, and the links that give customers control.",
    {
        "locale": Key(
            "The default language: the one that campaigns are written in. en unless given.",
            Text(LOCALE_CHARS_MAX, LOCALE.pattern),
        ),
        "channels": Key(
            "The channels in use. One that is not named here is never used.",
            Shape(
                "The channels in use.",
                {name: Key(f"The channel {name}.", channel_shape(name)) for name in CHANNELS},
            ),
            required=True,
        ),
        "producers": Key(
            "The dialects that your producers speak, all unless given: the check warns of what they never send.",
            one_or_more(Choice(tuple(DIALECTS), "a dialect")),
        ),
        "overall": Key("What holds over all channels and campaigns together.", OVERALL, required=True),
        "groups": GROUPS,
        "actions": Key(
            "Where an action may lead besides paths of your own: https addresses, each with a slash at its end.",
            ListOf(Text(200, ALLOWED.pattern)),
            looser="more",
            unsaid="tightest",
        ),
        "controls": Key(
            "Addresses of your shop that every message carries; each contains {nudge_id} once.",
            Shape(
                "Addresses of your shop.",
                {
                    name: Key(said, Text(300, _LINK), required=True, label=f"link {name}")
                    for name, said in _CONTROLS_SAY.items()
                },
            ),
            required=True,
        ),
    },
)


@dataclass(frozen=True)
class Channels:
    """What `channels.yaml` says; empty where it is wrong."""

    channels: dict[str, Channel] = field(default_factory=dict)
    overall: Overall = field(default_factory=Overall)
    controls: dict[str, str] = field(default_factory=dict)
    locale: str = "en"
    groups: dict[str, Group] = field(default_factory=dict)
    producers: tuple[str, ...] = tuple(DIALECTS)
    actions: tuple[str, ...] = ()  # where a tap may lead besides paths of the shop's own


def read_channels(node: Node, findings: Findings, shelf: Shelf) -> Channels:
    """Read `channels.yaml`."""
    fields = Fields(node, findings, CHANNELS_FILE)
    locale = fields.text("locale") or "en"
    if not is_locale(locale):
        fields.at("locale", f"{locale!r} is not a locale such as en or de-CH")
        locale = "en"
    channels: dict[str, Channel] = {}
    if (listed := fields.mapping("channels")) is not None:
        for name in listed.keys:
            if name in CHANNELS and (one := listed.mapping(name)) is not None:
                channels[name] = _channel(name, one)
        if not listed.keys:
            fields.at("channels", "names no channel")
    return Channels(
        channels=channels,
        overall=read_overall(fields, shelf),
        controls=_controls(fields),
        locale=locale,
        groups=read_groups(fields),
        producers=fields.one_or_more("producers") or tuple(DIALECTS),
        actions=_actions(fields),
    )


def _channel(name: str, fields: Fields) -> Channel:
    forms = FORMS[name]
    form = fields.choice("form") or next(iter(forms))
    obtrusiveness, exposure = forms[form]
    quiet, hold_max_ms = _quiet(fields)
    stated = fields.number("exposure")
    if "caps" not in fields:
        fields.findings.warn(
            fields.node.file,
            fields.node.line,
            f"{fields.node.path}: has no caps, so only the overall caps hold",
        )
    return Channel(
        name=name,
        form=form,
        surface=fields.choice("surface") or "",
        obtrusiveness=obtrusiveness,
        exposure=exposure if stated is None else float(stated),
        quiet=quiet,
        hold_max_ms=hold_max_ms,
        caps=read_caps(fields),
        expires_ms=fields.duration("expires") or 0,
        cost_minor=fields.integer("cost_minor") or 0,
        pace=_pace(fields),
        segments_max=_segments_max(fields),
        unsubscribe_mailto=_mailto(fields),
    )


def _pace(fields: Fields) -> Pace | None:
    pace = fields.mapping("pace")
    if pace is None:
        return None
    most, per_ms = pace.integer("max"), pace.duration("per")
    if most is None or per_ms is None:
        return None
    return Pace(most, per_ms, f"{most} in {duration_text(per_ms)}")


def _segments_max(fields: Fields) -> int:
    segments = fields.integer("segments_max") or SEGMENTS_MAX
    if segments > SEGMENTS_MAX:
        node, line = fields.node, fields.node.line_of("segments_max")
        message = (
            f"{node.path}.segments_max: each of {segments} segments is paid for; {SEGMENTS_MAX} are usual"
        )
        fields.findings.warn(node.file, line, message)
    return segments


def _mailto(fields: Fields) -> str:
    link = fields.text("unsubscribe_mailto") or ""
    if link and not _MAILTO.fullmatch(link):
        fields.at(
            "unsubscribe_mailto", f"{link!r} is not such as mailto:stop@shop.example?subject={{nudge_id}}"
        )
    return link


def _quiet(fields: Fields) -> tuple[Quiet | None, int]:
    """Read when a channel may speak, and how long a message may be held for that, or for calm hours."""
    node, hold_max_ms = fields.keys.get("quiet"), fields.duration("hold_max") or 0
    if node is None or (node.kind == "text" and node.raw == "none"):
        return None, hold_max_ms
    if node.kind != "mapping":
        fields.at("quiet", f'{node} is neither none nor {{open: "09:00-20:00", hold_max: 12h}}')
        return None, 0
    if "hold_max" in fields:
        fields.at("hold_max", "stands beside quiet: none; a channel with hours has it under quiet")
    quiet = Fields(node, fields.findings, QUIET)
    hold_max_ms = quiet.duration("hold_max") or 0
    text = quiet.text("open")
    hours = None if text is None else read_hours(quiet, "open", text)
    return (None if hours is None else Quiet(*hours)), hold_max_ms


def _actions(fields: Fields) -> tuple[str, ...]:
    actions = fields.texts("actions")
    for node in fields.nodes("actions"):
        if node.raw in actions and not ALLOWED.fullmatch(node.raw):
            fields.error(node, f"{node} is not such as https://shop.example/ or https://shop.example/sale/")
    return actions


def _controls(fields: Fields) -> dict[str, str]:
    controls = fields.mapping("controls")
    if controls is None:
        return {}
    links: dict[str, str] = {}
    for name in CONTROLS:
        link = controls.text(name)
        if link is None:
            continue
        problem = _link_problem(link)
        if problem:
            controls.at(name, problem)
        links[name] = link
    return links


def _link_problem(link: str) -> str:
    """Say what is wrong with a link of control; one-click unsubscribing (RFC 8058) allows https alone."""
    parts = urlsplit(link)
    if parts.scheme != "https" or not parts.hostname or any(char in link for char in " <>\"'"):
        return "must be an https address without spaces, quotes or angle brackets"
    if not link.isascii():
        return "must be of ASCII, since it stands in a header; percent-encode what is not"
    names = _PLACEHOLDER.findall(link)
    if names.count("nudge_id") != 1 or len(names) != 1 or link.count("{") != 1 or link.count("}") != 1:
        return "must contain {nudge_id} once, and no other placeholder"
    return ""
