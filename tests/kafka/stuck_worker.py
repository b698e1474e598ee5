"""A worker process whose units never end, as with an unreachable Redis. Prints one line of JSON every 0.1 s."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys

from streamproc.core.unit import Unit
from streamproc.flow.app import Flow, FlowConfig
from streamproc.flow.lanes import LaneTopics


async def stuck(_: Unit) -> None:
    await asyncio.Event().wait()


async def report(flow: Flow) -> None:
    while True:
        health = flow.lanes.health()
        state = {"in_flight": health.in_flight_records, "buffered_bytes": health.buffered_bytes}
        print(json.dumps(state | {"stalled_s": health.stalled_s}), flush=True)
        await asyncio.sleep(0.1)


async def main(bootstrap: str, group: str, facts: str, moments: str, timers: str) -> None:
    topics = LaneTopics((facts,), (moments,), (timers,), facts)
    flow = Flow(
        FlowConfig(bootstrap, group, topics, let_go_ms=200, session_timeout_ms=3_000, commit_every_ms=100)
    )
    work = asyncio.create_task(flow.run(stuck))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    reporter = asyncio.create_task(report(flow))
    with contextlib.suppress(asyncio.CancelledError):
        await work
    reporter.cancel()


asyncio.run(main(*sys.argv[1:]))
