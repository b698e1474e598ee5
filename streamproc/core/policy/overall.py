"""`overall` and `groups` in `channels.yaml`: what holds over several channels or campaigns together."""

from __future__ import annotations

import re
from typing import Final

from streamproc.core.money import MINOR_MAX
from streamproc.core.plugins import PLUGIN_PREFIX, Ranking
from streamproc.core.policy.caps import CAPS, CAPS_MAX, DAY_MS, MEMORY_MS, MINUTE_MS, read_caps
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields
from streamproc.core.policy.model import Group, Overall, Spend
from streamproc.core.policy.plugin_shelf import ARGUMENTS, Shelf
from streamproc.core.policy.problems import nearest
from streamproc.core.policy.shape import (
    ByName,
    Choice,
    Duration,
    Either,
    Flag,
    Key,
    ListOf,
    Number,
    Shape,
    Text,
    Whole,
)
from streamproc.core.policy.visits import VISITS, read_visits
from streamproc.core.rank import BY_PRIORITY, BY_VALUE, RANKINGS
from streamproc.core.zones import zone_names

PRIORITY_MAX: Final = 100
PLUGIN_PATTERN: Final = f"{re.escape(PLUGIN_PREFIX)}{NAME.pattern}"
UTC: Final = "Etc/UTC"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")

OVERALL: Final = Shape(
    "What holds over all channels and campaigns together.",
    {
        "caps": Key(
            "How many messages one customer may get in all.",
            ListOf(CAPS.of, CAPS_MAX, 1),
            required=True,
            looser="more",
        ),
        "gap_min": Key(
            "The least time between two messages to one customer.",
            Duration(0, 30 * DAY_MS),
            looser="less",
            label="least gap",
        ),
        "one_sensed_per_visit": Key(
            "At most one message a visit that a beacon caused; true unless given.",
            Flag(),
            looser="less",
            label="one sensed message a visit",
        ),
        "visits": Key("What makes a visit of what beacons hear.", VISITS),
        "priority_min": Key(
            "A campaign whose priority is below this stays silent.",
            Whole(0, PRIORITY_MAX),
            looser="less",
            label="least priority",
        ),
        "holdout_ratio": Key(
            "The part of all customers who hear of no campaign, to measure by, such as 0.02.",
            Number(0, 1),
            looser="less",
            label="held out of all campaigns",
        ),
        "holdout_salt": Key(
            "Another text here draws every hold-out group anew.",
            Text(64),
            label="draw of the hold-out groups",
        ),
        "rank": Key(
            "Which of several campaigns speaks: that of highest priority, of highest value times propensity, or as a "
            "plug-in ranks them.",
            Either((Choice(RANKINGS, "a ranking"), ByName(ARGUMENTS, PLUGIN_PATTERN))),
            label="ranking",
        ),
        "shadow": Key(
            "true: nothing is sent, and decisions record what would have been; false unless given.",
            Flag(default=False),
            looser="less",
        ),
        "spend": Key(
            "What all messages of one day may cost together, by the channels' cost_minor.",
            Shape(
                "What one day may cost.",
                {
                    "max_minor": Key(
                        "The most, in the smallest unit of your currency.",
                        Whole(0, MINOR_MAX),
                        required=True,
                        looser="more",
                        label="most a day",
                    ),
                    "zone": Key(
                        "Whose midnight begins a day, such as Europe/Berlin; UTC unless given.",
                        Text(64),
                        label="zone",
                    ),
                },
            ),
            looser="more",
            label="cost of all messages",
        ),
        "currency": Key("The currency of every campaign's value, such as EUR.", Text(3, _CURRENCY.pattern)),
    },
)


GROUPS_MAX: Final = 50
GROUP: Final = Shape(
    "Campaigns that exclude each other.",
    {
        "window": Key(
            "How long the others are silent after one of them spoke, such as 14d.",
            Duration(MINUTE_MS, MEMORY_MS),
            required=True,
            looser="less",
        )
    },
)
GROUPS: Final = Key(
    "Groups of campaigns that exclude each other: who heard one hears no other for a while.",
    ByName(GROUP, NAME.pattern, GROUPS_MAX, NAME_RULE),
    label="exclusive groups",
)


def read_overall(fields: Fields, shelf: Shelf) -> Overall:
    """Read `overall`; empty where it is wrong."""
    overall = fields.mapping("overall")
    if overall is None:
        return Overall()
    caps = read_caps(overall)
    if overall.is_empty("caps"):
        overall.at("caps", "needs at least one cap: it is what a customer can rely on")
    rank, ranking = _rank(overall, shelf)
    return Overall(
        caps=caps,
        gap_min_ms=overall.duration("gap_min") or 0,
        one_sensed_per_visit=overall.flag("one_sensed_per_visit"),
        visits=read_visits(overall),
        priority_min=overall.integer("priority_min") or 0,
        holdout_ratio=float(overall.number("holdout_ratio") or 0),
        holdout_salt=overall.text("holdout_salt") or "",
        rank=rank,
        ranking=ranking,
        shadow=_shadow(overall),
        currency=_currency(overall, rank),
        spend=_spend(overall),
    )


def _rank(overall: Fields, shelf: Shelf) -> tuple[str, Ranking | None]:
    """Read how candidates are ordered: by a name, or by the plug-in that a mapping of one key names."""
    node = overall.keys.get("rank")
    if node is None or node.kind != "mapping":
        return overall.choice("rank", RANKINGS, "a ranking") or BY_PRIORITY, None
    named = Fields(node, overall.findings)
    key = next(iter(named.keys), "")
    if len(named.keys) != 1 or not key.startswith(PLUGIN_PREFIX):
        overall.at("rank", f"needs one plug-in, such as {{{PLUGIN_PREFIX}<name>: {{}}}}")
        return BY_PRIORITY, None
    ranking = shelf.ranking(named, key)
    return (BY_PRIORITY if ranking is None else key), ranking


def _shadow(overall: Fields) -> bool:
    shadow = overall.flag("shadow")
    if shadow:
        node, message = overall.node, "nothing is sent while it stands, only recorded"
        overall.findings.warn(node.file, node.line_of("shadow"), f"{node.path}.shadow: {message}")
    return shadow


def _spend(overall: Fields) -> Spend | None:
    spend = overall.mapping("spend")
    if spend is None:
        return None
    zone = spend.text("zone") or UTC
    if zone not in zone_names():
        spend.at("zone", f"{zone!r} is not a time zone{nearest(zone, zone_names())}")
    max_minor = spend.integer("max_minor")
    return None if max_minor is None else Spend(max_minor, zone)


def _currency(overall: Fields, rank: str) -> str:
    currency = overall.text("currency") or ""
    if currency and not _CURRENCY.fullmatch(currency):
        overall.at("currency", f"{currency!r} is not a currency such as EUR")
    elif "currency" not in overall and rank == BY_VALUE:
        overall.at("rank", "value: in which currency? Name it in overall.currency")
    return currency


def read_groups(fields: Fields) -> dict[str, Group]:
    """Read `groups`, by name."""
    groups: dict[str, Group] = {}
    listed = fields.mapping("groups")
    if listed is None:
        return groups
    if len(listed.keys) > GROUPS_MAX:
        fields.at("groups", f"has {len(listed.keys)} groups, {GROUPS_MAX} are allowed")
    for name in list(listed.keys)[:GROUPS_MAX]:
        if listed.is_name(name) and (one := listed.mapping(name, GROUP)) is not None:
            # One whose window cannot be read stands all the same, so that its campaigns are not reported too.
            groups[name] = Group(name, one.duration("window") or 0)
    return groups
