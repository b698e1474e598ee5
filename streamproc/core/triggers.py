"""What an event must satisfy besides its kind to trigger a campaign, as conditions."""

from __future__ import annotations

from streamproc.core.facts import ConsentChange
from streamproc.core.policy.model import Condition, Seen, Trigger
from streamproc.core.scene import Scene
from streamproc.core.watching import watched


def trigger_conditions(trigger: Trigger, active_from: str, active_until: str) -> list[Condition]:
    """Return what the event itself must satisfy, and that the campaign runs on the day where the customer is.

    The dates are both included, and empty where open. Most campaigns ask nothing, so most get an empty list.
    """
    found: list[Condition] = []
    if trigger.sites:
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
