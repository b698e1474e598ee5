"""I5: nothing is handed over under a config offset at which it is off, a second after that, or in shadow."""

from __future__ import annotations

from typing import Final

from streamproc.ops.verify.log import Log, Nudge, SwitchChange
from streamproc.ops.verify.report import Findings
from streamproc.ops.verify.rules import RuleBook, UnreadableRules

APPLIED_MS_MAX: Final = 1_000
"""Every live worker applies a switch within a second, or stops sending."""


def check_switches(log: Log, rules: RuleBook) -> Findings:
    """Check I5 on every handing over of a nudge, repeats included: each passed the gate on its own."""
    changes = sum(len(switch) for switch in log.switches.values())
    findings = Findings("I5", {"nudges": len(log.nudges), "switch changes": changes})
    for nudge in log.nudges:
        if nudge.config_offset is None:
            findings.add("the header sp-config-offset is missing or no number", nudge.where)
        if _is_shadow(nudge, rules):
            findings.add(f"campaign/{nudge.campaign} is in shadow in policy {nudge.policy}", nudge.where)
        for key in ("all", f"channel/{nudge.channel}", f"campaign/{nudge.campaign}"):
            switch = _changes(key, log, nudge, rules)
            if nudge.config_offset is not None and not _is_on(switch, nudge, key, rules):
                findings.add(f"{key} is off at config offset {nudge.config_offset}", nudge.where)
            since_ms = _off_since_ms(switch, nudge.appended_ms)
            if since_ms is not None and nudge.appended_ms > since_ms + APPLIED_MS_MAX:
                late_ms = nudge.appended_ms - since_ms
                findings.add(f"{key} was off for {late_ms} ms when this was appended", nudge.where)
    return findings


def _is_shadow(nudge: Nudge, rules: RuleBook) -> bool:
    try:
        return nudge.campaign in rules.find(nudge.policy).shadows
    except UnreadableRules:
        return False  # I2 reports the missing policy.


def _changes(key: str, log: Log, nudge: Nudge, rules: RuleBook) -> list[SwitchChange]:
    """Return how a switch moved; for a campaign that had other names, the switch under the newest name that has any."""
    if not key.startswith("campaign/"):
        return log.switches.get(key, [])
    try:
        names = rules.find(nudge.policy).names_of(nudge.campaign)
    except UnreadableRules:
        names = (nudge.campaign,)
    if len(names) == 1:
        return log.switches.get(key, [])
    moves = [(change, name) for name in names for change in log.switches.get(f"campaign/{name}", [])]
    states: dict[str, bool | None] = {}
    changes: list[SwitchChange] = []
    for change, moved in sorted(moves, key=lambda move: move[0].offset):
        states[moved] = change.enabled
        enabled = next((states[name] for name in names if states.get(name) is not None), None)
        changes.append(SwitchChange(change.offset, change.appended_ms, enabled))
    return changes


def _is_on(switch: list[SwitchChange], nudge: Nudge, key: str, rules: RuleBook) -> bool:
    assert nudge.config_offset is not None
    enabled: bool | None = None
    for change in switch:
        if change.offset >= nudge.config_offset:
            break
        enabled = change.enabled
    if enabled is not None:
        return enabled
    try:
        return not (key.startswith("campaign/") and nudge.campaign in rules.find(nudge.policy).campaigns_off)
    except UnreadableRules:
        return True  # Without its rules only the switches can be judged; I2 reports the missing policy.


def _off_since_ms(switch: list[SwitchChange], at_ms: int) -> int | None:
    """Return since when a switch is off at an instant of the broker's clock, or None if it is not."""
    since_ms: int | None = None
    for change in switch:
        if change.appended_ms > at_ms:
            break
        if change.enabled is not False:
            since_ms = None
        elif since_ms is None:
            since_ms = change.appended_ms
    return since_ms
