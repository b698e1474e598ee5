"""No text can say where in a store somebody went, for how long they stayed, or when: there is no fact for it."""

from __future__ import annotations

import pytest

from streamproc.core.context import Context, Remembered, Visit
from streamproc.core.event import Beacon, Item
from streamproc.core.facts_paths import FACT_PATHS
from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.scene import Scene
from tests.policy.rules import HOUR_MS, NOW_MS, event, scene
from tests.policy.samples import FILES, changed

MINUTE_MS = 60_000
COAT = Item("coat-1", name="Wool coat", category="coats", price_minor=14_900)


def stay(begins_ms: int, zones: dict[str, int], before: list[str], **at_hand: object) -> Scene:
    """Set the scene of a stay in one store: since when, in which zones, and which stores came before."""
    visit = Visit("berlin-1", begins_ms, NOW_MS, 7, -61.0, zones)
    recent = [Remembered(NOW_MS - 9 * HOUR_MS, "visit.ended", (), site) for site in before]
    here = event(COAT, kind="visit.dwelled", site_id="berlin-1", **at_hand)  # type: ignore[arg-type]
    return scene(here, recent, context=Context(customer_id="c", visit=visit))


SHORT = stay(NOW_MS - 5 * MINUTE_MS, {"coats": NOW_MS - 1}, ["berlin-1"], dwell_ms=5 * MINUTE_MS)
LONG = stay(
    NOW_MS - 3 * HOUR_MS,
    {"shoes": NOW_MS - HOUR_MS, "toys": NOW_MS},
    ["hamburg-1", "hamburg-2"],
    dwell_ms=3 * HOUR_MS,
    zone_id="toys",
    rssi_dbm=-40,
    beacon=Beacon("ibeacon", "f7826da6-4fa2-4e98-8024-bc5b71e0893e", 7, 3),
)


@pytest.mark.parametrize("path", FACT_PATHS)
def test_every_fact_is_the_same_however_long_and_wherever_in_the_store_somebody_was(path: str) -> None:
    assert FACT_PATHS[path].get(SHORT) == FACT_PATHS[path].get(LONG)


@pytest.mark.parametrize(
    "path",
    [
        *("visit.dwell", "visit.dwell_ms", "visit.started", "visit.ended", "visit.zone", "visit.zones"),
        *("visit.count", "visit.last.site", "site.zone", "event.dwell_ms", "event.zone_id", "beacon.zone"),
    ],
)
def test_a_text_about_path_or_dwell_does_not_load(path: str) -> None:
    with pytest.raises(PolicyErrors, match=f"'{path}' is not a fact"):
        load({**FILES, **changed("campaigns/look.yaml", "item.name}", f"{path}}}")})
