"""Run one delivery end as a process: from its options and settings to its exit code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import uvloop

from streamproc import __version__
from streamproc.core.policy.model import Policy
from streamproc.deliver.ports import Addresses, Target, Unusable
from streamproc.deliver.road import read_rate
from streamproc.deliver.targets import addresses_from, read_line, target_for
from streamproc.flow.delivery import Delivery, DeliveryConfig
from streamproc.ops.cancellation import keep_cancellations
from streamproc.ops.delivery_metrics import DeliveryMetrics
from streamproc.ops.health import HealthServer
from streamproc.ops.logs import set_up_logs
from streamproc.ops.policy_files import default_policy
from streamproc.ops.process import worker_name
from streamproc.ops.readiness import Readiness
from streamproc.ops.signals import STALLED, STOPPED, drain, stop_on_signals
from streamproc.settings import Settings, SettingsError, split_address
from streamproc.store.keys import IdKey, IdKeyUnusable
from streamproc.store.redis_store import RedisStore
from streamproc.store.sent import SentLog

__all__ = ["Options", "Parts", "assemble", "run_delivery"]

log = logging.getLogger(__name__)

# Beside a worker of the same machine, whose default is 9464.
METRICS_ADDR: Final = "127.0.0.1:9465"
GAUGE_SECONDS: Final = 1.0
# A call ends within 30 s, and so does a wait for Redis or Kafka: what takes longer is stuck.
STALLED_SECONDS_MAX: Final = 120.0
# What is in flight 20 s, leaving the group the rest; supervisors kill after 30 s.
DRAIN_SECONDS_MAX: Final = 25.0

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What the command line says, as it says it."""

    channel: str
    to: str | None = None
    to_file: Path | None = None
    sender: str | None = None
    secret_file: Path | None = None
    addresses: str | None = None
    addresses_token_file: Path | None = None
    rate: str | None = None
    metrics_addr: str | None = None


@dataclass(frozen=True)
class Parts:
    """What a delivery end is made of, all of it read and checked."""

    config: DeliveryConfig
    redis_url: str
    key: IdKey
    policy: Policy
    target: Target
    addresses: Addresses | None
    metrics_addr: str

    def delivery(self, metrics: DeliveryMetrics) -> Delivery:
        """Put the delivery end together; inside the loop that it runs in."""
        return Delivery(
            self.config,
            store=RedisStore(self.redis_url, id_check=self.key.check()),
            sent=SentLog(self.redis_url, self.key),
            key=self.key,
            policy=self.policy,
            target=self.target,
            addresses=self.addresses,
            counter=metrics,
        )


