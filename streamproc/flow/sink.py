"""Write outputs to Kafka, and believe only what the broker acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import repeat
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streamproc.core.digests import partition_of_key
from streamproc.core.record import Output
from streamproc.ports import SinkUnavailable

# A record that the broker has not acknowledged after the request timeout has an unknown fate: it is sent again.
REQUEST_TIMEOUT_MS: Final = 30_000
SEND_SECONDS_MAX: Final = 40.0
# All outputs of one `send` are handed to the producer before it gets its turn, so they share their batches without
# lingering. A unit is written in three steps that wait for each other: 5 ms each would be a tenth of its time.
LINGER_MS: Final = 0
BATCH_BYTES_MAX: Final = 256 * 1024
# A record of 1 MiB, the most that Kafka takes by default, must fit into a dead letter with its headers.
REQUEST_BYTES_MAX: Final = 2 * 1024 * 1024


def _partition(key: bytes | None, all_partitions: Sequence[int], available: Sequence[int]) -> int:
    """Place a record as the default partitioner does, whose own hash of a key takes twice as long."""
    if key is None:
        return random.choice(available or all_partitions)  # noqa: S311 - spreads records, guards nothing
    return all_partitions[partition_of_key(key, len(all_partitions))]


def make_producer(bootstrap: str) -> AIOKafkaProducer:
    """Make the producer of a worker or a command: every in-sync replica acknowledges.

    Idempotence stays off: a repeated nudge has the same id, key and bytes, and an idempotent producer that meets an
    out-of-order sequence number stays dead until the process ends.
    """
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        partitioner=_partition,
    )


class KafkaSink:
    """Sends outputs under the installation's topic prefix. Start and stop the producer outside."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str = "") -> None:
        """Write with this producer."""
        self._producer = producer
        self._prefix = prefix

    async def send(self, outputs: Sequence[Output], at_ms: Sequence[int] | None = None) -> None:
        """Write all outputs, with these times or the present one; return when every one is acknowledged.

        Raises SinkUnavailable if the fate of any is unknown: all of them must then be sent again. A record too
        large for the topic raises as it is, since sending it again would not help.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                deliveries = [
                    await self._start(output, time_ms)
                    for output, time_ms in zip(outputs, at_ms or repeat(None))  # noqa: B905 - one of the two never ends
                ]
                # A cancelled wait does not cancel the sending, so the futures are waited for behind a shield.
                results = await asyncio.shield(asyncio.gather(*deliveries, return_exceptions=True))
        except TimeoutError as error:
            message = f"Kafka did not acknowledge within {SEND_SECONDS_MAX:.0f} s"
            raise SinkUnavailable(message) from error
        except MessageSizeTooLargeError:
            raise
        except KafkaError as error:
            raise SinkUnavailable(f"Kafka refused a record: {type(error).__name__}") from error
        for result in results:
            if isinstance(result, MessageSizeTooLargeError):
                raise result
            if isinstance(result, BaseException):
                raise SinkUnavailable(f"Kafka did not take a record: {type(result).__name__}") from result

    async def _start(self, output: Output, at_ms: int | None) -> asyncio.Future[object]:
        delivery: asyncio.Future[object] = await self._producer.send(
            self._prefix + output.topic,
            value=output.value,
            key=output.key,
            partition=output.lane,
            headers=list(output.headers),
            timestamp_ms=at_ms,
        )
        return delivery
