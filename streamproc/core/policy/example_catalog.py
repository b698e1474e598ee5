"""What the shop says meanwhile, in an example: stock and prices of an item, and the hours of a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamproc.core.catalog import ITEM_PREFIX, SITE_PREFIX, Change, Offer, offer_key
from streamproc.core.event import ID_CHARS_MAX
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.hours import HOURS_PATTERN, read_hours
from streamproc.core.policy.shape import Choice, Hours, Key, Text
from streamproc.core.policy.state_shapes import DAYS

STOCK: Final = "stock"
HOURS: Final = "hours"
CATALOG_VERBS: Final = (STOCK, HOURS)
_STATES: Final = ("available", "unavailable")
CATALOG_KEYS: Final[Mapping[str, Key]] = {
    STOCK: Key("The shop says something of this item.", Text(ID_CHARS_MAX)),
    HOURS: Key("The shop says when this store is open.", Text(ID_CHARS_MAX)),
    "is": Key("Whether the item is to be had.", Choice(_STATES, "a state of stock")),
    "site": Key("Of this store alone; everywhere unless given.", Text(ID_CHARS_MAX)),
    "daily": Key(
        "When it is open on every day, by the customer's clock: 10:00-20:00.", Hours(11, HOURS_PATTERN)
    ),
}
# What a step of each verb may say, beside when and of what.
CATALOG_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    STOCK: ("is", "site", "name", "category", "price"),
    HOURS: ("daily",),
}


@dataclass(frozen=True)
class Said:
    """What the shop says of an item (at a store, or everywhere where `site_id` is empty), or of a store.

    `words` are an item's, as the topic has them; `daily` is the window in which a store is open.
    """

    item_id: str
    site_id: str
    words: Mapping[str, Any]
    daily: str = ""

    @property
    def key(self) -> str:
        """The key of its record."""
        return (
            ITEM_PREFIX + offer_key(self.item_id, self.site_id)
            if self.item_id
            else SITE_PREFIX + self.site_id
        )

    def value(self, zone: str) -> dict[str, Any]:
        """Return the value of its record, where stores go by this zone."""
        return dict(self.words) if self.item_id else {"zone": zone, "hours": dict.fromkeys(DAYS, self.daily)}

    def change(self, at_ms: int) -> Change | None:
        """Return what the catalog makes of what is said of an item; None for a store's hours."""
        return Change(self.item_id, self.site_id, Offer(**self.words, at_ms=at_ms)) if self.item_id else None


def read_said(fields: Fields, verb: str, target: str, price_minor: int | None, currency: str) -> Said:
    """Read what a step says of the item or the store `target`."""
    if verb == HOURS:
        daily = fields.text("daily") or ""
        read_hours(fields, "daily", daily)
        return Said("", target, {}, daily)
    words: dict[str, Any] = {name: text for name in ("name", "category") if (text := fields.text(name))}
    if (state := fields.choice("is")) is not None:
        words["available"] = state == _STATES[0]
    if price_minor is not None:
        words |= {"price_minor": price_minor, "currency": currency}
    return Said(target, fields.text("site") or "", words)
