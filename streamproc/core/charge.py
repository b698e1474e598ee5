"""Spend a nudge: the charge in memory, its ledger record, the nudge itself and what hand-over must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core import caps
from streamproc.core.context import Charge
from streamproc.core.creep.mood import spend
from streamproc.core.decision import CapUse, Creep, Decision, Emission, Handover, Nudge, encode_json
from streamproc.core.digests import event_digest, nudge_id
from streamproc.core.gates import items_sold
from streamproc.core.ledger import charge_output
from streamproc.core.memory import NEVER_ENDS_MS
from streamproc.core.record import Output

if TYPE_CHECKING:
    from streamproc.core.arrival import Arrival, Rules
    from streamproc.core.event import Event
    from streamproc.core.voice import Choice


def charge(
    choice: Choice, h: str, arrival: Arrival, rules: Rules, decision: Decision, emission: Emission
) -> None:
    """Charge the customer's caps for this nudge and write the nudge; `decision` learns its id."""
    case, event = choice.case, choice.case.scene.event
    scene, policy = case.scene, case.scene.policy
    identity = nudge_id(event.customer_id, event.event_id)
    kept_ms = policy.charge_ms_max
    spent = Charge(
        at_ms=scene.now_ms,
        # A charged event stays known as long as a producer might repeat it, and as long as any cap looks
        # back.
        until_ms=NEVER_ENDS_MS if kept_ms < 0 else scene.now_ms + max(kept_ms, rules.event_age_max_ms),
        nudge_id=bytes.fromhex(identity),
        event=event_digest(event.event_id),
        channel=choice.channel.name,
        campaign=case.campaign.key,
        category=case.category.name,
        visit=case.visit,
        sensed=case.campaign.sensed,
        counts=case.campaign.counts,
        group=case.campaign.group,
    )
    scene.context.charges = [*scene.context.charges, spent]
    creep = choice.spent
    if creep.level_after is not None:
        spend(scene.context, creep.level_after, scene.now_ms)
    emission.ahead.append(charge_output(h, scene.context, spent, identity, arrival, decision, creep))
    decision.nudge_id = identity
    nudge = _nudge(choice, identity, decision)
    emission.nudge = Output(
        topic=f"nudges.{choice.channel.name}",
        key=event.customer_id.encode(),
        value=encode_json(nudge),
        headers=_cloudevent(identity) + _trace(event),
        lane=arrival.lane,
    )
    sold = items_sold(scene, case.campaign, case.subjects)
    emission.handover = Handover(
        h=h,
        channel=choice.channel.name,
        campaign=case.campaign.id,
        category=case.category.name,
        purpose=case.campaign.purpose,
        sensed=case.campaign.sensed,
        rung=choice.creep.rung,
        occurred_at_ms=event.occurred_at_ms,
        decided_at_ms=scene.now_ms,
        expires_at_ms=nudge.expires_at_ms,
        exempt_from=tuple(sorted(case.campaign.exempt_from)),
        cost_minor=nudge.cost_minor,
        sold=sold[0] if sold else None,
        sold_too=tuple(sold[1:]),
        about_too=tuple([one.category.name for one in case.subjects.each[1:]]),
    )


def _nudge(choice: Choice, identity: str, decision: Decision) -> Nudge:
    case, event, creep = choice.case, choice.case.scene.event, choice.spent
    scene, policy = case.scene, case.scene.policy
    scoped = caps.caps_over(policy, case.campaign, case.category, case.profile, choice.channel)
    checks = caps.check(scoped, scene.context.charges, scene.now_ms, case.zone, case.visit)
    return Nudge(
        nudge_id=identity,
        customer_id=event.customer_id,
        channel=choice.channel.name,
        campaign=case.campaign.id,
        purpose=case.campaign.purpose,
        category=case.category.name,
        event_id=event.event_id,
        decided_at_ms=scene.now_ms,
        expires_at_ms=choice.frame.expires_at_ms,
        content=choice.content,
        because=list(case.campaign.because),
        reason=choice.frame.reason,
        controls=dict(choice.frame.controls),
        creep=Creep(creep.rung, creep.score, creep.level_before, creep.level_after),
        caps=[CapUse(check.scope, check.window, check.used, check.max) for check in checks],
        source=decision.source,
        consent=decision.consent,
        seq=scene.context.seq,
        zone=decision.zone,
        policy=policy.version,
        cost_minor=_cost_minor(choice),
    )


def _cost_minor(choice: Choice) -> int:
    segments = choice.content.get("segments", 1)
    assert isinstance(segments, int), "a short message counts its segments"
    return choice.channel.cost_minor * segments


def _cloudevent(identity: str) -> tuple[tuple[str, bytes], ...]:
    """Build the headers of the CloudEvents binary mode, whose value is the data itself."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_source", b"streamproc"),
        ("ce_type", b"streamproc.nudge.v1"),
        ("content-type", b"application/json"),
    )


def _trace(event: Event) -> tuple[tuple[str, bytes], ...]:
    """Build the headers of the trace in which the event began, which a nudge carries on."""
    if event.traceparent is None:
        return ()
    parent = ("ce_traceparent", event.traceparent.encode())
    return (parent,) if event.tracestate is None else (parent, ("ce_tracestate", event.tracestate.encode()))
