"""Where a customer belongs: the hash that state is kept under, and the lane that its records are decided in."""

from __future__ import annotations

from typing import Final

from streamproc.core.digests import partition_of
from streamproc.store.keys import IdKey

ANY_LANE: Final = -1
# An address costs about 250 B: 200,000 of them 50 MB.
ADDRESSES_MAX: Final = 200_000


class Addresses:
    """Computes addresses, and remembers the latest: both numbers cost more than looking them up."""

    def __init__(self, key: IdKey, lanes: int | None) -> None:
        """Hash with this key; `lanes` is the partition count of the topics keyed by customer, None: any lane."""
        self._key = key
        self._lanes = lanes
        self._known: dict[str, tuple[str, int]] = {}

    def __call__(self, customer_id: str) -> tuple[str, int]:
        """Return a customer's hash and lane."""
        found = self._known.get(customer_id)
        if found is None:
            if len(self._known) >= ADDRESSES_MAX:
                self._known.clear()
            lane = ANY_LANE if self._lanes is None else partition_of(customer_id, self._lanes)
            found = self._known[customer_id] = (self._key.h(customer_id), lane)
        return found
