"""What the pipeline asks of the world: where outputs go, what time it is, whether it may speak, what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamproc.core.arrival import Rules
from streamproc.core.decision import Decision, Handover
from streamproc.core.record import Output
from streamproc.core.tally import Tally


class SinkUnavailable(Exception):
    """Say that some output was not acknowledged: the same outputs must be sent again."""


class Sink(Protocol):
    """Where outputs go."""

    async def send(self, outputs: Sequence[Output]) -> None:
        """Write all outputs; return when every one is acknowledged. Raises SinkUnavailable if one is not."""
        ...


class Clock(Protocol):
    """What time it is, in milliseconds since the epoch."""

    def now_ms(self, record_ms: int) -> int:
        """Return the time at which an event is decided; `record_ms` is the record's own time."""
        ...


class Meter(Protocol):
    """What is counted."""

    def unit(self, tally: Tally, decisions: Sequence[Decision]) -> None:
        """Count a finished unit, and the decisions that were made in it for the first time."""
        ...

    def rejected(self, reason: str) -> None:
        """Count an event that was refused."""
        ...

    def handed_over(self, handover: Handover, *, waits: bool = False) -> None:
        """Count a nudge that the broker acknowledged; one that `waits` is not delivered before its turn."""
        ...

    def unknown_categories(self, count: int) -> None:
        """Count occasions for a message about an item, and facts, that are in no category of the policy."""
        ...

    def withheld(self, code: str) -> None:
        """Count a nudge that the emission gate refused."""
        ...

    def campaigns_paused(self, count: int) -> None:
        """Count campaigns that were paused because too many customers complained or unsubscribed."""
        ...

    def conflicts(self, customers: int) -> None:
        """Count customers that somebody else wrote between load and commit."""
        ...

    def timers_fired(self, count: int) -> None:
        """Count timers that were due and are written to `timers`, acknowledged by the broker."""
        ...

    def timers_decided(self, late_s: Sequence[float]) -> None:
        """Record how long after their due time timers were decided, with all that this caused acknowledged."""
        ...

    def step(self, name: str, seconds: float) -> None:
        """Record how long one step of a unit took."""
        ...

    def trouble(self, error: BaseException) -> None:
        """Take note of an attempt that failed and will be repeated."""
        ...


class Gate(Protocol):
    """What stands between a decision and the world: shut while this worker might not see an "off"."""

    def rules(self) -> Rules:
        """Return the policy and switches that are applied now."""
        ...

    def is_open(self) -> bool:
        """Tell whether nudges may be handed over at this moment."""
        ...

    def is_fresh(self, lane: int) -> bool:
        """Tell whether this lane has applied every fact that was in Kafka a second ago."""
        ...

    async def until_open(self) -> None:
        """Wait until nudges may be handed over."""
        ...
