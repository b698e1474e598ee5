"""I4: one nudge an event at most; one nudge id has one topic, key and value."""

from __future__ import annotations

from streamproc.ops.verify.log import NUDGES_PREFIX, Log, Nudge
from streamproc.ops.verify.report import Findings


def check_single(log: Log) -> Findings:
    """Check I4 on every nudge, and that none which was decided got lost.

    Repeats byte for byte are fine: delivery services drop them by their id.
    """
    findings = Findings("I4", {"nudges": len(log.nudges), "events": 0})
    by_id: dict[str, Nudge] = {}
    by_event: dict[tuple[str, str], str] = {}
    for nudge in log.nudges:
        first = by_id.setdefault(nudge.nudge_id, nudge)
        if first.content != nudge.content:
            findings.add(
                f"nudge {nudge.nudge_id} differs from {first.where} in topic, key or value", nudge.where
            )
        nudge_id = by_event.setdefault((nudge.customer_id, nudge.event_id), nudge.nudge_id)
        if nudge_id != nudge.nudge_id:
            findings.add(
                f"event {nudge.event_id} has the nudges {nudge_id} and {nudge.nudge_id}", nudge.where
            )
    findings.checked["events"] = len(by_event)
    # Files without any nudge may simply leave those topics out; then there is nothing to compare with.
    for nudge_id, where in sorted(log.decided.items()) if by_id else ():
        if nudge_id not in by_id and nudge_id not in log.withheld:
            findings.add(f"nudge {nudge_id} was decided, and neither handed over nor withheld", where)
    for topic, error, where in log.unreadable:
        if topic.startswith(NUDGES_PREFIX):
            findings.checked["nudges"] += 1
            findings.add(f"this nudge cannot be read: {error}", where)
    return findings
