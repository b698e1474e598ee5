"""The emission gate: what is asked once more right before a nudge is handed over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamproc.core.consent import decode_consent
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.decision import Emission, Handover, decode_decision, encode_json
from streamproc.core.reasons import Why
from streamproc.core.record import Output, Position
from streamproc.core.refusal import Standing, refusal
from streamproc.core.stored_context import decode_context
from streamproc.pacing import NOT_BEFORE_HEADER, Pacing, Slots
from streamproc.ports import Clock, Gate
from streamproc.purse import Purse
from streamproc.store.base import Slot, Store

# So long after the commit its answers on consent, mutes and quiet hours still count as fresh.
FRESH_SECONDS: Final = 1.0
CONFIG_OFFSET_HEADER: Final = "sp-config-offset"

Speaking = tuple[Position, Emission]


@dataclass(frozen=True)
class Withheld:
    """A nudge that an open gate refused, and the second decision that says so."""

    position: Position
    why: Why
    decision: Output


@dataclass
class Sorted:
    """The nudges of one unit that may go now, and those that are withheld."""

    nudges: list[Output] = field(default_factory=list)
    handed: list[tuple[Handover, bool]] = field(default_factory=list)
    """Beside each nudge what it says of itself, and whether it waits for its turn."""
    withheld: list[Withheld] = field(default_factory=list)


class Handing:
    """Sorts the nudges of one unit into those that may go and those that are withheld."""

    def __init__(
        self,
        gate: Gate,
        store: Store,
        clock: Clock,
        monotonic: Callable[[], float],
        pause: Callable[[int], Awaitable[None]],
        purse: Purse,
        pacing: Pacing,
    ) -> None:
        """Ask this gate, this store where the commit's answers are no longer fresh, for money and for a slot."""
        self._purse = purse
        self._pacing = pacing
        self._pause = pause
        self._gate = gate
        self._store = store
        self._clock = clock
        self._monotonic = monotonic

    async def sort(self, speaking: Sequence[Speaking], committed_at: float) -> Sorted:
        """Wait for the gate, then sort. The caller sends the nudges without waiting for anything else in between.

        While a nudge waited, its customer may have withdrawn: the lane must have applied every fact of a second ago.
        """
        lanes = {emission.nudge.lane or 0 for _, emission in speaking if emission.nudge is not None}
        slots: dict[str, Slot] = {}
        limits = await self._limits(speaking)
        while True:
            await self._gate.until_open()
            if not all(self._gate.is_fresh(lane) for lane in lanes):
                await self._pause(0)
                continue
            if self._monotonic() - committed_at > FRESH_SECONDS:
                asked_at = self._monotonic()
                found = await self._store.load(list({e.handover.h for _, e in speaking if e.handover}))
                slots = {slot.h: slot for slot in found}
                committed_at = asked_at
            if self._gate.is_open():
                return self._split(speaking, slots, limits)

    async def _limits(self, speaking: Sequence[Speaking]) -> Slots:
        """Ask for slots and money before the gate is asked, since nothing may be waited for after it.

        What the gate refuses then was paid for, and had a slot.
        """
        named = [(nudge_id_of(e.nudge), e.handover) for _, e in speaking if e.nudge and e.handover]
        now_ms = max(self._clock.now_ms(handover.decided_at_ms) for _, handover in named)
        policy = self._gate.rules().policy
        slots = await self._pacing.slots(named, policy, now_ms)
        payable = [pair for pair in named if not isinstance(slots.get(pair[0]), Why)] if slots else named
        unpaid = await self._purse.pay(payable, policy, now_ms)
        return {**slots, **unpaid} if unpaid else slots

    def _split(self, speaking: Sequence[Speaking], slots: dict[str, Slot], limits: Slots) -> Sorted:
        rules = self._gate.rules()
        offset = (CONFIG_OFFSET_HEADER, str(rules.config_offset).encode())
        sorted_ = Sorted()
        for position, emission in speaking:
            nudge, handover = emission.nudge, emission.handover
            if nudge is None or handover is None:
                continue
            now_ms = self._clock.now_ms(handover.decided_at_ms)
            slot = slots.get(handover.h)
            why = refusal(handover, rules, now_ms, _standing(slot) if slot is not None else None)
            limit = limits.get(nudge_id_of(nudge)) if limits else None
            if why is None and isinstance(limit, Why):
                why = limit
            if why is None:
                headers = (*nudge.headers, offset)
                if isinstance(limit, int):
                    headers = (*headers, (NOT_BEFORE_HEADER, str(limit).encode()))
                sorted_.nudges.append(Output(nudge.topic, nudge.key, nudge.value, headers, nudge.lane))
                sorted_.handed.append((handover, isinstance(limit, int)))
            else:
                sorted_.withheld.append(Withheld(position, why, _withhold(emission, why)))
        return sorted_


def nudge_id_of(nudge: Output) -> str:
    """Return the id of a nudge, which its CloudEvents header carries."""
    return dict(nudge.headers)["ce_id"].decode()


def _standing(slot: Slot) -> Standing:
    return Standing(
        decode_consent(slot.consent) if slot.consent else NO_CONSENT,
        decode_context(slot.context) if slot.context else None,
    )


def _withhold(emission: Emission, why: Why) -> Output:
    """Write the decision a second time, with the nudge withheld and the reason; the charge stays."""
    first = next(output for output in emission.ahead if output.topic == "decisions")
    decision = decode_decision(first.value or b"")
    for candidate in decision.candidates:
        if candidate.verdict == "nudged":
            candidate.verdict = "withheld"
            candidate.reasons = [*candidate.reasons, why]
    decision.result = "silent"
    return Output(first.topic, first.key, encode_json(decision), first.headers, first.lane)
