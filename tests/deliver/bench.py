"""One customer's nudge on its way, with a real Redis below it; target, time and switches are the test's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from streamproc.core.arrival import Rules
from streamproc.core.consent import encode_consent
from streamproc.core.record import Output, Record
from streamproc.core.stored_context import encode_context
from streamproc.deliver.check import Check
from streamproc.deliver.handing import Handing
from streamproc.deliver.lane import Lane, LaneStopped
from streamproc.deliver.parcel import Parcel
from streamproc.deliver.ports import AddressesAway, Answer, Delivered, Fate, Trouble
from streamproc.deliver.road import Pace, Road
from streamproc.ports import SinkUnavailable
from streamproc.store.base import Write
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore
from streamproc.store.sent import SentLog
from tests.core.shopper import Shopper

KEY = IdKey(b"a key of the delivery tests")
WAITS_MAX = 500


class PatientLane(Lane):
    """A lane whose pauses take no time: the clock moves on instead, and `on_wait` may change the world."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.handing.hand, monotonic=lambda: bench.seconds)
        self._bench = bench

    async def pause(self, seconds: float) -> None:
        bench = self._bench
        bench.waits += 1
        assert bench.waits < WAITS_MAX, "waits for ever"
        bench.seconds += seconds
        bench.shopper.now_ms += round(seconds * 1_000)
        bench.on_wait()
        if bench.is_stopping:
            raise LaneStopped


class Bench:
    """Everything that handing over asks for. Use `Bench.ready`."""

    def __init__(self, redis_url: str) -> None:
        self.shopper = Shopper.opted_in()
        self.store = RedisStore(redis_url, id_check=KEY.check())
        self.sent_log = SentLog(redis_url, KEY)
        self.seconds = 0.0
        self.waits = 0
        self.open = self.fresh = True
        self.is_stopping = False
        self.on_wait: Callable[[], None] = lambda: None
        # The target
        self.name, self.needs_address = "test://", False
        self.answers: list[Answer] = []
        self.taken: list[tuple[str, str | None]] = []
        self.on_send: Callable[[], None] = lambda: None
        # Addresses: None stands for no file at all
        self.people: dict[str, str] | None = None
        self.lookups_fail = 0
        # The sink
        self.outcomes: list[dict[str, Any]] = []
        self.sends_fail = 0
        # The counter
        self.ends: list[tuple[Fate, str]] = []
        self.troubles: list[Trouble] = []
        self.calls: list[tuple[float, float]] = []
        self.caused = b""
        self.offset = 0
        self.road = Road("test://", monotonic=lambda: self.seconds)
        self.handing = self.with_rate(None)
        self.lane = PatientLane(self)

    @classmethod
    async def ready(cls, redis_url: str) -> Bench:
        bench = cls(redis_url)
        await bench.store.open(fresh=True)
        return bench

    def with_rate(self, per_second: float | None) -> Handing:
        return Handing(
            channel="push",
            target=self,
            addresses=self,
            gate=self,
            check=Check(self.store, self.sent_log, KEY),
            sent=self.sent_log,
            sink=self,
            road=self.road,
            pace=Pace(per_second, monotonic=lambda: self.seconds),
            counter=self,
            now_ms=lambda: self.shopper.now_ms,
            monotonic=lambda: self.seconds,
        )

    async def nudge(self, **changed: object) -> Record:
        """Return the record of the nudge that the customer causes, with these fields changed; keep what is known."""
        if not self.caused:
            said = self.shopper.views()
            assert said.emission is not None
            assert said.emission.nudge is not None
            self.caused = said.emission.nudge.value or b""
        await self.keep()
        self.offset += 1
        value = json.dumps(json.loads(self.caused) | changed).encode()
        return Record("nudges.push", 4, self.offset, self.shopper.now_ms, False, b"c-1", value)

    async def keep(self) -> None:
        """Write the customer's state as it is now, as a worker would."""
        h, customer = KEY.h("c-1"), self.shopper.customer
        (slot,) = await self.store.load([h])
        (done,) = await self.store.commit(
            [
                Write(
                    h=h,
                    context_version=slot.context_version,
                    consent_version=slot.consent_version,
                    context=encode_context(customer.context) if customer.context is not None else b"",
                    consent=encode_consent(customer.consent),
                )
            ]
        )
        assert done

    async def hand(self, record: Record, tries: int = 0) -> float | None:
        return await self.handing.hand(record, self.lane, tries)

    # The target

    async def send(self, *what: Any) -> Any:
        """Take a nudge as the target, or outcomes as the sink."""
        if isinstance(what[0], Parcel):
            self.taken.append((what[0].nudge_id, what[1]))
            self.on_send()
            return self.answers.pop(0) if self.answers else Delivered()
        return await self._write(what[0])

    async def close(self) -> None:
        await self.store.close()
        await self.sent_log.close()

    async def find(self, customer_id: str) -> str | None:
        if self.lookups_fail:
            self.lookups_fail -= 1
            raise AddressesAway("nobody answers")
        return (self.people or {}).get(customer_id) if self.people is not None else "an address"

    async def _write(self, outputs: Sequence[Output]) -> None:
        if self.sends_fail:
            self.sends_fail -= 1
            raise SinkUnavailable("not acknowledged")
        assert {(one.topic, one.key) for one in outputs} == {("outcomes", b"c-1")}
        self.outcomes += [json.loads(one.value or b"") for one in outputs]

    # The gate

    def rules(self) -> Rules:
        return self.shopper.rules

    def is_open(self) -> bool:
        return self.open

    def is_fresh(self, lane: int) -> bool:
        assert lane == 4
        return self.fresh

    async def until_open(self) -> None:
        raise AssertionError("a lane looks for itself")

    # The counter

    def ended(self, fate: Fate, reason: str = "") -> None:
        self.ends.append((fate, reason))

    def took(self, seconds: float, since_decided_s: float) -> None:
        self.calls.append((seconds, since_decided_s))

    def trouble(self, kind: Trouble) -> None:
        self.troubles.append(kind)
