"""Decide, for one event of one customer, whether to say something, what, and on which channel.

Pure: the same memory, event, rules and time give the same answer. A `Customer` is a private copy, freshly
decoded; it is changed in place and written back only if nobody else wrote in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamproc.core import consent as consents
from streamproc.core.answers import felt_at
from streamproc.core.arrival import Arrival, Customer, Rules
from streamproc.core.candidates import find_candidates, judge
from streamproc.core.consent import after_signal, processing_granted, special_lapsed
from streamproc.core.consent_head import ConsentHead
from streamproc.core.context import Context
from streamproc.core.decision import Candidate, Emission
from streamproc.core.digests import event_digest
from streamproc.core.event import BEACON_KINDS, TIMER_DUE, Event
from streamproc.core.facts import (
    ANY_CHANNEL,
    MARKETING,
    OPT_OUTS,
    PROCESSING,
    SENSING,
    SIGNAL_PREFIX,
    ConsentChange,
    Outcome,
    ProfileChange,
)
from streamproc.core.known_facts import apply_known
from streamproc.core.ledger import consent_output, feedback_output, ledger_output
from streamproc.core.memory import (
    Permitted,
    apply_moment,
    apply_profile,
    apply_restraint,
    charge_of,
    forget_convenience,
    is_bare,
)
from streamproc.core.occasion import Occasion
from streamproc.core.occasions import NONE, occasions_of
from streamproc.core.rank import Found
from streamproc.core.receipt import Counted
from streamproc.core.recent import is_seen, mark_seen
from streamproc.core.record import Output, Position
from streamproc.core.sensing import forget_sensed, occasions_of_beacon, occasions_of_silence
from streamproc.core.special import forget_special, permits
from streamproc.core.waiting import Waitings

# Below every position: what nothing was applied of yet.
NOT_YET: Final = (-1, 0)
# What most events end, and what they say that nobody knows of.
NOTHING: Final[tuple[Sequence[Candidate], int]] = ((), 0)


# Looking up a member of an enum costs as much as a call, and every event asks for some.
_DECIDED, _QUIET = Counted.DECIDED, Counted.QUIET


def decide(
    customer: Customer, arrival: Arrival, rules: Rules, now_ms: int
) -> tuple[Counted, Emission | None]:
    """Take one event through the gates, in the order in which a policy reads.

    Returns what the event counts as and what it causes; None if it causes nothing. For a redelivered event
    the answer is what the store kept from the first time.
    """
    event, position, context = arrival.event, arrival.position, customer.context
    source, place = "", (position.offset, position.index)
    if context is not None:
        source = _source_of(position)
        if place <= context.applied.get(source, NOT_YET):
            return Counted.REDELIVERED, None
    ahead: list[Output] = []
    fact, head = event.fact, customer.consent
    kind, signal = event.kind, event.processing_consent
    if fact is not None:
        if isinstance(fact, ConsentChange):
            fold_consent(customer, fact, event, position)
        elif isinstance(fact, Outcome):
            _withdraw(customer, fact, event, arrival, ahead)
    if signal is not None:
        _heed(customer, event, arrival, ahead, now_ms)
    granted = processing_granted(customer.consent, now_ms)
    if not granted:
        _forget(customer, arrival, rules, ahead, now_ms)
    if not granted or signal is False:
        # What was done under a refusal is not used, though the customer may have agreed since.
        return _QUIET, _caused(ahead)
    if context is None:
        source = _source_of(position)
        context = customer.context = Context(customer_id=event.customer_id, since_ms=now_ms)
    context.applied[source] = place
    if now_ms < context.last_ms:
        now_ms = context.last_ms
    else:
        context.last_ms = now_ms
    is_waking, policy = kind == TIMER_DUE, rules.policy
    if fact is None and not is_waking:
        digest = event_digest(event.event_id)
        if is_seen(context, digest):
            return Counted.DUPLICATE, None
        mark_seen(context, digest)
    counted = _remember(customer, context, arrival, rules, now_ms, ahead, head)
    ended, unknown = NOTHING
    if fact is not None:
        ended, unknown = _learn(customer, context, arrival, rules, now_ms, ahead)
    occasions = _occasions(customer, context, event, rules, now_ms) if counted is _DECIDED else NONE
    found: Sequence[Found] | None = None
    # Before anything is asked of what is remembered, and before another consent would make it look agreed to.
    if (occasions or is_waking or isinstance(fact, ConsentChange)) and special_lapsed(head, now_ms):
        waitings = Waitings(customer, context, rules, arrival, ahead, now_ms)
        ended = [*ended, *_end_special(waitings, permits(head, now_ms))]
    if not is_waking and kind not in policy.ending:
        # Most events end nothing and find nothing: this is their way out.
        if not occasions and not ended:
            # So does a profile, which no campaign hears of.
            return counted, _caused(ahead, unknown)
        if kind not in BEACON_KINDS:
            found = find_candidates(context, occasions, policy, now_ms, rules.catalog)
            if not found and not ended:
                return counted, _caused(ahead)
    waitings = Waitings(customer, context, rules, arrival, ahead, now_ms)
    emission = _ask(occasions, found, ended, waitings)
    return (_QUIET if is_waking and emission is None else counted), emission


def _source_of(position: Position) -> str:
    """Return the topic partition, as contexts name it: `clickstream/3`."""
    return f"{position.topic}/{position.partition}"


def _ask(
    occasions: Sequence[Occasion],
    found: Sequence[Found] | None,
    ended: Sequence[Candidate],
    waitings: Waitings,
) -> Emission | None:
    """Ask campaigns on all occasions of one event, those that came due with it too, and let one of them speak.

    `found` are the candidates, where they were looked for already, and `ended` is what the event ended by itself.
    """
    event, policy = waitings.arrival.event, waitings.rules.policy
    beside = [*ended]
    if event.kind == TIMER_DUE:
        due, gone = waitings.due()
        beside += gone
        occasions = [*occasions, *due]
    elif not occasions:
        # Too old to trigger anything, it ends what it would have ended.
        beside += waitings.end(event)
    if found is None:
        found = find_candidates(waitings.context, occasions, policy, waitings.now_ms, waitings.rules.catalog)
    asked = [one.scene.timer for one in found]
    for occasion in occasions:
        if occasion.timer is None:
            beside += waitings.end(occasion.event)
        elif occasion.timer not in asked:
            beside.append(waitings.stale(occasion.timer))
    for one in found:
        for campaign in one.waiting:
            beside += waitings.begin(one.scene, campaign)
    if beside or any(one.campaigns for one in found):
        emission = judge(found, beside, waitings)
        waitings.close()
        return emission
    return _caused(waitings.ahead)


def _occasions(
    customer: Customer, context: Context, event: Event, rules: Rules, now_ms: int
) -> Sequence[Occasion]:
    """Return what the event gives reason to ask campaigns about."""
    if event.kind in BEACON_KINDS:
        return occasions_of_beacon(context, event, rules, now_ms)
    if event.kind == TIMER_DUE:
        if not _may_sense(customer, now_ms):
            forget_sensed(context)
        return occasions_of_silence(context, event, rules, now_ms)
    return occasions_of(event, rules.policy)


def fold_consent(customer: Customer, change: ConsentChange, event: Event, position: Position) -> None:
    """Add a consent record to the customer's head; repeating it changes nothing."""
    customer.consent = consents.fold(
        customer.consent, change, event.occurred_at_ms, position.partition, position.offset
    )


