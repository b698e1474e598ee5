"""Run one worker as a process: from its settings to its exit code, with health, gauges and signals."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import uvloop

from streamproc import __version__
from streamproc.core.policy.model import Policy
from streamproc.flow.worker import STALLED_SECONDS_MAX, Worker, WorkerConfig, WorkerStalled
from streamproc.ops.cancellation import keep_cancellations
from streamproc.ops.health import HealthServer
from streamproc.ops.logs import set_up_logs
from streamproc.ops.meter import MetricsMeter
from streamproc.ops.metrics import Metrics
from streamproc.ops.policy_files import default_policy
from streamproc.ops.readiness import Readiness
from streamproc.ops.signals import STALLED, STOPPED, drain, stop_on_signals
from streamproc.plugin_watch import PluginWatch
from streamproc.plugins import installed
from streamproc.settings import Settings, SettingsError
from streamproc.store.base import Store, StoreRefused, StoreUnavailable
from streamproc.store.keys import IdKey, IdKeyUnusable
from streamproc.store.redis_store import RedisStore
from streamproc.store.watches import RedisWatches, Watches

__all__ = ["MISCONFIGURED", "STALLED", "STOPPED", "Parts", "assemble", "run_worker", "worker_name"]

log = logging.getLogger(__name__)

MISCONFIGURED: Final = 1

DAY_MS: Final = 86_400_000
# A unit takes 60 ms, letting go of the lanes 5 s at most, the producer's flush and leaving the group the rest;
# supervisors kill after 30 s.
DRAIN_SECONDS_MAX: Final = 20.0
GAUGE_SECONDS: Final = 1.0
# Python looks for unreachable cycles whenever 700 more objects live than died. A unit in flight is 20,000 that all die
# by themselves, so most of those looks, a tenth of a worker's CPU time, find nothing.
GC_OBJECTS_MIN: Final = 50_000

T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What a worker is made of, all of it read and checked."""

    config: WorkerConfig
    store: Store
    key: IdKey
    policy: Policy
    metrics_addr: str
    watch: PluginWatch = field(default_factory=PluginWatch)
    watches: Watches | None = None


def worker_name() -> str:
    """Make a name that no other process has: host, process id and chance."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:64]
    return f"{host}-{os.getpid()}-{secrets.token_hex(3)}"


def assemble(settings: Settings, name: str) -> Parts:
    """Read everything a worker needs. Raises SettingsError with all that is wrong, not just the first."""
    faults: list[str] = []

    def gather(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except SettingsError as error:
            faults.extend(error.faults)
        except IdKeyUnusable as error:
            faults.append(str(error))
        return None

    required = gather(lambda: settings.require("kafka", "redis_url", "id_key_file"))
    key_file = settings.id_key_file
    key = gather(lambda: IdKey.from_file(key_file)) if key_file is not None else None
    watch = PluginWatch()
    policy = gather(lambda: default_policy(settings.policy, watch.watched(installed())))
    if required is None or key is None or policy is None:
        raise SettingsError(faults)
    kafka, redis_url, _ = required
    config = WorkerConfig(
        bootstrap=kafka,
        group=settings.group,
        worker=name,
        prefix=settings.topic_prefix,
        clock=settings.clock,
        event_age_max_ms=settings.event_age_max_ms,
        context_ttl_ms=settings.context_days * DAY_MS,
        unit_events_max=settings.unit_events_max,
        fetch_wait_ms=settings.fetch_wait_ms,
        session_timeout_ms=settings.session_timeout_ms,
        rebalance_timeout_ms=settings.rebalance_timeout_ms,
        tell_per_second=settings.tell_per_second,
    )
    store = RedisStore(redis_url, id_check=key.check())
    return Parts(config, store, key, policy, settings.metrics_addr, watch, RedisWatches(redis_url))


def run_worker(settings: Settings) -> int:
    """Run one worker until SIGTERM or SIGINT; return the exit code.

    The first signal lets the unit in flight finish, within `DRAIN_SECONDS_MAX`; a second one ends the process at
    once. Either way nothing is lost: what was not acknowledged comes again. Raises SettingsError.
    """
    name = worker_name()
    parts = assemble(settings, name)
    set_up_logs(settings.log_level, worker=name)
    log.info("worker of streamproc %s starts, default policy %s", __version__, parts.policy.version)
    _collect_rarely()
    keep_cancellations()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(serve(parts))
    log.info("stopped with exit code %s", code)
    return code


def _collect_rarely() -> None:
    """Leave what was loaded at the start out of every search for garbage, and search once in some units."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS_MIN)


