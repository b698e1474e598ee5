"""`wait` and `unless` of a campaign: asking later, and not at all if something comes in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.conditions import all_of
from streamproc.core.event import BEACON_KINDS, VISIT_KINDS
from streamproc.core.policy import kinds
from streamproc.core.policy.caps import DAY_MS, MINUTE_MS
from streamproc.core.policy.event_shapes import KINDS_MAX, kind_of
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.model import Campaign, Trigger, Wait
from streamproc.core.policy.rule import Rule
from streamproc.core.policy.scope import Scope
from streamproc.core.policy.shape import Duration, Either, Key, ListOf, Number, Shape
from streamproc.core.policy.which import read_kind
from streamproc.core.triggers import trigger_conditions
from streamproc.core.watching import ITEM_KINDS

WAIT_MS_MAX: Final = 90 * DAY_MS
REPURCHASE_RATIO_MAX: Final = 2.0
_REPURCHASE: Final = "repurchase"
_SENSED: Final = BEACON_KINDS | VISIT_KINDS
_ABSENT: Final = "when: {not: {visit.open: true}}, or absent with visit.started"

REPURCHASE: Final = Shape(
    "A part of the time after which the item's group is bought again.",
    {
        _REPURCHASE: Key(
            "0.9 waits for nine tenths of the group's `repurchase` in categories.yaml; without one nothing is sent.",
            Number(0.01, REPURCHASE_RATIO_MAX),
            required=True,
        )
    },
)
WAITING: Final = {
    "wait": Key(
        "How long to wait after the trigger; `when` is asked then. A time such as 30m, or {repurchase: 0.9}.",
        Either((Duration(MINUTE_MS, WAIT_MS_MAX), REPURCHASE)),
    ),
    "unless": Key(
        "What ends the waiting without a message: events of these kinds, none of them before the trigger.",
        ListOf(kind_of(kinds.DONE_KINDS), KINDS_MAX, 1),
        looser="less",
        unsaid="loosest",
    ),
}


def with_waiting(campaign: Campaign, fields: Fields, scope: Scope, rule: Rule, unplugged: Rule) -> Campaign:
    """Read the keys of this part of a campaign's file, and return the campaign with what they say."""
    trigger = campaign.trigger
    # News of an item are only worth telling while they are true: where and by how much counts to the end.
    lasting = trigger if trigger.kind in ITEM_KINDS else Trigger(trigger.kind)
    days = trigger_conditions(lasting, campaign.active_from, campaign.active_until)
    starts = trigger_conditions(trigger, campaign.active_from, campaign.active_until)
    return replace(
        campaign,
        wait=_wait(fields, trigger.kind),
        unless=_unless(fields, scope, trigger.kind),
        starts=all_of(starts) if starts else None,
        still=all_of([*days, rule.test]),
        still_unplugged=all_of([*days, unplugged.test]) if campaign.plugins else None,
    )


def _wait(fields: Fields, trigger: str) -> Wait | None:
    node = fields.keys.get("wait")
    if node is None:
        return None
    if node.kind != "mapping":
        wait_ms = fields.duration("wait", MINUTE_MS, WAIT_MS_MAX)
        return None if wait_ms is None else Wait(ms=wait_ms)
    ratio = Fields(node, fields.findings, REPURCHASE).number(_REPURCHASE)
    if not kinds.has_item(trigger):
        fields.at("wait", f"events of {trigger} name no item, so nothing says when it is bought again")
    return None if ratio is None else Wait(repurchase_ratio=float(ratio))


def _unless(fields: Fields, scope: Scope, trigger: str) -> frozenset[str]:
    if "unless" in fields and "wait" not in fields:
        fields.at("unless", "there is no wait, so there is nothing that it could end")
    if fields.is_empty("unless"):
        fields.at("unless", "is empty")
    found: set[str] = set()
    for node in fields.nodes("unless")[:KINDS_MAX]:
        if node.raw in _SENSED:
            fields.error(node, f"{node.raw} ends no waiting; ask when the time has come: {_ABSENT}")
            continue
        kind = read_kind(fields, node, kinds.DONE_KINDS)
        if kind is None:
            continue
        if kind == trigger:
            fields.error(node, f"{kind} is the trigger itself, so nothing would ever be sent")
        elif kind in found:
            fields.error(node, f"{kind} stands twice")
        else:
            found.add(kind)
            scope.expect(fields, "unless", kind)
    if len(fields.nodes("unless")) > KINDS_MAX:
        fields.at("unless", f"has {len(fields.nodes('unless'))} entries, {KINDS_MAX} are allowed")
    return frozenset(found)


def index_endings(campaigns: Mapping[str, Campaign]) -> dict[str, frozenset[str]]:
    """Index the campaigns, by their keys, by the kinds of events that end one's waiting."""
    ending: dict[str, set[str]] = {}
    for campaign in campaigns.values():
        for kind in campaign.unless:
            ending.setdefault(kind, set()).add(campaign.key)
    return {kind: frozenset(keys) for kind, keys in ending.items()}