def assemble(settings: Settings, options: Options) -> Parts:
    """Read everything a delivery end needs. Raises SettingsError with all that is wrong, not just the first."""
    faults: list[str] = []

    def gather(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except SettingsError as error:
            faults.extend(error.faults)
        except (IdKeyUnusable, Unusable, ValueError) as error:
            faults.append(str(error))
        return None

    required = gather(lambda: settings.require("kafka", "redis_url", "id_key_file"))
    key_file = settings.id_key_file
    key = gather(lambda: IdKey.from_file(key_file)) if key_file is not None else None
    policy = gather(lambda: default_policy(settings.policy))
    target = gather(lambda: _target(options))
    addresses = gather(lambda: _addresses(options, target))
    rate = options.rate
    per_second = gather(lambda: read_rate(rate)) if rate is not None else None
    metrics_addr = options.metrics_addr or (
        settings.metrics_addr if "metrics_addr" in settings.model_fields_set else METRICS_ADDR
    )
    gather(lambda: split_address(metrics_addr))
    if faults or required is None or key is None or policy is None or target is None:
        raise SettingsError(faults)
    kafka, redis_url, _ = required
    config = DeliveryConfig(
        bootstrap=kafka,
        group=f"{settings.group}-deliver-{options.channel}",
        channel=options.channel,
        name=f"deliver-{options.channel}-{worker_name()}",
        prefix=settings.topic_prefix,
        per_second=per_second,
        session_timeout_ms=settings.session_timeout_ms,
        rebalance_timeout_ms=settings.rebalance_timeout_ms,
    )
    return Parts(config, redis_url, key, policy, target, addresses, metrics_addr)


def _target(options: Options) -> Target:
    if (options.to is None) == (options.to_file is None):
        raise Unusable("one of --to and --to-file names the target")
    url = options.to if options.to_file is None else read_line("--to-file", options.to_file)
    return target_for(url or "", options.channel, sender=options.sender, secret_file=options.secret_file)


def _addresses(options: Options, target: Target | None) -> Addresses | None:
    if options.addresses is not None:
        return addresses_from(options.addresses, options.channel, token_file=options.addresses_token_file)
    if target is not None and target.needs_address:
        raise Unusable(
            "--addresses is missing: a file or a look-up URL that says where customers are reached"
        )
    return None


def run_delivery(settings: Settings, options: Options) -> int:
    """Hand nudges over until SIGTERM or SIGINT; return the exit code.

    The first signal lets the nudges in flight finish, one a lane at most, within `DRAIN_SECONDS_MAX`; a second one
    ends the process at once. Raises SettingsError.
    """
    parts = assemble(settings, options)
    set_up_logs(settings.log_level, worker=parts.config.name)
    log.info("delivery of %s by streamproc %s to %s starts", options.channel, __version__, parts.target.name)
    keep_cancellations()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(serve(parts))
    log.info("stopped with exit code %s", code)
    return code


async def serve(parts: Parts) -> int:
    """Run the delivery end beside its health server until a signal. Raises SettingsError."""
    metrics = DeliveryMetrics(parts.config.channel)
    delivery = parts.delivery(metrics)
    stop = stop_on_signals("the nudges in flight")
    health = HealthServer(metrics, waits_for=delivery.waits_for, stalled=lambda: _stalled(delivery))
    try:
        await health.start(parts.metrics_addr, named="--metrics-addr")
    except SettingsError:
        # It has not run, so nothing else closes what it made.
        await delivery.feed.stop()
        raise
    try:
        tasks = [asyncio.create_task(work) for work in (delivery.run(), _watch(delivery, metrics))]
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({*tasks, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        await drain(tasks[0], DRAIN_SECONDS_MAX)
        tasks[1].cancel()
    finally:
        await health.stop()
    return _exit_code(tasks)


async def _watch(delivery: Delivery, metrics: DeliveryMetrics) -> None:
    """Show every second how the delivery end stands, and end the process where it is stuck."""
    readiness = Readiness()
    while True:
        waits_for, group = delivery.waits_for(), delivery.group
        lanes = group.lanes.values() if group is not None else ()
        metrics.show(
            is_ready=not waits_for,
            gate_is_open=delivery.gate.is_open(),
            config_offset=delivery.feed.rules().config_offset,
            lag=group.lag() if group is not None else 0,
            put_off=sum(lane.put_off for lane in lanes),
        )
        readiness.tell(waits_for, sorted(group.lanes) if group is not None else ())
        if (why := _stalled(delivery)) is not None:
            raise DeliveryStalled(why)
        await asyncio.sleep(GAUGE_SECONDS)


class DeliveryStalled(Exception):
    """Say that a nudge was at one step for too long: only a new process mends that."""


def _stalled(delivery: Delivery) -> str | None:
    busy_s = delivery.busy_s()
    if busy_s <= STALLED_SECONDS_MAX:
        return None
    return f"a nudge is at one step for {busy_s:.0f} s, {STALLED_SECONDS_MAX:.0f} s allowed"


def _exit_code(tasks: list[asyncio.Task[None]]) -> int:
    for task in tasks:
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None:
            log.error("delivery broke", exc_info=error)
            return STALLED
    return STOPPED
