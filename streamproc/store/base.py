"""What every store of customer state promises: load, then compare and set.

The store deals in opaque bytes; what they mean is the business of `streamproc.core`. A customer is known here
only by `h`, the keyed hash of the customer id (`streamproc.store.keys`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

VERSION_BYTES = 8
"""A version is 8 opaque bytes; `b""` stands for "there is no value"."""
TTL_MS_MAX = 10 * 366 * 86_400_000
"""Ten years: no restraint and no context lives longer, and Redis takes it in any unit."""


SPENT_TTL_MS = 3 * 86_400_000
"""A nudge is handed over at most two days after its day, if it waits for its expiry."""

CLAIM_MS = 10_000
"""For so long a claimed hint is its claimer's alone: it produces and drops within a second, or it is dead or stuck."""
AHEAD_MS_MAX = 60_000
"""No worker's clock is further ahead of another's: a claim of such a clock is one that was set back since."""
HINTS_A_CALL_MAX = 1_000
"""A claim or drop of this size holds Redis for about a millisecond."""


class StoreUnavailable(Exception):
    """Say that the store cannot answer now; the same call may succeed later, with nothing else done."""


class StoreRefused(Exception):
    """Say that the store must not be used as it is: waiting does not help, the message says what does."""


class WrongHashKey(StoreRefused):
    """Say that the customers of this store were hashed with another key: every cap would start from zero."""


class EpochMissing(StoreRefused):
    """Say that the store was emptied or replaced: what it holds now cannot be trusted."""


class LostWrites(EpochMissing):
    """Say that the store went back to an earlier state: writes that it had confirmed are gone."""


class Slot(msgspec.Struct, frozen=True, gc=False):
    """Hold what is stored of one customer. Version and value are both `b""` when the value is absent."""

    h: str
    context_version: bytes
    context: bytes
    consent_version: bytes
    consent: bytes


class Write(msgspec.Struct, kw_only=True, gc=False):
    """Describe the change of one customer: it happens as a whole if both versions still stand, or not at all.

    `context` and `consent`: `None` leaves the value as it is, `b""` deletes it, anything else replaces it.
    `context_ttl_ms` is how long a replaced context lives, 0 for ever; at most `TTL_MS_MAX`;
    outputs that are put live as long.
    `out_put` and `out_drop` change the customer's outputs: a hash from source position to the outputs of that
    record. Drops come before puts.
    `hints` are (member, due time in ms, at least 1): what `claim_hints` brings back when its time has come, at least
    once. A member that is there already only gets the new time; with `None` for a time it is removed.
    """

    h: str
    context_version: bytes
    consent_version: bytes
    context: bytes | None = None
    context_ttl_ms: int = 0
    consent: bytes | None = None
    out_put: tuple[tuple[str, bytes], ...] = ()
    out_drop: tuple[str, ...] = ()
    hints: tuple[tuple[bytes, int | None], ...] = ()


class Hint(msgspec.Struct, frozen=True):
    """Name a timer hint that came due and is claimed: its bucket, and the bytes that were put there.

    `due_ms` is the time that it was put with, None if a claim that ran out had taken the place of that. The claim
    stands until the wall time `claimed_until_ms`.
    """

    bucket: int
    member: bytes
    due_ms: int | None
    claimed_until_ms: int


class Waiting(msgspec.Struct, frozen=True):
    """How many hints wait, claimed ones included, and when the first of them is due, None if none is."""

    hints: int
    first_due_ms: int | None


class Spending(msgspec.Struct, frozen=True):
    """Say which of some nudges are paid for, in their order, and what the day has cost by then, in minor units."""

    paid: list[bool]
    total_minor: int


Tally = tuple[str, int]
"""What is counted together: a scope, such as a campaign since some time, and a day of UTC."""


class OptedOut(msgspec.Struct, frozen=True):
    """How many opt-outs a tally has, and after how many messages, the latter within 1 % where they are many."""

    opt_outs: int
    messages: int


