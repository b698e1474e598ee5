"""What a timer caused was waited for until then: set before, and neither done nor cancelled in between (part of I4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamproc.ops.verify.log import Entry, Log
from streamproc.ops.verify.report import Findings

TIMER_PREFIX: Final = "timer/"

# A campaign's first name, and the digest of the event that made it wait.
Waiting = tuple[str, str]


def check_waitings(log: Log, findings: Findings, *, from_start: bool) -> None:
    """Check every nudge whose event is a timer against the waitings that its customer's ledger tells of."""
    caused = {nudge.nudge_id: found for nudge in log.nudges if (found := _waiting_of(nudge.event_id))}
    findings.checked["timers"] = len(caused)
    if not caused:
        return
    for entries in log.ledger.values():
        _check_customer(entries, caused, findings, from_start=from_start)


def _waiting_of(event_id: str) -> Waiting | None:
    """Read what was waited for out of an event id such as `timer/abandoned_cart/6f1c...`."""
    if not event_id.startswith(TIMER_PREFIX):
        return None
    campaign, _, event = event_id.removeprefix(TIMER_PREFIX).rpartition("/")
    return campaign, event


def _check_customer(
    entries: Sequence[Entry], caused: dict[str, Waiting], findings: Findings, *, from_start: bool
) -> None:
    is_whole = from_start or (bool(entries) and entries[0].seq == 1)
    pending: dict[Waiting, bool] = {}
    last_seq = 0
    for entry in entries:
        if entry.seq == last_seq:
            continue  # Written again after a crash.
        last_seq = entry.seq
        if entry.kind in ("timer_set", "timer_done"):
            pending[entry.campaign, entry.event] = entry.kind == "timer_set"
        elif entry.kind == "charge" and (waiting := caused.get(entry.nudge_id)) is not None:
            is_pending = pending.get(waiting)
            if is_pending is False:
                findings.add(f"nudge {entry.nudge_id} came of a timer that was done already", entry.where)
            elif is_pending is None and is_whole:
                findings.add(f"nudge {entry.nudge_id} came of a timer that was never set", entry.where)
