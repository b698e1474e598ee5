"""The numbers that follow from ids alone: a nudge's id, an event's digest, a customer's partition."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final

NUDGE_ID_BYTES: Final = 16
EVENT_DIGEST_BYTES: Final = 8

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
# An id has at most 128 characters, so 512 bytes of UTF-8: one reader for each number of 4-byte words that it
# can fill, because building the format string anew would cost as much as hashing a word.
_WORDS_MAX: Final = 128
_UNPACK: Final = tuple(struct.Struct(f"<{words}I").unpack for words in range(_WORDS_MAX + 1))


def nudge_id(customer_id: str, event_id: str) -> str:
    """Name the one nudge that this event may cause for this customer, as 32 hexadecimal digits.

    It is the BLAKE2b-128, without key or personalisation, of the length of the customer id in UTF-8 bytes
    (4 bytes, big endian), the customer id, and the event id. The length
    keeps ("ab", "c") apart from ("a", "bc").
    """
    customer = customer_id.encode()
    text = len(customer).to_bytes(4, "big") + customer + event_id.encode()
    return blake2b(text, digest_size=NUDGE_ID_BYTES).hexdigest()


def event_digest(event_id: str) -> bytes:
    """Shorten an event id to the 8 bytes by which one customer's memory knows it.

    Compared only within one customer's last events and charges, fewer than 100 of them: a new event agrees
    with one of them by chance once in 10^17.
    """
    return blake2b(event_id.encode(), digest_size=EVENT_DIGEST_BYTES).digest()


def partition_of(customer_id: str, partitions: int) -> int:
    """Return the partition, in [0, partitions), that Kafka's default partitioner gives a record with this key.

    It is the murmur2 of Kafka's Java client over the UTF-8 bytes, its sign bit cleared.
    """
    return partition_of_key(customer_id.encode(), partitions)


def partition_of_key(data: bytes, partitions: int) -> int:
    """Return the partition, in [0, partitions), that Kafka's default partitioner gives a record with this key."""
    length = len(data)
    tail_bytes = length & 3
    if tail_bytes:
        # Padded with zeros, the last one to three bytes read as just the word that murmur2 mixes in last.
        data += b"\0\0\0"[tail_bytes - 1 :]
    count = len(data) >> 2
    words = _UNPACK[count](data) if count <= _WORDS_MAX else struct.unpack(f"<{count}I", data)
    mixed = _SEED ^ length
    for word in words[: length >> 2]:
        scrambled = word * _M & _MASK
        mixed = (mixed * _M ^ (scrambled ^ scrambled >> 24) * _M) & _MASK
    if tail_bytes:
        mixed = (mixed ^ words[-1]) * _M & _MASK
    mixed = (mixed ^ mixed >> 13) * _M & _MASK
    return ((mixed ^ mixed >> 15) & 0x7FFFFFFF) % partitions
