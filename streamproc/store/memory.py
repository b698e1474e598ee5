"""Keep customer state in this process, for replay and tests: the twin of Redis, held to the same suite."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from math import ceil
from typing import Final

from streamproc.store.base import (
    AHEAD_MS_MAX,
    CLAIM_MS,
    SPENT_TTL_MS,
    Hint,
    OptedOut,
    Slot,
    Spending,
    StoreRefused,
    StoreUnavailable,
    Tally,
    Waiting,
    Write,
)
from streamproc.store.commit_call import check_claim, check_writes, due_of
from streamproc.store.epoch import LOST, epoch_missing, wrong_hash_key
from streamproc.store.keys import BUCKETS, KEYCHECK, KEYS, bucket_of, check_worker, worker_key
from streamproc.store.versions import FreshVersion, fresh_version, next_version

_TOKENS: Final = count(1)


class MemorySpace:
    """Hold keys as a Redis server would; several stores may share one, as several workers share a server.

    `now_ms` is the clock that values expire by. `values` and `outputs` go by the same key names as in Redis.
    """

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self.values: dict[str, bytes] = {}
        self.outputs: dict[str, dict[str, bytes]] = {}
        self.due_at_ms: dict[str, dict[bytes, int]] = {}
        self._expires_at_ms: dict[str, int] = {}

    def get(self, key: str) -> bytes | None:
        self._expire(key)
        return self.values.get(key)

    def set(self, key: str, value: bytes, ttl_ms: int = 0) -> None:
        self.values[key] = value
        self._live(key, ttl_ms)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)
        self.outputs.pop(key, None)
        self._expires_at_ms.pop(key, None)

    def output(self, key: str, field: str) -> bytes | None:
        self._expire(key)
        return self.outputs.get(key, {}).get(field)

    def fields(self, key: str) -> Collection[str]:
        self._expire(key)
        return self.outputs.get(key, {}).keys()

    def change_outputs(
        self, key: str, *, drop: Sequence[str], put: Sequence[tuple[str, bytes]], ttl_ms: int
    ) -> None:
        self._expire(key)
        fields = self.outputs.setdefault(key, {})
        for field in drop:
            fields.pop(field, None)
        fields.update(put)
        if put:
            self._live(key, ttl_ms)
        if not fields:
            self.delete(key)

    def put_hints(self, key: str, hints: Sequence[tuple[bytes, int | None]]) -> None:
        due = self.due_at_ms.setdefault(key, {})
        for member, at_ms in hints:
            if at_ms is None:
                due.pop(member, None)
            else:
                due[member] = at_ms

    def flush(self) -> None:
        """Lose everything, as FLUSHALL does."""
        self.values.clear()
        self.outputs.clear()
        self.due_at_ms.clear()
        self._expires_at_ms.clear()

    def _live(self, key: str, ttl_ms: int) -> None:
        if ttl_ms:
            self._expires_at_ms[key] = self._now_ms() + ttl_ms
        else:
            self._expires_at_ms.pop(key, None)

    def _expire(self, key: str) -> None:
        at_ms = self._expires_at_ms.get(key)
        if at_ms is not None and at_ms <= self._now_ms():
            self.delete(key)


class MemoryStore:
    """Keep customer state in a `MemorySpace`, by the promises of `streamproc.store.base.Store`."""

    def __init__(
        self,
        space: MemorySpace | None = None,
        *,
        id_check: str,
        fresh_version: FreshVersion = fresh_version,
    ) -> None:
        self.space = space or MemorySpace()
        self._id_check = id_check
        self._fresh_version = fresh_version
        self._token: bytes | None = None
        self._refused: StoreRefused | None = None
        self._seen = [0] * BUCKETS

    async def open(self, *, fresh: bool = False) -> None:
        self._refused = None
        try:
            token = self._establish(fresh=fresh)
            if token != self._token:
                self._seen = [0] * BUCKETS
            self._token = token
            self._check_all()
        except StoreRefused as error:
            self._refused = error
            raise

    def _establish(self, *, fresh: bool) -> bytes:
        space = self.space
        stored_check = space.get(KEYCHECK)
        if stored_check is not None and stored_check != self._id_check.encode():
            raise wrong_hash_key(stored_check, self._id_check)
        token = space.get(KEYS[0].epoch)
        if token is None:
            if not fresh:
                raise epoch_missing(0, None)
            token = b"memory-%d" % next(_TOKENS)
            for names in KEYS:
                if space.get(names.epoch) is None:
                    space.set(names.epoch, token)
        for bucket, names in enumerate(KEYS):
            found = space.get(names.epoch)
            if found != token or found == LOST:
                raise epoch_missing(bucket, found)
        space.set(KEYCHECK, self._id_check.encode())
        return token

    async def load(self, hs: Sequence[str]) -> list[Slot]:
        slots = []
        for h in hs:
            bucket = bucket_of(h)
            self._check(bucket)
            context = self.space.get(KEYS[bucket].context + h) or b""
            consent = self.space.get(KEYS[bucket].consent + h) or b""
            slots.append(Slot(h, context[:8], context[8:], consent[:8], consent[8:]))
        return slots

    async def load_outs(self, wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
        self._raise_if_refused()
        return [self.space.output(KEYS[bucket_of(h)].outputs + h, field) for h, field in wanted]

    async def commit(self, writes: Sequence[Write]) -> list[bool]:
        check_writes(writes)
        for bucket in {bucket_of(write.h) for write in writes}:
            self._check(bucket)
            self._seen[bucket] += 1
            self.space.set(KEYS[bucket].count, b"%d" % self._seen[bucket])
        return [self._apply(write) for write in writes]

    def _apply(self, write: Write) -> bool:
        space, names, h = self.space, KEYS[bucket_of(write.h)], write.h
        versions = tuple((space.get(key + h) or b"")[:8] for key in (names.context, names.consent))
        if versions != (write.context_version, write.consent_version):
            return False
        if write.out_put or write.out_drop:
            space.change_outputs(
                names.outputs + h, drop=write.out_drop, put=write.out_put, ttl_ms=write.context_ttl_ms
            )
        if write.hints:
            space.put_hints(names.due, write.hints)
        self._replace(names.consent + h, write.consent_version, write.consent, 0)
        self._replace(names.context + h, write.context_version, write.context, write.context_ttl_ms)
        return True

    def _replace(self, key: str, version: bytes, value: bytes | None, ttl_ms: int) -> None:
        if value:
            self.space.set(key, next_version(version, self._fresh_version) + value, ttl_ms)
        elif value is not None:
            self.space.delete(key)

    async def claim_hints(
        self, buckets: Sequence[int], *, due_ms: int, wall_ms: int, limit: int
    ) -> list[Hint]:
        check_claim(limit)
        claimed: list[Hint] = []
        for bucket in buckets:
            self._check(bucket)
            due = self.space.due_at_ms.get(KEYS[bucket].due, {})
            found = sorted((at, member) for member, at in due.items() if -wall_ms <= at <= due_ms)
            if not found:
                beyond = wall_ms + CLAIM_MS + AHEAD_MS_MAX
                found = sorted((at, member) for member, at in due.items() if at < -beyond)
            for at, member in found[:limit]:
                due[member] = -(wall_ms + CLAIM_MS)
                claimed.append(Hint(bucket, member, due_of(at), wall_ms + CLAIM_MS))
        return claimed

    async def drop_hints(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            self._check(hint.bucket)
            due = self.space.due_at_ms.get(KEYS[hint.bucket].due, {})
            if due.get(hint.member) == -hint.claimed_until_ms:
                del due[hint.member]

    async def waiting_hints(self, buckets: Sequence[int]) -> Waiting:
        self._raise_if_refused()
        scores = [at for b in buckets for at in self.space.due_at_ms.get(KEYS[b].due, {}).values()]
        return Waiting(len(scores), min((at for at in scores if at > 0), default=None))

    async def spend(self, day: str, max_minor: int, costs: Sequence[tuple[str, int]]) -> Spending:
        self._check(0)
        space, names = self.space, KEYS[0]
        total_key, paid_key = names.spent + day, names.paid + day
        total = int(space.get(total_key) or 0)
        paid: list[bool] = []
        for nudge_id, cost_minor in costs:
            known = space.output(paid_key, nudge_id) is not None
            fits = known or total + cost_minor <= max_minor
            if fits and not known:
                total += cost_minor
                put = ((nudge_id, b""),)
                space.change_outputs(paid_key, drop=(), put=put, ttl_ms=SPENT_TTL_MS)
            paid.append(fits)
        space.set(total_key, b"%d" % total, SPENT_TTL_MS)
        return Spending(paid, total)

    async def slots(
        self, channel: str, now_ms: int, interval_ms: float, expiries_ms: Sequence[int]
    ) -> list[int | None]:
        self._check(0)
        key = KEYS[0].pace + channel
        free_ms = max(float(now_ms), float(self.space.get(key) or 0))
        slots: list[int | None] = []
        for expires_at_ms in expiries_ms:
            fits = free_ms < expires_at_ms
            slots.append(ceil(free_ms) if fits else None)
            free_ms += interval_ms if fits else 0.0
        if free_ms > now_ms:
            self.space.set(key, b"%.3f" % free_ms, ceil(free_ms - now_ms))
        return slots

    async def count_messages(self, ids: Mapping[Tally, Sequence[str]], ttl_ms: int) -> None:
        self._check(0)
        for (scope, day), some in ids.items():
            key = f"{KEYS[0].messages}{scope}:{day}"
            self.space.change_outputs(key, drop=(), put=[(one, b"") for one in some], ttl_ms=ttl_ms)

    async def count_opt_outs(
        self, kind: str, tallies: Sequence[Tally], message_ids: Sequence[str], ttl_ms: int
    ) -> list[OptedOut]:
        self._check(0)
        space, names = self.space, KEYS[0]
        opted_out = f"{names.opted_out}{kind}:"
        days = [f"{scope}:{day}" for scope, day in tallies]
        space.change_outputs(
            opted_out + days[0], drop=(), put=[(one, b"") for one in message_ids], ttl_ms=ttl_ms
        )
        return [
            OptedOut(len(space.fields(opted_out + day)), len(space.fields(names.messages + day)))
            for day in days
        ]

    async def claim_pause(self, scope: str, claimants: Sequence[str]) -> bool:
        self._check(0)
        key = KEYS[0].pausing + scope
        if self.space.get(key) is None:
            self.space.set(key, claimants[0].encode(), CLAIM_MS)
        return (self.space.get(key) or b"").decode() in claimants

    async def ping(self) -> None:
        self._check_all()

    async def put_worker(self, worker: str, value: bytes, ttl_ms: int) -> None:
        self._raise_if_refused()
        check_worker(worker, ttl_ms)
        self.space.set(worker_key(worker), value, ttl_ms)

    async def workers(self) -> dict[str, bytes]:
        self._raise_if_refused()
        prefix = worker_key("")
        names = [key.removeprefix(prefix) for key in self.space.values if key.startswith(prefix)]
        found = {name: self.space.get(worker_key(name)) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    async def close(self) -> None:
        """Do nothing: there is no connection to give back."""

    def _check_all(self) -> None:
        for bucket in range(BUCKETS):
            self._check(bucket)

    def _check(self, bucket: int) -> None:
        """Raise unless the bucket's epoch stands and its count is not below the highest one seen."""
        self._raise_if_refused()
        space, names = self.space, KEYS[bucket]
        found = space.get(names.epoch)
        written = int(space.get(names.count) or 0)
        if found == self._token and written < self._seen[bucket]:
            found = LOST
            space.set(names.epoch, LOST)
        if found != self._token:
            self._refused = epoch_missing(bucket, found)
            raise self._refused
        self._seen[bucket] = written

    def _raise_if_refused(self) -> None:
        if self._refused:
            # A new one each time: an exception raised again would gather traceback for ever.
            raise type(self._refused)(*self._refused.args)
        if self._token is None:
            raise StoreUnavailable("the store is not open yet")
