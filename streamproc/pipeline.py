"""The six steps over one unit of records: ingest, load, decide, commit, emit, and only then may it be acknowledged.

Everything around it is an argument: the store, the sink, the gate, the clock. It knows neither Faust nor
Kafka. A crash anywhere means that the records come again, and that the same answer comes out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from streamproc.core.arrival import Arrival, Customer
from streamproc.core.consent import decode_consent, encode_consent
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.context import UnreadableContext
from streamproc.core.creep.feedback import opt_out_of
from streamproc.core.decide import decide
from streamproc.core.decision import decode_emission, encode_emission
from streamproc.core.event import Event, Reason, Rejection
from streamproc.core.facts import ConsentChange
from streamproc.core.receipt import Counted
from streamproc.core.record import Output, Position
from streamproc.core.stored_context import decode_context, drop_committed, encode_context, ttl_ms
from streamproc.core.tally import Tally
from streamproc.core.timers import hints, next_due_ms
from streamproc.core.unit import Unit
from streamproc.core.watching import watches_after
from streamproc.handover import Handing, nudge_id_of
from streamproc.ingest import parse
from streamproc.ingest.canonical import encode_event
from streamproc.ingest.dead_letter import dead_letter
from streamproc.opt_outs import OptOuts
from streamproc.pacing import Pacing
from streamproc.ports import Clock, Gate, Meter, Sink, SinkUnavailable
from streamproc.purse import Purse
from streamproc.result import Result
from streamproc.store.addresses import ANY_LANE
from streamproc.store.base import Slot, Store, StoreRefused, StoreUnavailable, Write
from streamproc.store.watches import Watches
from streamproc.turns import Turn, Turns
from streamproc.work import Work, consents_alone

# Losing the race for a customer means that somebody else won it: 20 losses in a row are no race but a fault.
ROUNDS_MAX: Final = 20
# A record that fails alone so often fails for a reason of its own.
ATTEMPTS_MAX: Final = 3

FACT_TOPICS: Final = ("consents", "profiles", "outcomes", "privacy-requests")
REKEYED: Final = "rekeyed"
TIMERS: Final = "timers"
# A fact is applied wherever it arrives: compare-and-set keeps it safe, and a detour would only delay a
# withdrawal. What we wrote ourselves lies in the right lane.
STAYING: Final = frozenset({*FACT_TOPICS, REKEYED, TIMERS})
_REDELIVERED: Final = Counted.REDELIVERED


class Pipeline:
    """Takes units through the six steps, in the order in which they come."""

    def __init__(
        self,
        *,
        store: Store,
        sink: Sink,
        gate: Gate,
        clock: Clock,
        meter: Meter,
        address: Callable[[str], tuple[str, int]],
        context_ttl_ms: int,
        worker: str,
        monotonic: Callable[[], float],
        pause: Callable[[int], Awaitable[None]],
        committed: Callable[[str, int], int],
        watches: Watches | None = None,
    ) -> None:
        """Put a pipeline together.

        `address` gives a customer's hash and lane; `context_ttl_ms` is how long a context lives without an event;
        `monotonic` gives seconds for durations; `pause(n)` waits before attempt n + 1; `committed(topic, partition)` is
        how far a source is committed: outputs kept for records below it are let go. Who watches which item is noted in
        `watches`.
        """
        self._store = store
        self._sink = sink
        self._gate = gate
        self._clock = clock
        self._meter = meter
        self._address = address
        self._context_ttl_ms = context_ttl_ms
        self._worker = worker
        self._monotonic = monotonic
        self._pause = pause
        self._committed = committed
        self._watches = watches
        self._turns, self._fact_turns = Turns(), Turns()
        self._purse = Purse(store)
        self._pacing = Pacing(store)
        self._opt_outs = OptOuts(store)

    async def process(self, unit: Unit) -> None:
        """Take a unit through all steps; return only when every output is acknowledged.

        The next unit may come meanwhile: it decides once this one is committed, and emits once this one has. Facts
        wait for no moments. An unreachable store or sink is waited for, however long. A record that fails for any
        other reason is found by halving the unit, and goes to `dead-letters` after `ATTEMPTS_MAX` attempts.
        """
        turns = self._fact_turns if unit.kind == "facts" else self._turns
        async with turns.turn() as turn:
            await self._take_or_isolate(unit, turn)

    async def _take_or_isolate(self, unit: Unit, turn: Turn) -> None:
        try:
            await self._take(unit, turn)
        except Exception as error:  # noqa: BLE001 - a fault of one record must not stop the stream
            self._meter.trouble(error)
            await turn.stays()
            await self._isolate(unit, turn)

    async def _take(self, unit: Unit, turn: Turn) -> None:
        started = self._monotonic()
        work = self._ingest(unit)
        self._step("ingest", started)
        await turn.decides()
        started = self._monotonic()
        await self._until_done(lambda: self._decide_all(work))
        self._step("decide", started)
        await turn.emits()
        started = self._monotonic()
        await self._until_done(lambda: self._emit(work))
        await self._until_done(lambda: self._mind_opt_outs(work))
        await self._until_done(lambda: self._sink.send(self._receipts(work)))
        self._step("emit", started)
        decisions = [emission.decision for _, emission in work.emissions if emission.decision is not None]
        self._meter.unit(work.tally, decisions)
        if unknown := sum([emission.unknown_categories for _, emission in work.emissions]):
            self._meter.unknown_categories(unknown)

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat a step while the world is away; each is written so that repeating it changes nothing."""
        attempt = 0
        while True:
            try:
                return await step()
            except (StoreUnavailable, StoreRefused, SinkUnavailable) as error:
                attempt += 1
                self._meter.trouble(error)
                await self._pause(attempt)

    async def _isolate(self, unit: Unit, turn: Turn) -> None:
        """Find the record that fails by halving, and put it aside; all others are processed."""
        if len(unit.records) > 1:
            for half in unit.halves():
                await self._take_or_isolate(half, turn)
            return
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                await self._take(unit, turn)
            except Exception as error:  # noqa: BLE001 - counted here, repeated or put aside below
                self._meter.trouble(error)
            else:
                return
        await self._put_aside(unit)

    async def _put_aside(self, unit: Unit) -> None:
        """Write a poison record to `dead-letters`, and its receipt."""
        record = unit.records[0]
        work = Work(unit, self._gate.rules(), Tally(unit))
        work.tally.add(record.topic, record.partition, "rejected")
        letter = dead_letter(record, Rejection(Reason.POISON), ATTEMPTS_MAX)
        try:
            await self._until_done(lambda: self._sink.send([letter]))
        except Exception as error:  # noqa: BLE001 - too large for any topic: its place is told, the log still holds it
            self._meter.trouble(error)
            size = f"value of {len(record.value or b'')} bytes left out"
            bare = dead_letter(
                msgspec.structs.replace(record, value=None), Rejection(Reason.POISON, "", size)
            )
            await self._until_done(lambda: self._sink.send([bare]))
        await self._until_done(lambda: self._sink.send(self._receipts(work)))
        self._meter.unit(work.tally, [])

    def _step(self, name: str, since: float) -> None:
        self._meter.step(name, self._monotonic() - since)

    def _receipts(self, work: Work) -> list[Output]:
        rules, at_ms = work.rules, self._clock.now_ms(work.tally.latest_ms)
        return work.tally.receipts(self._worker, rules.policy.version, rules.config_offset, at_ms)

    # Step 1

    def _ingest(self, unit: Unit) -> Work:
        """Parse every record; sort its events by customer, and put aside what is refused or of another lane."""
        tally = Tally(unit)
        rules = self._purse.limit(self._gate.rules(), self._clock.now_ms(tally.latest_ms))
        work = Work(unit, rules, tally)
        pending, consents = work.pending, unit.consents
        for record in unit.records:
            topic, partition = record.topic, record.partition
            refused: Rejection | None = None
            for index, parsed in enumerate(parse(record)):
                if not isinstance(parsed, Event):
                    refused = refused or parsed
                    tally.add(topic, partition, "rejected")
                    self._meter.rejected(parsed.reason)
                    continue
                customer_id = parsed.customer_id
                if not customer_id:
                    tally.add(topic, partition, "quiet")
                    continue
                h, lane = self._address(customer_id)
                position = Position(topic, partition, record.offset, index)
                if lane == ANY_LANE:
                    lane = partition
                elif lane != partition and topic not in STAYING:
                    work.aside.append(_forward(parsed, position, lane))
                    tally.add(topic, partition, "rekeyed")
                    continue
                arrival = Arrival(parsed, position, lane, consents.get(lane, 0))
                if h in pending:
                    pending[h].append(arrival)
                else:
                    pending[h] = [arrival]
            if refused is not None:
                work.aside.append(dead_letter(record, refused))
        return work

    # Steps 2 to 4

    async def _decide_all(self, work: Work) -> None:
        """Load, decide and commit every customer; one that somebody else wrote meanwhile is decided again."""
        for _ in range(ROUNDS_MAX):
            if not work.pending:
                break
            await self._until_fresh(work.unit)
            results = [
                self._decide_customer(slot, work.pending[slot.h], work)
                for slot in await self._store.load(list(work.pending))
            ]
            lost = await self._commit([result.write for result in results if result.write is not None])
            for result in results:
                if result.h not in lost:
                    work.settle(result)
            if lost:
                self._meter.conflicts(len(lost))
        if work.pending:
            message = f"{len(work.pending)} customers were written by others {ROUNDS_MAX} times in a row"
            raise StoreUnavailable(message)
        work.committed_at = self._monotonic()
        if work.watches and self._watches is not None:
            await self._watches.note(work.watches)
        await self._fetch_kept(work)

    async def _until_fresh(self, unit: Unit) -> None:
        """Wait until the unit's lanes are fresh: they were when it was formed, but an outage may lie in between."""
        if unit.kind == "facts":
            return
        while not all(self._gate.is_fresh(lane) for lane in unit.consents):
            await self._pause(0)

    async def _commit(self, writes: list[Write]) -> set[str]:
        """Write; return the customers that lost against another writer."""
        if not writes:
            return set()
        written = await self._store.commit(writes)
        return {write.h for write, ok in zip(writes, written, strict=True) if not ok}

    async def _fetch_kept(self, work: Work) -> None:
        """Fetch what redelivered events caused the first time; put everything in the order of the records."""
        if work.again:
            wanted = [(h, position.place) for h, position in work.again]
            blobs = await self._store.load_outs(wanted)
            for (_, position), blob in zip(work.again, blobs, strict=True):
                if blob is not None:
                    work.emissions.append((position, decode_emission(blob)))
            work.again = []
        work.emissions.sort(key=lambda pair: pair[0])

    def _decide_customer(self, slot: Slot, arrivals: list[Arrival], work: Work) -> Result:
        head = decode_consent(slot.consent) if slot.consent else NO_CONSENT
        try:
            context = decode_context(slot.context) if slot.context else None
        except UnreadableContext:
            if all(isinstance(arrival.event.fact, ConsentChange) for arrival in arrivals):
                return consents_alone(slot, head, arrivals)
            raise
        customer = Customer(slot.h, head, context)
        before = customer.consent
        due_ms = next_due_ms(context) if context is not None else None
        counts: list[tuple[Position, Counted]] = []
        result = Result(slot.h, counts)
        puts: list[tuple[str, bytes]] = []
        changed = False
        for arrival in arrivals:
            event = arrival.event
            # Fact topics are stamped by the broker, so that a recorded fact's own time is the one it carries.
            now_ms = self._clock.now_ms(event.received_at_ms if event.fact is None else event.occurred_at_ms)
            counted, emission = decide(customer, arrival, work.rules, now_ms)
            counts.append((arrival.position, counted))
            if counted is _REDELIVERED:
                result.again = [*result.again, arrival.position]
                continue
            changed = True
            if emission is not None:
                emission.opt_out = opt_out_of(customer.context, event)
                result.emissions = [*result.emissions, (arrival.position, emission)]
                if customer.context is not None:
                    puts.append((arrival.position.place, encode_emission(emission)))
        if work.rules.policy.tells_watchers:
            result.watches = watches_after(customer, arrivals)
        if changed:
            result.write = self._write(slot, customer, before, puts)
            if result.write is not None:
                result.write.hints = hints(customer.context, due_ms, arrivals)
        return result

    def _write(
        self,
        slot: Slot,
        customer: Customer,
        before: object,
        puts: list[tuple[str, bytes]],
    ) -> Write | None:
        """Describe the change of one customer; None if nothing of it is stored."""
        context = customer.context
        consent = encode_consent(customer.consent) if customer.consent is not before else None
        if context is None:
            if not slot.context and consent is None:
                return None
            gone = b"" if slot.context else None
            return Write(
                h=slot.h,
                context_version=slot.context_version,
                consent_version=slot.consent_version,
                context=gone,
                consent=consent,
            )
        drops = drop_committed(context, self._committed) if context.outs else ()
        if puts:
            context.outs += [name for name, _ in puts]
        return Write(
            h=slot.h,
            context_version=slot.context_version,
            consent_version=slot.consent_version,
            context=encode_context(context),
            context_ttl_ms=ttl_ms(context, self._context_ttl_ms),
            consent=consent,
            out_put=tuple(puts),
            out_drop=drops,
        )

    # Step 5

    async def _emit(self, work: Work) -> None:
        """Write ahead what explains, then hand over what speaks."""
        ahead = work.aside + [output for _, emission in work.emissions for output in emission.ahead]
        if ahead:
            await self._sink.send(ahead)
        speaking = [pair for pair in work.emissions if pair[1].nudge is not None]
        if not speaking:
            return
        handing = Handing(
            self._gate,
            self._store,
            self._clock,
            self._monotonic,
            self._pause,
            self._purse,
            self._pacing,
        )
        handed = await handing.sort(speaking, work.committed_at)
        if handed.nudges:
            await self._sink.send(handed.nudges)
        if handed.withheld:
            await self._sink.send([withheld.decision for withheld in handed.withheld])
        for nudge, (handover, waits) in zip(handed.nudges, handed.handed, strict=True):
            self._meter.handed_over(handover, waits=waits)
            work.handed.append((nudge_id_of(nudge), handover))
        for withheld in handed.withheld:
            self._meter.withheld(withheld.why.code)
            work.tally.withheld(withheld.position.topic, withheld.position.partition)

    async def _mind_opt_outs(self, work: Work) -> None:
        """Count what was said and who opted out after it, and pause the campaigns after which too many did."""
        rules = self._gate.rules()
        await self._opt_outs.count(work.handed, rules)
        opt_outs = [one.opt_out for _, one in work.emissions if one.opt_out is not None]
        pauses = await self._opt_outs.hear(opt_outs, rules, self._clock.now_ms(work.tally.latest_ms))
        if pauses:
            await self._sink.send(pauses)
            self._meter.campaigns_paused(len(pauses))


def _forward(event: Event, position: Position, lane: int) -> Output:
    """Send an event that arrived elsewhere to its customer's own lane."""
    return Output(REKEYED, event.customer_id.encode(), encode_event(event, position), lane=lane)
