"""Why a campaign may be sent at all: with the customer's opt-in, or on another basis because it is about an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.facts_paths import FactPath
from streamproc.core.policy import kinds
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.model import MARKETING, TRANSACTIONAL, Campaign, Exemption
from streamproc.core.policy.problems import listed
from streamproc.core.policy.shape import Choice, Flag, Key, ListOf

PURPOSES: Final = (MARKETING, TRANSACTIONAL)
# The legal bases of article 6(1) GDPR, (b) to (d), on which a message about an order may stand. Consent is that of
# marketing, and legitimate interests are what marketing would claim.
BASES: Final = ("contract", "legal_obligation", "vital_interests")
PURCHASED: Final = "purchased"
_ORDER_PREFIX: Final = "order."
# What these speak of, or for which reason, is an offer and no service.
_MARKETING_CODES: Final = frozenset({"viewed", "cart", "wishlist", kinds.ALWAYS_TRUE_CODE})
_MARKETING_FACTS: Final = ("cart.", "wishlist.", "interest.")
_KEYS_OF: Final = {
    MARKETING: ("holdout_ratio", "group", "value", "propensity"),
    TRANSACTIONAL: ("basis", "counts", "exempt_from"),
}

PURPOSE: Final[dict[str, Key]] = {
    "basis": Key(
        "On which legal basis a transactional message is sent (article 6 GDPR), since it needs no opt-in.",
        Choice(BASES, "a legal basis"),
        label="legal basis",
    ),
    "counts": Key(
        "false: what a transactional campaign sends does not fill the caps of others; true unless given.",
        Flag(),
        looser="less",
        label="counting for others",
    ),
    "exempt_from": Key(
        "What a transactional campaign need not obey; what is not named here, it obeys.",
        ListOf(Choice(tuple(Exemption), "something to be exempt from")),
        looser="more",
        label="exemptions",
        unsaid="tightest",
    ),
}


def with_purpose(campaign: Campaign, fields: Fields) -> Campaign:
    """Read the keys of this part of a campaign's file, and return the campaign with what they say."""
    for purpose, keys in _KEYS_OF.items():
        for key in keys:
            if campaign.purpose not in (purpose, "") and key in fields:
                fields.at(key, f"is for {purpose} campaigns alone")
    if campaign.purpose != TRANSACTIONAL:
        return campaign
    fields.require("basis")
    return replace(
        campaign,
        basis=fields.choice("basis") or "",
        counts=fields.flag("counts"),
        exempt_from=frozenset(fields.texts("exempt_from", tuple(Exemption), "something to be exempt from")),
    )


def implied_codes(purpose: str | None, kind: str) -> frozenset[str]:
    """Return the reason codes that are true because of a campaign's purpose and the kind that triggers it.

    Marketing is sent to who opted in. A transactional message says nothing of that; each event of an order tells that
    something was bought.
    """
    if purpose != TRANSACTIONAL:
        return frozenset({kinds.ALWAYS_TRUE_CODE})
    return frozenset({PURCHASED}) if kind.startswith(_ORDER_PREFIX) else frozenset()


def check_service(
    fields: Fields, purpose: str | None, kind: str, implied: frozenset[str], paths: Mapping[str, FactPath]
) -> None:
    """Refuse a transactional campaign that is evidently marketing: it must be about an order, and carry no offer.

    `implied` are the reasons that follow from its trigger, its conditions and its facts.
    """
    if purpose != TRANSACTIONAL:
        return
    if PURCHASED not in implied:
        message = f"{TRANSACTIONAL}: {kind} is about no order, and no condition shows one (a count of order.completed)"
        fields.at("purpose", f"{message}; this is {MARKETING}")
    offers = [name for name, fact in paths.items() if fact.path.startswith(_MARKETING_FACTS)]
    if offers:
        fields.at("facts", f"{listed(offers)} speaks of what was not bought: this is {MARKETING}")
    for node in fields.nodes("because"):
        if node.raw in _MARKETING_CODES:
            fields.error(node, f"{node.raw} is a reason for {MARKETING}, not for a message about an order")
