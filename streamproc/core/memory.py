"""How an event changes what is remembered of its customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from streamproc.core import day_counts, interest, lines, zones
from streamproc.core.context import (
    FULFILLED_MAX,
    RECENT_ITEMS_MAX,
    Charge,
    Context,
    Line,
    Profile,
    Remembered,
    RememberedItem,
)
from streamproc.core.day_counts import ANY_ITEM, EACH_CATEGORY
from streamproc.core.event import Event, Item, is_from_elsewhere
from streamproc.core.facts import Outcome, PrivacyRequest, ProfileChange
from streamproc.core.policy.model import Category, Policy
from streamproc.core.recent import remember
from streamproc.core.restraint import Restraint
from streamproc.core.watching import ask_for

DAY_MS: Final = 86_400_000
NEVER_ENDS_MS: Final = 2**53 - 1
# An item whose category names no repurchase interval counts as bought for so long.
FULFILLED_DEFAULT_MS: Final = 30 * DAY_MS
ANYTHING: Final = "*"
CATEGORY_HOLD_PREFIX: Final = "category/"
# A bereavement, a separation, a loss: all marketing holds. Which of them it is, is not written down.
LIFE_EVENT: Final = "life_event"
LIFE_EVENT_MS: Final = 365 * DAY_MS
# What only makes it likelier that a wish is gone: something like it was bought, maybe for somebody else, or waved away.
GIFT_PREFIX: Final = "gift/"
BOUNCED_PREFIX: Final = "bounced/"
GIFT_MS: Final = 30 * DAY_MS
BOUNCED_MS: Final = 14 * DAY_MS

# What of a profile outlives the consent to processing, because it restrains.
WISHES: Final = (
    "nudges_per_week_max",
    "muted_categories",
    "paused_until_ms",
    "channels_off",
    "minor",
    "shared",
)

# Since when a device shows its zone; beside the names of declared fields, of which none has a dot but traits.
DEVICE_ZONE: Final = "device.timezone"

Permitted = Callable[[Category], bool]


def remembered_item(item: Item) -> RememberedItem:
    """Keep of an item what conditions compare and facts may name."""
    return RememberedItem(
        item.item_id,
        item.category or "",
        item.brand or "",
        item.name or "",
        item.price_minor,
        item.quantity or 1,
    )


def apply_moment(context: Context, event: Event, policy: Policy, permitted: Permitted, now_ms: int) -> None:
    """Enter a moment into convenience memory: recent events, cart, wish list, zone.

    An event whose category needs a consent of its own, for which `permitted` is asked, leaves no trace without it. Nor
    does a third party's word leave any: a message must not rest on it. That something is no longer wanted it may say.
    """
    at_ms = min(event.occurred_at_ms, now_ms)
    zone, locale = event.timezone, event.locale
    if zone or locale:
        _take_zone(context, zone, locale, at_ms)
    kind = event.kind
    handler = _HANDLERS.get(kind)
    if handler is None and kind not in policy.kept:
        return
    is_foreign = is_from_elsewhere(event)
    if is_foreign and kind not in _REMOVALS:
        return
    named, find = event.items, policy.find_category
    items = [
        item
        for item in named
        if not (text := item.category) or (group := find(text)).consent is None or permitted(group)
    ]
    if named and not items:
        return
    if handler is not None:
        handler(context, event, items, at_ms)
    if is_foreign:
        return
    if kind in policy.remembered:
        kept = tuple([remembered_item(item) for item in items[:RECENT_ITEMS_MAX]])
        currency = event.currency or "" if kind in policy.summed else ""
        remember(context, Remembered(at_ms, kind, kept, event.site_id or "", event.value_minor, currency))
    if policy.counted and kind in policy.counted:
        _count_day(context, kind, items, policy, at_ms)
    if policy.keeps_interests and kind in interest.KINDS:
        interest.look(context.interests, _categories(items, policy), at_ms)


def _count_day(context: Context, kind: str, items: list[Item], policy: Policy, at_ms: int) -> None:
    """Count the event in the counters that some condition reads: of its kind, and of the categories of its items."""
    asked = policy.counted[kind]
    names = [ANY_ITEM] if ANY_ITEM in asked else []
    if len(asked) > len(names):
        each = EACH_CATEGORY in asked
        names += [name for name in _categories(items, policy) if each or name in asked]
    zone = zones.zone(context.profile.zone) if context.profile is not None else None
    day = day_counts.day_of(at_ms, zone)
    day_counts.count(context.day_counts, [day_counts.counter(kind, name) for name in names], day)


def _categories(items: list[Item], policy: Policy) -> list[str]:
    """Name the categories of the items, each once; one that the policy does not know counts for nothing."""
    found = {policy.find_category(item.category).name for item in items if item.category}
    return sorted(found - {policy.default_category.name})


def _take_zone(context: Context, zone: str | None, locale: str | None, at_ms: int) -> None:
    """Learn zone and locale from a device, unless the customer declared them.

    What a device told late, from before the customer came here, does not set the clock back.
    """
    profile = context.profile
    if profile is None:
        profile = context.profile = Profile()
    if (
        zone
        and zone != profile.zone
        and not profile.zone_declared
        and at_ms >= profile.at.get(DEVICE_ZONE, 0)
    ):
        profile.zone, profile.at[DEVICE_ZONE] = zone, at_ms
    if locale and "locale" not in profile.at:
        profile.locale = locale


def _line(event: Event, item: Item, at_ms: int) -> Line:
    return Line(at_ms, remembered_item(item), event.currency or "", event.surface)


def _cart_added(context: Context, event: Event, items: list[Item], at_ms: int) -> None:
    for item in items:
        lines.put_in_cart(context, _line(event, item, at_ms))


def _cart_removed(context: Context, _event: Event, items: list[Item], at_ms: int) -> None:
    lines.take_from_cart(context, {item.item_id for item in items}, at_ms)


def _wishlist_added(context: Context, event: Event, items: list[Item], at_ms: int) -> None:
    for item in items:
        lines.put_on_wishlist(context, _line(event, item, at_ms))


def _wishlist_removed(context: Context, _event: Event, items: list[Item], at_ms: int) -> None:
    lines.take_from_wishlist(context, {item.item_id for item in items}, at_ms)


def _alert_requested(context: Context, event: Event, items: list[Item], at_ms: int) -> None:
    for item in items:
        ask_for(context, remembered_item(item), at_ms, event.currency or "")


_HANDLERS: Final[dict[str, Callable[[Context, Event, list[Item], int], None]]] = {
    "cart.item_added": _cart_added,
    "cart.item_removed": _cart_removed,
    "wishlist.added": _wishlist_added,
    "wishlist.removed": _wishlist_removed,
    "alert.requested": _alert_requested,
}


_REMOVALS: Final = frozenset({"cart.item_removed", "wishlist.removed"})


def apply_restraint(context: Context, event: Event, policy: Policy) -> list[Restraint]:
    """Enter what restrains: an order fulfils an intent, bad news sets a hold, an objection holds for ever.

    It has no age limit, and only ever adds restraint. Returns each change, for the ledger.
    """
    if event.fact is None:
        return _fulfil(context, event, policy) if event.kind == "order.completed" else []
    if isinstance(event.fact, Outcome):
        return _outcome(context, event.fact, event.occurred_at_ms, policy)
    if isinstance(event.fact, ProfileChange):
        return _life_events(context, event.fact)
    if isinstance(event.fact, PrivacyRequest) and event.fact.kind in ("erase", "object"):
        return _hold(context, ANYTHING, NEVER_ENDS_MS)
    return []


def _fulfil(context: Context, event: Event, policy: Policy) -> list[Restraint]:
    """End the wish for what was ordered: the cart is empty again, and what was ordered needs no more telling of."""
    lines.empty_cart(context, min(event.occurred_at_ms, context.last_ms))
    if context.watching:
        ordered = {item.item_id for item in event.items}
        context.watching = [line for line in context.watching if line.item.item_id not in ordered]
    changes: list[Restraint] = []
    for item in event.items:
        category = policy.find_category(item.category) if item.category else policy.default_category
        until_ms = event.occurred_at_ms + (category.repurchase_ms or FULFILLED_DEFAULT_MS)
        keys = [f"item/{item.item_id}"]
        if category.repurchase_ms:
            keys.append(f"category/{category.name}")
        for key in keys:
            changes += _extend(context.fulfilled, key, until_ms, "fulfilled")
        if category.gift_prone:
            gift_ms = event.occurred_at_ms + GIFT_MS
            changes += _extend(context.fulfilled, GIFT_PREFIX + category.name, gift_ms, "fulfilled")
    return changes


def fulfilled_until_ms(fulfilled: Mapping[str, int], category: str, item_id: str) -> int:
    """Return until when the wish for such an item counts as fulfilled; 0 if it does not."""
    until_ms = max(fulfilled.get(f"category/{category}", 0), fulfilled.get(ANYTHING, 0))
    return max(until_ms, fulfilled.get(f"item/{item_id}", 0)) if item_id else until_ms


def _life_events(context: Context, change: ProfileChange) -> list[Restraint]:
    """Hold while something has happened in the customer's life, until the shop says, or for a year."""
    if not change.life_events:
        return []
    until_ms = max(one.get("until_ms", change.at_ms + LIFE_EVENT_MS) for one in change.life_events)
    return _hold(context, LIFE_EVENT, until_ms)


