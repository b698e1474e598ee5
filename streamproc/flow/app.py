"""Build the Faust app that reads the lanes' topics, and run it inside our own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import faust
import faust.streams
from faust.tables.manager import TableManager

from streamproc.flow.consumer_thread import SERVICE_LOG, FetchOptions
from streamproc.flow.lanes import Lanes, LaneTopics
from streamproc.flow.progress import RUN_RECORDS_MAX
from streamproc.flow.transport import Consumer, broker_urls, register

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faust.types.auth import CredentialsT

    from streamproc.core.unit import Unit

__all__ = ["Flow", "FlowConfig", "FlowStopped"]

log = logging.getLogger(__name__)

REQUEST_S = 30.0
COMMIT_EVERY_S = 1.0
STREAM_RUNS_MAX = 4
"""Agents empty their queue at once, so it holds next to nothing; the lanes' buffers set the bound."""


class FlowStopped(RuntimeError):
    """The Faust app ended by itself; the cause is the exception's cause."""


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """How to read. Times are in milliseconds.

    `let_go_ms` bounds the wait for the unit in flight at a rebalance or stop; it must stay well below
    `rebalance_timeout_ms`, after which the broker goes on without this worker.
    """

    bootstrap: str
    group: str
    topics: LaneTopics = field(default_factory=LaneTopics.prefixed)
    clock: Literal["wall", "record"] = "wall"
    unit_events_max: int = 4_000
    fetch_wait_ms: int = 20
    session_timeout_ms: int = 30_000
    rebalance_timeout_ms: int = 30_000
    heartbeat_ms: int = 3_000
    let_go_ms: int = 5_000
    commit_every_ms: int = 1_000
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    instance_id: str | None = None
    credentials: CredentialsT | None = None


class _NoTables(TableManager):
    """Faust's table manager without its pause of a second, in which tables could register: there are none."""

    logger = SERVICE_LOG

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _App(faust.App):
    """A Faust app that leaves the disk alone and carries the transport's options."""

    logger = SERVICE_LOG

    fetch_options: FetchOptions

    def _create_directories(self) -> None:
        """Do nothing: without tables there is nothing to put there."""


class Flow:
    """The app, its agents and the lanes they feed. Build it inside the running event loop."""

    def __init__(self, config: FlowConfig) -> None:
        _require_cython()
        _quiet_loggers()
        register()
        self.config = config
        self.app = _build_app(config)
        consumer = self.app.consumer
        assert isinstance(consumer, Consumer)
        self.consumer: Consumer = consumer
        self.lanes = Lanes(
            consumer,
            config.topics,
            clock=config.clock,
            unit_records_max=config.unit_events_max,
            let_go_s=config.let_go_ms / 1_000,
        )
        for kind, names in config.topics.by_kind().items():
            self._add_agent(kind, names)

    async def run(self, process: Callable[[Unit], Awaitable[None]]) -> None:
        """Start, give units to `process` until cancelled, and stop in a bounded time.

        Raises what `process` raises, and FlowStopped if the app ends by itself.
        """
        # Started before the app, so that no run waits for its receiver.
        work = asyncio.create_task(self.lanes.run(process))
        try:
            await self.app.start()
            ended = asyncio.create_task(self._app_ends())
            await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if work.done():
                work.result()
            raise FlowStopped(f"the Kafka flow ended: {self.app.crash_reason!r}") from self.app.crash_reason
        finally:
            await self._stop(work)

    async def _app_ends(self) -> None:
        while not (self.app.should_stop or self.app.crashed):  # noqa: ASYNC110 - two flags, no event for both
            await asyncio.sleep(0.1)

    async def _stop(self, work: asyncio.Task[None]) -> None:
        # First the unit in flight and its commit, while the group still counts on us; then the app.
        if not work.done():
            await self.consumer.let_go()
        work.cancel()
        await asyncio.wait({work})
        with contextlib.suppress(asyncio.CancelledError):
            await self.app.stop()

    def _add_agent(self, name: str, topics: tuple[str, ...]) -> None:
        topic = self.app.topic(*topics, key_type=bytes, value_type=bytes, acks=True)

        async def receive(stream: faust.StreamT[Any]) -> None:
            # The lanes alone acknowledge, when a unit is finished: a plain loop over the stream would do it
            # whenever it moves on, and even when it is cancelled.
            async for event in cast("faust.Stream[Any]", stream).noack().events():
                self.lanes.offer(event)

        self.app.agent(topic, name=name, concurrency=1)(receive)


def _build_app(config: FlowConfig) -> _App:
    app = _App(
        config.group,
        broker=broker_urls(config.bootstrap),
        broker_credentials=config.credentials,
        broker_commit_interval=config.commit_every_ms / 1_000,
        broker_heartbeat_interval=config.heartbeat_ms / 1_000,
        broker_rebalance_timeout=config.rebalance_timeout_ms / 1_000,
        broker_request_timeout=max(REQUEST_S, config.session_timeout_ms / 1_000),
        broker_session_timeout=config.session_timeout_ms / 1_000,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=config.instance_id,
        loop=asyncio.get_running_loop(),
        producer_acks=-1,
        producer_linger=0.005,
        producer_max_batch_size=262_144,
        producer_request_timeout=REQUEST_S,
        store="memory://",
        TableManager=_NoTables,
        stream_buffer_maxsize=STREAM_RUNS_MAX,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.fetch_options = FetchOptions(
        wait_ms=config.fetch_wait_ms,
        records_max=min(config.unit_events_max, RUN_RECORDS_MAX),
        isolation_level=config.isolation_level,
    )
    return app


def _require_cython() -> None:
    """Refuse Faust's pure-Python stream iterator: it acknowledges what it skips after a rebalance."""
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise RuntimeError(
            "faust-streaming runs without its compiled parts, which would lose records at a rebalance: "
            "unset NO_CYTHON, and install a wheel for CPython"
        )


def _quiet_loggers() -> None:
    """Keep Faust and aiokafka from logging keys and values, which they do at DEBUG."""
    for name in ("faust", "aiokafka", "mode"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
