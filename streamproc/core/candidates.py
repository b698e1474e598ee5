"""The campaigns that an event makes candidates, judged gate by gate, and the one that speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from streamproc.core import caps, holdout, visits, zones
from streamproc.core.arrival import Arrival, Rules
from streamproc.core.case import NO_PROFILE, Case
from streamproc.core.catalog import NO_CATALOG, Catalog
from streamproc.core.charge import charge
from streamproc.core.consent_head import ConsentHead
from streamproc.core.context import Context
from streamproc.core.decision import (
    Candidate,
    ConsentPosition,
    Decision,
    Emission,
    Source,
    Weighed,
    encode_json,
)
from streamproc.core.deferral import Deferral, deferral
from streamproc.core.digests import nudge_id
from streamproc.core.event import TIMER_DUE
from streamproc.core.gates import candidate_reasons, channel_reasons
from streamproc.core.memory import remembered_item
from streamproc.core.occasion import Occasion
from streamproc.core.policy.model import (
    FROM_ITEM,
    NO_CATEGORY,
    TRANSACTIONAL,
    Campaign,
    Category,
    Channel,
    Overall,
    Policy,
)
from streamproc.core.rank import Found, outranked_by, rank
from streamproc.core.reasons import Gate, Why
from streamproc.core.record import Output
from streamproc.core.scene import Scene
from streamproc.core.subjects import subjects_of
from streamproc.core.voice import Choice, Voice
from streamproc.core.waiting import Waitings
from streamproc.core.watching import ITEM_KINDS, remembered_of

# A welcome is about no group of items, and so reveals nothing.
ABOUT_NOTHING: Final = Category(name=NO_CATEGORY, sensitivity="none")


class Turn:
    """Whose turn it is to speak, as far as the candidates were judged.

    `first` is the best that passed every gate, so that all after it are outranked. It speaks, unless the customer
    is held out of all campaigns: then nobody does. `shadow` is the best in shadow that would have gone before it; it
    outranks what is in shadow alone. `held` is what may go later.
    """

    __slots__ = ("first", "held", "shadow", "speaker")

    def __init__(self) -> None:
        self.first: Choice | None = None
        self.shadow: Choice | None = None
        self.speaker: Choice | None = None
        self.held: list[tuple[Candidate, Deferral]] = []


def find_candidates(
    context: Context,
    occasions: Sequence[Occasion],
    policy: Policy,
    now_ms: int,
    catalog: Catalog = NO_CATALOG,
) -> list[Found]:
    """Find, for each occasion, the campaigns that it makes candidates, or makes wait; what makes none is left out."""
    found: list[Found] = []
    for occasion in occasions:
        scene = scene_of(context, occasion, policy, now_ms, catalog)
        waiting: list[Campaign] = []
        if occasion.timer is not None:
            campaigns = [one for one in occasion.campaigns if one.still is None or one.still(scene)]
        else:
            campaigns = []
            for one in occasion.campaigns:
                if one.wait is None:
                    if one.when(scene):
                        campaigns.append(one)
                elif one.starts is None or one.starts(scene):
                    waiting.append(one)
        if campaigns or waiting:
            found.append(Found(scene, campaigns, waiting))
    return found


def scene_of(
    context: Context, occasion: Occasion, policy: Policy, now_ms: int, catalog: Catalog = NO_CATALOG
) -> Scene:
    """Set the scene for one event, or for what came due; it may be about a visit.

    Of an item that is news the customer may know more than the catalog says.
    """
    event = occasion.event
    zone = zones.zone(context.profile.zone) if context.profile is not None else None
    item = remembered_item(event.items[0]) if event.items else None
    if item is not None and event.kind in ITEM_KINDS:
        item = remembered_of(context, item, now_ms)
    return Scene(
        context=context,
        event=event,
        now_ms=now_ms,
        policy=policy,
        zone=zone,
        item=item,
        category=policy.find_category(item.category) if item is not None else None,
        catalog=catalog,
        visit_id=occasion.visit_id,
        timer=occasion.timer,
    )


def judge(found: Sequence[Found], beside: Sequence[Candidate], waitings: Waitings) -> Emission:
    """Take every candidate of every occasion through every gate.

    The first that passes all speaks, once, and is charged for it. What only the hour forbids is held, if nobody speaks.
    `beside` are those whose outcome is known.

    Returns all that the event causes: `ahead`, the decision, and the nudge if there is one.
    """
    customer, rules, arrival, ahead = waitings.customer, waitings.rules, waitings.arrival, waitings.ahead
    emission = Emission(ahead)
    context, now_ms, policy = waitings.context, waitings.now_ms, rules.policy
    context.charges = caps.expire(context.charges, now_ms)
    turn = Turn()
    candidates = [
        _weigh(_case(scene, campaign, customer.consent, rules), turn) for scene, campaign in rank(found)
    ]
    candidates += beside
    _settle(turn, waitings)
    winner = turn.speaker
    profile = context.profile
    decision = Decision(
        decision_id=nudge_id(arrival.event.customer_id, f"decision {arrival.event.event_id}"),
        kind="timer" if arrival.event.kind == TIMER_DUE else "event",
        trigger=arrival.event.kind,
        event_id=arrival.event.event_id,
        customer_id=arrival.event.customer_id,
        decided_at_ms=now_ms,
        result="silent" if winner is None else "nudged",
        candidates=candidates,
        source=Source(
            arrival.position.topic,
            arrival.position.partition,
            arrival.position.offset,
            arrival.position.index,
        ),
        consent=_consent_position(arrival, customer.consent),
        seq=context.seq,
        zone=profile.zone if profile is not None else "",
        policy=policy.version,
        config_offset=rules.config_offset,
    )
    if winner is not None:
        charge(winner, customer.h, arrival, rules, decision, emission)
    decision.seq = context.seq
    key = arrival.event.customer_id.encode()
    emission.decision = decision
    emission.unknown_categories = sum(
        [one.scene.item is not None and one.scene.category is policy.default_category for one in found]
    )
    ahead.append(Output("decisions", key, encode_json(decision), lane=arrival.lane))
    return emission


def _settle(turn: Turn, waitings: Waitings) -> None:
    """Hold what may go later, unless one that may go now speaks, or would: one event has one nudge at most."""
    for candidate, held in turn.held:
        if turn.first is not None:
            candidate.verdict = "outranked"
            detail = f"by {turn.first.case.campaign.id}, which may go now"
            candidate.reasons.append(Why(Gate.OUTRANKED, detail))
        elif (why := waitings.hold(held)) is not None:
            candidate.verdict = "suppressed"
            candidate.reasons.append(why)


def _consent_position(arrival: Arrival, head: ConsentHead) -> ConsentPosition:
    """Name how far `consents` counted: as far as the lane, or further where the customer's own went in since."""
    offset = arrival.consents_offset
    if head.partition == arrival.lane:
        offset = max(offset, head.offset + 1)
    return ConsentPosition(arrival.lane, offset)


