"""What a campaign says about being chosen: what it was called, who is held out, and which others it excludes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.policy.channels import Channels
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields
from streamproc.core.policy.model import Campaign
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.shape import Either, Flag, Key, ListOf, NameOf, Number, Text

NAMES_MAX: Final = 8
CHOOSING: Final[dict[str, Key]] = {
    "formerly": Key(
        "What it was called before, the oldest name first: its caps, hold-out group and switch go with it.",
        Either((Text(pattern=NAME.pattern), ListOf(Text(pattern=NAME.pattern), NAMES_MAX))),
        label="former names",
    ),
    "holdout_ratio": Key(
        "The part of customers who never hear of it, to measure by, such as 0.05.",
        Number(0, 1),
        looser="less",
        label="held out",
    ),
    "group": Key(
        "The exclusive group of channels.yaml that it is in: who heard another of it in its window does not hear this.",
        NameOf("group"),
        looser="less",
        label="exclusive group",
    ),
    "shadow": Key(
        "true: it is never sent, and decisions record what it would have said; false unless given.",
        Flag(default=False),
        looser="less",
    ),
}


def with_choosing(campaign: Campaign, fields: Fields, channels: Channels) -> Campaign:
    """Read the keys of this part of a campaign's file, and return the campaign with what they say."""
    return replace(
        campaign,
        formerly=_formerly(fields, campaign.id),
        holdout_ratio=float(fields.number("holdout_ratio") or 0),
        group=fields.choice("group", channels.groups, "a group of channels.yaml") or "",
        shadow=fields.flag("shadow"),
    )


def _formerly(fields: Fields, name: str) -> tuple[str, ...]:
    """Read what the campaign was called before: one name, or a list of them with the oldest first."""
    node = fields.keys.get("formerly")
    if node is None:
        return ()
    if node.kind != "list":
        former = fields.text("formerly")
        names: tuple[str, ...] = () if former is None else (former,)
    else:
        names = fields.texts("formerly")
    if len(names) > NAMES_MAX:
        fields.at("formerly", f"has {len(names)} names, {NAMES_MAX} are allowed")
    for former in names:
        if not NAME.fullmatch(former):
            fields.at("formerly", f"{former!r} is not a name: {NAME_RULE}")
        elif former == name:
            fields.at("formerly", f"{former} is what it is called now")
    return names[:NAMES_MAX]


def check_names(campaigns: Mapping[str, Campaign], nodes: Mapping[str, Node], findings: Findings) -> None:
    """Refuse a former name that another campaign has, or had too: counters and hold-outs would hang on both."""
    owners: dict[str, str] = {name: name for name in campaigns}
    for name, campaign in campaigns.items():
        for former in campaign.formerly:
            owner = owners.setdefault(former, name)
            if owner != name:
                node = nodes[name]
                message = (
                    f"formerly: {former} is, or was, the name of {owner}: its counters cannot hang on both"
                )
                findings.error(node.file, node.line_of("formerly"), message)


def check_groups(campaigns: Mapping[str, Campaign], nodes: Mapping[str, Node], findings: Findings) -> None:
    """Warn of a campaign that is alone in its exclusive group."""
    members = Counter(campaign.group for campaign in campaigns.values())
    for name, campaign in campaigns.items():
        if campaign.group and members[campaign.group] == 1:
            message = f"group: no other campaign is in {campaign.group}, so it excludes nothing"
            findings.warn(nodes[name].file, nodes[name].line_of("group"), message)