def _withdraw(
    customer: Customer, outcome: Outcome, event: Event, arrival: Arrival, ahead: list[Output]
) -> None:
    """Answer an unsubscription, complaint or uninstall with a withdrawal on the record.

    The hold that memory keeps only bridges its way.
    """
    for channel, purpose in withdrawn_by(customer.context, outcome):
        word = ConsentChange(
            event.customer_id, channel, purpose, "withdrawn", event.occurred_at_ms, source="outcome"
        )
        ahead.append(consent_output(word, arrival.lane))


def withdrawn_by(context: Context | None, outcome: Outcome) -> list[tuple[str, str]]:
    """Name the channels and purposes that an outcome withdraws; an unknown channel withdraws them all."""
    if outcome.kind == "uninstalled":
        return [("push", MARKETING), (ANY_CHANNEL, SENSING)]
    if outcome.kind not in OPT_OUTS:
        return []
    charge = charge_of(context, outcome.nudge_id) if context is not None else None
    channel = charge.channel if charge is not None else outcome.channel
    return [(channel or ANY_CHANNEL, MARKETING)]


def _heed(customer: Customer, event: Event, arrival: Arrival, ahead: list[Output], now_ms: int) -> None:
    """Answer a producer's signal on processing that is news with a record of `consents`, one a state and unit.

    Kafka is the truth: a record that got lost in a crash is written again, because only what came back is known.
    """
    state = "granted" if event.processing_consent else "withdrawn"
    at_ms = min(event.occurred_at_ms, event.received_at_ms)
    source = f"{SIGNAL_PREFIX}{event.dialect}"
    word = ConsentChange(event.customer_id, ANY_CHANNEL, PROCESSING, state, at_ms, source=source)
    after = after_signal(customer.consent, word, now_ms)
    if after is None:
        return
    customer.consent = after
    if customer.signalled != state:
        customer.signalled = state
        ahead.append(consent_output(word, arrival.lane))