def _case(scene: Scene, campaign: Campaign, consent: ConsentHead, rules: Rules) -> Case:
    category = category_of(scene, campaign)
    return Case(
        scene=scene,
        campaign=campaign,
        category=category,
        consent=consent,
        switches=rules.switches,
        zone=scene.zone,
        visit=scene.visit_id
        or visits.open_id(scene.context.visit, scene.now_ms, scene.policy.overall.visits),
        profile=scene.context.profile or NO_PROFILE,
        unpaid=rules.unpaid,
        subjects=subjects_of(scene, campaign, category),
    )


def category_of(scene: Scene, campaign: Campaign) -> Category:
    """Name what the message is about; what is unknown counts as the default category."""
    if campaign.category == FROM_ITEM:
        return scene.category or scene.policy.default_category
    if campaign.category == NO_CATEGORY:
        return ABOUT_NOTHING
    return scene.policy.categories.get(campaign.category, scene.policy.default_category)


def _weigh(case: Case, turn: Turn) -> Candidate:
    """Judge one candidate on its channels, loud to quiet; on the first that lets it pass it takes its turn."""
    reasons = candidate_reasons(case)
    blocked = bool(reasons)
    held: list[Deferral] = []
    channels = _open_channels(case, reasons, held)
    if blocked:
        for _ in channels:
            pass  # Each tells why it is shut, so that explain can list every gate.
        return Candidate(case.campaign.id, case.campaign.channels[0], "suppressed", reasons)
    first = next(channels, None)
    if first is None:
        return _later(case, held, turn, reasons)
    better = turn.shadow or turn.first if _is_shadow(case) else turn.first
    if better is None:
        choice = Voice(case, reasons).find(chain((first,), channels))
        if isinstance(choice, Choice):
            return _take_turn(choice, turn, reasons)
        later = [choice.later] if choice.later is not None else []
        return _later(case, later, turn, reasons, choice.creep)
    detail = outranked_by((better.case.scene, better.case.campaign), (case.scene, case.campaign))
    reasons.append(Why(Gate.OUTRANKED, detail))
    return Candidate(case.campaign.id, first.name, "outranked", reasons)


