"""A whole installation on loopback: broker, Redis, topics, and workers that are processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streamproc.core.record import Record
from streamproc.flow.admin import KafkaAdmin
from streamproc.ingest.record_file import encode_record
from streamproc.ops.embedded import EmbeddedRedis, free_port
from streamproc.ops.topic_apply import apply_topics
from streamproc.ops.topics import load_topics
from streamproc.ops.verify import Report, verify
from tests.core.shopper import FILES
from tests.kafka.brokers import Broker
from tests.parts import consent, view
from tests.places import PYTHONPATH

ROOT = Path(__file__).parents[2]
LANES = 4
WAIT_S_MAX = 60.0
INPUTS = (
    *("consents", "profiles", "outcomes", "privacy-requests"),
    *("clickstream", "beacons", "rekeyed", "timers"),
)
NUDGES = ("nudges.push", "nudges.email", "nudges.in_app")
OUTPUTS = ("ledger", "decisions", "receipts", "dead-letters", "config")
LOG_APPEND_TIME = 1

POLICY = {
    **FILES,
    # No hours and no gap: what is said must not depend on when the tests run.
    "channels.yaml": FILES["channels.yaml"]
    .replace('quiet: {open: "09:00-20:00"}', "quiet: none")
    .replace("gap_min: 1h", "gap_min: 0m"),
}
"""Push once a day, email twice a week, three messages a day in all, two of one campaign a week."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def until(condition: Callable[[], Awaitable[Any] | Any], why: str, seconds: float = WAIT_S_MAX) -> Any:
    """Wait until a condition gives something true, and return that; fail with `why` after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"{why}, not within {seconds:.0f} s"
        await asyncio.sleep(0.05)


class WorkerProcess:
    """One `streamproc worker`, or another command that runs until it is stopped, whose log lies in a file."""

    def __init__(self, env: Mapping[str, str], log: Path, metrics_port: int, *command: str) -> None:
        self.log = log
        self._port = metrics_port
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamproc", *(command or ("worker",))],
                env={**env, "STREAMPROC_METRICS_ADDR": f"127.0.0.1:{metrics_port}"},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def _get(self, path: str, accept: str = "*/*") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=2) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    async def waits_for(self) -> list[str] | None:
        """Return what keeps it from being ready, None if it does not answer."""
        status, text = await asyncio.to_thread(self._get, "/readyz", "application/json")
        return list(json.loads(text)["waits_for"]) if status else None

    async def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        _, text = await asyncio.to_thread(self._get, "/metrics")
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    async def ready(self) -> None:
        async def is_ready() -> bool:
            assert self.process.poll() is None, f"the worker ended: {self.tail()}"
            return await self.waits_for() == []

        await until(is_ready, f"the worker was not ready: {self.tail()}")

    def stop(self) -> None:
        """Ask it to stop."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3_000:]


