"""Hold-out groups: who hears nothing of a campaign, or of any, so that its effect can be measured."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from streamproc.core.reasons import Gate, Why

if TYPE_CHECKING:
    from streamproc.core.policy.model import Campaign, Overall

EVERYTHING: Final = "*"
"""The group that is held out of all campaigns; no campaign can have this name."""
_POINT_BYTES: Final = 8
# A float holds 53 bits, so that many of the hash become a number in [0, 1) that never rounds up to 1.
_POINT_BITS: Final = 53
_POINTS: Final = 1 << _POINT_BITS


def point(customer_id: str, group: str, salt: str = "") -> float:
    """Place a customer in [0, 1) for one group: evenly over customers, independently between groups and salts.

    It is the first 53 bits of the BLAKE2b-64, without key or personalisation, of salt, group and customer id in
    UTF-8, the first two each behind its length in bytes (4 bytes, big endian). So every worker, a replay and an
    analyst agree, and neither time nor the policy's version moves anybody.
    """
    parts = salt.encode(), group.encode()
    text = b"".join([len(part).to_bytes(4, "big") + part for part in parts]) + customer_id.encode()
    digest = blake2b(text, digest_size=_POINT_BYTES).digest()
    return (int.from_bytes(digest, "big") >> (8 * _POINT_BYTES - _POINT_BITS)) / _POINTS


def own_group(campaign: Campaign, overall: Overall, customer_id: str) -> Why | None:
    """Tell whether the customer is in the campaign's own group, which hangs on its first name."""
    if not campaign.holdout_ratio:
        return None
    return _held_out(customer_id, campaign.key, campaign.holdout_ratio, overall.holdout_salt)


def global_group(overall: Overall, customer_id: str) -> Why | None:
    """Tell whether the customer is in the group that hears of no campaign."""
    if not overall.holdout_ratio:
        return None
    return _held_out(customer_id, EVERYTHING, overall.holdout_ratio, overall.holdout_salt)


def _held_out(customer_id: str, group: str, ratio: float, salt: str) -> Why | None:
    # A higher ratio only adds customers: whoever lies below the lower one lies below the higher one too.
    place = point(customer_id, group, salt)
    name = "all campaigns" if group == EVERYTHING else group
    return Why(Gate.HELD_OUT, f"{name}: {place:.6f} < {ratio:g}") if place < ratio else None
