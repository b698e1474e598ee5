"""Count what a delivery end does, for Prometheus. Labels come from closed sets: no more than 100 series a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

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

from streamproc import __version__
from streamproc.core.reasons import Gate
from streamproc.deliver.ports import Bounce, Fate, Trouble

__all__ = ["SERIES_MAX", "DeliveryMetrics"]

SERIES_MAX: Final = 100
OTHER: Final = "other"

# What the questions before hand-over may refuse.
_WITHHELD: Final = (
    Gate.ALL_OFF,
    Gate.CHANNEL_OFF,
    Gate.CAMPAIGN_OFF,
    Gate.NOT_OPTED_IN,
    Gate.SPECIAL_CATEGORY,
    Gate.SENSING,
    Gate.HOLD,
    Gate.PAUSED,
    Gate.CATEGORY_MUTED,
    Gate.CHANNEL_DECLINED,
    Gate.QUIET_HOURS,
)
# A relay on the same network answers in milliseconds; a call ends within 30 s.
_CALL_SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0)
# From the decision to the target's yes: at once, or hours later where the target was away.
_DELIVERY_SECONDS: Final = (0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0, 86_400.0)


class DeliveryMetrics:
    """Every number that one delivery end publishes, in a registry of its own: it is the `Counter` of its lanes."""

    def __init__(self, channel: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("streamproc_build", "Which streamproc this is.", registry=self.registry)
        build.info({"version": __version__, "delivers": channel})
        self._ended = self._counter("deliveries", "Nudges that are done with.", "fate", Fate)
        self._bounced = self._counter(
            "deliveries_bounced", "Nudges that cannot reach their customer.", "reason", Bounce
        )
        self._withheld = self._counter(
            "deliveries_withheld", "Nudges refused at hand-over.", "reason", _WITHHELD
        )
        self._troubles = self._counter("delivery_troubles", "Attempts that are repeated.", "kind", Trouble)
        self._lag = self._gauge("delivery_lag_records", "Nudges of these lanes that are not done with.")
        self._put_off = self._gauge(
            "delivery_put_off", "Nudges that wait for another try, others passing them."
        )
        self._config_offset = self._gauge(
            "config_applied_offset", "Everything in config below it is applied."
        )
        self._gate_open = self._gauge("gate_open", "1 while config is confirmed and Redis can be trusted.")
        self._ready = self._gauge("ready", "1 while nothing keeps nudges from leaving.")
        self._call_seconds = self._histogram(
            "delivery_call_seconds", "Time that the target took for a nudge it took.", _CALL_SECONDS
        )
        self._delivery_seconds = self._histogram(
            "decision_to_delivery_seconds", "Time from a nudge's decision to its delivery.", _DELIVERY_SECONDS
        )

    # Counting

    def ended(self, fate: Fate, reason: str = "") -> None:
        """Count a nudge that is done with, and why it bounced or was withheld."""
        self._ended[fate].inc()
        by_reason = {Fate.BOUNCED: self._bounced, Fate.WITHHELD: self._withheld}.get(fate)
        if by_reason is not None:
            by_reason.get(reason, by_reason[OTHER]).inc()

    def took(self, seconds: float, since_decided_s: float) -> None:
        """Record a call that handed a nudge over; clocks differ, so less than 0 is 0."""
        self._call_seconds.observe(seconds)
        self._delivery_seconds.observe(max(0.0, since_decided_s))

    def trouble(self, kind: Trouble) -> None:
        """Count an attempt that failed and is repeated."""
        self._troubles[kind].inc()

    # Showing

    def show(self, *, is_ready: bool, gate_is_open: bool, config_offset: int, lag: int, put_off: int) -> None:
        """Show how the delivery end stands now."""
        self._config_offset.set(config_offset)
        self._ready.set(is_ready)
        self._gate_open.set(gate_is_open)
        self._lag.set(lag)
        self._put_off.set(put_off)

    def render(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, helps: str, label: str, values: Iterable[str]) -> dict[str, Counter]:
        counter = Counter(f"streamproc_{name}_total", helps, [label], registry=self.registry)
        # Made beforehand, so that a rate over a counter that has not moved yet is 0 and not missing.
        return {value: counter.labels(value) for value in (*values, OTHER)}

    def _gauge(self, name: str, helps: str) -> Gauge:
        return Gauge(f"streamproc_{name}", helps, registry=self.registry)

    def _histogram(self, name: str, helps: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"streamproc_{name}", helps, buckets=buckets, registry=self.registry)
