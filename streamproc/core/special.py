"""What needs a consent of its own: who may remember it, and what is forgotten when that consent ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from streamproc.core import consent as consents
from streamproc.core.context import Line, RememberedItem
from streamproc.core.facts import ANY_CHANNEL
from streamproc.core.known_facts import forget_known
from streamproc.core.memory import forget_trait
from streamproc.core.recent import remembered, store_remembered

if TYPE_CHECKING:
    from streamproc.core.consent_head import ConsentHead
    from streamproc.core.context import Context
    from streamproc.core.memory import Permitted
    from streamproc.core.policy.model import Category, Policy

MayKeep = Callable[[RememberedItem], bool]


def permits(head: ConsentHead, now_ms: int) -> Permitted:
    """Make the function that tells whether what is of a category may be remembered now of whoever said this."""

    def permitted(category: Category) -> bool:
        purpose = category.consent
        return purpose is None or consents.is_agreed(head, ANY_CHANNEL, purpose, now_ms)

    return permitted


def forget_special(context: Context, policy: Policy, permitted: Permitted) -> list[str]:
    """Forget all that is of a category without its consent, as if it had never been remembered.

    Restraint stays, and what is waited for is for `core.waiting` to end. Returns the ids of the items that are not on
    the wish list, or watched, any more.
    """
    closed = {name for name, one in policy.categories.items() if one.consent and not permitted(one)}
    if not closed:
        return []

    def may_keep(item: RememberedItem) -> bool:
        return not item.category or policy.find_category(item.category).name not in closed

    forget_known(context, policy, permitted)
    _forget_traits(context, policy, closed)
    _forget_events(context, may_keep)
    for name in closed.intersection(context.interests):
        del context.interests[name]
    for name in [name for name in context.day_counts if name.partition("|")[2] in closed]:
        del context.day_counts[name]
    context.cart = _kept(context.cart, may_keep)
    watched = [line.item for line in (*context.wishlist, *context.watching)]
    context.wishlist = _kept(context.wishlist, may_keep)
    context.watching = _kept(context.watching, may_keep)
    return [item.item_id for item in watched if not may_keep(item)]


def _forget_traits(context: Context, policy: Policy, closed: set[str]) -> None:
    if (profile := context.profile) is None:
        return
    for name in list(profile.traits):
        told = policy.category_of_trait(name)
        if told is not None and told.name in closed:
            forget_trait(profile, name)


def _forget_events(context: Context, may_keep: MayKeep) -> None:
    """Take the items out of the remembered events; an event that has none left goes, for it was about them."""
    events = remembered(context)
    if all(may_keep(item) for event in events for item in event.items):
        return
    left = [replace(event, items=tuple(filter(may_keep, event.items))) for event in events]
    store_remembered(
        context, [new for old, new in zip(events, left, strict=True) if new.items or not old.items]
    )


def _kept(lines: list[Line], may_keep: MayKeep) -> list[Line]:
    return [line for line in lines if may_keep(line.item)]
