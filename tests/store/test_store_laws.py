"""The laws of compare and set, under every interleaving of two writers that hypothesis finds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis as SyncRedis

from streamproc.ops.embedded import EmbeddedRedis
from streamproc.store.base import Slot, Store, Write
from streamproc.store.memory import MemorySpace, MemoryStore
from streamproc.store.redis_store import RedisStore
from tests.store.conftest import ID_KEY

HS = [ID_KEY.h(name) for name in ("anna", "ben", "cleo")]
# None keeps, empty deletes, a letter is appended to what was loaded: a lost update would lose a letter.
CHANGES = st.sampled_from([None, b"", b"a", b"b"])
OUTPUTS = st.lists(st.sampled_from("pqr"), max_size=2, unique=True).map(tuple)


class TwoWriters(RuleBasedStateMachine):
    """Two workers load and commit the same customers; a model of plain values says what must come out."""

    loop: asyncio.AbstractEventLoop
    workers: tuple[Store, Store]

    @initialize()
    def start(self) -> None:
        # What is stored, and how often each value was written: the version as the model knows it.
        self.values: dict[tuple[str, str], bytes] = {}
        self.writes: dict[tuple[str, str], int] = {}
        self.outputs: dict[tuple[str, str], bytes] = {}
        self.loaded: dict[tuple[int, str], tuple[Slot, int, int]] = {}
        self.number = 0

    @rule(worker=st.sampled_from([0, 1]), hs=st.lists(st.sampled_from(HS), min_size=1, unique=True))
    def load(self, worker: int, hs: list[str]) -> None:
        slots = self.loop.run_until_complete(self.workers[worker].load(hs))
        for h, slot in zip(hs, slots, strict=True):
            assert slot.context == self.values.get(("context", h), b"")
            assert slot.consent == self.values.get(("consent", h), b"")
            self.loaded[worker, h] = (slot, self._written("context", h), self._written("consent", h))

    @precondition(lambda self: self.loaded)
    @rule(data=st.data(), worker=st.sampled_from([0, 1]))
    def commit(self, data: st.DataObject, worker: int) -> None:
        known = [h for (who, h) in self.loaded if who == worker]
        hs = data.draw(st.lists(st.sampled_from(known), min_size=1, unique=True) if known else st.just([]))
        writes = [self._write(data, worker, h) for h in hs]
        applied = self.loop.run_until_complete(self.workers[worker].commit(writes))
        for write, was_applied in zip(writes, applied, strict=True):
            _, context, consent = self.loaded[worker, write.h]
            stands = (context, consent) == (
                self._written("context", write.h),
                self._written("consent", write.h),
            )
            assert was_applied == stands
            if was_applied:
                self._apply(write)

    @rule(h=st.sampled_from(HS), field=st.sampled_from("pqr"))
    def load_output(self, h: str, field: str) -> None:
        (found,) = self.loop.run_until_complete(self.workers[0].load_outs([(h, field)]))
        assert found == self.outputs.get((h, field))

    def _written(self, kind: str, h: str) -> int:
        """Return the number of the value's state; an absent value is always 0, as its version is empty."""
        return self.writes.get((kind, h), 0) if (kind, h) in self.values else 0

    def _write(self, data: st.DataObject, worker: int, h: str) -> Write:
        slot = self.loaded[worker, h][0]
        context, consent = data.draw(CHANGES), data.draw(CHANGES)
        self.number += 1
        return Write(
            h=h,
            context_version=slot.context_version,
            consent_version=slot.consent_version,
            context=context and slot.context + context,
            consent=consent and slot.consent + consent,
            context_ttl_ms=data.draw(st.sampled_from([0, 1_000_000])),
            out_put=tuple((field, b"%d" % self.number) for field in data.draw(OUTPUTS)),
            out_drop=data.draw(OUTPUTS),
        )

    def _apply(self, write: Write) -> None:
        for kind, value in (("context", write.context), ("consent", write.consent)):
            if value:
                self.values[kind, write.h] = value
                self.writes[kind, write.h] = self.writes.get((kind, write.h), 0) + 1
            elif value is not None:
                self.values.pop((kind, write.h), None)
        for field in write.out_drop:
            self.outputs.pop((write.h, field), None)
        for field, value in write.out_put:
            self.outputs[write.h, field] = value


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def check_laws(machine: type[TwoWriters]) -> None:
    few = settings(
        max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=few)


def test_memory_loses_no_update_and_conflicts_exactly_when_a_version_moved(
    loop: asyncio.AbstractEventLoop,
) -> None:
    class InMemory(TwoWriters):
        def __init__(self) -> None:
            super().__init__()
            space = MemorySpace()
            self.loop = loop
            self.workers = (
                MemoryStore(space, id_check=ID_KEY.check()),
                MemoryStore(space, id_check=ID_KEY.check()),
            )
            for store in self.workers:
                loop.run_until_complete(store.open(fresh=True))

    check_laws(InMemory)


def test_redis_loses_no_update_and_conflicts_exactly_when_a_version_moved(
    loop: asyncio.AbstractEventLoop, redis_server: EmbeddedRedis
) -> None:
    workers = tuple(RedisStore(redis_server.url, id_check=ID_KEY.check()) for _ in range(2))

    class InRedis(TwoWriters):
        def __init__(self) -> None:
            super().__init__()
            self.loop = loop
            self.workers = (workers[0], workers[1])
            with SyncRedis.from_url(redis_server.url) as client:
                client.flushall()
            for store in self.workers:
                loop.run_until_complete(store.open(fresh=True))

    check_laws(InRedis)
    for store in workers:
        loop.run_until_complete(store.close())
