"""A campaign that waits: what begins its waiting, what ends it early, and what is asked when it comes due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core import consent as consents
from streamproc.core.context import TIMERS_MAX, Context, Timer
from streamproc.core.decision import Candidate
from streamproc.core.digests import event_digest
from streamproc.core.facts import ANY_CHANNEL
from streamproc.core.ledger import timer_output
from streamproc.core.memory import remembered_item
from streamproc.core.occasion import Occasion
from streamproc.core.policy.model import TRANSACTIONAL
from streamproc.core.reasons import Gate, Why
from streamproc.core.subjects import waits_about
from streamproc.core.timers import event_of, take_due, timer_id

if TYPE_CHECKING:
    from streamproc.core.arrival import Arrival, Customer, Rules
    from streamproc.core.context import RememberedItem
    from streamproc.core.deferral import Deferral
    from streamproc.core.event import Event
    from streamproc.core.memory import Permitted
    from streamproc.core.policy.model import Campaign, Category
    from streamproc.core.record import Output
    from streamproc.core.scene import Scene

_SET: Final = "timer_set"
_DONE: Final = "timer_done"


class Waitings:
    """What one customer's memory waits for, while one record is decided: each change is entered into the ledger.

    Of one campaign a customer waits for one thing at a time, the newest that set it; of one that waits for the next
    purchase, for one a category.
    """

    __slots__ = ("_taken", "ahead", "arrival", "context", "customer", "now_ms", "rules")

    def __init__(
        self,
        customer: Customer,
        context: Context,
        rules: Rules,
        arrival: Arrival,
        ahead: list[Output],
        now_ms: int,
    ) -> None:
        """Change this context at decision time `now_ms`, and write to `ahead`."""
        self.customer = customer
        self.context = context
        self.rules = rules
        self.arrival = arrival
        self.ahead = ahead
        self.now_ms = now_ms
        self._taken: Sequence[Timer] = ()

    def end(self, event: Event) -> list[Candidate]:
        """End what an event of this kind ends, unless it was set after the event; return what is ended."""
        context, ending = self.context, self.rules.policy.ending
        kind, occurred_at_ms = event.kind, event.occurred_at_ms
        names = ending.get(kind)
        if names is None:
            return []
        if occurred_at_ms > context.latest.get(kind, -1):
            kept = {one: at_ms for one, at_ms in context.latest.items() if one in ending}
            context.latest = {**kept, kind: occurred_at_ms}
        ended = [one for one in context.timers if one.campaign in names and one.at_ms <= occurred_at_ms]
        for timer in ended:
            self._drop(timer)
        return [self._outcome(timer, "cancelled", Why(Gate.CANCELLED, f"by {kind}")) for timer in ended]

    def begin(self, scene: Scene, campaign: Campaign) -> Iterator[Candidate]:
        """Begin to wait, as an event that satisfies a campaign's trigger asks for; yield what cannot be waited for."""
        event = scene.event
        at_ms = min(event.occurred_at_ms, self.now_ms)
        for item, wait_ms in self._waits(scene, campaign):
            timer = self._timer(scene, campaign, item, at_ms, at_ms + wait_ms)
            kind = _ended_by(campaign, self.context, at_ms)
            if kind:
                why = Why(Gate.CANCELLED, f"by {kind}")
                yield Candidate(campaign.id, campaign.channels[0], "cancelled", [why])
            elif (full := self._set(timer, campaign)) is not None:
                yield Candidate(campaign.id, campaign.channels[0], "suppressed", [full])

    def hold(self, held: Deferral) -> Why | None:
        """Hold a message until it may go; return why that cannot be done."""
        scene, campaign = held.case.scene, held.case.campaign
        timer = scene.timer
        if timer is None:
            item = next(self._permitted(scene.event), None)
            at_ms = min(scene.event.occurred_at_ms, self.now_ms)
            timer = self._timer(scene, campaign, item, at_ms, held.opens_ms)
        eased = held.eased or timer.eased
        timer = msgspec.structs.replace(timer, due_ms=held.opens_ms, held_until_ms=held.until_ms, eased=eased)
        return self._set(timer, campaign)

    def due(self) -> tuple[list[Occasion], list[Candidate]]:
        """Take out what is due by now; return what to ask of it, and what need not be asked any more."""
        self._taken = take_due(self.context, self.now_ms)
        occasions: list[Occasion] = []
        gone: list[Candidate] = []
        for timer in self._taken:
            why = self._too_late(timer)
            campaign = self.rules.policy.called(timer.campaign)
            if why is None and campaign is None:
                why = Why(Gate.CAMPAIGN_OFF, "no longer in the policy")
            if why is None and campaign is not None:
                event = event_of(timer, self.context.customer_id, self.now_ms)
                occasions.append(Occasion(event, (campaign,), timer.visit_id, timer))
            else:
                gone.append(self._outcome(timer, "expired", why))
        return occasions, gone

    def stale(self, timer: Timer) -> Candidate:
        """Say that what was waited for is due, and that its conditions hold no longer."""
        return self._outcome(timer, "expired", Why(Gate.STALE, f"set at {timer.at_ms}"))

    def close(self) -> None:
        """Enter that what was due is done; what is held again stays. It follows the charge of what was said."""
        pending = {(timer.campaign, timer.event) for timer in self.context.timers}
        for timer in self._taken:
            if (timer.campaign, timer.event) not in pending:
                self._enter(_DONE, timer)

    def drop_all(self) -> None:
        """Forget all that is waited for."""
        for timer in self.context.timers:
            self._enter(_DONE, timer)
        self.context.timers = []

    def end_special(self, permitted: Permitted) -> list[Candidate]:
        """End what is waited for because of items that may not be remembered any more; return what is ended."""
        ended: list[Candidate] = []
        for timer in self.context.timers:
            name = next((one.name for one in self._groups(timer) if not permitted(one)), None)
            if name is not None:
                self._drop(timer)
                ended.append(self._outcome(timer, "cancelled", Why(Gate.SPECIAL_CATEGORY, name)))
        return ended

    def _waits(self, scene: Scene, campaign: Campaign) -> Iterator[tuple[RememberedItem | None, int]]:
        """Yield for which item, and how long, an event makes a campaign wait.

        What may not be remembered without a consent of its own is not waited for, and nor is what came with it: it is
        about both. A message about an order is about that order, whatever else was in it.
        """
        wait, items = campaign.wait, list(self._permitted(scene.event))
        assert wait is not None, "only a campaign that waits begins to"
        if len(items) < len(scene.event.items) and not (items and campaign.purpose == TRANSACTIONAL):
            return
        if not wait.repurchase_ratio:
            yield (items[0] if items else None), wait.ms
            return
        find, named = self.rules.policy.find_category, set()
        for item in items:
            category = find(item.category)
            if category.repurchase_ms and category.name not in named:
                named.add(category.name)
                yield item, round(category.repurchase_ms * wait.repurchase_ratio)

    def _permitted(self, event: Event) -> Iterator[RememberedItem]:
        """Yield the items of an event that may be remembered."""
        find, head = self.rules.policy.find_category, self.customer.consent
        for item in event.items:
            purpose = find(item.category).consent if item.category else None
            if purpose is None or consents.is_agreed(head, ANY_CHANNEL, purpose, self.now_ms):
                yield remembered_item(item)

    def _timer(
        self, scene: Scene, campaign: Campaign, item: RememberedItem | None, at_ms: int, due_ms: int
    ) -> Timer:
        event = scene.event
        return Timer(
            due_ms=due_ms,
            campaign=campaign.key,
            kind=event.kind,
            at_ms=at_ms,
            event=event_digest(event.event_id),
            item=item,
            currency=event.currency or "",
            value_minor=event.value_minor,
            site_id=event.site_id or "",
            visit_id=scene.visit_id,
            surface=event.surface,
            shared=event.identity == "shared",
            gpc=event.gpc,
            about=waits_about(scene, campaign, item),
        )

    def _set(self, timer: Timer, campaign: Campaign) -> Why | None:
        """Wait for this in place of what the campaign waited for before; return why that cannot be done."""
        context = self.context
        spoken = event_digest(timer_id(timer.campaign, timer.event))
        if any(charge.event == spoken for charge in context.charges):
            return None
        place = self._place(timer, campaign)
        before = [one for one in context.timers if self._place(one, campaign) == place]
        if any((one.at_ms, one.event) > (timer.at_ms, timer.event) for one in before):
            return None
        if len(context.timers) - len(before) >= TIMERS_MAX:
            return Why(Gate.RESTRAINT_FULL, f"{len(context.timers)} timers of {TIMERS_MAX}")
        for one in before:
            if one.event != timer.event:
                self._drop(one)
        context.timers = [*(one for one in context.timers if one not in before), timer]
        self._enter(_SET, timer)
        return None

    def _place(self, timer: Timer, campaign: Campaign) -> tuple[str, str]:
        """Name what a customer waits for one of at a time."""
        wait = campaign.wait
        is_by_category = wait is not None and wait.repurchase_ratio > 0
        return timer.campaign, self._category(timer) if is_by_category else ""

    def _category(self, timer: Timer) -> str:
        category = self._group(timer)
        return "" if category is None else category.name

    def _group(self, timer: Timer) -> Category | None:
        return self.rules.policy.find_category(timer.item.category) if timer.item is not None else None

    def _groups(self, timer: Timer) -> Iterator[Category]:
        """Yield what a timer tells of."""
        own, categories = self._group(timer), self.rules.policy.categories
        if own is not None:
            yield own
        for name in timer.about:
            if name in categories:
                yield categories[name]

    def _drop(self, timer: Timer) -> None:
        self.context.timers = [one for one in self.context.timers if one is not timer]
        self._enter(_DONE, timer)

    def _too_late(self, timer: Timer) -> Why | None:
        late_ms, most_ms = self.now_ms - timer.due_ms, self.rules.event_age_max_ms
        if timer.held_until_ms and self.now_ms > timer.held_until_ms:
            return Why(Gate.EXPIRED, f"{self.now_ms} > {timer.held_until_ms}")
        if late_ms > most_ms:
            return Why(Gate.TOO_LATE, f"{late_ms} ms > {most_ms} ms after it was due")
        return None

    def _outcome(self, timer: Timer, verdict: str, why: Why | None) -> Candidate:
        campaign = self.rules.policy.called(timer.campaign)
        name, channel = (timer.campaign, "") if campaign is None else (campaign.id, campaign.channels[0])
        return Candidate(name, channel, verdict, [why] if why is not None else [])

    def _enter(self, kind: str, timer: Timer) -> None:
        self.ahead.append(
            timer_output(
                self.customer.h,
                self.context,
                kind,
                timer,
                self._category(timer),
                self.arrival.position,
                self.now_ms,
                self.rules.policy.version,
            )
        )


def _ended_by(campaign: Campaign, context: Context, at_ms: int) -> str:
    """Name the kind of event that ended a waiting before the event that begins it arrived; empty if none did."""
    latest = context.latest
    for kind in sorted(campaign.unless):
        if latest.get(kind, -1) >= at_ms:
            return kind
    return ""
