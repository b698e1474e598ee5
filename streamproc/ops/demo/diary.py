"""One shopper's journey: what they do, written down as the records that their shop, app and stores send."""

from __future__ import annotations

from typing import Any

from streamproc.ops.demo import payloads
from streamproc.ops.demo.calendar import MINUTE_MS, at
from streamproc.ops.demo.catalogue import Item
from streamproc.ops.demo.payloads import Timed

__all__ = ["Diary"]

LOOK_MS = 4 * MINUTE_MS
DWELL_MS = 6 * MINUTE_MS
# A phone in a pocket loses the store now and then, and finds it again before anybody could have left.
LOST_EVERY_MS, LOST_MS = 4 * MINUTE_MS + 7_000, 40_000
JOINED_MS = at(-4, "18:00")
"""Everybody settled what they agree to on the evening before the first simulated day ..."""
DECLARED_MS = at(-4, "18:30")
"""... and then said what they wanted to say about themselves."""


class Diary:
    """Writes the records of one shopper. Times are milliseconds; `records` stands in the order of writing."""

    def __init__(self, customer: str, timezone: str | None) -> None:
        """Open a diary. Who has no `timezone` never tells one, in no call."""
        self.customer = customer
        self.timezone = timezone
        self.app = False
        self.records: list[Timed] = []
        self._calls = 0

    def number_from(self, number: int) -> None:
        """Give the calls of another day other ids."""
        self._calls = number

    def agree(self, agreed: str, at_ms: int = JOINED_MS) -> None:
        """Consent to what the words name: channels, `sensing`, a `category/<name>`; `processing` with any of them."""
        words = agreed.split()
        if words:
            self._consent(at_ms, "*", "processing", "granted")
        for word in words:
            if word == "sensing" or word.startswith("category/"):
                self._consent(at_ms, "*", word, "granted")
            elif word != "processing":
                self._consent(at_ms, word, "marketing", "granted")

    def revoke(self, at_ms: int, word: str) -> None:
        """Withdraw a consent: a channel's, that for `processing`, or `everything` marketing may say."""
        if word in {"processing", "sensing"}:
            self._consent(at_ms, "*", word, "withdrawn")
        else:
            self._consent(at_ms, "*" if word == "everything" else word, "marketing", "withdrawn")

    def declare(self, fields: dict[str, Any], at_ms: int = DECLARED_MS) -> None:
        """State something about oneself in the profile."""
        self.records.append(payloads.profile(at_ms, self.customer, fields))

    def stop(self, at_ms: int, channel: str) -> None:
        """Unsubscribe by the link in a message."""
        self.records.append(payloads.stop(at_ms, self.customer, channel))

    def arrive(self, at_ms: int, path: str = "/") -> None:
        """Open the shop or the app."""
        self.records.append(
            payloads.page(
                at_ms, self.customer, self._message_id(), app=self.app, timezone=self.timezone, path=path
            )
        )

    def look(self, at_ms: int, item: Item, times: int = 1) -> int:
        """Look at an item so many times, four minutes apart; return when the last look was."""
        for turn in range(times):
            self.track(at_ms + turn * LOOK_MS, "Product Viewed", item)
        return at_ms + (times - 1) * LOOK_MS

    def order(self, at_ms: int, items: list[Item]) -> None:
        """Check out and buy."""
        products = [item.properties() for item in items]
        total = sum(item.price_minor for item in items) / 100
        basket = {"products": products, "total": total, "currency": "EUR"}
        order_id = f"o-{self.customer}-{self._calls}"
        self.track(at_ms - MINUTE_MS, "Checkout Started", None, basket)
        self.track(at_ms, "Order Completed", None, basket | {"order_id": order_id})

    def visit(self, at_ms: int, site: str, minutes: int) -> None:
        """Walk through a store: seen at the door, heard near the coats, lost and found again, and out at last."""
        leaves_ms = at_ms + minutes * MINUTE_MS
        self._beacon(at_ms, "entered", site)
        for lost_ms in range(at_ms + LOST_EVERY_MS, leaves_ms - LOST_MS, LOST_EVERY_MS):
            self._beacon(lost_ms, "exited", site)
            self._beacon(lost_ms + LOST_MS, "entered", site)
        for heard_ms in range(at_ms + MINUTE_MS, leaves_ms, 2 * MINUTE_MS):
            self._beacon(heard_ms, "ranged", site, rssi_dbm=-58 - (heard_ms // MINUTE_MS) % 17)
        if minutes * MINUTE_MS > DWELL_MS:
            self._beacon(at_ms + DWELL_MS, "dwelled", site, dwell_ms=DWELL_MS)
        self._beacon(leaves_ms, "exited", site)

    def track(
        self, at_ms: int, name: str, item: Item | None, properties: dict[str, Any] | None = None
    ) -> None:
        """Do anything else that Segment has a name for."""
        self.records.append(
            payloads.track(
                at_ms,
                name,
                self.customer,
                self._message_id(),
                app=self.app,
                timezone=self.timezone,
                item=item,
                properties=properties,
            )
        )

    def _consent(self, at_ms: int, channel: str, purpose: str, state: str) -> None:
        self.records.append(payloads.consent(at_ms, self.customer, channel, purpose, state))

    def _beacon(self, at_ms: int, kind: str, site: str, **heard: int) -> None:
        sighting = payloads.beacon(at_ms, kind, self.customer, self._message_id(), site, **heard)
        self.records.append(sighting)

    def _message_id(self) -> str:
        self._calls += 1
        return f"{self.customer}-{self._calls:03}"
