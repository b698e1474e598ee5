"""What it costs to load and commit one customer: CPU of this process and of a real Redis beside it."""

from __future__ import annotations

from os import sysconf
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Final, NamedTuple

import uvloop

from streamproc.ops.embedded import EmbeddedRedis
from streamproc.store.base import Slot, Store, Write
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore

UNIT_CUSTOMERS: Final = 2_000
UNITS: Final = 10
ROUNDS: Final = 7
CONTEXT_BYTES: Final = 1_000
CONSENT_BYTES: Final = 60
CONTEXT_TTL_MS: Final = 90 * 86_400_000


class StoreCost(NamedTuple):
    """CPU in microseconds a customer, and the median time of a unit's load and commit in milliseconds."""

    load_us: float
    commit_us: float
    server_us: float
    load_ms: float
    commit_ms: float


async def measure(url: str, server_pid: int) -> StoreCost:
    """Load and replace every context, a unit at a time, `ROUNDS` times over."""
    key = IdKey(b"a key of the benchmark, published")
    store = RedisStore(url, id_check=key.check())
    await store.open(fresh=True)
    units = [[key.h(f"c-{unit}-{i}") for i in range(UNIT_CUSTOMERS)] for unit in range(UNITS)]
    context, consent = Random(1).randbytes(CONTEXT_BYTES), Random(2).randbytes(CONSENT_BYTES)
    for hs in units:
        slots = await store.load(hs)
        await store.commit([_write(slot, context, consent) for slot in slots])
    server_begun_ns = _cpu_ns(server_pid)
    laps = [await _lap(store, hs, context) for _ in range(ROUNDS) for hs in units]
    server_ns = _cpu_ns(server_pid) - server_begun_ns
    await store.close()
    load_cpu, commit_cpu, load_wall, commit_wall = (median(column) for column in zip(*laps, strict=True))
    a_customer = 1_000 * UNIT_CUSTOMERS
    server_us = server_ns / (len(laps) * a_customer)
    return StoreCost(
        load_cpu / a_customer, commit_cpu / a_customer, server_us, load_wall / 1e6, commit_wall / 1e6
    )


async def _lap(store: Store, hs: list[str], context: bytes) -> tuple[int, int, int, int]:
    cpu, wall = process_time_ns(), perf_counter_ns()
    slots = await store.load(hs)
    load_cpu, load_wall = process_time_ns() - cpu, perf_counter_ns() - wall
    writes = [_write(slot, context, None) for slot in slots]
    cpu, wall = process_time_ns(), perf_counter_ns()
    applied = await store.commit(writes)
    commit_cpu, commit_wall = process_time_ns() - cpu, perf_counter_ns() - wall
    assert all(applied)
    return load_cpu, commit_cpu, load_wall, commit_wall


def _write(slot: Slot, context: bytes, consent: bytes | None) -> Write:
    return Write(
        h=slot.h,
        context_version=slot.context_version,
        consent_version=slot.consent_version,
        context=context,
        context_ttl_ms=CONTEXT_TTL_MS,
        consent=consent,
    )


def _cpu_ns(pid: int) -> int:
    """Return what a process has used of the CPU so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the costs."""
    with EmbeddedRedis() as server:
        assert server.pid is not None
        cost = uvloop.run(measure(server.url, server.pid))
    print(f"store: units of {UNIT_CUSTOMERS} customers, contexts of {CONTEXT_BYTES} B")
    print(f"  client CPU a customer: load {cost.load_us:.1f} us, commit {cost.commit_us:.1f} us")
    print(f"  server CPU a customer: {cost.server_us:.1f} us for both")
    print(f"  a unit takes: load {cost.load_ms:.0f} ms, commit {cost.commit_ms:.0f} ms")


if __name__ == "__main__":
    main()
