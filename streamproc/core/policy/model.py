"""A compiled policy: plain values and closures, made once when the files are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from streamproc.core.about import NOTHING_MORE, About
from streamproc.core.creep.model import SHIPPED, Model
from streamproc.core.values import FactValue, Kind
from streamproc.core.watching import ITEM_KINDS

if TYPE_CHECKING:
    from streamproc.core.plugins import Plugin, Ranking
    from streamproc.core.scene import Scene

DEFAULT_CATEGORY = "default"  # what an unknown category counts as
FROM_ITEM = "from_item"  # a campaign whose category is that of the trigger's item
SEGMENTS_MAX = 2  # of a short message, unless channels.yaml says more
NO_CATEGORY = ""  # a campaign that is about no category (`category: none` in its file)


class Period(StrEnum):
    """A calendar window in the customer's zone; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    VISIT = "visit"


@dataclass(frozen=True)
class Cap:
    """At most `max` nudges within a window: exactly one of `rolling_ms`, `per` and `ever` is set.

    `text` is the window as people read it in a reason: `1 d`, `7 d rolling`, `visit`, `ever`.
    """

    max: int
    rolling_ms: int | None = None
    per: Period | None = None
    ever: bool = False
    text: str = ""


@dataclass(frozen=True)
class Quiet:
    """A channel's hours, in minutes after local midnight: messages may go from `open_min` until before `close_min`.

    `open_min > close_min` is a window over midnight.
    """

    open_min: int
    close_min: int


@dataclass(frozen=True)
class Pace:
    """How many messages may go to all customers together; `text` is what people read, as in `600 in 1 m`."""

    max: int
    per_ms: int
    text: str = ""

    @property
    def interval_ms(self) -> float:
        """The time between two messages at this pace."""
        return self.per_ms / self.max


@dataclass(frozen=True)
class Channel:
    """One of the six channels. `obtrusiveness` in [0, 1] follows from the form.

    A message may wait for `hold_max_ms` at most: for its hours to come, or for calm ones.
    """

    name: str
    form: str
    surface: str
    obtrusiveness: float
    exposure: float
    quiet: Quiet | None
    caps: tuple[Cap, ...]
    expires_ms: int
    cost_minor: int = 0
    hold_max_ms: int = 0
    pace: Pace | None = None
    segments_max: int = SEGMENTS_MAX  # of a short message, each of which is paid for
    unsubscribe_mailto: str = (
        ""  # of a mail: where mail programs that know no one-click unsubscribing write to
    )


@dataclass(frozen=True)
class Spend:
    """What all messages of one day may cost together, in minor units; a day is one of this zone."""

    max_minor: int
    zone: str


@dataclass(frozen=True)
class Visits:
    """What makes a visit of what beacons hear.

    It begins once `readings_min` readings span `dwell_min_ms`, weaker ones than `rssi_min_dbm` apart. An exit ends it
    unless the customer is heard again within `rejoin_ms`; without one `silence_ms` do. Another store takes over where
    it is louder by `rssi_margin_db`, or heard alone, for `rejoin_ms`.
    """

    silence_ms: int = 900_000
    rejoin_ms: int = 120_000
    dwell_min_ms: int = 10_000
    readings_min: int = 2
    rssi_min_dbm: int = -90
    rssi_margin_db: int = 6


@dataclass(frozen=True)
class Overall:
    """What holds over all channels and campaigns; a candidate whose priority is below `priority_min` stays silent.

    `holdout_ratio` in [0, 1] is the part of all customers who hear of no campaign; another `holdout_salt` draws every
    group anew. `rank` is how candidates are ordered, by `priority`, by `value`, which is in `currency`, or by the
    `ranking` of a plug-in.
    In `shadow` nothing is sent, only recorded.
    """

    caps: tuple[Cap, ...] = ()
    gap_min_ms: int = 0
    one_sensed_per_visit: bool = True
    priority_min: int = 0
    holdout_ratio: float = 0.0
    holdout_salt: str = ""
    rank: str = "priority"
    currency: str = ""
    shadow: bool = False
    spend: Spend | None = None
    ranking: Ranking | None = None
    visits: Visits = Visits()


MARKETING, TRANSACTIONAL = "marketing", "transactional"