def _outcome(context: Context, outcome: Outcome, at_ms: int, policy: Policy) -> list[Restraint]:
    """Hold all marketing, or mute a category, for as long as the policy says of such an answer."""
    changes: list[Restraint] = []
    answer, charge = policy.creep.feedback.get(outcome.kind), charge_of(context, outcome.nudge_id)
    if answer is not None and answer.hold_ms:
        changes += _hold(context, ANYTHING, at_ms + answer.hold_ms)
    if charge is None or not charge.category:
        return changes
    if answer is not None and answer.mute_ms:
        changes += _hold(context, CATEGORY_HOLD_PREFIX + charge.category, at_ms + answer.mute_ms)
    if outcome.kind in ("dismissed", "bounced"):
        changes += _extend(
            context.fulfilled, BOUNCED_PREFIX + charge.category, at_ms + BOUNCED_MS, "fulfilled"
        )
    return changes


def _hold(context: Context, key: str, until_ms: int) -> list[Restraint]:
    return _extend(context.holds, key, until_ms, "mute" if key.startswith(CATEGORY_HOLD_PREFIX) else "hold")


def _extend(table: dict[str, int], key: str, until_ms: int, kind: str) -> list[Restraint]:
    """Raise a restraint's end, never lower it; where the table is full, restrain everything instead of forgetting."""
    if key not in table and len(table) >= FULFILLED_MAX:
        key = ANYTHING
    if until_ms <= table.get(key, 0):
        return []
    table[key] = until_ms
    if kind == "hold":
        return [Restraint(kind, until_ms, channel=key)]
    return [Restraint(kind, until_ms, category=key)]


