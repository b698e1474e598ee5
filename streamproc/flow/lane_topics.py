"""The topics keyed by customer: which of them are facts, moments and timers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.core.unit import Kind

__all__ = ["LaneTopics"]


@dataclass(frozen=True, slots=True)
class LaneTopics:
    """The topics keyed by customer, by what they mean to a lane, with their prefix."""

    facts: tuple[str, ...]
    moments: tuple[str, ...]
    timers: tuple[str, ...]
    consents: str

    @classmethod
    def prefixed(cls, prefix: str = "") -> LaneTopics:
        """Name the topics that streamproc reads, each beginning with the installation's prefix."""
        return cls(
            facts=tuple(prefix + name for name in ("consents", "profiles", "outcomes", "privacy-requests")),
            moments=tuple(prefix + name for name in ("clickstream", "beacons", "rekeyed")),
            timers=(prefix + "timers",),
            consents=prefix + "consents",
        )

    def by_kind(self) -> Mapping[Kind, tuple[str, ...]]:
        return {"facts": self.facts, "moments": self.moments, "timers": self.timers}