class Exemption(StrEnum):
    """What a transactional campaign may be exempted from; whatever its policy does not name, it obeys."""

    CAPS = (
        "caps"  # those of channel, category and all together; its own, and the customer's pace, always hold
    )
    GAP = "gap"
    QUIET_HOURS = "quiet_hours"
    HOLD = "hold"  # after a complaint; one for ever, after an objection, always holds
    REFUSAL = "refusal"  # of marketing on the channel


@dataclass(frozen=True)
class Group:
    """Campaigns of which one customer hears one at most: after it the others are silent for `window_ms`."""

    name: str
    window_ms: int


@dataclass(frozen=True)
class Category:
    """A group of items. `consent` names the purpose that a special category needs, on channel `*`.

    `traits` are the words by which names of traits tell of it.
    """

    name: str
    match: tuple[str, ...] = ()
    sensitivity: Literal["none", "mild", "intimate", "special"] = "intimate"
    gift_prone: bool = False
    adults_only: bool = False
    consent: str | None = None
    repurchase_ms: int | None = None
    caps: tuple[Cap, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)  # locale -> what customers call it
    traits: tuple[str, ...] = ()


Leads = Callable[[Mapping[str, FactValue]], str]
Condition = Callable[["Scene"], bool]
FactGetter = Callable[["Scene"], FactValue | None]


@dataclass(frozen=True)
class Trigger:
    """The kind of event that makes a campaign a candidate, and what else the event itself must satisfy.

    `drop_ratio_min` in [0, 1] is by what part of it a price must have fallen.
    """

    kind: str
    sites: frozenset[str] = frozenset()
    dwell_min_ms: int = 0
    purpose: str | None = None
    drop_ratio_min: float = 0.0


class Seen(msgspec.Struct, frozen=True, gc=False):
    """When and where something was learnt of a customer; `surface` is that of its event, empty where nobody knows.

    `provenance` is that of this very customer's fact, empty where it is always the same.
    """

    at_ms: int
    surface: str = ""
    provenance: str = ""


@dataclass(frozen=True)
class Ground:
    """Something that a message rests on: an event, a condition, a fact.

    `provenance` says where it comes from: declared, purchased, viewed, sensed, inferred, third_party. `seen` tells when
    and where, None where that is not kept.
    """

    provenance: str
    seen: Callable[[Scene], Seen | None] | None = None


@dataclass(frozen=True)
class Wait:
    """How long a campaign waits after its trigger: a time, or a part of the repurchase interval of what was bought."""

    ms: int = 0
    repurchase_ratio: float = 0.0


@dataclass(frozen=True)
class Text:
    """One variant of a channel's words: compiled templates by field name (`title`, `body`, `subject`, `text`...).

    `renders` gives the text of each field for the values of the facts it uses. `uses` names those facts, each with
    what it must be. `action` gives where a tap leads, for the values as they are; it raises ValueError for a link that
    the policy does not allow. `specificity` is how much its facts reveal and `grounds` where they come from; `opacity`
    is 0 where it shows both its reason and a control, 0.5 with one of them, 1 with none.
    """

    renders: Mapping[str, Callable[[Mapping[str, FactValue]], str]]
    uses: Mapping[str, Kind]
    action: Leads | None = None
    specificity: str = "none"
    grounds: tuple[Ground, ...] = ()
    opacity: float = 0.0


@dataclass(frozen=True)
class Copy:
    """What one channel of a campaign says: as written, and softened (no item, place or time)."""

    say: Text
    soft: Text


