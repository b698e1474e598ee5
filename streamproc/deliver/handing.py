"""Bring one nudge to its end: delivered, bounced, or rightly given to nobody."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from streamproc.core.reasons import Gate as Refusal
from streamproc.core.record import Output, Record
from streamproc.deliver.check import Check, is_switched_off
from streamproc.deliver.lane import Lane
from streamproc.deliver.parcel import Parcel, open_parcel
from streamproc.deliver.ports import (
    Addresses,
    AddressesAway,
    Answer,
    Away,
    Bounce,
    Bounced,
    Counter,
    Delivered,
    Fate,
    Later,
    Target,
    Trouble,
)
from streamproc.deliver.road import LATER_FIRST_SECONDS, LATER_SECONDS_MAX, Pace, Road, wait_after
from streamproc.ports import Gate, Sink, SinkUnavailable
from streamproc.store.base import TTL_MS_MAX, StoreRefused, StoreUnavailable
from streamproc.store.sent import Sent, SentLog

__all__ = ["Handing", "outcome"]

log = logging.getLogger(__name__)

# What was asked of consent, mutes and hours counts as fresh for so long, as at the worker's gate.
FRESH_SECONDS: Final = 1.0
# A gate that is shut, a switch that is off and a target that is away are looked at again so often.
LOOK_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 1.0
# A mark is kept until the nudge has expired, since then none is handed over, and a day for clocks and rewound offsets.
MARK_BEYOND_MS: Final = 86_400_000
# A channel that is off may go on before the nudge expires.
_WAITED_FOR: Final = frozenset({Refusal.ALL_OFF, Refusal.CHANNEL_OFF})


@dataclass(frozen=True)
class Handing:
    """Everything that handing nudges of one channel over takes; `hand` is called by the lanes.

    A nudge leaves at most once, but for a crash, or an answer that was lost, between the target's taking it and the
    mark: then the one in flight leaves again, with the same id and words.
    """

    channel: str
    target: Target
    addresses: Addresses | None
    gate: Gate
    check: Check
    sent: SentLog
    sink: Sink
    road: Road
    pace: Pace
    counter: Counter
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic

    async def hand(self, record: Record, lane: Lane, tries: int) -> float | None:
        """Bring a record to its end, or return in how many seconds to try it again (`lane.Hand`).

        The questions stand in order: may anything go? did it leave already? is it too late? may this one? where to?
        """
        parcel = open_parcel(record, self.channel)
        if parcel is None:
            log.warning(
                "%s/%s/%s is no nudge, and is passed over", record.topic, record.partition, record.offset
            )
            self.counter.ended(Fate.UNREADABLE)
            return None
        early_ms = min(parcel.not_before_ms, parcel.expires_at_ms) - self.now_ms()
        if early_ms > 0:
            return early_ms / 1_000
        while True:
            if self.now_ms() < parcel.expires_at_ms and not await self._is_ready(parcel, lane):
                continue
            asked_at = self.monotonic()
            try:
                checked = await self.check.look(parcel)
                if checked.sent is not None:
                    await self._report(parcel, checked.sent)
                    self.counter.ended(Fate.REPEATED)
                    return None
            except (StoreUnavailable, StoreRefused, SinkUnavailable) as error:
                await self._again(lane, error)
                continue
            now_ms = self.now_ms()
            if now_ms >= parcel.expires_at_ms:
                self.counter.ended(Fate.EXPIRED)
                return None
            why = self.check.refusal(parcel, self.gate.rules(), now_ms, checked.standing)
            if why is not None and why.code not in _WAITED_FOR:
                self.counter.ended(Fate.WITHHELD, why.code)
                return None
            try:
                address = await self.addresses.find(parcel.customer_id) if self.addresses else None
            except AddressesAway as error:
                await self._again(lane, error)
                continue
            if self.addresses is not None and address is None:
                await self._settle(parcel, Bounced(Bounce.NO_ADDRESS), lane)
                return None
            # Nothing is waited for between these questions and the call.
            is_fresh = why is None and self.monotonic() - asked_at <= FRESH_SECONDS
            if not (is_fresh and self._may_go(parcel) and self.road.enter()):
                continue
            lane.has_turn = False
            answer = await self._send(parcel, address)
            if isinstance(answer, Away):
                self.counter.trouble(Trouble.AWAY)
                continue
            if isinstance(answer, Later):
                self.counter.trouble(Trouble.LATER)
                return self._put_off(parcel, answer, tries)
            await self._settle(parcel, answer, lane)
            return None

    async def _is_ready(self, parcel: Parcel, lane: Lane) -> bool:
        """Tell whether a nudge of this lane may go now, in its turn; where not, wait a little."""
        if not self._may_go(parcel):
            await lane.pause(LOOK_SECONDS)
            return False
        if not lane.has_turn:
            lane.has_turn = True
            await lane.pause(self.pace.turn())
            return False
        return True

    def _may_go(self, parcel: Parcel) -> bool:
        """Tell whether any nudge of this lane may go at this moment, and has a way to go."""
        return (
            self.gate.is_open()
            and self.gate.is_fresh(parcel.lane)
            and not is_switched_off(self.gate.rules(), self.channel)
            and self.road.is_open()
        )

    async def _send(self, parcel: Parcel, address: str | None) -> Answer:
        answer: Answer | None = None
        begun_at = self.monotonic()
        try:
            answer = await self.target.send(parcel, address)
        except Exception as error:  # noqa: BLE001 - a nudge that breaks a library must not stop its channel
            log.error("the target broke over a nudge: %s", type(error).__name__)  # noqa: TRY400 - no text of it
            answer = Later(type(error).__name__)
        finally:
            self.road.leave(answer)
        if isinstance(answer, Delivered):
            since_decided_s = (self.now_ms() - parcel.decided_at_ms) / 1_000
            self.counter.took(self.monotonic() - begun_at, since_decided_s)
        return answer

    def _put_off(self, parcel: Parcel, answer: Later, tries: int) -> float:
        """Return when the nudge is tried again; at its expiry it is looked at in any case."""
        log.warning("the target does not take a nudge: %s", answer.why)
        seconds = wait_after(tries, LATER_FIRST_SECONDS, LATER_SECONDS_MAX)
        left_s = (parcel.expires_at_ms - self.now_ms()) / 1_000
        return max(0.0, min(answer.after_s or seconds, left_s))

    async def _settle(self, parcel: Parcel, answer: Delivered | Bounced, lane: Lane) -> None:
        """Mark a nudge that left, then report it: what is marked never leaves again, whatever happens next."""
        bounced = answer.reason if isinstance(answer, Bounced) else None
        fate = Fate.DELIVERED if bounced is None else Fate.BOUNCED
        sent = Sent(fate, self.now_ms(), bounced or "")
        while True:
            try:
                await self._mark(parcel, sent)
                break
            except (StoreUnavailable, StoreRefused) as error:
                await self._again(lane, error)
        while True:
            try:
                await self._report(parcel, sent)
                break
            except (StoreUnavailable, StoreRefused, SinkUnavailable) as error:
                await self._again(lane, error)
        self.counter.ended(fate, bounced or "")

    async def _mark(self, parcel: Parcel, sent: Sent) -> None:
        ttl_ms = parcel.expires_at_ms - self.now_ms() + MARK_BEYOND_MS
        await self.sent.keep(parcel.nudge_id, sent, ttl_ms=min(max(1, ttl_ms), TTL_MS_MAX))

    async def _report(self, parcel: Parcel, sent: Sent) -> None:
        """Write the outcome, unless it is written; written again, it is the same one."""
        if sent.reported:
            return
        await self.sink.send([outcome(parcel, sent)])
        await self._mark(parcel, msgspec.structs.replace(sent, reported=True))

    async def _again(self, lane: Lane, error: Exception) -> None:
        """Wait a moment after something other than the target failed."""
        kind = Trouble.STORE
        if isinstance(error, SinkUnavailable | AddressesAway):
            kind = Trouble.SINK if isinstance(error, SinkUnavailable) else Trouble.ADDRESSES
        self.counter.trouble(kind)
        log.warning("a nudge waits: %s", error)
        await lane.pause(RETRY_SECONDS)


def outcome(parcel: Parcel, sent: Sent) -> Output:
    """Write what became of a nudge for the topic `outcomes`."""
    value: dict[str, object] = {
        "nudge_id": parcel.nudge_id,
        "customer_id": parcel.customer_id,
        "kind": sent.kind,
        "at_ms": sent.at_ms,
        "channel": parcel.channel,
    }
    if sent.reason:
        value["reason"] = sent.reason
    return Output(
        "outcomes",
        parcel.customer_id.encode(),
        msgspec.json.encode(value),
        (("content-type", b"application/json"),),
    )
