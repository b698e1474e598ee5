"""`streamproc worker` as a process: health, signals, exit codes, and switches that reach it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamproc.ops.embedded import free_port
from tests.cli.command_line import CommandLine
from tests.places import PYTHONPATH

ROOT = Path(__file__).parents[2]
WAIT_S_MAX = 40.0

pytestmark = pytest.mark.timeout(120)


class WorkerProcess:
    """A worker of its own process, with its log in a file."""

    def __init__(self, cli: CommandLine, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / f"worker-{self.port}.log"
        env = {**cli.env, "PYTHONPATH": PYTHONPATH, "STREAMPROC_METRICS_ADDR": f"127.0.0.1:{self.port}"}
        with self.log.open("wb") as out:
            command = [sys.executable, "-m", "streamproc", "worker"]
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=folder)

    def get(self, path: str, accept: str = "*/*") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def until(self, path: str, text: str) -> None:
        deadline = time.monotonic() + WAIT_S_MAX
        while text not in self.get(path)[1]:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"{path}: {self.get(path)}\n{self.log.read_text()}"
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S_MAX)


@pytest.fixture
def worker(installed: CommandLine, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker of two lanes, that waits a second for others to join."""
    # Redis is shared by the module: what another prefix decided is no beginning.
    installed.set(
        SESSION_TIMEOUT="3s", REBALANCE_TIMEOUT="1s", GROUP=installed.env["STREAMPROC_TOPIC_PREFIX"] + "g"
    )
    process = WorkerProcess(installed, tmp_path)
    yield process
    process.process.kill()
    process.process.wait()


def test_a_worker_becomes_ready_takes_switches_within_a_second_and_stops_with_0(
    installed: CommandLine, worker: WorkerProcess
) -> None:
    worker.until("/readyz", "ready\n")
    assert worker.get("/livez") == (200, "alive\n")
    assert json.loads(worker.get("/readyz", "application/json")[1]) == {"ready": True, "waits_for": []}
    worker.until("/metrics", "streamproc_ready 1.0")
    said = installed("channel", "off", "push", "--reason", "x", "--json")
    assert (said.code, said.json["done"], len(said.json["workers"])) == (0, True, 1)
    assert said.json["took_ms"] < 1_000
    assert installed("status", "--json").json["workers"][0]["lanes"] == [0, 1]
    assert worker.stop() == 0
    lines = [json.loads(one) for one in worker.log.read_text().splitlines()]
    assert all({"at", "level", "logger", "message", "worker"} <= line.keys() for line in lines)
    assert lines[-1]["message"] == "stopped with exit code 0"


def test_a_published_policy_reaches_the_worker(installed: CommandLine, worker: WorkerProcess) -> None:
    worker.until("/metrics", "streamproc_gate_open 1.0")
    said = installed("policy", "publish", ROOT / "policy", "--json")
    assert said.code == 0, said.out
    assert [one["state"] for one in said.json["workers"]] == ["applied"]
    shown = installed("policy", "show", "--json").json
    assert said.json["workers"][0]["policy"] == shown["version"]


def test_a_stopped_worker_that_says_nothing_has_lost_its_lease(
    installed: CommandLine, worker: WorkerProcess
) -> None:
    worker.until("/metrics", "streamproc_gate_open 1.0")
    worker.process.send_signal(signal.SIGSTOP)
    said = installed("channel", "off", "push", "--reason", "x", "--json")
    worker.process.send_signal(signal.SIGCONT)
    assert said.code == 0, said.out
    assert [one["state"] for one in said.json["workers"]] == ["silent"]


def test_a_worker_without_kafka_is_alive_says_what_it_waits_for_and_stops_when_told(
    cli: CommandLine, tmp_path: Path
) -> None:
    cli.set(KAFKA="127.0.0.1:1")
    worker = WorkerProcess(cli, tmp_path)
    worker.until("/readyz", "no Kafka broker answers at STREAMPROC_KAFKA=127.0.0.1:1")
    assert worker.get("/readyz")[0] == 503
    assert worker.get("/livez")[0] == 200
    assert worker.stop(signal.SIGINT) == 0


def test_wrong_settings_are_all_listed_and_end_it_with_1(cli: CommandLine, tmp_path: Path) -> None:
    cli.set(KAFKA=None, REDIS_URL=None, ID_KEY_FILE=tmp_path / "nowhere", POLICY=tmp_path)
    worker = WorkerProcess(cli, tmp_path)
    assert worker.process.wait(WAIT_S_MAX) == 1
    log = worker.log.read_text()
    assert [
        name in log for name in ("KAFKA is not set", "REDIS_URL is not set", "nowhere", "STREAMPROC_POLICY")
    ] == [True] * 4
    assert "Traceback" not in log


def test_an_address_that_is_taken_is_a_wrong_setting(cli: CommandLine, tmp_path: Path) -> None:
    cli.set(KAFKA="127.0.0.1:1")
    first = WorkerProcess(cli, tmp_path)
    first.until("/livez", "alive")
    env = {**cli.env, "PYTHONPATH": PYTHONPATH, "STREAMPROC_METRICS_ADDR": f"127.0.0.1:{first.port}"}
    second = subprocess.run(
        [sys.executable, "-m", "streamproc", "worker"],
        env=env, capture_output=True, text=True, timeout=WAIT_S_MAX, check=False,
    )  # fmt: skip
    first.stop()
    assert second.returncode == 1
    assert "STREAMPROC_METRICS_ADDR" in second.stderr
