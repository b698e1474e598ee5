"""Count what a worker does, for Prometheus.

Labels come from closed sets alone: a process never has more than 300 series, and none names a customer.
"""

import platform
import time
from collections.abc import Callable, Iterable
from itertools import product
from typing import Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from streamproc import __version__
from streamproc.core.creep.ladder import DEFER, QUIETER, SEND, SOFTEN
from streamproc.core.event import Reason
from streamproc.core.facts import CHANNELS
from streamproc.core.reasons import Gate

__all__ = ["CONTENT_TYPE", "OTHER", "SERIES_MAX", "Metrics"]

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
SERIES_MAX: Final = 300

# What stands in for a label that is not in its closed set: the count is kept, the series are bounded.
OTHER: Final = "other"

_TOPICS: Final = (
    "clickstream",
    "beacons",
    "timers",
    "rekeyed",
    "consents",
    "profiles",
    "outcomes",
    "privacy-requests",
    "catalog",
)
# What a receipt counts an event as. One that came again after a crash or a rebalance is `redelivered`; one
# that was forwarded to its customer's own lane is `rekeyed` here and handled there.
_OUTCOMES: Final = ("decided", "quiet", "duplicate", "redelivered", "too_old", "rejected", "rekeyed")
_VERDICTS: Final = (
    "nudged",
    "suppressed",
    "outranked",
    "deferred",
    "held_out",
    "shadow",
    "expired",
    "cancelled",
    "withheld",
)
_RUNGS: Final = (SEND, SOFTEN, QUIETER)
# What an open emission gate may refuse.
_WITHHELD: Final = (
    Gate.ALL_OFF,
    Gate.CHANNEL_OFF,
    Gate.CAMPAIGN_OFF,
    Gate.SPEND_CAP,
    Gate.PACE,
    Gate.EXPIRED,
    Gate.ITEM_UNAVAILABLE,
    Gate.NOT_OPTED_IN,
    Gate.SENSING,
    Gate.SPECIAL_CATEGORY,
    Gate.CATEGORY_MUTED,
    Gate.CHANNEL_DECLINED,
    Gate.PAUSED,
    Gate.HOLD,
    Gate.QUIET_HOURS,
    Gate.ZONE_UNKNOWN,
)
# What an attempt may fail at and is then repeated for.
_TROUBLES: Final = ("sink", "store", "store_refused")
# The second loads and commits too: a customer that somebody else wrote meanwhile goes through it again.
_STEPS: Final = ("ingest", "decide", "emit")

# A unit of 4,000 events takes about 160 ms in all at 40 µs an event; a step that takes seconds is an outage.
_STEP_SECONDS: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 2.0)
# From the event's own time to the hand-over of its nudge: under a second, and minutes after an outage.
_NUDGE_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0, 300.0, 3_600.0)
# From a timer's due time to its decision: a claim and a pass through Kafka, or what an outage or a long backlog took.
_TIMER_SECONDS: Final = (0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3_600.0)


_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)


def _children(metric: _Metric, *labels: Iterable[str]) -> dict[tuple[str, ...], _Metric]:
    """Make the child for each combination of label values, and one for everything else.

    Made beforehand, so that a rate over a counter that has not moved yet is 0 and not missing.
    """
    closed = {values: metric.labels(*values) for values in product(*labels)}
    others = (OTHER,) * len(labels)
    return closed | {others: metric.labels(*others)}


def _child(children: dict[tuple[str, ...], _Metric], *values: str) -> _Metric:
    found = children.get(values)
    return children[(OTHER,) * len(values)] if found is None else found


