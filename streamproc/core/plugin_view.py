"""What a plug-in may look at: one customer's memory at one event, read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from streamproc.core.event import VISIT_KINDS, Item
from streamproc.core.visits import is_open

if TYPE_CHECKING:
    from datetime import datetime

    from streamproc.core.context import Line, Remembered, RememberedItem
    from streamproc.core.scene import Scene

TraitValue = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True)
class Stay:
    """The store that the customer is in, since `start_ms`."""

    site_id: str
    start_ms: int


class View:
    """What a plug-in may look at. Nothing can be changed through it; amounts are in minor units, times in milliseconds.

    What beacons heard before (`visit`, and the visits in `recent`) is there only for a plug-in that declares itself
    `sensed`: its campaigns then need the customer's consent to sensing.
    """

    __slots__ = ("_scene", "_sensed")

    def __init__(self, scene: Scene, *, sensed: bool) -> None:
        self._scene = scene
        self._sensed = sensed

    @property
    def now_ms(self) -> int:
        """The time at which it is decided, milliseconds since the epoch."""
        return self._scene.now_ms

    @property
    def local_time(self) -> datetime | None:
        """What the customer's clock shows; None if the time zone is unknown."""
        return self._scene.local_time

    @property
    def customer_id(self) -> str:
        """Who it is."""
        return self._scene.event.customer_id

    @property
    def kind(self) -> str:
        """The kind of the event that triggers."""
        return self._scene.event.kind

    @property
    def occurred_at_ms(self) -> int:
        """When the event happened, by its producer."""
        return self._scene.event.occurred_at_ms

    @property
    def surface(self) -> str:
        """Where it happened: `web`, `app`, `store`, `email`, `third_party` or `none`."""
        return self._scene.event.surface

    @property
    def site_id(self) -> str | None:
        """The store it happened in, if it names one."""
        return self._scene.event.site_id

    @property
    def items(self) -> tuple[Item, ...]:
        """The items that the event names."""
        return self._scene.event.items

    @property
    def item(self) -> RememberedItem | None:
        """The first of them, as it is remembered."""
        return self._scene.item

    @property
    def category(self) -> str:
        """The name of that item's category in the policy; `default` if it is in none, empty without an item."""
        category = self._scene.category
        return "" if category is None else category.name

    @property
    def currency(self) -> str | None:
        """The currency of the event's amounts."""
        return self._scene.event.currency

    @property
    def value_minor(self) -> int | None:
        """What the event is worth."""
        return self._scene.event.value_minor

    @property
    def query(self) -> str | None:
        """What was searched for."""
        return self._scene.event.query

    @property
    def extra(self) -> Mapping[str, str | int | float | bool]:
        """The event's further fields."""
        return MappingProxyType(self._scene.event.extra)

    @property
    def recent(self) -> tuple[Remembered, ...]:
        """The remembered events in the order of their arrival, the one that triggers the last if it is remembered."""
        recent = self._scene.recent
        if self._sensed:
            return tuple(recent)
        return tuple([event for event in recent if event.kind not in VISIT_KINDS])

    @property
    def cart(self) -> tuple[Line, ...]:
        """The lines of the basket, the newest last."""
        return tuple(self._scene.context.cart)

    @property
    def wishlist(self) -> tuple[Line, ...]:
        """The lines of the wish list, the newest last."""
        return tuple(self._scene.context.wishlist)

    @property
    def visit(self) -> Stay | None:
        """The store that the customer is in; None also for a plug-in that is not `sensed`."""
        scene = self._scene
        visit = scene.context.visit if self._sensed else None
        if visit is None or not is_open(visit, scene.now_ms, scene.policy.overall.visits):
            return None
        return Stay(visit.site_id, visit.start_ms)

    @property
    def traits(self) -> Mapping[str, TraitValue]:
        """What the customer declared; lists are tuples."""
        profile = self._scene.context.profile
        declared = {} if profile is None else profile.traits
        return MappingProxyType(
            {name: tuple(value) if isinstance(value, list) else value for name, value in declared.items()}
        )

    def category_of(self, text: str) -> str:
        """Return the name of the policy's category for an item's category text; `default` if it is in none."""
        return self._scene.policy.find_category(text).name


@dataclass(frozen=True)
class Contender:
    """A campaign whose trigger and conditions are true, as a ranking sees it."""

    campaign: str
    priority: int
    category: str
    channels: tuple[str, ...]
