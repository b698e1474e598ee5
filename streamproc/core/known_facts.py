"""What the shop knows of a customer from elsewhere, each fact with where it comes from and whom it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamproc.core.context import Known, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.context import Context
    from streamproc.core.facts import ProfileChange
    from streamproc.core.memory import Permitted
    from streamproc.core.policy.model import Category, Policy

KNOWN_MAX: Final = 32
SELF, OTHER = "self", "other"
DECLARED, INFERRED, THIRD_PARTY = "declared", "inferred", "third_party"
# What shops call where a fact comes from. Of a fact that does not say so nobody can know that it was not guessed.
_PROVENANCE: Final = {
    "declared": DECLARED,
    "asked": DECLARED,
    "purchase": "purchased",
    "purchased": "purchased",
    "viewed": "viewed",
    "searched": "viewed",
    "sensed": "sensed",
    "third_party": THIRD_PARTY,
    "third-party": THIRD_PARTY,
    "broker": THIRD_PARTY,
    "bought": THIRD_PARTY,
}


def apply_known(context: Context, change: ProfileChange, policy: Policy, permitted: Permitted) -> None:
    """Enter the facts of a profile's record, each by the newest record that names it.

    Of a special category only what the customer declared is remembered, and only with consent to that very category:
    nothing that was guessed or bought about health, faith or a pregnancy can reach a message, or memory.
    """
    profile = context.profile
    if profile is None:
        profile = context.profile = Profile()
    for fact in change.facts:
        name, known = fact["name"], _known(fact, change.at_ms)
        old = profile.facts.get(name)
        if old is not None and old.at_ms > known.at_ms:
            continue
        if is_allowed(known, category_of(known, policy), permitted):
            profile.facts = {**profile.facts, name: known}
        else:
            profile.facts = {one: value for one, value in profile.facts.items() if one != name}
    profile.facts = _newest(profile.facts.items())


def _known(fact: dict[str, Any], at_ms: int) -> Known:
    about = fact.get("about", SELF)
    # Of somebody else it is remembered that there is something, so that it restrains, and not what.
    return Known(
        value="" if about == OTHER else fact["value"],
        provenance=_PROVENANCE.get(fact.get("provenance", "").lower(), INFERRED),
        category=fact.get("category", ""),
        about=about,
        at_ms=min(fact.get("at_ms", at_ms), at_ms),
    )


def category_of(known: Known, policy: Policy) -> Category | None:
    """Return the category that a fact names, by its name or as an item's text would; None if it names none."""
    if not known.category:
        return None
    return policy.categories.get(known.category) or policy.find_category(known.category)


def is_allowed(known: Known, category: Category | None, permitted: Permitted) -> bool:
    """Tell whether a fact may be remembered, as `apply_known` says."""
    if category is None or category.consent is None:
        return True
    return known.provenance == DECLARED and known.about == SELF and permitted(category)


def _newest(facts: Iterable[tuple[str, Known]]) -> dict[str, Known]:
    kept = sorted(facts, key=lambda one: (-one[1].at_ms, one[0]))[:KNOWN_MAX]
    return dict(sorted(kept))
