"""Start patiently: repeat each step until it succeeds, and say what is waited for."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streamproc.flow.cluster import ClusterUnready
from streamproc.flow.config_feed import ConfigUnreadable
from streamproc.flow.sink import make_producer
from streamproc.store.base import EpochMissing, StoreRefused, StoreUnavailable

__all__ = ["Starting", "backoff", "start_producer"]

log = logging.getLogger(__name__)

PAUSE_SECONDS_MAX: Final = 5.0

T = TypeVar("T")


class Starting:
    """The steps of a start, one after another; Kafka and Redis may be away for as long as they like."""

    def __init__(self) -> None:
        self.waits_for: str | None = "starting"
        """What the start waits for, for people; None once it is over."""
        self.without_state = False
        """Whether Redis was last found without the customer state that it had."""

    async def step(self, what: str, action: Callable[[], Awaitable[T]]) -> T:
        """Repeat one step until it succeeds; `what` names what it needs."""
        attempt = 0
        while True:
            try:
                return await action()
            except (ClusterUnready, ConfigUnreadable, KafkaError, StoreUnavailable, StoreRefused) as error:
                self.waits_for = f"{what}: {error}"
                self.without_state = isinstance(error, EpochMissing)
                log.warning("waiting for %s: %s", what, error)
                attempt += 1
                await backoff(attempt)

    def over(self) -> None:
        """Say that everything was there."""
        self.waits_for, self.without_state = None, False


async def start_producer(bootstrap: str) -> AIOKafkaProducer:
    """Connect a producer. Raises KafkaError."""
    producer = make_producer(bootstrap)
    try:
        await producer.start()
    except KafkaError:
        await producer.stop()
        raise
    return producer


async def backoff(attempt: int) -> None:
    """Wait before attempt n + 1: from 50 ms, doubled each time, up to 5 s, spread by half either way."""
    seconds = min(0.05 * 2 ** min(attempt, 10), PAUSE_SECONDS_MAX)
    await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries, guards nothing