class Metrics:
    """Every number that a process publishes, in a registry of its own.

    Counting is thread-safe. Topics are named without the prefix of the installation. A label value outside
    its closed set is counted under `other`.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        # A `_created` series beside each counter would double their number and say nothing that `rate` needs.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry: Final = CollectorRegistry()
        self._monotonic = monotonic
        self._config_confirmed_at: float | None = None
        self._plugin_errors_shown = 0
        self._watchers_told_shown = 0
        ProcessCollector(registry=self.registry)
        self._make_counters()
        self._make_gauges()
        self._make_histograms()
        build = Info("streamproc_build", "Which streamproc this is, on which Python.", registry=self.registry)
        build.info({"version": __version__, "python": platform.python_version()})

    # Counters

    def count_events(self, topic: str, outcome: str, count: int = 1) -> None:
        """Count events by what became of them, in the words of a receipt."""
        _child(self._events, topic, outcome).inc(count)

    def count_rejected(self, reason: str, count: int = 1) -> None:
        """Count what went to the dead letters, by the reason's code."""
        _child(self._rejected, reason).inc(count)

    def count_decision(self, verdict: str, count: int = 1) -> None:
        """Count candidates by what became of them."""
        _child(self._decisions, verdict).inc(count)

    def count_suppressed(self, gate: str, count: int = 1) -> None:
        """Count, for each gate that failed, the candidates it stopped; one candidate may fail several."""
        _child(self._suppressed, gate).inc(count)

    def count_nudge(self, channel: str, rung: str, count: int = 1) -> None:
        """Count nudges that were handed over, acknowledged by the broker.

        What was put off counts as quieter: a series of its own for each channel is more than a process may have, and
        `decisions` tell them apart.
        """
        _child(self._nudges, channel, QUIETER if rung == DEFER else rung).inc(count)

    def count_spent(self, channel: str, cost_minor: int) -> None:
        """Count what handing a nudge over costs, in the smallest unit of the policy's currency."""
        _child(self._spent, channel).inc(cost_minor)

    def count_paced(self, channel: str, count: int = 1) -> None:
        """Count nudges that were handed over and wait for their turn."""
        _child(self._paced, channel).inc(count)

    def count_withheld(self, reason: str, count: int = 1) -> None:
        """Count nudges that were decided and charged, and that the emission gate refused."""
        _child(self._withheld, reason).inc(count)

    def count_units(self, count: int = 1) -> None:
        """Count units of records that were acknowledged."""
        self._units.inc(count)

    def count_holes(self, count: int = 1) -> None:
        """Count offsets that a topic skipped."""
        self._holes.inc(count)

    def count_conflicts(self, count: int = 1) -> None:
        """Count customers that had to be decided again, since somebody else had written their context."""
        self._conflicts.inc(count)

    def count_campaigns_paused(self, count: int) -> None:
        """Count campaigns that this worker paused because too many customers complained or unsubscribed."""
        self._campaigns_paused.inc(count)

    def count_trouble(self, kind: str, count: int = 1) -> None:
        """Count attempts that failed and are repeated, by what they failed at: sink, store or store_refused."""
        _child(self._troubles, kind).inc(count)

    def count_timers(self, count: int) -> None:
        """Count timers that were due and were written to `timers`, acknowledged by the broker."""
        self._timers_fired.inc(count)

    def count_unknown_category(self, count: int = 1) -> None:
        """Count items and facts of categories that the policy does not know."""
        self._unknown_categories.inc(count)

    # Gauges

    def show_lag(self, topic: str, lag_max: int, lag_sum: int) -> None:
        """Show how many records lie before this worker, in its worst partition and in all of them."""
        _child(self._lag_max, topic).set(lag_max)
        _child(self._lag_sum, topic).set(lag_sum)

    def show_gate(self, *, is_open: bool) -> None:
        """Show whether nudges may leave."""
        self._gate_open.set(is_open)

    def show_ready(self, *, is_ready: bool) -> None:
        """Show whether this process is ready: joined, configured, and answered by Redis."""
        self._ready.set(is_ready)

    def show_refused(self, *, is_refused: bool) -> None:
        """Show whether this process refuses the policy that `config` points to, and runs another."""
        self._policy_refused.set(is_refused)

    def show_lost(self, *, is_lost: bool) -> None:
        """Show whether Redis lost customer state, so that nothing is sent until somebody restores it."""
        self._state_lost.set(is_lost)

    def confirm_config(self, applied_offset: int) -> None:
        """Show that everything in `config` below this offset is applied, as known at this moment."""
        self._config_offset.set(applied_offset)
        self._config_confirmed_at = self._monotonic()

    def show_plugins(self, *, off: int, errors: int) -> None:
        """Show how many plug-ins of the policy in force are switched off, and how many calls failed since the start."""
        self._plugins_off.set(off)
        self._plugin_errors.inc(errors - self._plugin_errors_shown)
        self._plugin_errors_shown = errors

    def show_timers(self, *, waiting: int, overdue_s: float) -> None:
        """Show how many customers of this worker's share wait for a time, and how long the first is overdue."""
        self._timers_waiting.set(waiting)
        self._timers_overdue.set(overdue_s)

    def show_catalog(self, *, entries: int, lag: int, left_out: int, refused: int, is_doubtful: bool) -> None:
        """Show how many items and stores are known, how many records lie ahead, and what was not taken."""
        self._catalog_entries.set(entries)
        self._catalog_lag.set(lag)
        self._catalog_left_out.set(left_out)
        self._catalog_refused.set(refused)
        self._catalog_doubtful.set(int(is_doubtful))

    def show_telling(self, *, lag: int, told: int) -> None:
        """Show how much of the catalog is not told of yet, and how many watchers were told since the start."""
        self._telling_lag.set(lag)
        self._watchers_told.inc(told - self._watchers_told_shown)
        self._watchers_told_shown = told

    def show_workers(self, count: int) -> None:
        """Show how many workers this one sees alive."""
        self._workers.set(count)

    # Histograms

    def step_took(self, step: str, seconds: float) -> None:
        """Show how long one step of one unit took."""
        _child(self._step_seconds, step).observe(seconds)

    def nudge_took(self, seconds: float) -> None:
        """Show how long after its event a nudge was handed over; clocks differ, so less than 0 is 0."""
        self._nudge_seconds.observe(max(0.0, seconds))

    def timer_took(self, seconds: float) -> None:
        """Show how long after its due time a timer was decided; clocks differ, so less than 0 is 0."""
        self._timer_seconds.observe(max(0.0, seconds))

    # Reading

    def render(self) -> bytes:
        """Return all numbers in Prometheus' text format, whose content type is `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def _config_staleness_seconds(self) -> float:
        # Computed when it is read, so that it grows while the process hangs.
        confirmed_at = self._config_confirmed_at
        return float("inf") if confirmed_at is None else self._monotonic() - confirmed_at

    def _make_counters(self) -> None:
        counter = self._counter
        self._events = _children(
            counter("events", "Events, by what became of them.", "topic", "outcome"), _TOPICS, _OUTCOMES
        )
        self._rejected = _children(counter("rejected", "Dead letters.", "reason"), Reason)
        self._decisions = _children(counter("decisions", "Candidates, by verdict.", "verdict"), _VERDICTS)
        self._suppressed = _children(counter("suppressed", "Candidates stopped, by gate.", "gate"), Gate)
        self._nudges = _children(
            counter("nudges", "Nudges handed over.", "channel", "rung"), CHANNELS, _RUNGS
        )
        self._spent = _children(
            counter("spent_minor", "Cost of the nudges handed over, in minor units.", "channel"), CHANNELS
        )
        self._paced = _children(counter("paced", "Nudges that wait for their turn.", "channel"), CHANNELS)
        self._withheld = _children(counter("withheld", "Nudges refused at hand-over.", "reason"), _WITHHELD)
        self._units = counter("units", "Units acknowledged.")
        self._holes = counter("holes", "Offsets that a topic skipped.")
        self._plugin_errors = counter("plugin_errors", "Calls of plug-ins that failed and decided nothing.")
        self._conflicts = counter("conflicts", "Customers decided again after a conflicting write.")
        self._campaigns_paused = counter("campaigns_paused", "Campaigns that paused themselves.")
        self._troubles = _children(counter("troubles", "Attempts that are repeated.", "kind"), _TROUBLES)
        self._watchers_told = counter("watchers_told", "Customers told of an item that they watch.")
        self._timers_fired = counter("timers_fired", "Timers that were due and went to their lanes.")
        self._unknown_categories = counter(
            "unknown_categories", "Items and facts of categories the policy does not know."
        )

    def _make_gauges(self) -> None:
        gauge = self._gauge
        self._lag_max = _children(gauge("lag_max_records", "Lag of the worst partition.", "topic"), _TOPICS)
        self._lag_sum = _children(gauge("lag_sum_records", "Lag of all partitions.", "topic"), _TOPICS)
        self._gate_open = gauge("gate_open", "1 while nudges may leave.")
        self._ready = gauge("ready", "1 while this process is ready.")
        self._config_offset = gauge("config_applied_offset", "Everything in config below it is applied.")
        staleness = gauge("config_staleness_seconds", "Time since the config was last known to be applied.")
        staleness.set_function(self._config_staleness_seconds)
        self._policy_refused = gauge("policy_refused", "1 while the policy in `config` is refused.")
        self._plugins_off = gauge("plugins_off", "Plug-ins that are switched off since they were too slow.")
        self._state_lost = gauge("state_lost", "1 while Redis is without the customer state it had.")
        self._timers_waiting = gauge(
            "timers_waiting", "Customers of this worker's share that wait for a time."
        )
        self._timers_overdue = gauge("timers_overdue_seconds", "How long the first of them is overdue.")
        self._catalog_entries = gauge("catalog_entries", "Items and stores of which something is known.")
        self._catalog_lag = gauge("catalog_lag_records", "Records of the catalog not applied yet.")
        self._catalog_left_out = gauge("catalog_left_out", "Words on items and stores that found no room.")
        self._catalog_refused = gauge("catalog_refused", "Records of the catalog refused since the start.")
        self._catalog_doubtful = gauge("catalog_doubtful", "1 while nothing counts as available.")
        self._telling_lag = gauge("telling_lag_records", "Records of the catalog not told of yet.")
        self._workers = gauge("workers", "Workers that this one sees alive.")

    def _make_histograms(self) -> None:
        self._step_seconds = _children(
            Histogram(
                "streamproc_unit_step_seconds",
                "Time that one step of a unit took.",
                ["step"],
                buckets=_STEP_SECONDS,
                registry=self.registry,
            ),
            _STEPS,
        )
        self._nudge_seconds = Histogram(
            "streamproc_event_to_nudge_seconds",
            "Time from an event to the hand-over of its nudge.",
            buckets=_NUDGE_SECONDS,
            registry=self.registry,
        )

        self._timer_seconds = Histogram(
            "streamproc_timer_lateness_seconds",
            "Time from the due time of a timer to the end of its unit.",
            buckets=_TIMER_SECONDS,
            registry=self.registry,
        )

    def _counter(self, name: str, helps: str, *labels: str) -> Counter:
        return Counter(f"streamproc_{name}_total", helps, labels, registry=self.registry)

    def _gauge(self, name: str, helps: str, *labels: str) -> Gauge:
        return Gauge(f"streamproc_{name}", helps, labels, registry=self.registry)
