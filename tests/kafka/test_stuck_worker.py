"""A worker that gets nothing done stays small, says so, and stops at once without acknowledging."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.harness import Cluster
from tests.places import PYTHONPATH

MIB = 1_048_576


@contextlib.asynccontextmanager
async def stuck_worker(cluster: Cluster) -> AsyncIterator[Process]:
    names = (cluster.facts, cluster.moments, cluster.timers)
    script = [
        str(Path(__file__).with_name("stuck_worker.py")),
        cluster.broker.bootstrap,
        cluster.group,
        *names,
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *script,
        stdout=PIPE,
        # What was freed goes back to the system at once, so that the resident size is what the worker holds.
        env={
            "PYTHONPATH": PYTHONPATH,
            "MALLOC_TRIM_THRESHOLD_": "0",
            "MALLOC_ARENA_MAX": "1",
        },
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def report(process: Process) -> dict[str, Any]:
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 40)
    return dict(json.loads(line))


async def until_steady(process: Process) -> None:
    """Wait until the worker holds something and takes in no more for two seconds."""
    last, same = -1, 0
    while same < 20:
        now = (await report(process))["buffered_bytes"]
        same = same + 1 if now == last and now > 0 else 0
        last = now


def rss_bytes(process: Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1_024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident size from /proc")
async def test_memory_stays_bounded_while_units_do_not_end(cluster: Cluster) -> None:
    async with stuck_worker(cluster) as process:
        while (await report(process))["in_flight"] == 0:
            await cluster.produce(cluster.facts, 4)
        before = rss_bytes(process)
        for topic in (cluster.facts, cluster.moments, cluster.timers):
            for _ in range(4):
                await cluster.produce(topic, 256, value=bytes(64 * 1_024))
        await until_steady(process)
        growth = rss_bytes(process) - before
    # 12 partitions: a share of 1 MiB and one fetch of 0.5 MiB beyond it, 0.5 MiB unread, and the client's copies.
    assert growth < 48 * MIB, f"grew by {growth / MIB:.0f} MiB of 192 MiB produced"


async def test_sigterm_ends_a_stuck_worker_and_acknowledges_nothing(cluster: Cluster) -> None:
    await cluster.produce(cluster.facts, 40)
    async with stuck_worker(cluster) as process:
        while (await report(process))["in_flight"] == 0:
            pass
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
    assert not await cluster.committed(cluster.facts)


async def test_a_stuck_worker_says_how_long_it_has_stood_still(cluster: Cluster) -> None:
    await cluster.produce(cluster.facts, 40)
    async with stuck_worker(cluster) as process:
        stalled = [(await report(process))["stalled_s"]]
        while stalled[-1] < 0.5:
            stalled.append((await report(process))["stalled_s"])
    assert stalled[0] == 0.0