class Store(Protocol):
    """Keep customer state. Every method may raise `StoreUnavailable` or a `StoreRefused`."""

    async def open(self, *, fresh: bool = False) -> None:
        """Connect, check the hash key and the epoch, load the scripts. Calling it again checks again.

        `fresh` is the caller's word that nothing was ever decided (the ledger is empty, no offset is
        committed): only then a store without an epoch is given one; otherwise it raises `EpochMissing`.
        Raises `WrongHashKey` when the store belongs to another hash key.
        """
        ...

    async def load(self, hs: Sequence[str]) -> list[Slot]:
        """Return the slots of these customers, in this order, in one round trip."""
        ...

    async def load_outs(self, wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Return the outputs under each (h, source position), in this order; `None` where there are none."""
        ...

    async def commit(self, writes: Sequence[Write]) -> list[bool]:
        """Apply the writes; return for each whether it was applied.

        `False` is a conflict: another writer came first and nothing of that customer was written. No two
        writes may name the same customer. When this raises, each write was applied as a whole or not at all,
        and the caller does not know which: it must load again before it decides again, never send the same
        writes blindly.
        """
        ...

    async def claim_hints(
        self, buckets: Sequence[int], *, due_ms: int, wall_ms: int, limit: int
    ) -> list[Hint]:
        """Claim at most `limit` (up to `HINTS_A_CALL_MAX`) hints of each bucket that are due at `due_ms`.

        Claims stand for `CLAIM_MS` of wall time, whatever clock the due times follow, and nobody else gets a claimed
        hint meanwhile; what was claimed and not dropped until then comes again, before all others. Those of a bucket
        come earliest first. Where nothing is due, so does what a clock claimed that was set back since.
        """
        ...

    async def drop_hints(self, hints: Sequence[Hint]) -> None:
        """Remove hints that were dealt with, but none that was put or claimed anew since it was claimed."""
        ...

    async def waiting_hints(self, buckets: Sequence[int]) -> Waiting:
        """Count the hints of these buckets, and find the first that is due and not claimed."""
        ...

    async def spend(self, day: str, max_minor: int, costs: Sequence[tuple[str, int]]) -> Spending:
        """Pay for nudges, each an id and its cost in minor units, while their day's total stays within `max_minor`.

        All workers share the total. A nudge that was paid for that day is paid for once, however often it is asked
        about. The total is kept for `SPENT_TTL_MS`.
        """
        ...

    async def slots(
        self, channel: str, now_ms: int, interval_ms: float, expiries_ms: Sequence[int]
    ) -> list[int | None]:
        """Give each nudge the next free slot of its channel, `interval_ms` (above 0) after the one before.

        All workers share the slots; none lies before `now_ms`. `None` for a nudge that would have expired by then: it
        takes no slot from others.
        """
        ...

    async def count_messages(self, ids: Mapping[Tally, Sequence[str]], ttl_ms: int) -> None:
        """Count messages, given by id, in tallies that all workers share and that live for `ttl_ms` from now.

        One counts once in a tally, however often it is told.
        """
        ...

    async def count_opt_outs(
        self, kind: str, tallies: Sequence[Tally], message_ids: Sequence[str], ttl_ms: int
    ) -> list[OptedOut]:
        """Count opt-outs of one kind after messages, given by id, in the first tally; return the counts of each tally.

        A message has one in a tally, however often it is told. The first tally lives for `ttl_ms` from now.
        """
        ...

    async def claim_pause(self, scope: str, claimants: Sequence[str]) -> bool:
        """Tell whether it falls to one of these, each known by a name of its own, to pause what the scope stands for.

        It falls to one: always to the same one if it asks again, and to the next who asks `CLAIM_MS` later.
        """
        ...

    async def ping(self) -> None:
        """Return if the store answers and its epoch stands; raise as any other call does."""
        ...

    async def put_worker(self, worker: str, value: bytes, ttl_ms: int) -> None:
        """Publish the state of one worker for `ttl_ms` milliseconds (at least 1)."""
        ...

    async def workers(self) -> dict[str, bytes]:
        """Return the published state of every worker that has not expired."""
        ...

    async def close(self) -> None:
        """Give the connections back. The store can be opened again."""
        ...
