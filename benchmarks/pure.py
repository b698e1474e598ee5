"""What the parts cost inside one process: parsing, deciding, and the whole pipeline over the memory twin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks import ingest, rules, throttle
from benchmarks.inprocess import KEY, InProcess, backlog, preload
from benchmarks.workload import (
    DAY_MS,
    Crowd,
    bench_policy,
    consent_head,
    customer,
    is_consented,
    warm_context,
)
from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.consent import decode_consent
from streamproc.core.decide import decide
from streamproc.core.event import Event
from streamproc.core.record import Position, Record
from streamproc.core.stored_context import decode_context, encode_context
from streamproc.core.switches import Switches
from streamproc.ingest import parse
from streamproc.store.memory import MemoryStore

EVENTS: Final = 20_000
CUSTOMERS: Final = 2_000
ROUNDS: Final = 3


def costs() -> dict[str, float]:
    """Return microseconds of CPU time an event, by part."""
    crowd = Crowd(CUSTOMERS, EVENTS, time.time_ns() // 1_000_000)
    records = backlog(crowd)
    found = {f"ingest: {name}": cost for name, cost in ingest.costs().items()}
    found["ingest: the workload's calls"] = median(_ingest_us(records) for _ in range(ROUNDS))
    found["context: decode and encode"] = median(_codec_us(crowd) for _ in range(ROUNDS))
    found["decide"] = median(_decide_us(crowd, records) for _ in range(ROUNDS))
    found |= throttle.costs()
    found["all six steps over the memory twin"] = median(_twin_us(crowd, records) for _ in range(ROUNDS))
    return found


def campaign_ratios() -> dict[str, float]:
    """Return what 200 campaigns cost beside 10, as ratios of CPU time an event, and what goes with them."""
    return asyncio.run(rules.compare())


def _ingest_us(records: Sequence[Record]) -> float:
    begun = time.process_time()
    for record in records:
        parse(record)
    return _us_since(begun)


def _codec_us(crowd: Crowd) -> float:
    blobs = [warm_context(who, crowd) for who in range(crowd.customers) if is_consented(who)]
    begun = time.process_time()
    for blob in blobs:
        encode_context(decode_context(blob))
    return _us_since(begun, len(blobs))


def _decide_us(crowd: Crowd, records: Sequence[Record]) -> float:
    """Decide every event on contexts that are decoded already."""
    customers = {}
    for who in range(crowd.customers):
        context = decode_context(warm_context(who, crowd)) if is_consented(who) else None
        consent = decode_consent(consent_head(who, crowd.now_ms))
        customers[customer(who)] = Customer(f"{who:032x}", consent, context)
    under = Rules(bench_policy(), Switches(), 0, DAY_MS)
    arrivals = [
        Arrival(event, Position(record.topic, record.partition, record.offset, index), record.partition, 0)
        for record in records
        for index, event in enumerate(parse(record))
        if isinstance(event, Event)
    ]
    begun = time.process_time()
    for arrival in arrivals:
        decide(customers[arrival.event.customer_id], arrival, under, crowd.now_ms)
    return _us_since(begun)


def _twin_us(crowd: Crowd, records: Sequence[Record]) -> float:
    async def run() -> float:
        store = MemoryStore(id_check=KEY.check())
        await preload(store, crowd)
        work = InProcess(store)
        begun = time.process_time()
        await work.take(records)
        return _us_since(begun)

    return asyncio.run(run())


def _us_since(begun: float, count: int = EVENTS) -> float:
    return (time.process_time() - begun) / count * 1e6
