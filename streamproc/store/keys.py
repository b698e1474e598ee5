"""Turn a customer id into `h`, and `h` into the names of its keys: no key holds a customer id."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final, Self

BUCKETS: Final = 64
"""A unit costs at most one call a bucket. 64 keeps a unit of 4,000 customers near 63 a call, far from
blocking Redis, and spreads over as many shards. Stored state depends on it: with another
number all of it would be lost."""

KEY_BYTES_MIN: Final = 16
KEY_BYTES_MAX: Final = 64  # BLAKE2b takes no longer key; a longer file is hashed down to this.
KEYCHECK: Final = "sp:keycheck"
WORKERS: Final = "sp:workers"
DELIVERIES: Final = "sp:deliveries"

_H_BYTES: Final = 16
_WORKER: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_BUCKET_OF: Final = {f"{byte:02x}": byte % BUCKETS for byte in range(256)}


class IdKeyUnusable(ValueError):
    """Say why a file cannot serve as the key that customer ids are hashed with."""


class IdKey:
    """Hash customer ids with a secret, so that neither keys nor the ledger tell who a customer is."""

    __slots__ = ("_check", "_keyed")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < KEY_BYTES_MIN:
            raise IdKeyUnusable(f"the ID key has {len(secret)} bytes, it needs at least {KEY_BYTES_MIN}")
        key = secret if len(secret) <= KEY_BYTES_MAX else blake2b(secret).digest()
        # Copying a state that has absorbed the key is cheaper than absorbing the key for every customer.
        self._keyed: Callable[[], blake2b] = blake2b(
            digest_size=_H_BYTES, key=key, person=b"sp-customer"
        ).copy
        self._check = blake2b(b"streamproc", digest_size=_H_BYTES, key=key, person=b"sp-keycheck").hexdigest()

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read the key from a file; white space around it does not count.

        Raises `IdKeyUnusable`, with a message that names the setting, the file and what is wrong.
        """
        try:
            secret = Path(path).read_bytes().strip()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise IdKeyUnusable(f"STREAMPROC_ID_KEY_FILE {path}: cannot be read: {reason}") from error
        try:
            return cls(secret)
        except IdKeyUnusable as error:
            raise IdKeyUnusable(f"STREAMPROC_ID_KEY_FILE {path}: {error}") from error

    def h(self, customer_id: str) -> str:
        """Return the keyed hash of a customer id: 32 lower-case hexadecimal digits."""
        state = self._keyed()
        # Any string has a hash, also one with a lone surrogate: a strange id must not stop its unit.
        state.update(customer_id.encode("utf-8", "surrogatepass"))
        return state.hexdigest()

    def check(self) -> str:
        """Return a fingerprint of the key that two workers can compare and that does not reveal it."""
        return self._check


def bucket_of(h: str) -> int:
    """Return the bucket of a customer, 0 to 63: `h` modulo 64."""
    return _BUCKET_OF[h[-2:]]


class BucketKeys:
    """Name the keys of one bucket. The braces make a cluster keep them all in one slot."""

    __slots__ = (
        "consent",
        "context",
        "count",
        "due",
        "epoch",
        "messages",
        "opted_out",
        "outputs",
        "pace",
        "paid",
        "pausing",
        "sent",
        "spent",
    )

    def __init__(self, bucket: int) -> None:
        tag = f"sp:{{{bucket}}}"
        self.epoch = f"{tag}:epoch"
        self.count = f"{tag}:count"
        self.due = f"{tag}:due"
        # Prefixes: `h` follows.
        self.context = f"{tag}:ctx:"
        self.consent = f"{tag}:con:"
        self.outputs = f"{tag}:out:"
        # A prefix too; the keyed hash of a nudge id follows.
        self.sent = f"{tag}:sent:"
        # Prefixes of what all workers together spend in a day, which follows. Bucket 0 keeps both.
        self.spent = f"{tag}:spent:"
        self.paid = f"{tag}:paid:"
        # Prefixes of what all workers together count of a campaign; its scope follows, and a day but for the last. Of
        # opt-outs the kind comes first.
        self.messages = f"{tag}:messages:"
        self.opted_out = f"{tag}:opted_out:"
        self.pausing = f"{tag}:pausing:"
        # A prefix likewise; a channel's name follows.
        self.pace = f"{tag}:pace:"


KEYS: Final = tuple(BucketKeys(bucket) for bucket in range(BUCKETS))


def worker_key(worker: str) -> str:
    """Return the key under which a worker publishes its state."""
    return f"sp:worker:{worker}"


def delivery_key(delivery: str) -> str:
    """Return the key under which a delivery end publishes its state."""
    return f"sp:delivery:{delivery}"


def check_worker(worker: str, ttl_ms: int) -> None:
    """Raise ValueError unless this name may stand in a key and its state lives for a while."""
    if not _WORKER.fullmatch(worker):
        raise ValueError(f"a worker's name is 1 to 128 of A-Z a-z 0-9 . _ -, not {worker!r}")
    if ttl_ms < 1:
        raise ValueError(f"a worker's state lives for at least 1 ms, not {ttl_ms}")