def _forget(customer: Customer, arrival: Arrival, rules: Rules, ahead: list[Output], now_ms: int) -> None:
    """Without consent to processing only restraint stays, and not even that once there is none."""
    context = customer.context
    if context is not None:
        if context.timers:
            Waitings(customer, context, rules, arrival, ahead, max(now_ms, context.last_ms)).drop_all()
        forget_convenience(context)
        if is_bare(context):
            customer.context = None


def _remember(
    customer: Customer,
    context: Context,
    arrival: Arrival,
    rules: Rules,
    now_ms: int,
    ahead: list[Output],
    head: ConsentHead,
) -> Counted:
    """Enter the event into memory: restraint at any age, the rest only while the event is young enough to matter.

    `head` is the customer's consent before the event.
    """
    event, policy = arrival.event, rules.policy
    fact, kind = event.fact, event.kind
    changes = apply_restraint(context, event, policy)
    for change in changes:
        position, version = arrival.position, policy.version
        ahead.append(ledger_output(customer.h, context, change, position, now_ms, version))
    if fact is not None:
        heads, is_news = (head, customer.consent), bool(changes)
        felt = felt_at(context, fact, heads, policy, now_ms, is_news=is_news)
        if felt is not None:
            position, version = arrival.position, policy.version
            ahead.append(feedback_output(customer.h, context, felt, position, now_ms, version))
        if isinstance(fact, ConsentChange) and not _may_sense(customer, now_ms):
            forget_sensed(context)
        return _DECIDED
    if now_ms - event.occurred_at_ms > rules.event_age_max_ms and kind != TIMER_DUE:
        return Counted.TOO_OLD
    if kind in BEACON_KINDS and not _may_sense(customer, now_ms):
        forget_sensed(context)
        return _QUIET
    apply_moment(context, event, policy, permits(customer.consent, now_ms), now_ms)
    return _DECIDED


def _learn(
    customer: Customer,
    context: Context,
    arrival: Arrival,
    rules: Rules,
    now_ms: int,
    ahead: list[Output],
) -> tuple[Sequence[Candidate], int]:
    """Enter what a fact says of the customer, and end what it allows no longer.

    After an erasure that is all that is waited for, after a word on consent all that needs one of its own and has none.
    Returns what was waited for of that, and how many facts are of no category that the policy knows.
    """
    event, policy = arrival.event, rules.policy
    permitted = permits(customer.consent, now_ms)
    if isinstance(event.fact, ProfileChange):
        apply_profile(context, event.fact, policy, permitted)
        return (), apply_known(context, event.fact, policy, permitted) if event.fact.facts else 0
    waitings = Waitings(customer, context, rules, arrival, ahead, now_ms)
    if event.kind == "privacy.erase":
        waitings.drop_all()
    if not isinstance(event.fact, ConsentChange):
        return NOTHING
    return _end_special(waitings, permitted), 0


def _end_special(waitings: Waitings, permitted: Permitted) -> list[Candidate]:
    """Forget all that needs a consent of its own and has none; return what was waited for of that."""
    customer, policy = waitings.customer, waitings.rules.policy
    customer.unwatched = (*customer.unwatched, *forget_special(waitings.context, policy, permitted))
    return waitings.end_special(permitted)


def _may_sense(customer: Customer, now_ms: int) -> bool:
    """Tell whether what a beacon heard of the customer may be remembered at all."""
    return consents.is_agreed(customer.consent, ANY_CHANNEL, SENSING, now_ms)


def _caused(ahead: list[Output], unknown: int = 0) -> Emission | None:
    return Emission(ahead, unknown_categories=unknown) if ahead or unknown else None
