"""The numbers of the throttle: weights, scales, limit, budget and what answers do, as `creep.yaml` may set them.

The defaults are those of the shipped `policy/creep.yaml`, whose comments say where each comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from streamproc.core.facts import COMPLAINED

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000

WEIGHTS: Final[Mapping[str, float]] = {
    "obtrusiveness": 0.15,
    "provenance": 0.15,
    "context_distance": 0.22,
    "specificity": 0.15,
    "immediacy": 0.10,
    "opacity": 0.12,
    "repetition": 0.30,
    "staleness": 0.20,
    "exposure": 0.25,
    "untimeliness": 0.20,
    "invalidity": 0.60,
    "sensitivity": 0.80,
}
INTERACTIONS: Final[Mapping[str, float]] = {
    "loud_specific": 0.20,
    "covert_personal": 0.20,
    "loud_now": 0.10,
    "sensitive_exposed": 0.70,
}
OBTRUSIVENESS: Final[Mapping[str, float]] = {
    "inbox": 0.05,
    "on_site": 0.10,
    "email": 0.25,
    "modal": 0.45,
    "web_push": 0.60,
    "push": 0.80,
    "display": 0.85,
    "staff": 0.85,
    "sms": 0.90,
}
PROVENANCE: Final[Mapping[str, float]] = {
    "declared": 0.0,
    "purchased": 0.15,
    "viewed": 0.30,
    "sensed": 0.40,
    "inferred": 0.80,
    "third_party": 1.0,
}
DISTANCE: Final[Mapping[str, float]] = {
    "same_session": 0.0,
    "same_surface": 0.10,
    "app_to_site": 0.20,
    "to_mailbox": 0.35,
    "to_store": 0.45,
    "third_party": 1.0,
}
SPECIFICITY: Final[Mapping[str, float]] = {
    "none": 0.0,
    "brand": 0.0,
    "category": 0.25,
    "family": 0.45,
    "item": 0.70,
    "place": 0.90,
    "path": 1.0,
}
SENSITIVITY: Final[Mapping[str, float]] = {
    "none": 0.0,
    "mild": 0.20,
    "gift_prone": 0.20,
    "intimate": 0.60,
    "special": 1.0,
}
EXPOSURE: Final[Mapping[str, float]] = {"shared_mailbox": 0.70, "shared_device": 1.0}
INVALIDITY: Final[Mapping[str, float]] = {"bought": 1.0, "life_event": 1.0, "gift": 0.60, "bounced": 0.30}


@dataclass(frozen=True)
class Scales:
    """How situations become factors, each in [0, 1].

    `session_ms` is how long after an event the customer still has it before them, `immediate_ms` the half-life of a
    sensed moment, of which somebody who expects it feels `expected`. `repeated_ms` and `stale_ms` are half-lives too.
    Messages are timely from `calm_from_min` to `calm_until_min` after local midnight. `soft_sensitivity` is what
    discreet words leave of sensitivity, `deferred_repetition` what waiting leaves of repetition.
    """

    obtrusiveness: Mapping[str, float] = field(default_factory=lambda: OBTRUSIVENESS)
    provenance: Mapping[str, float] = field(default_factory=lambda: PROVENANCE)
    distance: Mapping[str, float] = field(default_factory=lambda: DISTANCE)
    specificity: Mapping[str, float] = field(default_factory=lambda: SPECIFICITY)
    sensitivity: Mapping[str, float] = field(default_factory=lambda: SENSITIVITY)
    exposure: Mapping[str, float] = field(default_factory=lambda: EXPOSURE)
    invalidity: Mapping[str, float] = field(default_factory=lambda: INVALIDITY)
    session_ms: int = 30 * MINUTE_MS
    immediate_ms: int = 20 * MINUTE_MS
    expected: float = 0.5
    expected_trait: str = "in_store_features"
    repeated_ms: int = 7 * DAY_MS
    stale_ms: int = 14 * DAY_MS
    calm_from_min: int = 10 * 60
    calm_until_min: int = 19 * 60
    soft_sensitivity: float = 0.5
    deferred_repetition: float = 0.7


@dataclass(frozen=True)
class Wariness:
    """How much warier than others a customer is: a factor from `least` to `most`, 1 for most people.

    It is `start` at least for the first `newcomer_ms`. From above it falls back to 1 with the half-life `eases_ms`,
    from below it rises to 1 with `recovers_ms`.
    """

    start: float = 1.2
    newcomer_ms: int = 14 * DAY_MS
    least: float = 0.5
    most: float = 4.0
    eases_ms: int = 60 * DAY_MS
    recovers_ms: int = 14 * DAY_MS


@dataclass(frozen=True)
class Answer:
    """What one answer of a customer does: `wariness` multiplies theirs, `level` is added to it, `is_full` fills it.

    All marketing holds for `hold_ms`, the message's category is mute for `mute_ms`.
    """

    wariness: float = 1.0
    level: float = 0.0
    is_full: bool = False
    hold_ms: int = 0
    mute_ms: int = 0


FEEDBACK: Final[Mapping[str, Answer]] = {
    "ignored": Answer(1.02),
    "dismissed": Answer(1.10, 0.05),
    "not_interested": Answer(1.15, 0.10, mute_ms=30 * DAY_MS),
    "why_opened": Answer(1.05),
    "setting_off": Answer(1.25, 0.20),
    "unsubscribed": Answer(1.5, 0.50, hold_ms=14 * DAY_MS),
    "complained": Answer(2.0, is_full=True, hold_ms=30 * DAY_MS),
    "uninstalled": Answer(1.5, is_full=True, hold_ms=90 * DAY_MS),
    "clicked": Answer(0.98),
    "converted": Answer(0.95),
    "topic_wanted": Answer(0.90, -0.10),
}


USUAL_RATIO_MIN: Final = Fraction(2, 1_000)
"""The usual share of unsubscriptions counts as no less: after days without any, a single one would be too many.

