"""A shop whose policy uses all that a policy can say about choosing."""

from __future__ import annotations

from functools import cache

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from tests.core.shopper import FILES, VIEWED, campaign

_WISHED = "{wishlist.count: {min: 1}}"
_ORDERED = "{cart.count: {max: 20}}"
_OVERALL = "overall: {caps: [{max: 3, rolling: 1d}], gap_min: 1h, priority_min: 10"


def _with(text: str, *keys: str) -> str:
    """Add keys to a campaign's file, in place of its purpose where they name one."""
    named = any(key.startswith("purpose") for key in keys)
    return text.replace("purpose: marketing", "\n".join(keys if named else ("purpose: marketing", *keys)))


def _wish(name: str, priority: int, *keys: str) -> str:
    return _with(
        campaign(name, "{event: wishlist.added}", _WISHED, because="wishlist", priority=priority), *keys
    )


BAZAAR = {
    **FILES,
    "channels.yaml": FILES["channels.yaml"].replace(
        _OVERALL,
        "groups: {winter: {window: 2d}}\n" + _OVERALL + ", holdout_ratio: 0.1, rank: value, currency: EUR",
    ),
    "campaigns/look.yaml": _with(
        campaign("look", "{event: product.viewed}", VIEWED, caps="[{max: 2, rolling: 7d}]"),
        "value: event",
        "propensity: 0.5",
        "formerly: [peek, glance]",
    ),
    # Half of the customers never hear the one that is worth most.
    "campaigns/look_held.yaml": _with(
        campaign("look_held", "{event: product.viewed}", VIEWED, priority=60),
        "value: 90",
        "holdout_ratio: 0.5",
    ),
    "campaigns/look_shadow.yaml": _with(
        campaign("look_shadow", "{event: product.viewed}", VIEWED, priority=70), "value: 95", "shadow: true"
    ),
    "campaigns/wish.yaml": _wish("wish", 40, "group: winter", "value: cart"),
    "campaigns/wish_more.yaml": _wish(
        "wish_more", 20, "group: winter", "value: 1", "propensity: trait.generous"
    ),
    "campaigns/wish_shadow.yaml": _wish("wish_shadow", 90, "group: winter", "value: 99", "shadow: true"),
    "campaigns/upsell.yaml": campaign(
        "upsell",
        "{event: order.completed}",
        _ORDERED,
        because="purchased",
        category="toys",
        facts="{}",
        say="More.",
    ),
    "campaigns/ordered.yaml": _with(
        campaign(
            "ordered",
            "{event: order.completed}",
            _ORDERED,
            because="purchased",
            category="none",
            facts="{}",
            say="We have your order.",
            caps="[{max: 2, rolling: 7d}]",
        ),
        *("purpose: transactional", "basis: contract", "counts: false", "exempt_from: [caps, gap, hold]"),
    ),
    "campaigns/refunded.yaml": _with(
        campaign(
            "refunded",
            "{event: order.refunded}",
            _ORDERED,
            because="purchased",
            category="none",
            facts="{}",
            say="Refunded.",
        ),
        *("purpose: transactional", "basis: legal_obligation", "exempt_from: [quiet_hours, refusal]"),
    ),
}


@cache
def bazaar() -> Policy:
    """Compile the bazaar's policy."""
    return load(BAZAAR, "v1")
