"""What handing over asks of the world: a target, addresses, and somebody who counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from streamproc.deliver.parcel import Parcel

__all__ = [
    "Addresses",
    "AddressesAway",
    "Answer",
    "Away",
    "Bounce",
    "Bounced",
    "Counter",
    "Delivered",
    "Fate",
    "Later",
    "Target",
    "Trouble",
    "Unusable",
]


class Unusable(Exception):
    """Say what is wrong with a target, a file of addresses or a secret: it must be set right by hand."""


class Bounce(StrEnum):
    """Why a nudge can never reach its customer: a closed list, the `reason` of an outcome and a metric label."""

    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    REFUSED = "refused"


class Fate(StrEnum):
    """What becomes of a nudge: a closed list. All but the first two are handed to nobody."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    WITHHELD = "withheld"
    REPEATED = "repeated"
    UNREADABLE = "unreadable"


class Trouble(StrEnum):
    """What an attempt may fail at and is then repeated for: a closed list."""

    AWAY = "away"
    LATER = "later"
    STORE = "store"
    SINK = "sink"
    ADDRESSES = "addresses"


@dataclass(frozen=True)
class Delivered:
    """The target took the nudge, and answers for it from here on."""


@dataclass(frozen=True)
class Bounced:
    """The target will never take this nudge."""

    reason: Bounce


@dataclass(frozen=True)
class Later:
    """The target does not take this nudge now, and may take others. `after_s` is what it asked to wait, if it did."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True)
class Away:
    """The target takes nothing now: it does not answer, is busy, or distrusts us. `why` names no customer."""

    why: str
    after_s: float | None = None


Answer = Delivered | Bounced | Later | Away


class Target(Protocol):
    """Where nudges go. `name` may be logged: no password, no token, no customer."""

    name: str
    needs_address: bool

    async def send(self, parcel: Parcel, address: str | None) -> Answer:
        """Hand one nudge over, within a bounded time, and say what came of it; it raises nothing of its own.

        The same nudge may come again after an answer was lost: it then carries the same id and the same words.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class AddressesAway(Exception):
    """Say that addresses cannot be looked up now; the text names no customer."""


class Addresses(Protocol):
    """Where customers are to be reached."""

    async def find(self, customer_id: str) -> str | None:
        """Return the customer's address, None if there is none. Raises AddressesAway."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class Counter(Protocol):
    """What is counted; nothing of it names a customer."""

    def ended(self, fate: Fate, reason: str = "") -> None:
        """Count a nudge that is done with; `reason` is why it bounced or was withheld."""
        ...

    def took(self, seconds: float, since_decided_s: float) -> None:
        """Record how long a call of the target took, and how long after its decision a nudge was handed over."""
        ...

    def trouble(self, kind: Trouble) -> None:
        """Count an attempt that failed and will be repeated."""
        ...
