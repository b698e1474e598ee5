"""What an event must satisfy besides its kind to trigger a campaign, as conditions."""

from __future__ import annotations

from streamproc.core.context import RememberedItem
from streamproc.core.facts import ConsentChange
from streamproc.core.facts_catalog import price_before
from streamproc.core.policy.model import Condition, Seen, Trigger
from streamproc.core.scene import Scene
from streamproc.core.values import Money
from streamproc.core.watching import ITEM_KINDS, ITEM_PRICE_DROPPED, watched


def trigger_conditions(trigger: Trigger, active_from: str, active_until: str) -> list[Condition]:
    """Return what the event itself must satisfy, and that the campaign runs on the day where the customer is.

    The dates are both included, and empty where open. Most campaigns ask nothing, so most get an empty list.
    """
    found: list[Condition] = []
    if trigger.kind in ITEM_KINDS:
        found.append(_of_watched(trigger))
    elif trigger.sites:
        sites = trigger.sites
        found.append(lambda scene: scene.event.site_id in sites)
    if trigger.dwell_min_ms:
        dwell_min_ms = trigger.dwell_min_ms
        found.append(lambda scene: (scene.event.dwell_ms or 0) >= dwell_min_ms)
    if trigger.purpose is not None:
        found.append(_about(trigger.purpose))
    if active_from or active_until:
        found.append(_on_days(active_from, active_until or "9999"))
    return found


def trigger_seen(scene: Scene) -> Seen:
    """Tell when and where the event that triggers was seen. News of an item rest on when the customer wished for it.

    What a beacon sends is heard by the app on the customer's phone.
    """
    event = scene.event
    if event.kind.startswith("item.") and scene.item is not None:
        line = watched(scene.context, scene.item.item_id, scene.now_ms)
        return Seen(event.occurred_at_ms if line is None else line.at_ms)
    surface = "app" if event.kind.startswith(("beacon.", "visit.")) else event.surface
    return Seen(event.occurred_at_ms, surface)


def _of_watched(trigger: Trigger) -> Condition:
    """Hold for news of an item that the customer watches now: everywhere, or in one of the stores that are named.

    A price fell if it fell far enough, in the currency that the customer saw, and is no higher again. News that waited
    must still be known to be so: what was taken back meanwhile, or is said no longer, is not told.
    """

    def test(scene: Scene) -> bool:
        event, item = scene.event, scene.item
        if item is None or watched(scene.context, item.item_id, scene.now_ms) is None:
            return False
        is_there = event.site_id in trigger.sites if trigger.sites else not event.site_id
        if event.kind == ITEM_PRICE_DROPPED:
            return is_there and _fell(scene, item, trigger.drop_ratio_min)
        return is_there and _is_told_of(scene, item)

    return test


def _is_told_of(scene: Scene, item: RememberedItem) -> bool:
    """Tell whether the catalog still speaks of the item, where its news waited; a gate asks what it says.

    News that is decided at once may be ahead of the catalog that is read here.
    """
    event = scene.event
    said = scene.catalog.available(item.item_id, event.site_id or "", scene.now_ms, event.occurred_at_ms)
    return scene.timer is None or said is not None


def _fell(scene: Scene, item: RememberedItem, ratio_min: float) -> bool:
    before, now = price_before(scene), item.price_minor
    if not isinstance(before, Money) or now is None or before.minor - now < ratio_min * before.minor:
        return False
    site_id, since_ms = scene.event.site_id or "", scene.event.occurred_at_ms
    price = scene.catalog.price(item.item_id, site_id, scene.now_ms, since_ms)
    if price is None:
        return scene.timer is None
    return price.currency == before.currency and price.minor <= now


def _about(purpose: str) -> Condition:
    def test(scene: Scene) -> bool:
        change = scene.event.fact
        return isinstance(change, ConsentChange) and change.purpose == purpose

    return test


def _on_days(first: str, last: str) -> Condition:
    """Hold on these local dates; never where the zone is unknown."""

    def test(scene: Scene) -> bool:
        day = scene.local_day
        return day != "" and first <= day <= last

    return test