def _open_channels(case: Case, reasons: list[Why], held: list[Deferral]) -> Iterator[Channel]:
    """Yield the campaign's channels that may speak, loud to quiet; why others may not goes to `reasons`.

    Those that may later go to `held`.
    """
    for name in case.campaign.channels:
        channel = case.scene.policy.channels[name]
        if failed := channel_reasons(case, channel):
            reasons += failed
            if (later := deferral(case, channel, failed)) is not None:
                held.append(later)
        else:
            yield channel


def _later(
    case: Case, held: Sequence[Deferral], turn: Turn, reasons: list[Why], creep: Weighed | None = None
) -> Candidate:
    """Put a candidate off that may not speak now, on the first channel on which time alone lets it."""
    if not held:
        return Candidate(case.campaign.id, case.campaign.channels[0], "suppressed", reasons, creep)
    candidate = Candidate(case.campaign.id, held[0].channel.name, "deferred", reasons, creep)
    turn.held.append((candidate, held[0]))
    return candidate


def _take_turn(choice: Choice, turn: Turn, reasons: list[Why]) -> Candidate:
    """Let a candidate that passed every gate speak, unless its customer is held out or it is in shadow.

    Who is held out of one campaign hears the next best. Who is held out of all hears nothing, and the others are
    outranked as they would be for anybody: so each campaign counts the same moments on both sides. What is in shadow
    takes nobody's turn but that of others in shadow.
    """
    campaign, overall = choice.case.campaign, choice.case.scene.policy.overall
    customer_id = choice.case.scene.event.customer_id
    why = holdout.own_group(campaign, overall, customer_id)
    if why is None:
        is_shadow = _is_shadow(choice.case)
        if is_shadow:
            turn.shadow = choice
        else:
            turn.first = choice
        why = _held_out_of_all(campaign, overall, customer_id)
        if why is None and is_shadow:
            return Candidate(
                campaign.id, choice.channel.name, "shadow", reasons, choice.creep, choice.content
            )
    if why is not None:
        reasons.append(why)
        return Candidate(campaign.id, choice.channel.name, "held_out", reasons, choice.creep)
    turn.speaker = choice
    return Candidate(campaign.id, choice.channel.name, "nudged", reasons, choice.spent)


def _held_out_of_all(campaign: Campaign, overall: Overall, customer_id: str) -> Why | None:
    """Tell whether the customer hears of no campaign. Nobody is left without a message about an order."""
    return None if campaign.purpose == TRANSACTIONAL else holdout.global_group(overall, customer_id)


def _is_shadow(case: Case) -> bool:
    return case.campaign.shadow or case.scene.policy.overall.shadow