class Installation:
    """Topics under a prefix of their own, a Redis of its own, and any number of workers."""

    def __init__(self, broker: Broker, redis: EmbeddedRedis, folder: Path, prefix: str) -> None:
        self.broker, self.redis, self.folder, self.prefix = broker, redis, folder, prefix
        self.group = f"{prefix}group"
        self.workers: list[WorkerProcess] = []
        self.policy = POLICY
        for name, text in POLICY.items():
            path = folder / "policy" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "id.key").write_bytes(b"a key that only these tests use")

    def env(self, **more: str) -> dict[str, str]:
        """Return the environment of a process of this installation; `more` goes without STREAMPROC_."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMPROC_")}
        settings = {
            "KAFKA": self.broker.bootstrap,
            "REDIS_URL": self.redis.url,
            "ID_KEY_FILE": str(self.folder / "id.key"),
            "GROUP": self.group,
            "TOPIC_PREFIX": self.prefix,
            "POLICY": str(self.folder / "policy"),
            "SESSION_TIMEOUT": "3s",
            "REBALANCE_TIMEOUT": "3s",
            **more,
        }
        ours = {f"STREAMPROC_{name}": value for name, value in settings.items() if value}
        path = os.pathsep.join([PYTHONPATH, *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**kept, "PYTHONPATH": path, **ours}

    def worker(self, **more: str) -> WorkerProcess:
        """Start a worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess(self.env(**more), log, free_port())
        self.workers.append(worker)
        return worker

    def delivery(self, channel: str, *options: str, **more: str) -> WorkerProcess:
        """Start a delivery end."""
        log = self.folder / f"deliver-{len(self.workers)}.log"
        delivery = WorkerProcess(self.env(**more), log, free_port(), "deliver", channel, *options)
        self.workers.append(delivery)
        return delivery

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run another command; return its exit code and everything it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streamproc", *arguments),
            env=self.env(),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), WAIT_S_MAX)
        return process.returncode or 0, out.decode()

    def close(self) -> None:
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.process.send_signal(signal.SIGCONT)
            worker.kill()

    # Kafka

    async def create_topics(self) -> None:
        async with KafkaAdmin.connect(self.broker.bootstrap) as admin:
            await apply_topics(admin, prefix=self.prefix, lanes=LANES, replication=1)

    @contextlib.asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker.bootstrap, acks="all", linger_ms=5, max_request_size=4 * 1024 * 1024
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def produce(
        self, topic: str, rows: Iterable[tuple[str | None, object]], *, partition: int | None = None
    ) -> None:
        """Write (key, value) rows, all acknowledged; a value that is not bytes or None is written as JSON."""
        async with self.producer() as producer:
            futures = [
                await producer.send(
                    self.prefix + topic,
                    value if isinstance(value, bytes) or value is None else json.dumps(value).encode(),
                    key=None if key is None else key.encode(),
                    partition=partition,
                )
                for key, value in rows
            ]
            await asyncio.gather(*futures)

    async def opt_in(self, customers: Iterable[str], *channels: str) -> None:
        """Have customers agree to processing, and to marketing on these channels."""
        rows = [("*", "processing"), *((channel, "marketing") for channel in channels)]
        at_ms = now_ms()
        await self.produce(
            "consents",
            [
                (one, consent(one, channel, purpose) | {"at_ms": at_ms})
                for one in customers
                for channel, purpose in rows
            ],
        )
        zones = [
            (one, {"customer_id": one, "timezone": "Europe/Berlin", "at_ms": at_ms}) for one in customers
        ]
        await self.produce("profiles", zones)

    async def withdraw(self, customer: str, channel: str) -> None:
        said = consent(customer, channel, state="withdrawn") | {"at_ms": now_ms()}
        await self.produce("consents", [(customer, said)])

    async def set_channel(self, channel: str, value: object) -> None:
        await self.produce("config", [(f"channel/{channel}", value)], partition=0)

    async def view(self, *customers: str, message: str = "", item: str = "coat-1") -> None:
        """Have each customer view an item once."""
        at_ms = now_ms()
        rows = [
            (one, view(one, message or f"{one}-{item}-{time.monotonic_ns()}", at_ms, item))
            for one in customers
        ]
        await self.produce("clickstream", rows)

    def topics(self) -> list[str]:
        return [spec.topic for spec in load_topics()]

    async def ends(self, *topics: str) -> dict[tuple[str, int], int]:
        """Ask for the end offsets of these topics."""
        async with self._consumer() as consumer:
            return await self._ends(consumer, topics)

    async def _ends(self, consumer: AIOKafkaConsumer, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Ask for the end offsets, and read the last batch of each, since Tansu calls its first record the end."""
        lanes = {spec.topic: spec.partition_count(LANES) for spec in load_topics()}
        tps = [TopicPartition(self.prefix + topic, p) for topic in topics for p in range(lanes[topic])]
        ends: dict[TopicPartition, int] = await consumer.end_offsets(tps)
        left = {tp for tp, end in ends.items() if end}
        consumer.assign(left)
        for tp in left:
            consumer.seek(tp, ends[tp] - 1)
        while left:
            for tp, batch in (await consumer.getmany(*left, timeout_ms=200)).items():
                ends[tp] = max(ends[tp], batch[-1].offset + 1)
                left.discard(tp)
        return {(tp.topic.removeprefix(self.prefix), tp.partition): end for tp, end in ends.items()}

    async def committed(self) -> dict[tuple[str, int], int]:
        """Ask for the group's committed offsets, 0 where there is none."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        await admin.start()
        try:
            tps = [TopicPartition(self.prefix + topic, p) for topic in INPUTS for p in range(LANES)]
            found = await until(
                lambda: self._offsets(admin, tps), "no broker coordinates the group; a new one takes a moment"
            )
        finally:
            await admin.close()
        return {
            (tp.topic.removeprefix(self.prefix), tp.partition): max(0, o.offset) for tp, o in found.items()
        }

    async def _offsets(
        self, admin: AIOKafkaAdminClient, tps: list[TopicPartition]
    ) -> dict[TopicPartition, Any]:
        try:
            found: dict[TopicPartition, Any] = await admin.list_consumer_group_offsets(
                self.group, partitions=tps
            )
        except GroupCoordinatorNotAvailableError:
            return {}
        return found

    async def lag(self) -> int:
        """Count the input records that are not committed."""
        # In this order: what a worker forwards was written before it commits what it forwarded.
        committed = await self.committed()
        ends = await self.ends(*INPUTS)
        return sum(max(0, end - committed[source]) for source, end in ends.items())

    async def caught_up(self, seconds: float = WAIT_S_MAX) -> None:
        """Wait until every input record is committed."""
        behind = 0

        async def is_done() -> bool:
            nonlocal behind
            behind = await self.lag()
            return behind == 0

        try:
            await until(is_done, "lag did not return to zero", seconds)
        except AssertionError as error:
            tails = "\n".join(worker.tail()[-1_500:] for worker in self.workers)
            raise AssertionError(f"{error}: {behind} records behind\n{tails}") from error

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=20,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def read(self, *topics: str) -> list[Record]:
        """Read topics from their beginnings to their ends as they are now."""
        records: list[Record] = []
        async with self._consumer() as consumer:
            ends = {source: end for source, end in (await self._ends(consumer, topics)).items() if end}
            tps = [TopicPartition(self.prefix + topic, p) for topic, p in ends]
            consumer.assign(tps)
            for tp in tps:
                consumer.seek(tp, 0)
            left = set(tps)
            while left:
                for batch in (await consumer.getmany(*left, timeout_ms=200)).values():
                    records += map(self._record, batch)
                for tp in list(left):
                    if await consumer.position(tp) >= ends[tp.topic.removeprefix(self.prefix), tp.partition]:
                        left.discard(tp)
        return records

    def _record(self, one: Any) -> Record:
        append_time = one.timestamp_type == LOG_APPEND_TIME
        topic = one.topic.removeprefix(self.prefix)
        headers = tuple(one.headers)
        return Record(
            topic, one.partition, one.offset, one.timestamp, append_time, one.key, one.value, headers
        )

    async def values(self, topic: str) -> list[Any]:
        return [msgspec.json.decode(record.value or b"null") for record in await self.read(topic)]

    async def nudges(self) -> list[Any]:
        return [one for topic in NUDGES for one in await self.values(topic)]

    async def messages(self) -> list[Any]:
        """Return each nudge once: one that a killed worker left to be written again is the same, byte for byte."""
        written = {record.value or b"" for record in await self.read(*NUDGES)}
        messages = [msgspec.json.decode(value) for value in written]
        assert len({one["nudge_id"] for one in messages}) == len(messages), "two messages share an id"
        return messages

    # Judging

    async def lines(self) -> list[bytes]:
        """Return every record of every topic as a line of a record file."""
        return [encode_record(record) for record in await self.read(*self.topics())]

    async def verify(self) -> Report:
        """Judge all that was written, by the records alone."""
        lines = await self.lines()
        return await asyncio.to_thread(verify, lines, policy_files=self.policy, from_start=True)

    async def holds(self) -> Report:
        """Fail unless the promises I1 to I5 hold over all that was written."""
        report = await self.verify()
        assert report.violations == []
        return report

    async def covered(self) -> dict[tuple[str, int], int]:
        """Return for each input partition the offset below which receipts account for every record."""
        spans: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        for receipt in await self.values("receipts"):
            for one in receipt["sources"]:
                spans[one["topic"], one["partition"]].append((one["first"], one["last"]))
        covered: dict[tuple[str, int], int] = defaultdict(int)
        for source, found in spans.items():
            for first, last in sorted(found):
                if first <= covered[source]:
                    covered[source] = max(covered[source], last + 1)
        return covered
