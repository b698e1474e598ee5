"""The whole pipeline in this process: no Kafka, no Redis, one lane, always fresh, records in the order they are fed.

It runs the same steps as a worker over the memory twin of the store. `replay` and the test harness stand on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Sequence
from heapq import heappop, heappush
from typing import Any, Final, TypeVar

from streamproc.core.arrival import Rules
from streamproc.core.catalog import Catalog, Change
from streamproc.core.decision import Decision, Handover
from streamproc.core.policy.model import Policy
from streamproc.core.record import Output, Record
from streamproc.core.switches import Switches, is_switch
from streamproc.core.tally import Tally
from streamproc.core.unit import Kind, Unit
from streamproc.ingest.catalog import parse_catalog, taken_back
from streamproc.ingest.inside import encode_due
from streamproc.pipeline import FACT_TOPICS, TIMERS, Pipeline
from streamproc.store.addresses import Addresses
from streamproc.store.base import Write
from streamproc.store.keys import IdKey
from streamproc.store.memory import MemorySpace, MemoryStore
from streamproc.store.watches import MemoryWatches
from streamproc.telling import Telling

DAY_MS: Final = 86_400_000
# Fixed and published, so that a replay anywhere gives the same bytes. It protects nothing.
PUBLISHED_ID_KEY: Final = b"streamproc replay: a published key"
CONFIG: Final = "config"
CATALOG: Final = "catalog"
CONSENTS: Final = "consents"
# Where the consents come back from that a run writes itself, so that no recorded offset is theirs as well.
OWN_PARTITION: Final = 1_000_000

T = TypeVar("T")


class NullMeter:
    """Counts nothing."""

    def unit(self, tally: Tally, decisions: Sequence[Decision]) -> None: ...
    def rejected(self, reason: str) -> None: ...
    def handed_over(self, handover: Handover, *, waits: bool = False) -> None: ...
    def withheld(self, code: str) -> None: ...
    def unknown_categories(self, count: int) -> None: ...
    def campaigns_paused(self, count: int) -> None: ...
    def conflicts(self, customers: int) -> None: ...
    def timers_fired(self, count: int) -> None: ...
    def timers_decided(self, late_s: Sequence[float]) -> None: ...
    def step(self, name: str, seconds: float) -> None: ...
    def trouble(self, error: BaseException) -> None: ...


class RunningClock:
    """The running maximum of the times it has seen, in milliseconds."""

    def __init__(self, now_ms: int = 0) -> None:
        """Start at this time."""
        self.at_ms = now_ms

    def now_ms(self, _record_ms: int = 0) -> int:
        """Return the latest time seen; a single record's own time does not turn it back."""
        return self.at_ms

    def see(self, record_ms: int) -> None:
        """Move on to this time, if it is later."""
        self.at_ms = max(self.at_ms, record_ms)


class WakingStore(MemoryStore):
    """A store that wakes its customers in the order of time: what a scheduler does, without its delays."""

    def __init__(self, space: MemorySpace, *, id_check: str) -> None:
        """Keep customers in this space."""
        super().__init__(space, id_check=id_check)
        self._due_at_ms: dict[str, int] = {}
        self._queue: list[tuple[int, str]] = []

    async def commit(self, writes: Sequence[Write]) -> list[bool]:
        """Write, and take note of who is to be woken when; a later word for the same customer replaces the earlier."""
        written = await super().commit(writes)
        for write, is_written in zip(writes, written, strict=True):
            for member, due_ms in write.hints if is_written else ():
                customer_id = member.decode()
                if due_ms is None:
                    self._due_at_ms.pop(customer_id, None)
                else:
                    self._due_at_ms[customer_id] = due_ms
                    heappush(self._queue, (due_ms, customer_id))
        return written

    def next_due_ms(self) -> int | None:
        """Return when the first customer is to be woken; None if nobody is."""
        return min(self._due_at_ms.values(), default=None)

    def waiting(self) -> int:
        """Return how many customers are to be woken."""
        return len(self._due_at_ms)

    def pop(self, now_ms: int) -> tuple[int, str] | None:
        """Return who is to be woken first, and when, if that is not after now."""
        while self._queue and self._queue[0][0] <= now_ms:
            due_ms, customer_id = heappop(self._queue)
            if self._due_at_ms.get(customer_id) == due_ms:
                del self._due_at_ms[customer_id]
                return due_ms, customer_id
        return None


