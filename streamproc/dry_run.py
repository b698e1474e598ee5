"""The whole pipeline in this process: no Kafka, no Redis, one lane, always fresh, records in the order they are fed.

It runs the same steps as a worker over the memory twin of the store. `replay` and the test harness stand on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from streamproc.core.arrival import Rules
from streamproc.core.decision import Decision, Handover
from streamproc.core.policy.model import Policy
from streamproc.core.receipt import Tally
from streamproc.core.record import Output, Record
from streamproc.core.switches import Switches, is_switch
from streamproc.core.unit import Unit
from streamproc.pipeline import FACT_TOPICS, Pipeline
from streamproc.store.addresses import Addresses
from streamproc.store.keys import IdKey
from streamproc.store.memory import MemorySpace, MemoryStore

DAY_MS: Final = 86_400_000
# Fixed and published, so that a replay anywhere gives the same bytes. It protects nothing.
PUBLISHED_ID_KEY: Final = b"streamproc replay: a published key"
TIMERS: Final = "timers"
CONFIG: Final = "config"
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
    def conflicts(self, customers: int) -> None: ...
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
        store = MemoryStore(MemorySpace(self.clock.now_ms), id_check=key.check())
        _run(store.open(fresh=True))
        self._pipeline = Pipeline(
            store=store,
            sink=self,
            gate=self,
            clock=self.clock,
            meter=NullMeter(),
            address=Addresses(key, lanes=None),
            context_ttl_ms=context_ttl_ms,
            worker="dry-run",
            monotonic=lambda: 0.0,
            pause=_never,
            committed=lambda topic, partition: self._fed.get((topic, partition), 0),
        )

    def feed(self, record: Record) -> list[Record]:
        """Take one record through all steps and return what it caused, in the order of writing.

        Records of `timers` are skipped: what came due is found anew. A record of `config` moves its switch;
        policies in it are not looked at, the policy is the one given. What an unsubscription or a producer's signal
        writes to `consents` comes back at once.
        """
        self.clock.see(record.timestamp_ms)
        if record.topic == TIMERS:
            return []
        if record.topic == CONFIG:
            self._configure(record)
            return []
        self._written = []
        self._fed[record.topic, record.partition] = record.offset
        facts = record.topic in FACT_TOPICS
        _run(self._pipeline.process(Unit("facts" if facts else "moments", [record], dict(self._consents))))
        if record.topic == CONSENTS:
            self._consents[record.partition] = record.offset + 1
        caused = [self._as_record(*written) for written in self._written]
        for written in [one for one in caused if one.topic == CONSENTS]:
            caused += self.feed(written)
        return caused

    def _configure(self, record: Record) -> None:
        key = (record.key or b"").decode("utf-8", "replace")
        if is_switch(key):
            self._switches = self._switches.fold(key, record.value)
        self._config_offset = record.offset + 1

    def _as_record(self, output: Output, partition: int, offset: int) -> Record:
        return Record(
            topic=output.topic,
            partition=partition,
            offset=offset,
            timestamp_ms=self.clock.now_ms(),
            append_time=True,
            key=output.key,
            value=output.value,
            headers=output.headers,
        )

    # What the pipeline asks of the world

    async def send(self, outputs: Sequence[Output]) -> None:
        """Take outputs as a broker would: each at the next offset of its partition."""
        for output in outputs:
            place = (output.topic, OWN_PARTITION if output.topic == CONSENTS else output.lane or 0)
            self._written.append((output, place[1], self._next[place]))
            self._next[place] += 1

    def rules(self) -> Rules:
        """Return the policy, and the switches as the records fed so far set them."""
        return Rules(self.policy, self._switches, self._config_offset, self._event_age_max_ms)

    def is_open(self) -> bool:
        """Return True: nothing can be missed here."""
        return True

    def is_fresh(self, _lane: int) -> bool:
        """Return True: every fact fed so far is applied."""
        return True

    async def until_open(self) -> None:
        """Return at once."""


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