async def serve(parts: Parts) -> int:
    """Run the worker beside its health server until a signal, and return the exit code. Raises SettingsError."""
    metrics = Metrics()
    meter = MetricsMeter(metrics, lambda: time.time_ns() // 1_000_000)
    plugins = parts.watch.watched(installed())
    worker = Worker(parts.config, parts.store, parts.key, parts.policy, meter, plugins, parts.watches)
    stop = stop_on_signals("the unit in flight")
    health = HealthServer(metrics, waits_for=worker.waits_for, stalled=lambda: _stalled(worker))
    try:
        await health.start(parts.metrics_addr)
    except SettingsError:
        # It has not run, so nothing else closes what it made.
        await worker.feed.stop()
        await worker.catalog.stop()
        raise
    try:
        gauges = _start(_show_gauges(worker, parts, metrics))
        work = _start(worker.run())
        asked = _start(stop.wait())
        await asyncio.wait({work, gauges, asked}, return_when=asyncio.FIRST_COMPLETED)
        gauges.cancel()
        asked.cancel()
        await drain(work, DRAIN_SECONDS_MAX)
    finally:
        await health.stop()
    return _exit_code(work, gauges)


def _start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


def _exit_code(work: asyncio.Task[None], gauges: asyncio.Task[None]) -> int:
    for task in (work, gauges):
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None:
            stalled = isinstance(error, BaseExceptionGroup) and error.subgroup(WorkerStalled) is not None
            log.error("the worker %s", "stalled" if stalled else "broke", exc_info=error)
            return STALLED
    return STOPPED


def _stalled(worker: Worker) -> str | None:
    health = worker.lanes()
    if health is None or not worker.gate.is_open() or health.stalled_s <= STALLED_SECONDS_MAX:
        return None
    return f"no unit finished for {health.stalled_s:.0f} s, {STALLED_SECONDS_MAX:.0f} s allowed"


async def _show_gauges(worker: Worker, parts: Parts, metrics: Metrics) -> None:
    """Show every second how the worker stands, until cancelled."""
    readiness = Readiness()
    while True:
        metrics.show_gate(is_open=worker.gate.is_open())
        waits_for = worker.waits_for()
        metrics.show_ready(is_ready=not waits_for)
        metrics.show_refused(is_refused=worker.feed.trouble is not None)
        metrics.show_lost(is_lost=worker.state_is_lost())
        metrics.show_plugins(off=len(worker.feed.plugins_off), errors=parts.watch.errors)
        if worker.feed.is_confirmed():
            metrics.confirm_config(worker.feed.rules().config_offset)
        health = worker.lanes()
        readiness.tell(waits_for, health.lanes if health is not None else ())
        for topic, lag in health.lag.items() if health is not None else ():
            metrics.show_lag(topic.removeprefix(parts.config.prefix), lag.records_max, lag.records_sum)
        known, fan_out = worker.catalog, worker.fan_out
        metrics.show_catalog(
            entries=len(known.catalog),
            lag=known.lag,
            left_out=known.catalog.left_out,
            refused=known.refused.total(),
            is_doubtful=known.catalog.is_doubtful,
        )
        if fan_out is not None:
            metrics.show_telling(lag=fan_out.lag, told=fan_out.told)
        timers = worker.timers()
        if timers is not None:
            metrics.show_timers(waiting=timers.waiting, overdue_s=timers.overdue_s)
        try:
            metrics.show_workers(len(await parts.store.workers()))
        except (StoreUnavailable, StoreRefused):
            # The gate says that Redis is away; a number that nobody can know is 0.
            metrics.show_workers(0)
        await asyncio.sleep(GAUGE_SECONDS)
