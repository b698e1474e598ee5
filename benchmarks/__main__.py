"""`make bench`: measure streamproc beside the alternatives, on real parts, in one run."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime

import uvloop
from rich.console import Console

from benchmarks import latency, pure, rules, stock, throughput, timers
from benchmarks.cpu import machine
from benchmarks.report import Figure, Report
from benchmarks.workload import CUSTOMERS, Crowd

console = Console()


def main() -> int:
    """Run all measurements, print the table, write the file."""
    options = _options()
    report = Report(machine(), f"python -m benchmarks {' '.join(sys.argv[1:])}".strip(), _now())
    if report.machine["load_1m"] > 0.5:
        console.print(
            f"[yellow]this machine is busy (load {report.machine['load_1m']}): figures are worse than idle[/]"
        )
    main_run = _throughput(report, options.events)
    _baseline(report, main_run, options.stock_events)
    _paced(report, quick=options.quick)
    _pure(report)
    if options.timers:
        _timers(report, options.timers)
    if options.growth:
        _growth(report, options.growth_events, options.growth_customers)
    report.machine["load_1m_after"] = machine()["load_1m"]
    report.show(console)
    console.print(f"written to {report.write()}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--events", type=int, default=0, help="backlog of the main run (200000; quick: 60000)"
    )
    parser.add_argument("--quick", action="store_true", help="smaller runs, no growth: about a minute")
    parser.add_argument("--no-growth", dest="growth", action="store_false", help="leave out the growth runs")
    parser.add_argument(
        "--timers", type=int, default=-1, help="pending timers (1000000; quick: 20000; 0: leave them out)"
    )
    parser.add_argument("--growth-customers", type=int, default=1_000_000)
    parser.add_argument("--growth-events", type=int, default=60_000)
    parser.add_argument(
        "--stock-events", type=int, default=0, help="events of the baseline (10000; quick: 4000)"
    )
    options = parser.parse_args()
    options.events = options.events or (60_000 if options.quick else 200_000)
    options.stock_events = options.stock_events or (4_000 if options.quick else 10_000)
    if options.timers < 0:
        options.timers = 20_000 if options.quick else timers.TIMERS
    options.growth = options.growth and not options.quick
    return options


def _throughput(report: Report, count: int) -> throughput.Throughput:
    _say(f"a backlog of {count:,} events of {CUSTOMERS:,} customers through one worker")
    run = _measure(count, CUSTOMERS)
    report.details["throughput"] = run.as_json()
    report.add(
        "One worker, broker and Redis beside it",
        Figure("events", run.events_per_s, "1/s", low=20_000, digits=0),
        Figure("worker CPU", run.worker_us, "us/event", high=40),
        Figure("Redis CPU", run.redis_us, "us/event"),
        Figure("broker CPU", run.broker_us, "us/event"),
        Figure("events with a candidate", run.candidate_ratio * 100, "%", low=9, high=11),
        Figure("events with a nudge", run.nudge_ratio * 100, "%", low=0.8, high=1.3, digits=2),
        Figure("events a unit", run.events_a_unit, "", digits=0),
        Figure("customers a unit", run.customers_a_unit, "", digits=0),
        Figure("Redis a customer, median", run.redis_bytes_median, "B", high=2_048, digits=0),
        Figure("Redis a consented customer, median", run.redis_bytes_consented_median, "B", digits=0),
        Figure("worker memory, most", run.worker_mib_max, "MiB", digits=0),
    )
    return run


def _baseline(report: Report, run: throughput.Throughput, count: int) -> None:
    _say(f"the baseline, Faust as it comes, over {count:,} events")
    found = uvloop.run(stock.run(Crowd(CUSTOMERS, count, _now_ms())))
    report.details["stock"] = found.as_json()
    report.add(
        "Faust as it comes: concurrency 1, one awaited read and one script call per event",
        Figure("events", found.events_per_s, "1/s", digits=0),
        Figure("worker CPU", found.worker_us, "us/event", digits=0),
        Figure("streamproc is faster by", run.events_per_s / found.events_per_s, "times", low=10),
        Figure("streamproc needs less CPU by", found.worker_us / run.worker_us, "times"),
    )


def _paced(report: Report, *, quick: bool) -> None:
    _say("start, latency at 500 events/s, and a switch under two workers")
    found = uvloop.run(
        latency.run(
            events_per_s=500, seconds=6 if quick else 20, toggles=6 if quick else 20, customers=CUSTOMERS
        )
    )
    report.details["latency"] = found.latency.as_json()
    report.details["switch"] = found.toggles.as_json()
    report.add(
        "Start, latency, switch",
        Figure("start to ready", found.ready_s, "s", high=5, digits=2),
        Figure(f"event to nudge, p50 of {found.latency.nudges:,}", found.latency.p50_ms, "ms", digits=0),
        Figure("event to nudge, p99", found.latency.p99_ms, "ms", digits=0),
        Figure("switch applied by every worker, median", found.toggles.median_ms, "ms", digits=0),
        Figure("switch applied by every worker, slowest", found.toggles.max_ms, "ms", high=1_000, digits=0),
    )


def _pure(report: Report) -> None:
    _say("the parts inside one process")
    costs = pure.costs()
    report.details["parts"] = costs
    report.add(
        "Parts, inside one process",
        *(Figure(name, cost, "us/event", digits=2) for name, cost in costs.items()),
    )
    _say("many campaigns beside few")
    found = pure.campaign_ratios()
    report.details["campaigns"] = found
    report.add(
        "Many campaigns: 200 over 20 kinds of event beside 10, both with a candidate in one event of ten",
        Figure("decide", found[f"{rules.COMPARED}: decide"], "times", digits=2),
        Figure("all six steps", found[f"{rules.COMPARED}: six steps"], "times", high=1.5, digits=2),
    )


def _timers(report: Report, count: int) -> None:
    found = uvloop.run(timers.run(count, count // 10, _say))
    report.details["timers"] = found.as_json()
    report.add(f"Timers, {timers.WORKERS} workers", *timers.figures(found))


def _growth(report: Report, count: int, most: int) -> None:
    """Compare two crowds whose customers remember as much, and act alike.

    The smaller one is measured before and after the larger: a machine that slows down must not look like growth.
    """
    fewest = 10_000
    runs = []
    for customers in (fewest, most, fewest):
        _say(f"growth: {customers:,} customers")
        runs.append(_measure(count, customers))
    before, many, after = runs
    report.details["growth"] = [run.as_json() for run in runs]
    few_us = (before.worker_us + after.worker_us) / 2
    few_all_us = (_cpu_us(before) + _cpu_us(after)) / 2
    report.add(
        "Growth",
        Figure(f"worker CPU at {fewest:,} customers", few_us, "us/event"),
        Figure(f"worker CPU at {most:,} customers", many.worker_us, "us/event"),
        Figure("worker CPU grows by", many.worker_us / few_us, "times", high=1.2, digits=2),
        Figure("worker, Redis and broker CPU grow by", _cpu_us(many) / few_all_us, "times", digits=2),
    )


def _cpu_us(run: throughput.Throughput) -> float:
    return run.worker_us + run.redis_us + run.broker_us


def _measure(count: int, customers: int) -> throughput.Throughput:
    return uvloop.run(throughput.run(Crowd(customers, count, _now_ms())))


def _say(what: str) -> None:
    console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {what}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
