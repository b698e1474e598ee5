"""I2: in every window of every cap and group the charged nudges are within it; the ledger is one chain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from streamproc.ops.verify.log import Entry, Log, Nudge
from streamproc.ops.verify.report import Findings
from streamproc.ops.verify.rules import Cap, RuleBook, Rules, UnreadableRules

_ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_caps(log: Log, rules: RuleBook, *, from_start: bool) -> Findings:
    """Check I2 on every ledger record, and that every nudge has its charge.

    A ledger that begins in the middle (old records expire) is accepted unless `from_start`.
    """
    findings = Findings("I2", {"charges": 0, "caps": 0, "ledger records": 0, "nudges": 0})
    charged: set[tuple[str, str, str]] = set()
    for h in sorted(log.ledger):
        chain = _check_chain(log.ledger[h], findings, from_start=from_start)
        charges = [entry for entry in chain if entry.kind == "charge"]
        charged.update((charge.nudge_id, charge.channel, charge.campaign) for charge in charges)
        _check_charges(charges, rules, findings)
    for nudge in {nudge.nudge_id: nudge for nudge in log.nudges}.values():
        findings.checked["nudges"] += 1
        names = _names(nudge, rules)
        if not any((nudge.nudge_id, nudge.channel, name) in charged for name in names):
            findings.add(
                f"nudge {nudge.nudge_id} has no charge on {nudge.channel} for {nudge.campaign}", nudge.where
            )
    return findings


def _names(nudge: Nudge, rules: RuleBook) -> tuple[str, ...]:
    """Return the names that the charge of a nudge may carry: those that its campaign ever had."""
    try:
        return rules.find(nudge.policy).names_of(nudge.campaign)
    except UnreadableRules:
        return (nudge.campaign,)  # Its charge names the same policy, and that is reported.


def _check_chain(entries: list[Entry], findings: Findings, *, from_start: bool) -> list[Entry]:
    """Check one customer's records, sorted by `seq`, and return them without repeats."""
    chain: list[Entry] = []
    for entry in entries:
        before = chain[-1] if chain else None
        if before is not None and entry.seq == before.seq:
            if entry.digests[-1] != before.digests[-1]:
                findings.add(f"{entry.h} has two records of seq {entry.seq}", entry.where)
            continue
        findings.checked["ledger records"] += 1
        chain.append(entry)
        _check_link(entry, before, findings, from_start=from_start)
    return chain


def _check_link(entry: Entry, before: Entry | None, findings: Findings, *, from_start: bool) -> None:
    if before is None:
        if from_start and entry.seq != 1:
            findings.add(f"{entry.h} begins with seq {entry.seq}, not with 1", entry.where)
        elif (entry.seq == 1) != (not entry.prev):
            findings.add(f"{entry.h} seq {entry.seq} names {entry.prev or 'nothing'} before it", entry.where)
    elif entry.seq != before.seq + 1:
        findings.add(f"{entry.h} goes from seq {before.seq} to {entry.seq}", entry.where)
    elif entry.prev not in {digest.hex() for digest in before.digests}:
        findings.add(
            f"{entry.h} seq {entry.seq} names {entry.prev or 'nothing'} before it, "
            f"but seq {before.seq} is {before.digests[-1].hex()}",
            entry.where,
        )


def _check_charges(charges: list[Entry], rules: RuleBook, findings: Findings) -> None:
    for index, charge in enumerate(charges):
        findings.checked["charges"] += 1
        try:
            policy = rules.find(charge.policy)
        except UnreadableRules as error:
            findings.add(f"the caps of {charge.nudge_id} are unknown: {error}", charge.where)
            continue
        _check_counts(charge, policy, findings)
        _check_group(charges[: index + 1], policy, findings)
        _check_visit(charges[: index + 1], policy, findings)
        for field, names, cap in _caps_over(charge, policy):
            findings.checked["caps"] += 1
            _check_cap(charges[: index + 1], field, names, cap, findings)


def _caps_over(charge: Entry, policy: Rules) -> Iterator[tuple[str, tuple[str, ...], Cap]]:
    """Yield every cap over a charge, with the field that its scope compares and the values that it counts.

    No field: all charges count. A campaign counts what it was charged under each of its names. A transactional one that
    is exempt from caps has its own alone.
    """
    categories, names = policy.categories, policy.names_of(charge.campaign)
    for cap in policy.campaigns.get(names[0], ()):
        yield "campaign", names, cap
    service = policy.services.get(names[0])
    if service is not None and "caps" in service.exempt_from:
        return
    for cap in policy.channels.get(charge.channel, ()):
        yield "channel", (charge.channel,), cap
    for cap in categories.get(charge.category, categories.get("default", ())):
        yield "category", (charge.category,), cap
    for cap in policy.overall:
        yield "", ("overall",), cap


