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
PROVENANCE: Final = {
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

# What the customer said, or caused by what they did.
_OWN: Final = (DECLARED, "purchased", "viewed")


def apply_known(context: Context, change: ProfileChange, policy: Policy, permitted: Permitted) -> int:
    """Enter the facts of a profile's record, each by the newest record that names it, as far as `as_kept` allows.

    Returns how many were not kept because they name no category that the policy knows.
    """
    profile = context.profile
    if profile is None:
        profile = context.profile = Profile()
    unknown = 0
    for fact in change.facts:
        name, told = fact["name"], _known(fact, change.at_ms)
        old = profile.facts.get(name)
        if old is not None and old.at_ms > told.at_ms:
            continue
        known = as_kept(name, told, policy, permitted)
        if known is not None:
            profile.facts = {**profile.facts, name: known}
        else:
            profile.facts = {one: value for one, value in profile.facts.items() if one != name}
        unknown += known is not told and _category(told, policy) is None
    profile.facts = _newest(profile.facts.items())
    return unknown


def forget_known(context: Context, policy: Policy, permitted: Permitted) -> None:
    """Forget of the facts what may be kept no longer."""
    if (profile := context.profile) is not None and profile.facts:
        kept = {name: as_kept(name, known, policy, permitted) for name, known in profile.facts.items()}
        profile.facts = {name: known for name, known in kept.items() if known is not None}


def as_kept(name: str, known: Known, policy: Policy, permitted: Permitted) -> Known | None:
    """Return what may be remembered of a fact; None if nothing may.

    Of a special category, which its category or its own name may tell, only what the customer declared is kept, and
    only with consent to that very category. Of a category that the policy does not know nobody can tell whether it is
    such a one, and of a guess that names none neither: so nothing that was guessed or bought about health, faith or a
    pregnancy can reach a message, or memory. Of somebody else, and of what strangers tell, it is remembered that there
    is something, so that it restrains, and not what.
    """
    category, own_word = _category(known, policy), known.provenance == DECLARED and known.about == SELF
    for one in (category, policy.category_of_trait(name)):
        if one is not None and one.consent is not None and not (own_word and permitted(one)):
            return None
    is_sure = category is not None or (known.provenance in _OWN and not known.category)
    if is_sure and known.about != OTHER:
        return known
    if known.about == OTHER or known.provenance == THIRD_PARTY:
        return Known(
            "", known.provenance, known.category if category is not None else "", known.about, known.at_ms
        )
    return None


def _known(fact: dict[str, Any], at_ms: int) -> Known:
    return Known(
        value=fact["value"],
        provenance=PROVENANCE.get(fact.get("provenance", "").lower(), INFERRED),
        category=fact.get("category", ""),
        about=fact.get("about", SELF),
        at_ms=min(fact.get("at_ms", at_ms), at_ms),
    )


def category_of(known: Known, policy: Policy) -> Category | None:
    """Return the category that a fact names, by its name or as an item's text would; None if it names none."""
    if not known.category:
        return None
    return policy.categories.get(known.category) or policy.find_category(known.category)


def _category(known: Known, policy: Policy) -> Category | None:
    """Return the category that a fact names, if the policy knows it."""
    category = category_of(known, policy)
    return None if category is policy.default_category else category


def _newest(facts: Iterable[tuple[str, Known]]) -> dict[str, Known]:
    kept = sorted(facts, key=lambda one: (-one[1].at_ms, one[0]))[:KNOWN_MAX]
    return dict(sorted(kept))
