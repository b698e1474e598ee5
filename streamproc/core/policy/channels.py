"""`channels.yaml`: the six channels, what holds over all of them, and the links of control."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from streamproc.core.context import CHARGES_MAX
from streamproc.core.facts import CHANNELS
from streamproc.core.locales import is_locale
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import Fields, duration_text
from streamproc.core.policy.model import Cap, Channel, Overall, Period, Quiet
from streamproc.core.policy.problems import Findings

DAY_MS: Final = 86_400_000
# What a context keeps at most (`CONTEXT_DAYS`); a window beyond it would forget what it counts.
MEMORY_MS: Final = 90 * DAY_MS
CAPS_MAX: Final = 8
PRIORITY_MAX: Final = 100
COST_MINOR_MAX: Final = 10_000
CONTROLS: Final = ("why", "mute", "unsubscribe")
SURFACES: Final = ("app", "phone", "mailbox", "site", "store")

# How obtrusive each form is, and how exposed to other eyes it is unless the file says otherwise.
FORMS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "push": {"push": (0.80, 0.2)},
    "sms": {"sms": (0.90, 0.2)},
    "email": {"email": (0.25, 0.0)},
    "in_app": {"inbox": (0.05, 0.0), "modal": (0.45, 0.0)},
    "web": {"on_site": (0.10, 0.0), "web_push": (0.60, 0.2)},
    "in_store": {"display": (0.85, 1.0), "staff": (0.85, 0.2)},
}
_PERIOD_TEXT: Final = {"day": "1 d", "week": "1 w", "month": "1 month", "visit": "visit"}
_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Channels:
    """What `channels.yaml` says; empty where it is wrong."""

    channels: dict[str, Channel] = field(default_factory=dict)
    overall: Overall = field(default_factory=Overall)
    controls: dict[str, str] = field(default_factory=dict)
    locale: str = "en"


def read_channels(node: Node, findings: Findings) -> Channels:
    """Read `channels.yaml`."""
    fields = Fields(node, findings)
    fields.only(("locale", "channels", "overall", "controls"))
    fields.require("channels", "overall", "controls")
    locale = fields.text("locale", 12) or "en"
    if not is_locale(locale):
        fields.at("locale", f"{locale!r} is not a locale such as en or de-CH")
        locale = "en"
    channels: dict[str, Channel] = {}
    if (listed := fields.mapping("channels")) is not None:
        listed.only(CHANNELS)
        for name in listed.keys:
            if name in CHANNELS and (one := listed.mapping(name)) is not None:
                channels[name] = _channel(name, one)
        if not listed.keys:
            fields.at("channels", "names no channel")
    return Channels(channels, _overall(fields), _controls(fields), locale)


def _channel(name: str, fields: Fields) -> Channel:
    fields.only(("form", "surface", "exposure", "quiet", "caps", "expires", "cost_minor"))
    fields.require("form", "surface", "quiet", "expires")
    forms = FORMS[name]
    form = fields.choice("form", forms, f"a form of {name}") or next(iter(forms))
    obtrusiveness, exposure = forms[form]
    stated = fields.number("exposure", 0, 1)
    if "caps" not in fields:
        fields.findings.warn(
            fields.node.file,
            fields.node.line,
            f"{fields.node.path}: has no caps, so only the overall caps hold",
        )
    return Channel(
        name=name,
        form=form,
        surface=fields.choice("surface", SURFACES, "a surface") or "",
        obtrusiveness=obtrusiveness,
        exposure=exposure if stated is None else float(stated),
        quiet=_quiet(fields),
        caps=read_caps(fields),
        expires_ms=fields.duration("expires", 60_000, 30 * DAY_MS) or 0,
        cost_minor=fields.integer("cost_minor", 0, COST_MINOR_MAX) or 0,
    )


def _quiet(fields: Fields) -> Quiet | None:
    node = fields.keys.get("quiet")
    if node is None or (node.kind == "text" and node.raw == "none"):
        return None
    if node.kind != "mapping":
        fields.at("quiet", f'{node} is neither none nor {{open: "09:00-20:00", hold_max: 12h}}')
        return None
    quiet = Fields(node, fields.findings)
    quiet.only(("open", "hold_max"))
    quiet.require("open")
    hold_ms = quiet.duration("hold_max", 0, 2 * DAY_MS) or 0
    text = quiet.text("open", 11)
    if text is None:
        return None
    match = _HOURS.fullmatch(text)
    if match is None:
        quiet.at("open", f"{text!r} is not a window such as 09:00-20:00")
        return None
    open_min, close_min = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
    if close_min > 24 * 60 or open_min == close_min:
        quiet.at("open", f"{text!r} is not a window: it must open and close at different minutes of one day")
        return None
    return Quiet(open_min, close_min, hold_ms)


def read_caps(fields: Fields) -> tuple[Cap, ...]:
    """Read the `caps` of a mapping."""
    nodes = fields.nodes("caps")
    if len(nodes) > CAPS_MAX:
        fields.at("caps", f"has {len(nodes)} caps, {CAPS_MAX} are allowed")
    caps = [_cap(Fields(node, fields.findings)) for node in nodes[:CAPS_MAX]]
    return tuple(cap for cap in caps if cap is not None)


def _cap(fields: Fields) -> Cap | None:
    windows = ("per", "rolling", "ever")
    fields.only(("max", *windows))
    fields.require("max")
    count = fields.integer("max", 1, CHARGES_MAX)
    given = [key for key in windows if key in fields]
    if len(given) != 1 and fields.node.kind == "mapping":
        found = " and ".join(given) or "none"
        fields.error(fields.node, f"needs exactly one of per, rolling and ever, it has {found}")
        return None
    if "ever" in fields and not fields.flag("ever", default=True):
        fields.at("ever", "can only be true; leave it out otherwise")
    period = fields.choice("per", [period.value for period in Period], "a period")
    rolling_ms = fields.duration("rolling", 60_000, MEMORY_MS)
    if count is None or not (period or rolling_ms or "ever" in fields):
        return None
    if rolling_ms:
        return Cap(count, rolling_ms=rolling_ms, text=f"{duration_text(rolling_ms)} rolling")
    if period:
        return Cap(count, per=Period(period), text=_PERIOD_TEXT[period])
    return Cap(count, ever=True, text="ever")


def _overall(fields: Fields) -> Overall:
    overall = fields.mapping("overall")
    if overall is None:
        return Overall()
    overall.only(("caps", "gap_min", "one_sensed_per_visit", "priority_min"))
    overall.require("caps")
    caps = read_caps(overall)
    if overall.is_empty("caps"):
        overall.at("caps", "needs at least one cap: it is what a customer can rely on")
    return Overall(
        caps=caps,
        gap_min_ms=overall.duration("gap_min", 0, 30 * DAY_MS) or 0,
        one_sensed_per_visit=overall.flag("one_sensed_per_visit", default=True),
        priority_min=overall.integer("priority_min", 0, PRIORITY_MAX) or 0,
    )


def _controls(fields: Fields) -> dict[str, str]:
    controls = fields.mapping("controls")
    if controls is None:
        return {}
    controls.only(CONTROLS)
    controls.require(*CONTROLS)
    links: dict[str, str] = {}
    for name in CONTROLS:
        link = controls.text(name, 300)
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
    names = _PLACEHOLDER.findall(link)
    if names.count("nudge_id") != 1 or len(names) != 1 or link.count("{") != 1 or link.count("}") != 1:
        return "must contain {nudge_id} once, and no other placeholder"
    return ""
