"""One customer of a small shop, whose events go straight to `decide`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import msgspec

from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.context import Timer
from streamproc.core.creep.model import INTERACTIONS, WEIGHTS
from streamproc.core.decide import decide
from streamproc.core.decision import Candidate, Emission, Nudge
from streamproc.core.event import Event, Item
from streamproc.core.facts import ConsentChange, Fact, Outcome, PrivacyRequest, ProfileChange
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.receipt import Counted
from streamproc.core.record import Position
from streamproc.core.switches import Switches

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NOON_MS = 1_795_777_200_000
"""Noon in Berlin on Friday, 27 November 2026."""

CHANNELS = """\
locale: en
channels:
  push: {form: push, surface: app, quiet: {open: "09:00-20:00"}, caps: [{max: 1, per: day}], expires: 2h}
  sms: {form: sms, surface: phone, quiet: none, caps: [{max: 1, rolling: 7d}], expires: 2h}
  email: {form: email, surface: mailbox, quiet: none, caps: [{max: 2, rolling: 7d}], expires: 2d}
  in_app: {form: inbox, surface: app, quiet: none, caps: [{max: 9, per: day}], expires: 7d}
  web: {form: on_site, surface: site, quiet: none, caps: [{max: 2, per: day}], expires: 30m}
  in_store: {form: staff, surface: store, quiet: none, caps: [{max: 1, per: visit}], expires: 15m}
overall: {caps: [{max: 3, rolling: 1d}], gap_min: 1h, priority_min: 10}
controls:
  why: "https://shop.example/why/{nudge_id}"
  mute: "https://shop.example/mute/{nudge_id}"
  unsubscribe: "https://shop.example/stop/{nudge_id}"
"""
CATEGORIES = """\
default: {sensitivity: intimate, gift_prone: true}
categories:
  coats: {match: ["coats*"], sensitivity: none, repurchase: 180d}
  toys: {match: ["toys*"], sensitivity: mild, gift_prone: true}
  wine: {match: ["wine*"], sensitivity: mild, adults_only: true}
  pregnancy: {match: ["maternity*"], sensitivity: special, consent: category/pregnancy}
"""
REASONS = """\
en:
  {viewed: Looked at., cart: In your basket., wishlist: Wished for., purchased: Bought., declared: Told us.,
  asked: Asked.,
  visiting: In our store., opted_in: Agreed., labels: {why: Why, mute: Pause, unsubscribe: Stop}}
"""
# Nothing is creepy here: the gates are looked at one by one, and the throttle in tests of its own.
UNTHROTTLED = f"""\
weights: {{{", ".join(f"{name}: 0" for name in WEIGHTS)}}}
interactions: {{{", ".join(f"{name}: 0" for name in INTERACTIONS)}}}
"""
_CAMPAIGN = """\
campaign: {id}
helps: You find it again.
purpose: marketing
priority: {priority}
trigger: {trigger}
when: {when}
channels: [{channels}]
category: {category}
facts: {facts}
because: [{because}]
caps: {caps}
content:
{content}
examples:
  - {{name: yes, consents: [push], given: [{{at: 0m, view: c-1}}], expect: [{{at: 0m, channel: push, rung: send}}]}}
  - {{name: no, consents: [], given: [{{at: 0m, view: c-1}}], expect: []}}
"""
_WORDS = {
    "push": '{say: {title: Hello, body: "%s"}, soft: {title: Hello, body: It is here.}}',
    "email": '{say: {subject: Hello, text: "%s"}, soft: {subject: Hello, text: It is here.}}',
    "in_app": '{say: {title: Hello, body: "%s", action: /a}, soft: {title: Hello, body: It is here., action: /a}}',
}


def campaign(
    name: str,
    trigger: str,
    when: str,
    *,
    because: str = "viewed",
    category: str = "from_item",
    facts: str = "{item: item.name}",
    say: str = "{{ item }} is here.",
    priority: int = 40,
    channels: tuple[str, ...] = ("push", "email", "in_app"),
    caps: str = "[{max: 9, rolling: 7d}]",
) -> str:
    """Write a campaign's file."""
    return _CAMPAIGN.format(
        id=name,
        priority=priority,
        trigger=trigger,
        when=when,
        channels=", ".join(channels),
        category=category,
        facts=facts,
        because=because,
        caps=caps,
        content="\n".join(f"  {channel}: {_WORDS[channel] % say}" for channel in channels),
    )


VIEWED = "{count: {event: product.viewed, same: item, within: 24h, min: 1}}"
FILES = {
    "channels.yaml": CHANNELS,
    "categories.yaml": CATEGORIES,
    "reasons.yaml": REASONS,
    "creep.yaml": UNTHROTTLED,
    "campaigns/look.yaml": campaign(
        "look", "{event: product.viewed}", VIEWED, caps="[{max: 2, rolling: 7d}]"
    ),
    "campaigns/wish.yaml": campaign(
        "wish", "{event: wishlist.added}", "{wishlist.count: {min: 1}}", because="wishlist"
    ),
    "campaigns/wish_more.yaml": campaign(
        "wish_more", "{event: wishlist.added}", "{wishlist.count: {min: 1}}", because="wishlist", priority=20
    ),
    "campaigns/whisper.yaml": campaign(
        "whisper",
        "{event: search.performed}",
        "{wishlist.count: {max: 9}}",
        because="opted_in",
        category="none",
        facts="{}",
        say="Search well.",
        priority=10,
    ),
    "campaigns/welcome.yaml": campaign(
        "welcome",
        "{event: visit.dwelled, dwell_min: 5m, sites: [berlin-1]}",
        "{visit.open: true}",
        because="visiting",
        category="coats",
        facts="{}",
        say="Welcome.",
    ),
}
ALLOWED = (("*", "processing"), ("push", "marketing"), ("email", "marketing"), ("in_app", "marketing"))


