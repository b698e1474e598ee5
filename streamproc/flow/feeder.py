"""Write records with timestamps of their own, as a producer of another day would have written them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from aiokafka.errors import KafkaError

from streamproc.core.record import Output
from streamproc.flow.sink import make_producer
from streamproc.ports import SinkUnavailable

__all__ = ["Feeder"]


class Feeder:
    """Produces recorded and simulated traffic. Use it as an asynchronous context manager."""

    def __init__(self, bootstrap: str, *, prefix: str = "") -> None:
        """Write to topics named with this prefix."""
        self._producer = make_producer(bootstrap)
        self._prefix = prefix

    async def __aenter__(self) -> Self:
        """Connect. Raises SinkUnavailable."""
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise SinkUnavailable(f"no broker takes records: {type(error).__name__}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def send(self, records: Sequence[tuple[int, Output]]) -> None:
        """Write records, each with the time that Kafka shall note for it; return when all are acknowledged.

        The default partitioner places them by their keys, as it does those of any producer. A topic that stamps
        records itself keeps its own time. Raises SinkUnavailable if the fate of one is unknown.
        """
        try:
            sent = [
                await self._producer.send(
                    self._prefix + output.topic,
                    value=output.value,
                    key=output.key,
                    partition=output.lane,
                    headers=list(output.headers),
                    timestamp_ms=at_ms,
                )
                for at_ms, output in records
            ]
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise SinkUnavailable(f"Kafka did not take a record: {type(error).__name__}") from error
