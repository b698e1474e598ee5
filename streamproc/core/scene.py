"""What one customer's memory looks like at one event, as conditions and facts see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from streamproc.core.catalog import NO_CATALOG, Catalog
from streamproc.core.context import Remembered
from streamproc.core.recent import glimpsed, remembered
from streamproc.core.zones import local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from streamproc.core.context import Context, Glimpse, RememberedItem, Timer
    from streamproc.core.event import Event
    from streamproc.core.policy.model import Category, Policy

# Not looked for yet; None says that it was, and is not there.
UNKNOWN: Final = Remembered(0, "")
# One reading of a beacon may end a visit and begin another, so that an event is among the newest of so many.
OCCASIONS_MAX: Final = 2


class Scene:
    """All that a condition, a fact or a filter may look at: one customer's memory at one event.

    `now_ms` is decision time; `item` is the event's item, the first if there are several, and `category` that item's
    (the default one if it is unknown). `timer` is what came due, where that is the occasion. `answers` keeps what
    conditions that several campaigns ask have answered, by their number. What few campaigns look at is worked out when
    it is first asked for.
    """

    # A scene is set for every event that may trigger, and Python 3.11 takes a lock for each `cached_property`.
    __slots__ = (
        "_glimpses",
        "_local_day",
        "_local_time",
        "_own",
        "_recent",
        "answers",
        "catalog",
        "category",
        "context",
        "event",
        "item",
        "now_ms",
        "policy",
        "sorted",
        "timer",
        "visit_id",
        "zone",
    )

    def __init__(
        self,
        *,
        context: Context,
        event: Event,
        now_ms: int,
        policy: Policy,
        zone: ZoneInfo | None,
        item: RememberedItem | None,
        category: Category | None,
        catalog: Catalog = NO_CATALOG,
        visit_id: str = "",
        timer: Timer | None = None,
    ) -> None:
        """Set the scene; `zone` is the customer's, None if it is unknown, `visit_id` what the event is about."""
        self.catalog = catalog
        self.context = context
        self.event = event
        self.now_ms = now_ms
        self.policy = policy
        self.zone = zone
        self.item = item
        self.category = category
        self.visit_id = visit_id
        self.timer = timer
        self.answers: dict[object, bool | None] | None = None
        self._glimpses: Sequence[Glimpse] | None = None
        self._recent: list[Remembered] | None = None
        self.sorted: Mapping[str, Sequence[Remembered]] | None = None
        self._own: Remembered | None = UNKNOWN
        self._local_day: str | None = None
        self._local_time: datetime | None = None

    @property
    def recent(self) -> Sequence[Remembered]:
        """The remembered events in the order of arrival, the event itself the last if its kind is remembered."""
        recent = self._recent
        if recent is None:
            recent = self._recent = remembered(self.context)
        return recent

    @property
    def glimpses(self) -> Sequence[Glimpse]:
        """The remembered events as `recent` has them, each no more than counting asks."""
        glimpses = self._recent or self._glimpses
        if glimpses is None:
            glimpses = self._glimpses = glimpsed(self.context)
        return glimpses

    @property
    def local_day(self) -> str:
        """The customer's date, `2026-11-27`; empty if the zone is unknown."""
        day = self._local_day
        if day is None:
            day = self._local_day = local_day(self.now_ms, self.zone) if self.zone is not None else ""
        return day

    @property
    def by_kind(self) -> Mapping[str, Sequence[Remembered]]:
        """The remembered events by their kind, the newest arrival first; `sorted` holds them from then on."""
        if self.sorted is None:
            found: dict[str, list[Remembered]] = {}
            for event in reversed(self.recent):
                if event.kind in found:
                    found[event.kind].append(event)
                else:
                    found[event.kind] = [event]
            self.sorted = found
        return self.sorted

    @property
    def own(self) -> Remembered | None:
        """The event at hand as it is remembered; None if it left no trace."""
        own = self._own
        if own is UNKNOWN:
            newest = self.recent[-OCCASIONS_MAX:]
            own = self._own = next(
                (one for one in reversed(newest) if _is_own(one, self.event, self.now_ms)), None
            )
        return own

    @property
    def local_time(self) -> datetime | None:
        """What the clock on the customer's wall shows; None if the zone is unknown."""
        local = self._local_time
        if local is None and self.zone is not None:
            local = self._local_time = datetime.fromtimestamp(self.now_ms // 1000, self.zone)
        return local


def _is_own(last: Remembered, event: Event, now_ms: int) -> bool:
    """Tell whether a remembered event that arrived lately is the event at hand.

    An event whose category is not permitted leaves no trace: then the last ones are others, which differ.
    """
    if last.kind != event.kind or last.at_ms != min(event.occurred_at_ms, now_ms):
        return False
    named = {item.item_id for item in event.items}
    return last.site_id == (event.site_id or "") and all(item.item_id in named for item in last.items)
