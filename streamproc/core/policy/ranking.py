"""What a campaign says for its place among others: what a message of it is worth, and how likely that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from streamproc.core import rank
from streamproc.core.facts_paths import TRAIT_PREFIX
from streamproc.core.money import MINOR_MAX, to_minor
from streamproc.core.policy.channels import Channels
from streamproc.core.policy.fields import NAME, Fields
from streamproc.core.policy.model import Campaign
from streamproc.core.policy.problems import nearest
from streamproc.core.policy.shape import Choice, Either, Key, Number, Text
from streamproc.core.scene import Scene

EVENT, CART = "event", "cart"
_STATED: Final[dict[str, Callable[[str], Callable[[Scene], float]]]] = {
    EVENT: rank.event_value,
    CART: rank.cart_value,
}
RANKING: Final[dict[str, Key]] = {
    "value": Key(
        "What a message is worth if it works, in overall.currency: an amount, or that of the event or the cart.",
        Either((Number(0, MINOR_MAX), Choice(tuple(_STATED), "a value"))),
    ),
    "propensity": Key(
        "How likely it works, 0 to 1: a number, or the trait of the customer that says it; 1 unless given.",
        Either((Number(0, 1), Text(pattern=f"trait\\.{NAME.pattern}"))),
    ),
}


def with_ranking(campaign: Campaign, fields: Fields, channels: Channels) -> Campaign:
    """Read the keys of this part of a campaign's file, and return the campaign with what they say."""
    campaign = replace(
        campaign, value=_value(fields, channels.overall.currency), propensity=_propensity(fields)
    )
    if channels.overall.rank == rank.BY_VALUE and "value" not in fields and fields.node.kind == "mapping":
        message = "value: has none, so it ranks behind all that have one (overall.rank is value)"
        fields.findings.warn(fields.node.file, fields.node.line, message)
    return campaign


def _value(fields: Fields, currency: str) -> Callable[[Scene], float] | None:
    node = fields.keys.get("value")
    if node is None:
        return None
    if not currency:
        fields.at("value", "in which currency? Name it in overall.currency of channels.yaml")
        return None
    if node.kind != "number":
        stated = fields.choice("value", _STATED, "a value, which is an amount or one of these")
        return None if stated is None else _STATED[stated](currency)
    amount = fields.number("value", 0, MINOR_MAX)
    try:
        return None if amount is None else rank.constant(to_minor(amount, currency))
    except ValueError as error:
        fields.at("value", str(error))
        return None


def _propensity(fields: Fields) -> Callable[[Scene], float] | None:
    node = fields.keys.get("propensity")
    if node is None:
        return None
    if node.kind == "number":
        likely = fields.number("propensity", 0, 1)
        return None if likely is None else rank.constant(float(likely))
    path = fields.text("propensity")
    if path is None:
        return None
    name = path.removeprefix(TRAIT_PREFIX)
    if name == path or not NAME.fullmatch(name):
        known = nearest(path, [f"{TRAIT_PREFIX}<name>"])
        fields.at("propensity", f"{path!r} is neither a number from 0 to 1 nor {TRAIT_PREFIX}<name>{known}")
        return None
    return rank.trait_propensity(name)
