"""Turn what the pipeline tells of its units into metrics."""

from collections.abc import Callable, Sequence
from typing import Final

from streamproc.core.decision import Decision, Handover
from streamproc.core.tally import Tally
from streamproc.ops.metrics import OTHER, Metrics
from streamproc.ports import SinkUnavailable
from streamproc.store.base import StoreRefused, StoreUnavailable

__all__ = ["MetricsMeter"]

_OUTCOMES: Final = ("decided", "quiet", "duplicate", "redelivered", "too_old", "rejected", "rekeyed")
_TROUBLES: Final = ((SinkUnavailable, "sink"), (StoreUnavailable, "store"), (StoreRefused, "store_refused"))


class MetricsMeter:
    """A `ports.Meter` that counts into `Metrics`. `now_ms` is the wall clock, in milliseconds since the epoch."""

    def __init__(self, metrics: Metrics, now_ms: Callable[[], int]) -> None:
        self._metrics = metrics
        self._now_ms = now_ms

    def unit(self, tally: Tally, decisions: Sequence[Decision]) -> None:
        """Count a finished unit, its events by outcome, and the candidates of its decisions."""
        metrics = self._metrics
        metrics.count_units()
        for source in tally.sources():
            for outcome in _OUTCOMES:
                count = getattr(source, outcome)
                if count:
                    metrics.count_events(source.topic, outcome, count)
            if source.holes:
                metrics.count_holes(source.holes)
        for decision in decisions:
            for candidate in decision.candidates:
                metrics.count_decision(candidate.verdict)
                for reason in candidate.reasons:
                    metrics.count_suppressed(reason.code)

    def rejected(self, reason: str) -> None:
        """Count an event that was refused."""
        self._metrics.count_rejected(reason)

    def handed_over(self, handover: Handover, *, waits: bool = False) -> None:
        """Count a nudge that the broker acknowledged, what it costs, and how long after its event that was."""
        self._metrics.count_nudge(handover.channel, handover.rung)
        if handover.cost_minor:
            self._metrics.count_spent(handover.channel, handover.cost_minor)
        if waits:
            self._metrics.count_paced(handover.channel)
        self._metrics.nudge_took((self._now_ms() - handover.occurred_at_ms) / 1_000)

    def withheld(self, code: str) -> None:
        """Count a nudge that the emission gate refused."""
        self._metrics.count_withheld(code)

    def unknown_categories(self, count: int) -> None:
        """Count occasions for a message about an item, and facts, that are in no category of the policy."""
        self._metrics.count_unknown_category(count)

    def campaigns_paused(self, count: int) -> None:
        """Count campaigns that were paused because too many customers complained or unsubscribed."""
        self._metrics.count_campaigns_paused(count)

    def conflicts(self, customers: int) -> None:
        """Count customers that somebody else wrote between load and commit."""
        self._metrics.count_conflicts(customers)

    def timers_fired(self, count: int) -> None:
        """Count timers that the broker acknowledged on their way to their lanes."""
        self._metrics.count_timers(count)

    def timers_decided(self, late_s: Sequence[float]) -> None:
        """Record how late timers were decided."""
        for seconds in late_s:
            self._metrics.timer_took(seconds)

    def step(self, name: str, seconds: float) -> None:
        """Record how long one step of a unit took."""
        self._metrics.step_took(name, seconds)

    def trouble(self, error: BaseException) -> None:
        """Count an attempt that failed and will be repeated, by what it failed at."""
        kind = next((kind for cause, kind in _TROUBLES if isinstance(error, cause)), OTHER)
        self._metrics.count_trouble(kind)
