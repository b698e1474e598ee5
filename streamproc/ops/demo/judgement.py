"""Judge a run from what was seen on the topics: did every cap hold, every withdrawal, and the switch?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from streamproc.core import caps
from streamproc.core.cap_check import Scoped
from streamproc.core.context import Charge, Profile
from streamproc.core.policy.model import Category, Policy
from streamproc.core.zones import zone
from streamproc.ops.demo.story import Operation, Story, Withdrawal

__all__ = ["CapRow", "Honoured", "Switched", "cap_rows", "honoured", "nudges_after", "switched"]

Json = dict[str, Any]
MINUTE_MS: Final = 60_000
NOBODY: Final = Profile()


@dataclass
class CapRow:
    """One cap: the most that anybody used of it, and how often it kept a message from being sent."""

    name: str
    limit: str
    highest: str
    bound: int
    is_held: bool


@dataclass(frozen=True)
class Honoured:
    """One withdrawal with the nudges it forbids: how many came before it, when the last, and how many after it."""

    withdrawal: Withdrawal
    before: int
    last_before_ms: int | None
    after: int


@dataclass(frozen=True)
class Switched:
    """A channel switched off and on: what was kept back meanwhile, and what got through, which must be nothing."""

    off: Operation
    on: Operation | None
    silenced: int
    through: int


def cap_rows(story: Story, policy: Policy) -> list[CapRow]:
    """List every cap that a campaign of this policy can meet, counted anew from the ledger's charges."""
    highest: dict[str, int] = defaultdict(int)
    limits: dict[str, int] = {}
    for scoped in _all_caps(policy):
        limits[_name(scoped)] = scoped.cap.max
    for charges in _by_customer(story.charges):
        _count(charges, policy, highest)
    rows = [
        CapRow(name, f"{limit}", str(highest[name]), story.caps_bound[name], highest[name] <= limit)
        for name, limit in limits.items()
    ]
    return [*rows, _own_pace(story), _gap_row(story, policy), _sensed_row(story)]


def _all_caps(policy: Policy) -> Iterable[Scoped]:
    campaigns = policy.campaigns.values()
    for name in dict.fromkeys(name for campaign in campaigns for name in campaign.channels):
        yield from caps.channel_caps(policy.channels[name])
    capped = [category for category in policy.categories.values() if category.caps]
    for campaign in campaigns:
        yield from caps.shared_caps(policy, campaign, Category(""), NOBODY)
        for category in capped:
            yield from caps.shared_caps(policy, campaign, category, NOBODY)


def _name(scoped: Scoped) -> str:
    return f"{scoped.name or scoped.scope} {scoped.cap.text}"


def _by_customer(ledger: Iterable[Json]) -> Iterable[list[Json]]:
    """Return each customer's charges in order; a record that was written twice counts once."""
    found: dict[str, dict[int, Json]] = defaultdict(dict)
    for entry in ledger:
        if entry["kind"] == "charge":
            found[entry["h"]][entry["seq"]] = entry
    return [[entries[seq] for seq in sorted(entries)] for entries in found.values()]


def _count(entries: Sequence[Json], policy: Policy, highest: dict[str, int]) -> None:
    charges: list[Charge] = []
    for entry in entries:
        charges.append(_charge(entry))
        category = policy.categories.get(entry["category"], policy.default_category)
        campaign = policy.called(entry["campaign"])
        assert campaign is not None, "one policy holds for the whole run"
        scoped = (
            *caps.channel_caps(policy.channels[entry["channel"]]),
            *caps.shared_caps(policy, campaign, category, NOBODY),
        )
        in_zone = zone(entry.get("zone", ""))
        checks = caps.check(scoped, charges, entry["at_ms"], in_zone, entry.get("visit", ""))
        for one, check in zip(scoped, checks, strict=True):
            highest[_name(one)] = max(highest[_name(one)], check.used)


