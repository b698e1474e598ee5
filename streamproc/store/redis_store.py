"""Keep customer state in Redis: one MGET a bucket to load, one script call a bucket to compare and set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from redis.exceptions import NoScriptError, ResponseError

from streamproc.store.base import (
    CLAIM_MS,
    SPENT_TTL_MS,
    EpochMissing,
    Hint,
    LostWrites,
    OptedOut,
    Slot,
    Spending,
    StoreRefused,
    StoreUnavailable,
    Tally,
    Waiting,
    Write,
)
from streamproc.store.commit_call import (
    CUSTOMERS_A_CALL_MAX,
    SCRIPTS,
    check_claim,
    check_writes,
    claim_call,
    commit_call,
    drop_call,
    due_of,
    hints_by_bucket,
    messages_call,
    opt_outs_call,
    pace_call,
    pause_call,
    spend_call,
    waiting_call,
)
from streamproc.store.epoch import LOST, RESTORE, epoch_missing, establish
from streamproc.store.keys import BUCKETS, KEYS, WORKERS, bucket_of, check_worker, worker_key
from streamproc.store.link import Call, Link, Reply, link_to, where
from streamproc.store.versions import FreshVersion, fresh_version

TIMEOUT_S: Final = 5.0
"""For one exchange as a whole. A unit's load or commit takes some 20 ms; a Redis busy for seconds is away."""
WORKER_FORGOTTEN_MS: Final = 3_600_000
"""A worker writes every second; one that was silent for an hour may leave the list of names to look up."""