def _check_counts(charge: Entry, policy: Rules, findings: Findings) -> None:
    """Check that a charge counts for others, unless its campaign is transactional and need not."""
    name = policy.names_of(charge.campaign)[0]
    service = policy.services.get(name)
    counts = service is None or service.counts
    if charge.counts != counts:
        says = "counts" if charge.counts else "does not count"
        findings.add(f"{name}: its charge {says} for others, its policy says otherwise", charge.where)


def _check_group(charges: list[Entry], policy: Rules, findings: Findings) -> None:
    """Check that no other campaign of the exclusive group was charged in the window ending at the last charge."""
    charge = charges[-1]
    names = policy.names_of(charge.campaign)
    group = policy.groups.get(names[0], "")
    if group != charge.group:
        findings.add(f"{names[0]} is in group {group!r}, its charge says {charge.group!r}", charge.where)
        return
    if not group:
        return
    since_ms = charge.at_ms - policy.windows.get(group, 0)
    others = {
        other.campaign
        for other in charges
        if other.group == group and other.campaign not in names and other.at_ms > since_ms
    }
    if others:
        findings.add(
            f"group {group}: {names[0]} spoke in the window of {', '.join(sorted(others))}", charge.where
        )


def _check_visit(charges: list[Entry], policy: Rules, findings: Findings) -> None:
    """Check that the visit of the last charge had begun, and that beacons caused one nudge in it at most."""
    charge = charges[-1]
    if not charge.visit:
        return
    begins_ms = charge.visit.rpartition("/")[2]
    if not begins_ms.isdecimal():
        findings.add(f"{charge.visit!r} is no visit: a store and the moment it began", charge.where)
    elif int(begins_ms) > charge.at_ms:
        findings.add(f"the visit {charge.visit} begins after its charge at {charge.at_ms}", charge.where)
    if charge.sensed and policy.one_sensed_per_visit:
        sensed = {other.nudge_id for other in charges if other.sensed and other.visit == charge.visit}
        if len(sensed) > 1:
            findings.add(f"visit {charge.visit}: {len(sensed)} sensed nudges of 1", charge.where)


def _check_cap(
    charges: list[Entry], field: str, names: tuple[str, ...], cap: Cap, findings: Findings
) -> None:
    """Count the window that ends at the last of `charges`, in the zone that this charge names."""
    charge = charges[-1]
    if cap.per not in {None, "visit"} and _zone(charge.zone) is None:
        findings.add(f"{cap.window} was counted in the unknown zone {charge.zone!r}", charge.where)
        return
    if cap.per == "visit" and not charge.visit:
        findings.add(f"{cap.window} was counted without a visit", charge.where)
        return
    counted = {
        other.nudge_id
        for other in charges
        if (other.counts or field == "campaign")
        and (not field or getattr(other, field) in names)
        and _is_within(other, charge, cap)
    }
    if len(counted) > cap.max:
        scope = f"{field} {names[0]}" if field else names[0]
        findings.add(f"{scope} {cap.window}: {len(counted)} nudges of {cap.max}", charge.where)


def _is_within(other: Entry, charge: Entry, cap: Cap) -> bool:
    if cap.rolling_ms is not None:
        return other.at_ms > charge.at_ms - cap.rolling_ms
    if cap.per is None or other is charge:
        return True
    if cap.per == "visit":
        return other.visit == charge.visit
    # A charge stamped later than the one that follows it is a clock's fault; it restrains all the same.
    return other.at_ms >= charge.at_ms or _period(other.at_ms, charge.zone, cap.per) == _period(
        charge.at_ms, charge.zone, cap.per
    )


@lru_cache(maxsize=65_536)
def _period(at_ms: int, zone_name: str, per: str) -> date:
    """Return the first local date of the calendar window that an instant lies in; weeks begin on Monday."""
    day = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(_zone(zone_name)).date()
    if per == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if per == "month" else day


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo | None:
    """Read a zone from the package of zone files, not the host's: two hosts come to one verdict."""
    if not _ZONE_NAME.fullmatch(name):
        return None
    try:
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as source:
            return ZoneInfo.from_file(source, key=name)
    except (OSError, ValueError):
        return None
