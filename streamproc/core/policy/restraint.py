"""What `creep.yaml` must not turn round: scales that rise, wariness within its bounds, complaints that restrain."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from streamproc.core.creep.model import Answer, Wariness
from streamproc.core.facts_paths import SPECIFICITIES
from streamproc.core.policy.fields import Fields

# Each from what counts least to what counts most; two ways where neither of two is more than the other.
_RISING: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("provenance", ("declared", "purchased", "viewed", "sensed", "inferred", "third_party")),
    ("distance", ("same_session", "same_surface", "app_to_site", "to_mailbox", "to_store", "third_party")),
    ("specificity", SPECIFICITIES),
    ("sensitivity", ("none", "mild", "intimate", "special")),
    ("sensitivity", ("none", "gift_prone", "intimate")),
    ("exposure", ("shared_mailbox", "shared_device")),
    ("invalidity", ("bounced", "gift", "bought")),
)
# What ends in a withdrawal: until that is known everywhere, the hold is what keeps the promise.
_WITHDRAWING: Final = ("unsubscribed", "complained", "uninstalled")


def refuse_falls(fields: Fields, tables: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse scales on which what reveals more, or comes from farther, counts less: restraint would reward it."""
    told: set[tuple[str, str, str]] = set()
    for name, order in _RISING:
        table = tables[name]
        for less, more in pairwise(order):
            if table[more] < table[less] and (name, less, more) not in told:
                told.add((name, less, more))
                message = f"{more} ({table[more]:g}) must not count less than {less} ({table[less]:g})"
                fields.at(name, message)
    if tables["sensitivity"]["special"] <= 0:
        fields.at("sensitivity", "special (0) must count: what the law protects most is never nothing")


def refuse_bounds(fields: Fields, wariness: Wariness) -> None:
    """Refuse a newcomer who is warier than anybody may be."""
    if wariness.start > wariness.most:
        fields.error(fields.node, f"start ({wariness.start:g}) must not be above most ({wariness.most:g})")


def refuse_leniency(fields: Fields, answers: Mapping[str, Answer]) -> None:
    """Refuse answers that withdraw a consent and hold nothing, and a complaint that leaves room in the budget."""
    for name in _WITHDRAWING:
        if name in fields and not answers[name].hold_ms:
            fields.at(name, "needs a hold: until the withdrawal is known everywhere, only that keeps it")
    if "complained" in fields and not answers["complained"].is_full:
        fields.at("complained", "must spend the whole budget: full: true")
