"""The baseline: Faust as it comes, one event at a time.

One agent of concurrency 1 over the stock `kafka://` transport; for each event the same ingest and the same
`decide`, one awaited Redis read before and one awaited script call after it, outputs sent through Faust. It does
less than a worker: no lanes, no emission gate, no receipts, no epoch, and nobody waits for acknowledged outputs.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

import faust
from redis.asyncio import Redis

from benchmarks.stage import LANES, Stage
from benchmarks.workload import DAY_MS, Crowd, events
from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.consent import decode_consent
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.decide import decide
from streamproc.core.event import Event
from streamproc.core.record import Output, Position, Record
from streamproc.core.stored_context import decode_context, encode_context
from streamproc.core.switches import Switches
from streamproc.ingest import parse
from streamproc.ops.policy_files import load_folder
from streamproc.store.addresses import Addresses
from streamproc.store.keys import KEYS, IdKey, bucket_of

SECONDS_MAX: Final = 300.0
# Writes one context unless somebody else wrote it. KEYS: context. ARGV: expected version, new value, life in ms.
COMPARE_AND_SET: Final = """
local found = redis.call('GETRANGE', KEYS[1], 0, 7)
if found ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


@dataclass(frozen=True)
class Stock:
    """What the baseline gave: events a second, and the CPU of its process in microseconds an event."""

    events: int
    events_per_s: float
    worker_us: float
    nudge_ratio: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def run(crowd: Crowd) -> Stock:
    """Measure the baseline on parts of its own, over the same customers and calls."""
    with Stage() as stage:
        await stage.create_topics()
        await stage.preload(crowd)
        await stage.fill(events(crowd))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.stock", str(crowd.events)),
            env=stage.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS_MAX):
                out, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        raise RuntimeError(f"the baseline ended with {process.returncode}: {said.decode()[-2_000:]}")
    # Faust may print a banner before it.
    return Stock(**json.loads(out.splitlines()[-1]))


class Baseline:
    """Takes one event after the other, as a Faust tutorial would."""

    def __init__(self, app: faust.App, count: int) -> None:
        """Count up to so many events, then print what they cost and end the process."""
        self._key = IdKey.from_file(os.environ["STREAMPROC_ID_KEY_FILE"])
        self._address = Addresses(self._key, LANES)
        self._redis = Redis.from_url(os.environ["STREAMPROC_REDIS_URL"])
        self._rules = Rules(load_folder(Path(os.environ["STREAMPROC_POLICY"])), Switches(), 0, DAY_MS)
        self._topic = partial(app.topic, key_serializer="raw", value_serializer="raw")
        self._topics: dict[str, Any] = {}
        self._count = count
        self._done = self._nudges = 0
        self._script = ""
        self._begun_at = self._begun_cpu = 0.0

    async def take(self, stream: faust.StreamT[Any]) -> None:
        """Process the stream, event by event."""
        self._script = await self._redis.script_load(COMPARE_AND_SET)
        async for event in stream.events():
            message = event.message
            if not self._begun_at:
                self._begun_at, self._begun_cpu = time.perf_counter(), time.process_time()
            at_ms = int(message.timestamp * 1_000)
            record = Record(
                message.topic, message.partition, message.offset, at_ms, False, message.key, message.value
            )
            for index, parsed in enumerate(parse(record)):
                if isinstance(parsed, Event):
                    await self._event(parsed, Position(*record_place(record), index))
            self._done += 1
            if self._done == self._count:
                self._report()

    async def _event(self, event: Event, position: Position) -> None:
        h, lane = self._address(event.customer_id)
        names = KEYS[bucket_of(h)]
        stored: list[Any] = await self._redis.mget(names.context + h, names.consent + h)
        context, consent = stored
        customer = Customer(
            h,
            decode_consent(consent[8:]) if consent else NO_CONSENT,
            decode_context(context[8:]) if context else None,
        )
        now_ms = time.time_ns() // 1_000_000
        _, emission = decide(customer, Arrival(event, position, lane, 0), self._rules, now_ms)
        value = token_bytes(8) + encode_context(customer.context) if customer.context is not None else b""
        version = context[:8] if context else b""
        await self._redis.evalsha(self._script, 1, names.context + h, version, value, 90 * DAY_MS)
        if emission is None:
            return
        for output in emission.ahead:
            await self._send(output)
        if emission.nudge is not None:
            self._nudges += 1
            await self._send(emission.nudge)

    async def _send(self, output: Output) -> None:
        topic = self._topics.get(output.topic)
        if topic is None:
            topic = self._topics[output.topic] = self._topic(output.topic)
        await topic.send(key=output.key, value=output.value, headers=dict(output.headers))

    def _report(self) -> None:
        seconds, cpu = time.perf_counter() - self._begun_at, time.process_time() - self._begun_cpu
        found = Stock(self._done, self._done / seconds, cpu / self._done * 1e6, self._nudges / self._done)
        sys.__stdout__.write(json.dumps(asdict(found)))  # type: ignore[union-attr]  # Faust replaces sys.stdout.
        sys.__stdout__.flush()  # type: ignore[union-attr]  # As above.
        # The measurement is over; Faust would take seconds to leave the group.
        os._exit(0)


def record_place(record: Record) -> tuple[str, int, int]:
    """Return where a record stands."""
    return record.topic, record.partition, record.offset


def main() -> None:
    """Run the baseline over so many events of `clickstream` and print what it gave."""
    app = faust.App(
        "stock",
        broker=f"kafka://{os.environ['STREAMPROC_KAFKA']}",
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=2_000,
        # The embedded broker lets joiners wait for as long as this.
        broker_rebalance_timeout=2.0,
        broker_session_timeout=6.0,
        stream_wait_empty=False,
    )
    baseline = Baseline(app, int(sys.argv[1]))
    clicks = app.topic("clickstream", key_serializer="raw", value_serializer="raw")
    app.agent(clicks, concurrency=1)(baseline.take)
    faust.Worker(app, loglevel="error").execute_from_commandline()


if __name__ == "__main__":
    main()
