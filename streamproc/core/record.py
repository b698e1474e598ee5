"""What comes out of a Kafka topic, and what goes back into one."""

from __future__ import annotations

import msgspec

Header = tuple[str, bytes]


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record as read from a topic.

    `timestamp_ms` is Kafka's own, in milliseconds since the epoch; `append_time` says that the broker set it
    (LogAppendTime) and not the producer.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    append_time: bool
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class Position(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """Where an event was read: a record, and the place of the event inside a record that carries a batch."""

    topic: str
    partition: int
    offset: int
    index: int = 0

    @property
    def place(self) -> str:
        """The event, as what it caused is kept under: `clickstream/3/17/0`."""
        return f"{self.topic}/{self.partition}/{self.offset}/{self.index}"


class Output(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record to be written, its topic named without the prefix of the installation.

    `lane` is the partition for topics keyed by customer; None leaves the choice to the partitioner.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    lane: int | None = None
