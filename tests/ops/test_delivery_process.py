"""A delivery end as a process, while nothing that it needs is there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from streamproc.ops.embedded import free_port

ROOT = Path(__file__).parents[2]
WAIT_S_MAX = 40.0


def start(folder: Path, address: str) -> subprocess.Popen[str]:
    (folder / "id").write_text("a key for these tests only")
    env = {name: value for name, value in os.environ.items() if not name.startswith("STREAMPROC_")}
    env |= {
        "STREAMPROC_KAFKA": f"127.0.0.1:{free_port()}",
        "STREAMPROC_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "STREAMPROC_ID_KEY_FILE": str(folder / "id"),
    }
    words = ["deliver", "in_store", "--to", "json://user:secret@127.0.0.1:9/staff", "--metrics-addr", address]
    return subprocess.Popen(
        [sys.executable, "-m", "streamproc", *words],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_an_address_that_is_taken_is_named_by_its_option(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        _, said = start(tmp_path, address).communicate(timeout=WAIT_S_MAX)
    assert f"error: --metrics-addr is {address}, which cannot be listened on" in said


def test_it_waits_for_kafka_says_so_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    process = start(tmp_path, address)
    try:
        text = waiting_for_kafka(address)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=WAIT_S_MAX)
    assert "no Kafka broker answers" in text
    assert (process.returncode, "secret" in said) == (0, False)
    assert "stopped with exit code 0" in said


def waiting_for_kafka(address: str) -> str:
    deadline = time.monotonic() + WAIT_S_MAX
    text = ""
    while "Kafka" not in text:
        assert time.monotonic() < deadline, text
        try:
            urllib.request.urlopen(f"http://{address}/readyz", timeout=2)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        except OSError:
            time.sleep(0.1)
    return text