class RedisStore:
    """Keep customer state in Redis or Valkey, on one server or a cluster (see `streamproc.store.base.Store`).

    `id_check` is `IdKey.check()` of the key that the customers are hashed with. After a `StoreRefused` every
    call raises it again until `open` finds the store in order.
    """

    def __init__(
        self,
        url: str,
        *,
        id_check: str,
        fresh_version: FreshVersion = fresh_version,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._link: Link = link_to(url, timeout_s=timeout_s)
        self._where = where(url)
        self._id_check = id_check
        self._fresh_version = fresh_version
        self._now_ms = now_ms
        self._token: bytes | None = None
        self._refused: StoreRefused | None = None
        # The highest count seen of each bucket. It only grows while the epoch is the same.
        self._seen = [0] * BUCKETS
        self._calls = 0

    async def open(self, *, fresh: bool = False) -> None:
        try:
            token = await establish(self._link, check=self._id_check, fresh=fresh)
        except StoreRefused as error:
            self._refused = error
            raise
        if token != self._token:
            self._seen = [0] * BUCKETS
        self._token = token
        self._refused = None
        await self._load_scripts()
        await self.ping()

    async def load(self, hs: Sequence[str]) -> list[Slot]:
        parts = _parts(hs)
        seen = self._seen.copy()
        replies = await self._exchange([_load_call(bucket, [hs[i] for i in at]) for bucket, at in parts])
        slots = [_NO_SLOT] * len(hs)
        for (bucket, at), reply in zip(parts, replies, strict=True):
            await self._check_bucket(bucket, reply, seen[bucket])
            end = 2 + len(at)
            for i, stored_context, stored_consent in zip(at, reply[2:end], reply[end:], strict=True):
                context, consent = stored_context or b"", stored_consent or b""
                slots[i] = Slot(hs[i], context[:8], context[8:], consent[:8], consent[8:])
        return slots

    async def load_outs(self, wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
        calls: list[Call] = [("HGET", KEYS[bucket_of(h)].outputs + h, field) for h, field in wanted]
        return await self._exchange(calls)

    async def commit(self, writes: Sequence[Write]) -> list[bool]:
        check_writes(writes)
        parts = _parts([write.h for write in writes])
        replies = await self._evalsha([(bucket, [writes[i] for i in at]) for bucket, at in parts])
        applied = [False] * len(writes)
        for (_, at), bits in zip(parts, replies, strict=True):
            for i, bit in zip(at, bits, strict=True):
                applied[i] = bit == _APPLIED
        return applied

    async def claim_hints(
        self, buckets: Sequence[int], *, due_ms: int, wall_ms: int, limit: int
    ) -> list[Hint]:
        check_claim(limit)
        token = self._token or b""
        calls = [claim_call(b, token=token, due_ms=due_ms, wall_ms=wall_ms, limit=limit) for b in buckets]
        replies = await self._scripted(calls)
        return [
            Hint(bucket, reply[at], due_of(int(reply[at + 1])), wall_ms + CLAIM_MS)
            for bucket, reply in zip(buckets, replies, strict=True)
            for at in range(0, len(reply), 2)
        ]

    async def drop_hints(self, hints: Sequence[Hint]) -> None:
        token = self._token or b""
        await self._scripted(
            [drop_call(bucket, some, token=token) for bucket, some in hints_by_bucket(hints)]
        )

    async def waiting_hints(self, buckets: Sequence[int]) -> Waiting:
        replies = await self._scripted([waiting_call(bucket) for bucket in buckets])
        firsts = [int(first) for _, first in replies if first]
        return Waiting(sum(hints for hints, _ in replies), min(firsts, default=None))

    async def spend(self, day: str, max_minor: int, costs: Sequence[tuple[str, int]]) -> Spending:
        call = spend_call(
            day, token=self._token or b"", ttl_ms=SPENT_TTL_MS, max_minor=max_minor, costs=costs
        )
        ((total_minor, bits),) = await self._scripted([call])
        return Spending([bit == _APPLIED for bit in bits], total_minor)

    async def slots(
        self, channel: str, now_ms: int, interval_ms: float, expiries_ms: Sequence[int]
    ) -> list[int | None]:
        token = self._token or b""
        call = pace_call(
            channel, token=token, now_ms=now_ms, interval_ms=interval_ms, expiries_ms=expiries_ms
        )
        (slots,) = await self._scripted([call])
        return [slot or None for slot in slots]

    async def count_messages(self, ids: Mapping[Tally, Sequence[str]], ttl_ms: int) -> None:
        await self._scripted([messages_call(ids, token=self._token or b"", ttl_ms=ttl_ms)])

    async def count_opt_outs(
        self, kind: str, tallies: Sequence[Tally], message_ids: Sequence[str], ttl_ms: int
    ) -> list[OptedOut]:
        call = opt_outs_call(kind, tallies, message_ids, token=self._token or b"", ttl_ms=ttl_ms)
        (counts,) = await self._scripted([call])
        return [OptedOut(*pair) for pair in zip(counts[::2], counts[1::2], strict=True)]

    async def claim_pause(self, scope: str, claimants: Sequence[str]) -> bool:
        (held,) = await self._scripted([pause_call(scope, claimants, token=self._token or b"")])
        return bool(held == 1)

    async def ping(self) -> None:
        seen = self._seen.copy()
        replies = await self._exchange([("MGET", names.epoch, names.count) for names in KEYS])
        for bucket, reply in enumerate(replies):
            await self._check_bucket(bucket, reply, seen[bucket])

    async def put_worker(self, worker: str, value: bytes, ttl_ms: int) -> None:
        check_worker(worker, ttl_ms)
        await self._exchange(
            [("SET", worker_key(worker), value, "PX", ttl_ms), ("ZADD", WORKERS, self._now_ms(), worker)]
        )

    async def workers(self) -> dict[str, bytes]:
        # A list of names beside the keys: a SCAN for `sp:worker:*` would walk over all customers.
        forgotten = self._now_ms() - WORKER_FORGOTTEN_MS
        _, names = await self._exchange(
            [("ZREMRANGEBYSCORE", WORKERS, "-inf", forgotten), ("ZRANGE", WORKERS, 0, -1)]
        )
        workers: list[str] = [name.decode() for name in names]
        values = await self._exchange([("GET", worker_key(worker)) for worker in workers])
        return {worker: value for worker, value in zip(workers, values, strict=True) if value is not None}

    async def close(self) -> None:
        await self._link.close()

    async def _exchange(self, calls: Sequence[Call]) -> list[Reply]:
        if self._refused:
            # A new one each time: an exception raised again would gather traceback for ever.
            raise type(self._refused)(*self._refused.args)
        if self._token is None:
            raise StoreUnavailable("the store is not open yet")
        if not calls:
            return []
        replies = await self._link.exchange(calls)
        for reply in replies:
            if isinstance(reply, ResponseError) and not isinstance(reply, NoScriptError):
                self._raise_for(reply)
        return replies

    async def _scripted(self, calls: Sequence[Call]) -> list[Reply]:
        """Exchange script calls; a server that does not know a script is taught it, once."""
        replies = await self._exchange(calls)
        unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            # A restart, a failover or SCRIPT FLUSH. These calls did not run, so sending them again is safe.
            await self._load_scripts()
            for i, reply in zip(unknown, await self._exchange([calls[i] for i in unknown]), strict=True):
                if isinstance(reply, NoScriptError):
                    self._raise_for(reply)
                replies[i] = reply
        return replies

    async def _evalsha(self, parts: Sequence[tuple[int, Sequence[Write]]]) -> list[bytes]:
        """Run the commit script for each part; return a byte for each of its customers."""
        assert self._token is not None or self._refused is None
        calls: list[Call] = []
        first = self._calls
        for bucket, writes in parts:
            calls.append(
                commit_call(
                    bucket,
                    writes,
                    token=self._token or b"",
                    seen=self._seen[bucket],
                    call=self._calls,
                    fresh=self._fresh_version,
                )
            )
            self._calls += 1
        replies = await self._scripted(calls)
        for number, ((bucket, writes), reply) in enumerate(zip(parts, replies, strict=True), first):
            call, count, bits = reply
            if call != b"%d" % number or len(bits) != len(writes):
                raise StoreUnavailable(
                    f"STREAMPROC_REDIS_URL: {self._where} answered call {call!r}, not {number}"
                )
            self._seen[bucket] = max(self._seen[bucket], count)
        return [bits for _, _, bits in replies]

    async def _check_bucket(self, bucket: int, reply: Reply, seen: int) -> None:
        """Raise unless the bucket's epoch stands and its count is not below the one seen before the call."""
        if reply[0] != self._token:
            self._refuse(epoch_missing(bucket, reply[0]))
        count = int(reply[1] or 0)
        if count < seen:
            # The script finds the same and marks the bucket, so that no worker goes on, also after a restart.
            await self._evalsha([(bucket, [])])
            self._refuse(epoch_missing(bucket, LOST))
        self._seen[bucket] = max(self._seen[bucket], count)

    async def _load_scripts(self) -> None:
        for script in SCRIPTS.values():
            for reply in await self._link.everywhere(("SCRIPT", "LOAD", script)):
                if isinstance(reply, ResponseError):
                    self._raise_for(reply)

    def _refuse(self, error: StoreRefused) -> NoReturn:
        self._refused = error
        raise error

    def _raise_for(self, error: ResponseError) -> NoReturn:
        text = str(error)
        if text.startswith("LOST "):
            self._refuse(
                LostWrites(
                    f"Redis lost writes that it had confirmed ({text.removeprefix('LOST ')}): {RESTORE}"
                )
            )
        if text.startswith("EPOCH "):
            self._refuse(EpochMissing(f"{text.removeprefix('EPOCH ')}: {RESTORE}"))
        raise StoreUnavailable(f"STREAMPROC_REDIS_URL: {self._where} refused: {text}") from error


_APPLIED: Final = ord("1")
_NO_SLOT: Final = Slot("", b"", b"", b"", b"")


def _parts(hs: Sequence[str]) -> list[tuple[int, list[int]]]:
    """Return the positions of the customers by bucket, at most 128 a part."""
    buckets: dict[int, list[int]] = {}
    for i, h in enumerate(hs):
        bucket = bucket_of(h)
        if bucket in buckets:
            buckets[bucket].append(i)
        else:
            buckets[bucket] = [i]
    return [
        (bucket, at[start : start + CUSTOMERS_A_CALL_MAX])
        for bucket, at in buckets.items()
        for start in range(0, len(at), CUSTOMERS_A_CALL_MAX)
    ]


def _load_call(bucket: int, hs: Sequence[str]) -> Call:
    names = KEYS[bucket]
    context, consent = names.context, names.consent
    return (
        "MGET",
        names.epoch,
        names.count,
        *[context + h for h in hs],
        *[consent + h for h in hs],
    )