@dataclass(frozen=True)
class Campaign:
    """One campaign as a marketer wrote it. `active_*` are local dates (`2026-11-27`), both included, empty where open.

    `when` holds where the event and the customer satisfy `trigger` and the campaign's conditions, on a day on which it
    runs. One with a `wait` is asked later, unless an event of a kind in `unless` comes: `starts` is what the event
    alone must satisfy, `still` what must hold when something that waited or was held comes due. `sensed` is true where
    the trigger or a fact comes from a beacon: the `sensing` consent is then needed. `content` is by locale, then
    channel. `formerly` are the names it had, oldest first. `holdout_ratio` in [0, 1] is the part of customers who never
    hear of it. `group` names its exclusive group, empty for none. `value` in minor units and `propensity` in [0, 1] are
    what ranking by value multiplies.

    A transactional one has a legal `basis` in place of the opt-in; `counts` tells whether what it sends fills the caps
    of others, `exempt_from` what it need not obey. One in `shadow` is decided and recorded, and never sent.

    `plugins` are the Python conditions that it asks, `unplugged` is `when` with each of them taken for true, `silent`
    says why it may not speak since one of them was switched off.
    """

    id: str
    helps: str
    purpose: str
    priority: int
    trigger: Trigger
    when: Condition
    channels: tuple[str, ...]
    category: str
    facts: Mapping[str, FactGetter]
    because: tuple[str, ...]
    caps: tuple[Cap, ...]
    content: Mapping[str, Mapping[str, Copy]]
    sensed: bool = False
    active_from: str = ""
    active_until: str = ""
    expires_ms: int | None = None
    enabled: bool = True
    file: str = ""
    # How much the words as written reveal: none | brand | category | family | item | place.
    specificity: str = "none"
    # What the links of control are called: locale -> control -> label.
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Why it comes, in plain words: locale -> a sentence for each code of `because`.
    reasons: Mapping[str, str] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()
    holdout_ratio: float = 0.0
    group: str = ""
    value: Callable[[Scene], float] | None = None
    propensity: Callable[[Scene], float] | None = None
    basis: str = ""
    counts: bool = True
    exempt_from: frozenset[str] = frozenset()
    shadow: bool = False
    plugins: frozenset[str] = frozenset()
    unplugged: Condition | None = None
    silent: str = ""
    # What the author says that the words reveal beyond their facts, and what trigger and conditions rest on.
    reveals: str = "none"
    grounds: tuple[Ground, ...] = ()
    # Names of the facts among `facts` that come from customers' profiles, by where they come from only there.
    known: tuple[str, ...] = ()
    about: About = NOTHING_MORE
    wait: Wait | None = None
    unless: frozenset[str] = frozenset()
    starts: Condition | None = None
    still: Condition | None = None
    still_unplugged: Condition | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All its names, the present one first and the oldest last; what it was charged under any of them counts."""
        return (self.id, *reversed(self.formerly))

    @property
    def key(self) -> str:
        """The name that charges and hold-outs hang on: its first, so that a rename moves nobody, nor a rollback."""
        return self.names[-1]


@dataclass(frozen=True)
class Policy:
    """A whole policy. `by_kind` holds the campaigns that an event of a kind triggers: highest priority first, by id.

    `remembered` are the kinds that some condition reads, `summed` those whose money one adds up, `counted` those that
    one counts by day, with the categories, and `kept` are all kinds that leave a trace for one of these or for
    `keeps_interests`. `charge_ms_max` is the longest window of any cap: a charge is kept so long; -1 stands for ever.
    `plugins` are the Python conditions in use, `dwells_ms` the lengths of stay that some campaign waits for, in order.
    """

    version: str
    locale: str
    channels: Mapping[str, Channel]
    overall: Overall
    categories: Mapping[str, Category]
    default_category: Category
    controls: Mapping[str, str]
    reasons: Mapping[str, Mapping[str, str]]  # locale -> code -> sentence
    campaigns: Mapping[str, Campaign]
    by_kind: Mapping[str, tuple[Campaign, ...]]
    remembered: frozenset[str]
    charge_ms_max: int
    find_category: Callable[[str], Category]
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    groups: Mapping[str, Group] = field(default_factory=dict)
    summed: frozenset[str] = frozenset()
    counted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    keeps_interests: bool = False
    kept: frozenset[str] = frozenset()
    plugins: Mapping[str, Plugin] = field(default_factory=dict, repr=False)
    dwells_ms: tuple[int, ...] = ()
    creep: Model = SHIPPED
    # For each kind of event that ends a waiting, the keys of the campaigns that it ends one of.
    ending: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # The category that a trait of this name tells of, the most private if of several; None if of none.
    category_of_trait: Callable[[str], Category | None] = field(default=lambda _name: None)

    @cached_property
    def tells_watchers(self) -> bool:
        """Whether some campaign speaks of what happens to an item that a customer watches."""
        return not ITEM_KINDS.isdisjoint(self.by_kind)

    def called(self, name: str) -> Campaign | None:
        """Return the campaign that is, or was, called so."""
        if name in self.campaigns:
            return self.campaigns[name]
        return next((one for one in self.campaigns.values() if name in one.formerly), None)

    def names_of(self, name: str) -> tuple[str, ...]:
        """Return all names of the campaign that is, or was, called so; an unknown one has just this name."""
        campaign = self.called(name)
        return (name,) if campaign is None else campaign.names