class DryRun:
    """A worker without a world: feed it records, get the records it writes, with the offsets they would have."""

    def __init__(
        self,
        policy: Policy,
        *,
        id_key: bytes = PUBLISHED_ID_KEY,
        event_age_max_ms: int = DAY_MS,
        context_ttl_ms: int = 90 * DAY_MS,
        now_ms: int = 0,
    ) -> None:
        """Start with nothing remembered, under this policy."""
        self.clock = RunningClock(now_ms)
        self.policy = policy
        self._event_age_max_ms = event_age_max_ms
        self._switches = Switches()
        self._config_offset = 0
        self._consents: dict[int, int] = {}
        self._fed: dict[tuple[str, int], int] = {}
        self._next: Counter[tuple[str, int]] = Counter()
        self._written: list[tuple[Output, int, int]] = []
        key = IdKey(id_key)
        self._waking = WakingStore(MemorySpace(self.clock.now_ms), id_check=key.check())
        _run(self._waking.open(fresh=True))
        self._catalog = Catalog()
        watches, address = MemoryWatches(), Addresses(key, lanes=None)
        self._telling = Telling(
            watches=watches,
            store=self._waking,
            send=lambda outputs, _at_ms: self.send(outputs),
            address=address,
            policy=lambda: self.policy,
            may_tell=self.until_open,
            pace=_at_once,
        )
        self._pipeline = Pipeline(
            store=self._waking,
            sink=self,
            gate=self,
            clock=self.clock,
            meter=NullMeter(),
            address=address,
            context_ttl_ms=context_ttl_ms,
            worker="dry-run",
            monotonic=lambda: 0.0,
            pause=_never,
            committed=lambda topic, partition: self._fed.get((topic, partition), 0),
            watches=watches,
        )

    def feed(self, record: Record) -> list[Record]:
        """Take one record through all steps and return what it caused, in the order of writing.

        What comes due until then is decided before it. Records of `timers` are skipped: they are found anew. A record
        of `config` moves its switch; policies in it are not looked at, the policy is the one given. One of `catalog`
        is known at once, and who watches its item is told. What an
        unsubscription or a producer's signal writes to `consents` comes back at once.
        """
        caused = self.advance(record.timestamp_ms)
        if record.topic == TIMERS:
            return caused
        if record.topic == CONFIG:
            self._configure(record)
            return caused
        if record.topic == CATALOG:
            return caused + self._tell(record)
        return caused + self._take(record)

    def advance(self, to_ms: int) -> list[Record]:
        """Move the time on, and decide all that comes due until then, each at its own time.

        Returns what was written: each record of `timers`, and what it caused. Of what is due at one time the customers
        come in the order of their ids.
        """
        caused: list[Record] = []
        while (waking := self._waking.pop(to_ms)) is not None:
            due_ms, customer_id = waking
            self.clock.see(due_ms)
            value = encode_due(customer_id, due_ms)
            record = self._as_record(
                Output(TIMERS, customer_id.encode(), value), 0, self._next[TIMERS, 0], due_ms
            )
            self._next[TIMERS, 0] += 1
            caused += [record, *self._take(record)]
        self.clock.see(to_ms)
        return caused

    @property
    def next_due_ms(self) -> int | None:
        """When the first of all that is waited for comes due, in milliseconds; None if nothing is."""
        return self._waking.next_due_ms()

    @property
    def waiting(self) -> int:
        """How many customers wait for a time."""
        return self._waking.waiting()

    def _take(self, record: Record) -> list[Record]:
        self._written = []
        self._fed[record.topic, record.partition] = record.offset
        _run(self._pipeline.process(Unit(_kind(record.topic), [record], dict(self._consents))))
        if record.topic == CONSENTS:
            self._consents[record.partition] = record.offset + 1
        now_ms = self.clock.now_ms()
        caused = [self._as_record(*written, now_ms) for written in self._written]
        for written in [one for one in caused if one.topic == CONSENTS]:
            caused += self._take(written)
        for written in [one for one in caused if one.topic == CONFIG]:
            self._configure(written)
        return caused

    def _tell(self, record: Record) -> list[Record]:
        """Learn what the catalog says, and let those whom it is news to decide about it."""
        parsed = parse_catalog(record)
        change = parsed if isinstance(parsed, Change) else taken_back(record)
        if change is not None:
            self._catalog.fold(change)
        self._written = []
        _run(self._telling.take([record]))
        now_ms = self.clock.now_ms()
        caused = [self._as_record(*written, now_ms) for written in self._written]
        for written in [one for one in caused if one.topic == TIMERS]:
            caused += self._take(written)
        return caused

    def _configure(self, record: Record) -> None:
        key = (record.key or b"").decode("utf-8", "replace")
        if is_switch(key):
            self._switches = self._switches.fold(key, record.value)
        # What a run writes itself takes an offset that a record fed later may have as well: it only grows.
        self._config_offset = max(self._config_offset, record.offset) + 1

    def _as_record(self, output: Output, partition: int, offset: int, at_ms: int) -> Record:
        return Record(
            topic=output.topic,
            partition=partition,
            offset=offset,
            timestamp_ms=at_ms,
            append_time=True,
            key=output.key,
            value=output.value,
            headers=output.headers,
        )

    # What the pipeline asks of the world

    async def send(self, outputs: Sequence[Output]) -> None:
        """Take outputs as a broker would: each at the next offset of its partition."""
        for output in outputs:
            if output.topic == CONFIG:
                self._next[CONFIG, 0] = max(self._next[CONFIG, 0], self._config_offset)
            place = (output.topic, OWN_PARTITION if output.topic == CONSENTS else output.lane or 0)
            self._written.append((output, place[1], self._next[place]))
            self._next[place] += 1

    def rules(self) -> Rules:
        """Return the policy, and the switches as the records fed so far set them."""
        return Rules(
            self.policy,
            self._switches,
            self._config_offset,
            self._event_age_max_ms,
            catalog=self._catalog,
        )

    def is_open(self) -> bool:
        """Return True: nothing can be missed here."""
        return True

    def is_fresh(self, _lane: int) -> bool:
        """Return True: every fact fed so far is applied."""
        return True

    async def until_open(self) -> None:
        """Return at once."""


def _kind(topic: str) -> Kind:
    if topic in FACT_TOPICS:
        return "facts"
    return "timers" if topic == TIMERS else "moments"


async def _at_once(_told: int) -> None:
    """Pace nobody."""


async def _never(_attempt: int) -> None:
    raise AssertionError("nothing is ever away in a dry run")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait, inside or outside an event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    work.close()
    raise AssertionError("a dry run waited for something")
