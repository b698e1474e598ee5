"""A worker's process: which exit code it ends with, and how signals end it. The worker itself is a stand-in."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streamproc.ops.process import assemble, worker_name
from streamproc.settings import Settings, SettingsError
from streamproc.store.keys import check_worker

ROOT = Path(__file__).parents[2]
WAIT_S_MAX = 30.0

# A process around a worker that does what `behave` says, once it is under way.
SCRIPT = """
import asyncio, sys, uvloop
from collections import Counter
from streamproc.core.catalog import Catalog
from streamproc.flow.worker import WorkerStalled
from streamproc.ops import process
from streamproc.ops.logs import set_up_logs

class Feed:
    trouble = None
    plugins_off = {}
    def is_confirmed(self): return False
    async def stop(self): print("stopped", flush=True)

class Gate:
    def is_open(self): return False

class Store:
    async def workers(self): return {}

class Known:
    catalog, lag, refused = Catalog(), 0, Counter()
    async def stop(self): pass

class Worker:
    def __init__(self, *parts): self.feed, self.gate, self.catalog, self.fan_out = Feed(), Gate(), Known(), None
    def waits_for(self): return ["Kafka"]
    def state_is_lost(self): return False
    def lanes(self): return None
    def timers(self): return None
    async def run(self):
        print("runs", flush=True)
        await behave()

async def stall(): raise ExceptionGroup("tasks", [WorkerStalled("no unit finished for 121 s, 120 s allowed")])
async def fail(): raise KeyError("c-17")
async def obey(): await asyncio.Event().wait()
async def cling():
    while True:
        try: await asyncio.Event().wait()
        except asyncio.CancelledError: print("clings", flush=True)

behave = {"stall": stall, "fail": fail, "obey": obey, "cling": cling}[sys.argv[1]]
process.Worker = Worker
process.DRAIN_SECONDS_MAX = float(sys.argv[2])
set_up_logs("info")
address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:0"
parts = process.Parts(type("Config", (), {"prefix": ""})(), Store(), None, None, address)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    sys.exit(runner.run(process.serve(parts)))
"""


def start(behaviour: str, drain_s: float = 20.0) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, behaviour, str(drain_s)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n", process.communicate()[1]
    return process


def test_an_address_that_is_taken_ends_it_and_closes_what_the_worker_had_made() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-c", SCRIPT, "obey", "1", f"127.0.0.1:{taken.getsockname()[1]}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == "stopped\n"
    assert "STREAMPROC_METRICS_ADDR is 127.0.0.1" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_worker_and_ends_with_0(number: signal.Signals) -> None:
    process = start("obey")
    process.send_signal(number)
    _, log = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 0, log
    assert number.name in json.loads(log.splitlines()[0])["message"]


def test_a_second_signal_ends_at_once() -> None:
    process = start("cling")
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "clings\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_worker_that_does_not_finish_is_left_after_its_time() -> None:
    process = start("cling", drain_s=0.2)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "what is not acknowledged comes again" in log


def test_a_stalled_worker_ends_with_70_and_says_so() -> None:
    process = start("stall")
    _, log = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 70
    line = json.loads(log.splitlines()[-1])
    assert line["message"] == "the worker stalled"
    assert "no unit finished for 121 s" in json.dumps(line["exception"])


def test_a_worker_that_breaks_ends_with_70_and_its_log_quotes_no_value() -> None:
    process = start("fail")
    _, log = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 70
    line = json.loads(log.splitlines()[-1])
    assert (line["message"], line["exception"][0]["type"]) == ("the worker broke", "builtins.KeyError")
    assert "c-17" not in log


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    settings = Settings(id_key_file=tmp_path / "nowhere", policy=tmp_path)
    with pytest.raises(SettingsError) as caught:
        assemble(settings, "w")
    said = "\n".join(caught.value.faults)
    assert [
        name in said for name in ("KAFKA is not set", "REDIS_URL is not set", "nowhere", "STREAMPROC_POLICY:")
    ] == [True] * 4


def test_settings_reach_the_worker(tmp_path: Path) -> None:
    key = tmp_path / "id"
    key.write_text("a key for these tests")
    settings = Settings(
        kafka="127.0.0.1:9", redis_url="redis://127.0.0.1:9/0", id_key_file=key, group="g", topic_prefix="p.",
        clock="record", event_age_max_ms=1, context_days=2, unit_events_max=3, fetch_wait_ms=4,
        session_timeout_ms=5_000, rebalance_timeout_ms=6_000,
    )  # fmt: skip
    config = assemble(settings, "w").config
    assert (config.bootstrap, config.group, config.worker, config.prefix) == ("127.0.0.1:9", "g", "w", "p.")
    assert (config.clock, config.event_age_max_ms, config.context_ttl_ms) == ("record", 1, 172_800_000)
    assert (config.unit_events_max, config.fetch_wait_ms) == (3, 4)
    assert (config.session_timeout_ms, config.rebalance_timeout_ms) == (5_000, 6_000)


def test_no_two_workers_have_one_name_and_redis_takes_it() -> None:
    first, second = worker_name(), worker_name()
    assert first != second
    check_worker(first, 3_000)
