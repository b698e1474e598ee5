"""Give a new store its epoch, once; find it again at every start; notice when it is gone.

The epoch is a token under one key a bucket, and every script call names it. Bucket 0 is the canonical one:
whoever creates the epoch first claims it there as `making:<token>`, then fills the other buckets, then writes
the plain token. So a creator that dies half-way is finished by the next worker, and a bucket that is empty
although bucket 0 says complete was emptied later: its state is lost, and nobody heals it by guessing.
"""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from redis.exceptions import ResponseError

from streamproc.store.base import EpochMissing, LostWrites, StoreUnavailable, WrongHashKey
from streamproc.store.keys import KEYCHECK, KEYS
from streamproc.store.link import Call, Link, Reply

LOST: Final = b"lost"
"""What the commit script leaves in place of a bucket's token when its count has gone back."""
_MAKING: Final = b"making:"

RESTORE: Final = (
    'nothing is sent until it has its state again; see docs/operations.md, "When Redis lost its state"'
)
"""This version cannot make the state anew from the topics, so no message may promise that."""


async def establish(link: Link, *, check: str, fresh: bool) -> bytes:
    """Return the store's epoch token, after the hash key and every bucket were found in order.

    `fresh`: nothing was ever decided, so an absent epoch is created, and one half made is finished.
    Raises `WrongHashKey`, `EpochMissing`, `LostWrites`, `StoreUnavailable`.
    """
    stored_check, canonical = await _ask(link, ("GET", KEYCHECK), ("GET", KEYS[0].epoch))
    _compare_check(stored_check, check)
    if canonical is None or canonical.startswith(_MAKING):
        if not fresh:
            raise epoch_missing(0, canonical)
        canonical = await _make(link)
    found = await _ask(link, *(("GET", names.epoch) for names in KEYS))
    for bucket, token in enumerate(found):
        if token != canonical or token == LOST:
            raise epoch_missing(bucket, token)
    await _ask(link, ("SET", KEYCHECK, check, "NX"))
    (stored_check,) = await _ask(link, ("GET", KEYCHECK))
    _compare_check(stored_check, check)
    assert isinstance(canonical, bytes)
    return canonical


async def _make(link: Link) -> bytes:
    claim = _MAKING + token_hex(8).encode()
    await _ask(link, ("SET", KEYS[0].epoch, claim, "NX"))
    (claimed,) = await _ask(link, ("GET", KEYS[0].epoch))
    if claimed is None or not claimed.startswith(_MAKING):
        # Another worker has just finished it, or it is gone again: the caller's check of all buckets tells.
        return claimed or b""
    token: bytes = claimed.removeprefix(_MAKING)
    await _ask(link, *(("SET", names.epoch, token, "NX") for names in KEYS[1:]))
    # Every worker that finishes this claim writes the same token, so their order does not matter.
    await _ask(link, ("SET", KEYS[0].epoch, token, "XX"))
    return token


@dataclass(frozen=True)
class Loss:
    """What is wrong with the epochs. `may_be_new`: nobody may have begun the store yet, which only Kafka tells."""

    error: EpochMissing
    may_be_new: bool


async def find_loss(link: Link) -> Loss | None:
    """Say what is wrong with the epochs, without changing any; None if they are as they must be.

    Raises `StoreUnavailable`.
    """
    found = await _ask(link, *(("GET", names.epoch) for names in KEYS))
    canonical = found[0]
    for bucket, token in enumerate(found):
        if token is None or token == LOST or token.startswith(_MAKING) or token != canonical:
            may_be_new = bucket == 0 and token != LOST and LOST not in found
            return Loss(epoch_missing(bucket, token), may_be_new)
    return None


def epoch_missing(bucket: int, found: bytes | None) -> EpochMissing:
    """Return the error for a bucket whose epoch key holds something else than the store's token."""
    key = KEYS[bucket].epoch
    if found == LOST:
        return LostWrites(f"Redis lost writes that it had confirmed ({key}): {RESTORE}")
    if found is None:
        return EpochMissing(f"{key} is missing, so Redis was emptied or is another one: {RESTORE}")
    if found.startswith(_MAKING):
        return EpochMissing(f"{key} is being made, though decisions were made before: {RESTORE}")
    return EpochMissing(f"{key} names another life of this store: {RESTORE}")


def wrong_hash_key(stored: bytes, check: str) -> WrongHashKey:
    """Return the error for a store whose customers were hashed with another key."""
    return WrongHashKey(
        f"STREAMPROC_ID_KEY_FILE: this key's fingerprint is {check}, the store's is {stored.decode()} "
        f"({KEYCHECK}): with another key every customer would be unknown and every cap would start from "
        "zero; use the key of the other workers"
    )


def _compare_check(stored: bytes | None, check: str) -> None:
    if stored is not None and stored != check.encode():
        raise wrong_hash_key(stored, check)


async def _ask(link: Link, *calls: Call) -> list[Reply]:
    replies = await link.exchange(calls)
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"STREAMPROC_REDIS_URL: Redis refused: {reply}") from reply
    return replies
