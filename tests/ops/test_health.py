"""`/livez` and `/readyz`: not ready is said with what it waits for, not alive only when stuck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from streamproc.ops.health import HealthServer
from streamproc.ops.metrics import CONTENT_TYPE, Metrics
from streamproc.settings import SettingsError


@dataclass
class Process:
    """What the server asks, and where it listens."""

    waits_for: list[str] = field(default_factory=list)
    stalled: str | None = None
    url: str = ""


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    process = Process()
    server = HealthServer(Metrics(), waits_for=lambda: process.waits_for, stalled=lambda: process.stalled)
    await server.start("127.0.0.1:0")
    ((host, port),) = server.addresses
    process.url = f"http://{host}:{port}"
    yield process
    await server.stop()


async def get(url: str, accept: str = "*/*") -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers={"Accept": accept}) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_a_process_that_waits_is_alive_and_not_ready(process: Process) -> None:
    process.waits_for = ["Kafka: no broker answers", "joining the consumer group"]
    assert (await get(process.url + "/livez"))[0] == 200
    status, _, text = await get(process.url + "/readyz")
    assert (status, text) == (
        503,
        "not ready, waiting for:\n- Kafka: no broker answers\n- joining the consumer group\n",
    )


async def test_programs_get_the_same_as_json(process: Process) -> None:
    process.waits_for = ["Redis: away"]
    status, kind, text = await get(process.url + "/readyz", "application/json")
    assert (status, kind, text) == (
        503,
        "application/json; charset=utf-8",
        '{"ready": false, "waits_for": ["Redis: away"]}',
    )


async def test_a_process_that_waits_for_nothing_is_ready(process: Process) -> None:
    assert (await get(process.url + "/readyz"))[::2] == (200, "ready\n")


async def test_only_a_stalled_process_is_not_alive(process: Process) -> None:
    process.stalled = "no unit finished for 130 s"
    assert (await get(process.url + "/livez"))[::2] == (503, "stalled: no unit finished for 130 s\n")


async def test_metrics_come_in_the_format_that_prometheus_reads(process: Process) -> None:
    status, kind, text = await get(process.url + "/metrics")
    assert (status, kind) == (200, CONTENT_TYPE)
    assert "streamproc_ready 0.0" in text


async def test_an_address_that_is_taken_names_the_setting(process: Process) -> None:
    second = HealthServer(Metrics(), waits_for=list)
    with pytest.raises(SettingsError, match="STREAMPROC_METRICS_ADDR is"):
        await second.start(process.url.removeprefix("http://"))
