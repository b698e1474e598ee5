"""A broker and a Redis of its own for one measurement, filled with customers and a backlog."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaProducer

import streamproc
from benchmarks.workload import (
    DAY_MS,
    Crowd,
    consent_head,
    customer,
    is_consented,
    warm_context,
    write_policy,
)
from streamproc.core.digests import partition_of
from streamproc.flow.admin import KafkaAdmin
from streamproc.ops.embedded import EmbeddedBroker, EmbeddedRedis, free_port
from streamproc.ops.topic_apply import apply_topics
from streamproc.store.base import Write
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore

LANES: Final = 12
GROUP: Final = "bench"
PRELOAD_CUSTOMERS: Final = 2_000
BATCH_BYTES_MAX: Final = 512 * 1024
READY_SECONDS_MAX: Final = 120.0
STOP_SECONDS_MAX: Final = 30.0


class NotReady(Exception):
    """Say that a worker did not become ready, with the end of its log."""


class Stage:
    """Starts embedded parts with all topics, and ends them and every worker with it. Usable as a context manager."""

    def __init__(self) -> None:
        self._cleanup = ExitStack()
        self.broker = EmbeddedBroker()
        self.redis = EmbeddedRedis()

    def __enter__(self) -> Self:
        folder = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-bench-"))
        self.folder = Path(folder)
        self._cleanup.enter_context(self.broker)
        self._cleanup.enter_context(self.redis)
        write_policy(self.folder / "policy")
        secret = os.urandom(32).hex().encode()
        (self.folder / "id.key").write_bytes(secret)
        self.key = IdKey(secret)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    async def create_topics(self) -> None:
        async with KafkaAdmin.connect(self.broker.bootstrap) as admin:
            await apply_topics(admin, lanes=LANES)

    def store(self) -> RedisStore:
        """Return the store; open it and close it."""
        return RedisStore(self.redis.url, id_check=self.key.check())

    async def preload(self, crowd: Crowd) -> None:
        """Put every customer's context and consents into an empty Redis."""
        store = self.store()
        await store.open(fresh=True)
        for start in range(0, crowd.customers, PRELOAD_CUSTOMERS):
            some = range(start, min(start + PRELOAD_CUSTOMERS, crowd.customers))
            written = await store.commit([self._write(who, crowd) for who in some])
            assert all(written)
        await store.close()

    def _write(self, who: int, crowd: Crowd) -> Write:
        return Write(
            h=self.key.h(customer(who)),
            context_version=b"",
            consent_version=b"",
            context=warm_context(who, crowd) if is_consented(who) else None,
            context_ttl_ms=90 * DAY_MS,
            consent=consent_head(who, crowd.now_ms),
        )

    async def fill(self, calls: Iterable[tuple[str, bytes]], topic: str = "clickstream") -> int:
        """Write calls to a topic, each to its customer's lane, in large batches; return how many."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker.bootstrap,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=4 * BATCH_BYTES_MAX,
        )
        await producer.start()
        count = 0
        batches = [producer.create_batch() for _ in range(LANES)]
        try:
            for count, (who, call) in enumerate(calls, start=1):  # noqa: B007 - it is what is returned
                lane = partition_of(who, LANES)
                if batches[lane].append(key=who.encode(), value=call, timestamp=None) is None:
                    await producer.send_batch(batches[lane], topic, partition=lane)
                    batches[lane] = producer.create_batch()
                    batches[lane].append(key=who.encode(), value=call, timestamp=None)
            for lane, batch in enumerate(batches):
                await producer.send_batch(batch, topic, partition=lane)
        finally:
            await producer.stop()
        return count

    def start_worker(self) -> WorkerProcess:
        """Start a worker on these parts; it ends with the stage."""
        worker = WorkerProcess(self)
        self._cleanup.callback(worker.stop)
        return worker

    def environment(self) -> dict[str, str]:
        """Return the environment of a process that works on these parts."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMPROC_")}
        return kept | {
            "STREAMPROC_KAFKA": self.broker.bootstrap,
            "STREAMPROC_REDIS_URL": self.redis.url,
            "STREAMPROC_ID_KEY_FILE": str(self.folder / "id.key"),
            "STREAMPROC_POLICY": str(self.folder / "policy"),
            "STREAMPROC_GROUP": GROUP,
            "STREAMPROC_LOG_LEVEL": "warning",
            # The embedded broker lets joiners wait for as long as a rebalance may take.
            "STREAMPROC_SESSION_TIMEOUT": "6s",
            "STREAMPROC_REBALANCE_TIMEOUT": "1s",
            # The package that the benchmark itself runs, compiled or not, before the checkout.
            "PYTHONPATH": os.pathsep.join(
                map(str, (Path(streamproc.__file__).parents[1], Path(__file__).parents[1]))
            ),
        }


class WorkerProcess:
    """One `streamproc worker` in a process of its own."""

    def __init__(self, stage: Stage) -> None:
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        self._log = stage.folder / f"worker-{port}.log"
        environment = stage.environment() | {"STREAMPROC_METRICS_ADDR": f"127.0.0.1:{port}"}
        self.started_at = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamproc", "worker"], env=environment, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_ready(self) -> bool:
        """Tell whether `/readyz` says so. Raises NotReady once the process has ended."""
        if self._process.poll() is not None:
            raise NotReady(
                f"the worker ended with {self._process.returncode}:\n{self._log.read_text()[-2_000:]}"
            )
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=1.0) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=5.0) as answer:
            lines = answer.read().decode().splitlines()
        found = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def wait_ready(self) -> float:
        """Wait until the worker is ready; return the seconds since its start. Raises NotReady."""
        while not self.is_ready():
            if time.monotonic() - self.started_at > READY_SECONDS_MAX:
                raise NotReady(
                    f"not ready after {READY_SECONDS_MAX:.0f} s:\n{self._log.read_text()[-2_000:]}"
                )
            time.sleep(0.02)
        return time.monotonic() - self.started_at

    def stop(self) -> None:
        """End the process, and wait for that."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
