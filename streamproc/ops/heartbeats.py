"""Read what the workers publish of themselves, and wait until all of them have applied a change of `config`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamproc.store.keys import DELIVERIES, WORKERS, delivery_key, worker_key
from streamproc.store.link import Link, link_to

__all__ = ["APPLY_SECONDS_MAX", "Beat", "Follower", "Rollout", "WorkerBoard", "await_workers"]

APPLY_SECONDS_MAX: Final = 5.0
"""A worker asks for the end of `config` four times a second; a silent one's heartbeat expires after 3 s."""
ASK_SECONDS: Final = 0.02
REDIS_SECONDS_MAX: Final = 5.0


class Beat(msgspec.Struct, frozen=True):
    """What a worker or a delivery end publishes of itself (`flow.heartbeat.Heartbeat`), as far as it is looked at."""

    worker: str
    config_offset: int
    policy: str
    lanes: tuple[int, ...] = ()
    at_ms: int = 0
    refused: str = ""
    """The policy that `config` points to and that it does not run, and why; empty where it runs it."""
    delivers: str = ""
    """The channel of a delivery end, empty for a worker."""
    catalog: int | None = None
    """How many items and stores a worker knows of; None where it may have missed some."""


class WorkerBoard:
    """The heartbeats in Redis. It only reads, and needs neither the ID key nor a sound epoch."""

    def __init__(self, redis_url: str) -> None:
        """Read from this Redis."""
        self._link: Link = link_to(redis_url, timeout_s=REDIS_SECONDS_MAX)

    async def beats(self) -> dict[str, Beat]:
        """Return the heartbeat of every live worker, by name. Raises StoreUnavailable."""
        return await self._beats(WORKERS, worker_key)

    async def all_beats(self) -> dict[str, Beat]:
        """Return those of workers and of delivery ends: all that hand something over. Raises StoreUnavailable."""
        return await self.beats() | await self._beats(DELIVERIES, delivery_key)

    async def _beats(self, listed: str, key: Callable[[str], str]) -> dict[str, Beat]:
        (found,) = await self._link.exchange([("ZRANGE", listed, 0, -1)])
        names = [name.decode() for name in found]
        values = await self._link.exchange([("GET", key(name)) for name in names]) if names else []
        return {
            name: msgspec.json.decode(value, type=Beat)
            for name, value in sorted(zip(names, values, strict=True))
            if value is not None
        }

    async def close(self) -> None:
        """Give the connection back."""
        await self._link.close()


@dataclass(frozen=True)
class Follower:
    """How one worker took a change. `after_ms` counts from the moment before it was written.

    `silent`: its heartbeat expired, so its lease on `config` ran out before and it hands nothing over. `refused`: it
    read the change and kept another policy. `late`: it is alive and has not applied it.
    """

    worker: str
    state: Literal["applied", "silent", "refused", "late"]
    after_ms: int
    policy: str = ""
    why: str = ""


@dataclass(frozen=True)
class Rollout:
    """What became of a change of `config`: the offset behind it, and how each live worker took it."""

    offset: int
    took_ms: int
    followers: tuple[Follower, ...]

    @property
    def is_done(self) -> bool:
        """Tell whether no worker acts on what was before."""
        return all(follower.state in ("applied", "silent") for follower in self.followers)


async def await_workers(
    beats: Callable[[], Awaitable[Mapping[str, Beat]]],
    offset: int,
    *,
    begun_at: float,
    policy: str | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    seconds_max: float = APPLY_SECONDS_MAX,
) -> Rollout:
    """Wait until every live worker has applied everything below `offset`, and runs `policy` if one is named.

    `begun_at` is the monotonic time before the write. It ends after `seconds_max` in any case. A worker that starts
    meanwhile reads all of `config` first; it is waited for too, once it is seen. Raises StoreUnavailable.
    """
    seen: dict[str, Follower] = {}
    while True:
        alive = await beats()
        after_ms = round((monotonic() - begun_at) * 1_000)
        for name in alive.keys() | seen.keys():
            if name not in seen or seen[name].state not in ("applied", "silent"):
                seen[name] = _judge(name, alive.get(name), offset, policy, after_ms)
        followers = tuple(seen[name] for name in sorted(seen))
        rollout = Rollout(offset, max((one.after_ms for one in followers), default=after_ms), followers)
        if rollout.is_done or after_ms >= seconds_max * 1_000:
            return rollout
        await asyncio.sleep(ASK_SECONDS)


def _judge(name: str, beat: Beat | None, offset: int, policy: str | None, after_ms: int) -> Follower:
    if beat is None:
        return Follower(name, "silent", after_ms)
    if beat.config_offset < offset:
        return Follower(name, "late", after_ms, beat.policy)
    refused = policy is not None and beat.policy != policy
    return Follower(name, "refused" if refused else "applied", after_ms, beat.policy, beat.refused)
