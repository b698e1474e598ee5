"""A worker that starts before its parts: it says what is missing, by the setting's name, and comes up with them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamproc.ops.embedded import EmbeddedRedis
from tests.e2e.installation import Installation, WorkerProcess, until
from tests.kafka.brokers import Broker

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def nothing(own_broker: Broker, redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation of which nothing runs yet."""
    installation = Installation(own_broker, redis, tmp_path, "s.")
    yield installation
    installation.close()


async def says(worker: WorkerProcess, *words: str) -> None:
    async def said() -> bool:
        text = " ".join(await worker.waits_for() or [])
        return all(word in text for word in words)

    await until(said, f"/readyz does not say {words}: {worker.tail()[-500:]}", 30)


async def test_it_names_each_missing_part_in_turn_and_is_ready_when_all_are_there(
    nothing: Installation,
) -> None:
    worker = nothing.worker()
    await says(worker, "no Kafka broker answers at STREAMPROC_KAFKA=" + nothing.broker.bootstrap)
    nothing.broker.start()
    await says(worker, "no topic s.", "streamproc topics apply")
    await nothing.create_topics()
    await says(worker, "STREAMPROC_REDIS_URL")
    nothing.redis.start()
    await worker.ready()
    await nothing.opt_in(["c-1"], "push")
    await nothing.caught_up()
    await nothing.view("c-1")
    await until(nothing.nudges, "no nudge came")


async def test_the_log_of_a_healthy_worker_is_a_line_for_each_thing_that_happened(shop: Installation) -> None:
    worker = shop.worker()
    await worker.ready()
    await shop.opt_in(["c-1"], "push")
    await shop.caught_up()
    await until(lambda: "ready, lanes" in worker.log.read_text(), "no line says ready", 10)
    worker.stop()
    await until(lambda: worker.process.poll() is not None, "the worker did not stop", 30)
    messages = [json.loads(line)["message"] for line in worker.log.read_text().splitlines()]
    assert messages[0].startswith("worker of streamproc")
    assert messages[1:] == [
        "ready, lanes 0, 1, 2, 3",
        "SIGTERM: finishing the unit in flight; a second signal ends at once",
        "stopped with exit code 0",
    ]


async def test_a_worker_with_another_hash_key_is_refused_and_says_why(shop: Installation) -> None:
    first = shop.worker()
    await first.ready()
    other = shop.folder / "other.key"
    other.write_bytes(b"a key that nobody else has")
    second = shop.worker(ID_KEY_FILE=str(other))
    await says(second, "STREAMPROC_ID_KEY_FILE")
    await shop.opt_in(["c-1"], "push")
    await shop.caught_up()
    await shop.view("c-1")
    await until(shop.nudges, "no nudge came")
    assert await first.waits_for() == []


async def test_wrong_settings_are_all_named_and_end_the_worker_at_once(shop: Installation) -> None:
    worker = shop.worker(KAFKA="", ID_KEY_FILE=str(shop.folder / "nowhere.key"), CLOCK="sundial")
    assert await until(lambda: worker.process.poll() is not None, "the worker runs on", 30)
    assert worker.process.returncode == 1
    text = worker.log.read_text()
    assert "STREAMPROC_CLOCK" in text
    assert "Traceback" not in text