def charge_of(context: Context, nudge_id: str) -> Charge | None:
    """Find the charge of a nudge that is still remembered."""
    try:
        wanted = bytes.fromhex(nudge_id)
    except ValueError:
        return None
    return next((charge for charge in context.charges if charge.nudge_id == wanted), None)


def turns_off(context: Context, change: ProfileChange) -> bool:
    """Tell whether a profile's record turns a channel off that was on."""
    wanted = change.preferences
    if wanted is None or not wanted.channels_off:
        return False
    profile = context.profile or Profile()
    is_newest = change.at_ms >= profile.at.get("channels_off", 0)
    return is_newest and not set(wanted.channels_off) <= set(profile.channels_off)


def apply_profile(context: Context, change: ProfileChange, policy: Policy, permitted: Permitted) -> None:
    """Update each field by the newest record that names it, whatever the order of arrival.

    A trait that tells of a category that needs a consent of its own, for which `permitted` is asked, leaves no trace
    without it.
    """
    profile = context.profile
    if profile is None:
        profile = context.profile = Profile()

    def newest(field: str) -> bool:
        if change.at_ms < profile.at.get(field, 0):
            return False
        profile.at[field] = change.at_ms
        return True

    if change.timezone is not None and newest("timezone"):
        profile.zone, profile.zone_declared = change.timezone, True
    if change.locale is not None and newest("locale"):
        profile.locale = change.locale
    if change.minor is not None and newest("minor"):
        profile.minor = change.minor
    if change.shared is not None and newest("shared"):
        profile.shared = change.shared
    for name, value in change.traits.items():
        told = policy.category_of_trait(name)
        if told is not None and told.consent is not None and not permitted(told):
            forget_trait(profile, name)
        elif newest(f"trait.{name}"):
            profile.traits[name] = value
    if (wanted := change.preferences) is not None:
        for field in ("nudges_per_week_max", "muted_categories", "paused_until_ms", "channels_off"):
            wish = getattr(wanted, field)
            if wish is not None and newest(field):
                setattr(profile, field, wish)


def forget_trait(profile: Profile, name: str) -> None:
    """Forget a trait, and that there was one of this name."""
    profile.traits.pop(name, None)
    profile.at.pop(f"trait.{name}", None)


def forget_convenience(context: Context) -> None:
    """Drop all but restraint, the customer's own wishes and what keeps redeliveries apart.

    Consent to processing ended, or the customer asked to be forgotten.
    """
    context.recent = []
    context.cart = []
    context.wishlist = []
    context.cleared = {}
    context.watching = []
    context.visit = context.nearby = None
    context.day_counts = {}
    context.interests = {}
    context.seen = b""
    if (profile := context.profile) is not None:
        said = {name: at_ms for name, at_ms in profile.at.items() if name in WISHES}
        context.profile = (
            Profile(**{name: getattr(profile, name) for name in said}, at=said) if said else None
        )


def is_bare(context: Context) -> bool:
    """Tell whether the context restrains nothing and never did, so that it may be deleted."""
    return context.seq == 0 and not (context.holds or context.outs or context.profile)