def _charge(entry: Json) -> Charge:
    return Charge(
        at_ms=entry["at_ms"],
        until_ms=entry["until_ms"],
        nudge_id=bytes.fromhex(entry["nudge_id"]),
        event=bytes.fromhex(entry["event"]),
        channel=entry["channel"],
        campaign=entry["campaign"],
        category=entry["category"],
        visit=entry.get("visit", ""),
        sensed=entry.get("sensed", False),
    )


def _own_pace(story: Story) -> CapRow:
    """Look at the pace that customers set themselves, which no policy file knows."""
    uses = [use for nudge in story.nudges for use in nudge["caps"] if use["scope"] == "customer"]
    worst = max(uses, key=lambda use: use["used"] - use["max"], default={"used": 0, "max": 0})
    bound = story.caps_bound["customer 7 d rolling"]
    return CapRow(
        "their own pace, 7 d", str(worst["max"]), str(worst["used"]), bound, worst["used"] <= worst["max"]
    )


def _gap_row(story: Story, policy: Policy) -> CapRow:
    shortest_ms = min(
        (
            later["at_ms"] - earlier["at_ms"]
            for charges in _by_customer(story.charges)
            for earlier, later in pairwise(charges)
        ),
        default=None,
    )
    least_ms = policy.overall.gap_min_ms
    seen = "none" if shortest_ms is None else f"{shortest_ms // MINUTE_MS} min"
    is_held = shortest_ms is None or shortest_ms >= least_ms
    return CapRow("between two messages", f"{least_ms // MINUTE_MS} min", seen, story.reasons["gap"], is_held)


def _sensed_row(story: Story) -> CapRow:
    visits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for charges in _by_customer(story.charges):
        for entry in charges:
            if entry.get("sensed"):
                visits[entry["h"], entry.get("visit", "")].add(entry["nudge_id"])
    most = max(map(len, visits.values()), default=0)
    return CapRow("in a store, a visit", "1", str(most), story.reasons["visit_cap"], most <= 1)


def honoured(story: Story) -> list[Honoured]:
    """Set each withdrawal beside the nudges before and after it."""
    found = []
    for withdrawal in sorted(set(story.withdrawals), key=lambda one: (one.at_ms, one.customer)):
        times = sorted(nudge["decided_at_ms"] for nudge in story.nudges if _is_forbidden(nudge, withdrawal))
        before = [at_ms for at_ms in times if at_ms < withdrawal.at_ms]
        after = len(times) - len(before)
        found.append(Honoured(withdrawal, len(before), before[-1] if before else None, after))
    return found


def _is_forbidden(nudge: Json, withdrawal: Withdrawal) -> bool:
    if nudge["customer_id"] != withdrawal.customer:
        return False
    if withdrawal.purpose == "sensing":
        return "visiting" in nudge["because"]
    # Consent to processing stands on all channels, so taking it back forbids them all.
    return withdrawal.channel in {"*", nudge["channel"]}


def nudges_after(story: Story) -> int:
    """Count the nudges that followed a withdrawal that forbids them."""
    return sum(one.after for one in honoured(story))


def switched(story: Story) -> list[Switched]:
    """Pair each switching off of push with the switching on after it, and count what got through in between.

    Through is what was handed over under a position of `config` at which push was off, or appended, by the wall
    clock, after all workers had applied it and before it was switched on again.
    """
    pairs = []
    for index, off in enumerate(story.operations):
        if off.enabled:
            continue
        on = story.operations[index + 1] if index + 1 < len(story.operations) else None
        through = sum(
            nudge["channel"] == "push" and _is_between(offset, appended_ms, off, on)
            for nudge, offset, appended_ms in story.handed
        )
        pairs.append(Switched(off, on, story.reasons["channel_off"], through))
    return pairs


def _is_between(offset: int, appended_ms: int, off: Operation, on: Operation | None) -> bool:
    if offset >= off.offset and (on is None or offset < on.offset):
        return True
    return off.applied_wall_ms < appended_ms and (on is None or appended_ms < on.written_wall_ms)