@cache
def shop() -> Policy:
    """Compile the shop's policy."""
    return load(FILES, "v1")


@dataclass
class Said:
    """What became of one event."""

    counted: Counted
    emission: Emission | None

    @property
    def candidates(self) -> list[Candidate]:
        decision = self.emission.decision if self.emission is not None else None
        return decision.candidates if decision is not None else []

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """The code and detail of each gate that the first candidate failed."""
        return [(why.code.name, why.detail) for why in self.candidates[0].reasons]

    @property
    def nudge(self) -> Nudge | None:
        output = self.emission.nudge if self.emission is not None else None
        return None if output is None else msgspec.json.decode(output.value or b"", type=Nudge)

    @property
    def channel(self) -> str | None:
        return None if self.nudge is None else self.nudge.channel

    @property
    def ahead(self) -> list[str]:
        return [output.topic for output in self.emission.ahead] if self.emission is not None else []


@dataclass
class Shopper:
    """A customer in lane 4, known by `c-1`, at noon in Berlin; every event is the next record of its topic."""

    rules: Rules = field(default_factory=lambda: Rules(shop(), Switches(), 7, DAY_MS))
    customer: Customer = field(default_factory=lambda: Customer("h-1", NO_CONSENT, None))
    now_ms: int = NOON_MS
    offsets: dict[str, int] = field(default_factory=dict)
    count: int = 0

    @classmethod
    def opted_in(cls, policy: Policy | None = None) -> Shopper:
        """A customer with a known zone who agreed to push, email and in-app messages yesterday."""
        shopper = cls(Rules(policy or shop(), Switches(), 7, DAY_MS))
        shopper.now_ms -= DAY_MS
        for channel, purpose in ALLOWED:
            shopper.consents(channel, purpose)
        shopper.tells(timezone="Europe/Berlin")
        shopper.now_ms += DAY_MS
        return shopper

    def views(self, item: str = "coat-1", category: str | None = "coats", **more: object) -> Said:
        return self.does("product.viewed", item, category, **more)

    def does(self, kind: str, item: str = "", category: str | None = None, **more: object) -> Said:
        """Meet one moment; it happened now, unless `occurred_at_ms` says otherwise."""
        self.count += 1
        items = (Item(item, name="Wool coat", category=category),) if item else ()
        given: dict[str, object] = {
            "event_id": f"e-{self.count}",
            "dialect": "segment",
            "kind": kind,
            "customer_id": "c-1",
            "occurred_at_ms": self.now_ms,
            "received_at_ms": self.now_ms,
            "items": items,
        }
        return self.meets(Event(**(given | more)), "clickstream")  # type: ignore[arg-type]

    def stays(self, site: str = "berlin-1") -> Said:
        """Be heard in a store, as five minutes ago; what the second reading brings."""
        self.does("beacon.entered", site_id=site, occurred_at_ms=self.now_ms - 5 * MINUTE_MS)
        return self.does("beacon.ranged", site_id=site)

    def wakes(self, after_ms: int = 0) -> Said:
        """Be woken so much later, by a record of `timers`, if anything is due by then."""
        self.now_ms += after_ms
        due = Event(
            event_id=f"timer/{self.now_ms}",
            dialect="inside",
            kind="timer.due",
            customer_id="c-1",
            occurred_at_ms=self.now_ms,
            received_at_ms=self.now_ms,
        )
        return self.meets(due, "timers")

    @property
    def timers(self) -> list[Timer]:
        """What is waited for."""
        return self.customer.context.timers if self.customer.context is not None else []

    def consents(
        self, channel: str, purpose: str = "marketing", state: str = "granted", ends_ms: int | None = None
    ) -> Said:
        kind = "consent.granted" if state == "granted" else "consent.withdrawn"
        word = ConsentChange("c-1", channel, purpose, state, self.now_ms, ends_ms)
        return self._learns(kind, "consents", word)

    def tells(self, **fields: object) -> Said:
        change = ProfileChange("c-1", self.now_ms, **fields)  # type: ignore[arg-type]
        return self._learns("profile.updated", "profiles", change)

    def answers(
        self, kind: str, nudge_id: str = "", channel: str | None = None, at_ms: int | None = None
    ) -> Said:
        outcome = Outcome(nudge_id, "c-1", kind, self.now_ms if at_ms is None else at_ms, channel)
        return self._learns(f"nudge.{kind}", "outcomes", outcome)

    def demands(self, kind: str) -> Said:
        request = PrivacyRequest("r-1", "c-1", kind, self.now_ms)
        return self._learns(f"privacy.{kind}", "privacy-requests", request)

    def _learns(self, kind: str, topic: str, fact: Fact) -> Said:
        self.count += 1
        event = Event(
            event_id=f"f-{self.count}",
            dialect="canonical",
            kind=kind,
            customer_id="c-1",
            occurred_at_ms=fact.at_ms,
            received_at_ms=self.now_ms,
            fact=fact,
        )
        return self.meets(event, topic)

    def meets(self, event: Event, topic: str = "clickstream", offset: int | None = None) -> Said:
        """Decide an event read at this offset of the topic, the next one unless it is given."""
        if offset is None:
            offset = self.offsets.get(topic, 0)
            self.offsets[topic] = offset + 1
        arrival = Arrival(event, Position(topic, 4, offset), 4, self.offsets.get("consents", 0))
        return Said(*decide(self.customer, arrival, self.rules, self.now_ms))

    def switch(self, key: str, value: bytes | None = b'{"enabled":false,"reason":"stock-taking"}') -> None:
        self.rules = replace(self.rules, switches=self.rules.switches.fold(key, value))
