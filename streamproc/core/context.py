"""What is remembered of one customer: a little convenience, and all restraint until it expires."""

from __future__ import annotations

from typing import Final

import msgspec

LAYOUT: Final = 1

# Convenience: bounded by forgetting the oldest. 16 remembered events of about 60 B are 1.0 KB of the 1.5 KB
# budget.
RECENT_MAX: Final = 16
RECENT_ITEMS_MAX: Final = 5
CART_LINES_MAX: Final = 20
WISHLIST_MAX: Final = 32
WATCHING_MAX: Final = 32
SEEN_MAX: Final = 16
DIGEST_BYTES: Final = 8
# Restraint: never evicted before it expires; where a bound is full the answer is silence.
CHARGES_MAX: Final = 64
HOLDS_MAX: Final = 64
FULFILLED_MAX: Final = 64
# Ten years, the longest that a store can be told to keep something; beyond it there is no end.
TTL_MS_MAX: Final = 10 * 366 * 86_400_000
FOR_EVER: Final = 0
# What somebody's bad news left of their wariness after a year is 1 % of it, at the half-life that ships.
WARY_MS: Final = 400 * 86_400_000
TIMERS_MAX: Final = 16
# What is waited for is remembered so long after it came due: a backlog is worked off by then, or it is too late.
TIMER_LATE_MS: Final = 86_400_000


class GlimpsedItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What counting asks of an item of a remembered event."""

    item_id: str
    category: str = ""


class RememberedItem(GlimpsedItem, frozen=True, array_like=True, gc=False):
    """An item of a remembered event: what conditions compare and facts may name."""

    brand: str = ""
    name: str = ""
    price_minor: int | None = None
    quantity: int = 1


class Glimpse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What counting asks of a remembered event: its first fields, which decode in three quarters of the time of all."""

    at_ms: int
    kind: str
    items: tuple[GlimpsedItem, ...] = ()


class Remembered(Glimpse, frozen=True, array_like=True, gc=False):
    """One event of a kind that some condition reads; `currency` is kept where some condition adds up its money."""

    items: tuple[RememberedItem, ...] = ()
    site_id: str = ""
    value_minor: int | None = None
    currency: str = ""


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An item in the cart or on the wish list, since `at_ms`; `surface` is where it was put there."""

    at_ms: int
    item: RememberedItem
    currency: str = ""
    surface: str = ""


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A fact that the shop knows from elsewhere: whom it is `about` (self, household, other), and since when."""

    value: str | int | float | bool | list[str]
    provenance: str
    category: str = ""
    about: str = "self"
    at_ms: int = 0


class Profile(msgspec.Struct, array_like=True, gc=False):
    """What the customer declared, field by field the newest; `at` holds the time of each field in milliseconds."""

    zone: str = ""
    zone_declared: bool = False
    locale: str = ""
    traits: dict[str, str | int | float | bool | list[str]] = {}
    nudges_per_week_max: int | None = None
    muted_categories: tuple[str, ...] = ()
    paused_until_ms: int = 0
    channels_off: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    minor: bool | None = None
    at: dict[str, int] = {}
    facts: dict[str, Known] = {}


class Visit(msgspec.Struct, array_like=True, gc=False):
    """A stay in one store, as `core.visits` follows it. Times in milliseconds, 0 where something did not happen.

    `last_ms` is the latest reading, `rssi_dbm` their smoothed strength, None where no phone told it. `zones` are those
    entered and not left, with the time of it; `exit_ms` is when the last one was left, `over_ms` when the visit ended,
    `wake_ms` when to look whether an open one did.
    """

    site_id: str = ""
    start_ms: int = 0
    last_ms: int = 0
    readings: int = 0
    rssi_dbm: float | None = None
    zones: dict[str, int] = {}
    exit_ms: int = 0
    over_ms: int = 0
    wake_ms: int = 0


class Charge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One nudge that was spent from the caps, at `at_ms`; kept until the longest window over it has passed.

    `campaign` is the first name that the campaign ever had, `group` the exclusive group that it was in, or empty.
    `heard` has a bit for each kind of answer that came, in the order of `facts.OUTCOMES`.
    """

    at_ms: int
    until_ms: int
    nudge_id: bytes
    event: bytes
    channel: str
    campaign: str
    category: str
    visit: str = ""
    sensed: bool = False
    counts: bool = True
    group: str = ""
    heard: int = 0


class Timer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A waiting that ends at `due_ms`: of a campaign's `wait`, or of a message that is held until then.

    `campaign` is the first name that the campaign ever had. `kind`, `at_ms`, `event` (its digest), `item`, `currency`,
    `value_minor`, `site_id`, `visit_id`, `surface`, `shared` and `gpc` are those of the event that set it.
    `held_until_ms` is how long the message may be held at most, 0 where nothing is held; `eased` tells that the
    throttle put it off to calm hours, which it does once. `about` names the categories of all items of that event; it
    is empty where all are of the item's own, so that the usual timer takes no room for them.
    """

    due_ms: int
    campaign: str
    kind: str
    at_ms: int
    event: bytes
    item: RememberedItem | None = None
    currency: str = ""
    value_minor: int | None = None
    site_id: str = ""
    visit_id: str = ""
    surface: str = "none"
    shared: bool = False
    held_until_ms: int = 0
    gpc: bool = False
    eased: bool = False
    about: tuple[str, ...] = ()


class Throttle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How much one customer has had lately (`level`, as it was at `level_ms`), and what their answers made of them.

    `wariness` is as it was at `wariness_ms`, 0 if no answer ever moved it.
    """

    level: float = 0.0
    level_ms: int = 0
    wariness: float = 0.0
    wariness_ms: int = 0


class Context(msgspec.Struct, array_like=True, gc=False):
    """One customer's memory. Times in milliseconds since the epoch.

    `applied` holds, for each source topic partition, the last (offset, index) whose event is part of this
    memory; `outs` the source positions whose outputs the store keeps; `seq` and `chain` the number and hash
    of the customer's last ledger record; `day_counts` and `interests` what `core.day_counts` and `core.interest`
    keep; `watching` the items that the customer asked to be told of; `timers` what is waited for, in no order, and
    `latest` when the newest event of each kind that ends a waiting occurred; `visit` is the last one, open or over, and
    `nearby` a store heard too little of for a visit; `cleared` is when what was taken out of cart and wish list
    (`core.lines`). New fields go to the end with a default, so that older contexts stay readable.
    """

    layout: int = LAYOUT
    customer_id: str = ""
    last_ms: int = 0
    applied: dict[str, tuple[int, int]] = {}
    seen: bytes = b""
    recent: list[bytes] = []
    cart: list[Line] = []
    wishlist: list[Line] = []
    profile: Profile | None = None
    visit: Visit | None = None
    charges: list[Charge] = []
    holds: dict[str, int] = {}
    fulfilled: dict[str, int] = {}
    outs: list[str] = []
    seq: int = 0
    chain: bytes = b""
    day_counts: dict[str, bytes] = {}
    interests: dict[str, tuple[int, int]] = {}
    watching: list[Line] = []
    timers: list[Timer] = []
    latest: dict[str, int] = {}
    throttle: Throttle | None = None
    since_ms: int = 0
    nearby: Visit | None = None
    cleared: dict[str, int] = {}


class UnreadableContext(ValueError):
    """A stored context has a layout this version does not know: nothing may be decided from it."""