Where one in a thousand unsubscribes as a rule, chance alone goes beyond three times this once in ten thousand days.
"""
FACTOR_MAX: Final = 500
"""So many times the least that is usual is every message there is: no share is above it."""


@dataclass(frozen=True)
class Pausing:
    """When a campaign pauses itself (`core.creep.pausing`).

    Either more than `complaint_ratio`, in [0, 1], of its messages of so many `days` were complained about; 1 is never.
    The default is what mailbox providers ask of bulk senders: under one in a thousand. Or a day's share of messages
    that were unsubscribed after is more than `unsubscription_factor` times the usual, in [1, `FACTOR_MAX`], where the
    highest is never. Both are looked at from `messages_min` messages on. Today counts as a day, and days are those of
    UTC.
    """

    complaint_ratio: float = 0.001
    unsubscription_factor: float = 3.0
    messages_min: int = 1_000
    days: int = 7

    def heeds(self, kind: str) -> bool:
        """Tell whether opt-outs of this kind can pause a campaign at all."""
        return self.complaint_ratio < 1 if kind == COMPLAINED else self.unsubscription_factor < FACTOR_MAX


@dataclass(frozen=True)
class Model:
    """All of it. `weights` and `interactions` are in [0, 1), `limit` is the highest score of a message that may go.

    The budget of one customer holds `capacity`, and what was spent of it halves in `half_life_ms`.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    interactions: Mapping[str, float] = field(default_factory=lambda: INTERACTIONS)
    scales: Scales = field(default_factory=Scales)
    limit: float = 0.40
    capacity: float = 1.0
    half_life_ms: int = 7 * DAY_MS
    wariness: Wariness = field(default_factory=Wariness)
    feedback: Mapping[str, Answer] = field(default_factory=lambda: FEEDBACK)
    pausing: Pausing = field(default_factory=Pausing)
    # The hot path multiplies by them in this order, without a look at names.
    order: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the weights in the order of the factors and causes."""
        weights = [self.weights[name] for name in WEIGHTS]
        causes = [self.interactions[name] for name in INTERACTIONS]
        object.__setattr__(self, "order", (*weights, *causes))


SHIPPED: Final = Model()
