"""All that a run needs around it: a broker, Redis, topics, a published policy, and a real worker as a process."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

import msgspec

from streamproc.core.policy.bundle import to_document
from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.flow.admin import KafkaAdmin
from streamproc.flow.config_feed import POINTER, POLICY_PREFIX
from streamproc.flow.config_log import write_config
from streamproc.ops.demo.borrowed import Borrowed
from streamproc.ops.embedded import HOST, EmbeddedBroker, EmbeddedRedis, Server
from streamproc.ops.topic_apply import apply_topics
from streamproc.settings import Settings, SettingsError

__all__ = ["LANES", "Stage", "WorkerProcess"]

LANES: Final = 4
_SETTING_PREFIX: Final = "STREAMPROC_"

Say = Callable[[str, float], None]
"""Told what was done, and how many seconds it took."""


# The embedded broker makes whoever joins a group wait for the rebalance timeout; nobody else is to join this one.
GROUP_OF_ONE: Final = {"SESSION_TIMEOUT": "6s", "REBALANCE_TIMEOUT": "1s"}


class WorkerProcess(Server):
    """`streamproc worker` as a process of its own, ready when its `/readyz` says so."""

    name = "worker"

    def __init__(self, settings: Mapping[str, str], *, directory: Path) -> None:
        """Run with these settings, by their variables' names without the prefix."""
        super().__init__(directory=directory)
        self._settings = dict(settings)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "streamproc", "worker"]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTING_PREFIX)}
        # The child runs in its own folder, so an import path that is relative would lead it astray.
        kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        given = self._settings | GROUP_OF_ONE | {"METRICS_ADDR": f"{HOST}:{self.port}"}
        return kept | {_SETTING_PREFIX + name: value for name, value in given.items()}

    def _answers(self) -> bool:
        reply = self._ask(b"GET /readyz HTTP/1.0\r\n\r\n", 12)
        return reply.split(b" ", 2)[1:2] == [b"200"]


class Stage:
    """Starts the parts one after the other and stops them all at the end; a context manager.

    Where `STREAMPROC_KAFKA` and `STREAMPROC_REDIS_URL` are set, those are used, under a topic prefix of this run's
    own, and Redis must be empty; otherwise both are started here and are gone afterwards.
    """

    def __init__(self, files: Mapping[str, str], *, say: Say = lambda _what, _seconds: None) -> None:
        """Set the stage for a policy, given as its files; `say` is told of each step."""
        self.policy: Policy = load(files)
        self._say = say
        self._stack = ExitStack()
        self.kafka = ""
        self.redis_url = ""
        self.prefix = ""
        self.worker: WorkerProcess | None = None

    def __enter__(self) -> Self:
        """Start everything but the worker. Raises EmbeddedStartError, SettingsError and ClusterUnready."""
        try:
            self.directory = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-demo-"))
            )
            self._find_servers()
            with self._timed("created topics, and published the policy"):
                asyncio.run(self._prepare())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the worker first, then what it stands on."""
        self._stack.close()

    @property
    def settings(self) -> Settings:
        """The settings that commands for this installation would have."""
        return Settings(kafka=self.kafka, redis_url=self.redis_url, topic_prefix=self.prefix)

    def start_worker(self) -> WorkerProcess:
        """Start a worker and return when it is ready. Raises EmbeddedStartError."""
        with self._timed("started a worker; it is ready"):
            self.worker = WorkerProcess(
                {
                    "KAFKA": self.kafka,
                    "REDIS_URL": self.redis_url,
                    "TOPIC_PREFIX": self.prefix,
                    "GROUP": f"{self.prefix}demo",
                    "ID_KEY_FILE": str(self._id_key()),
                    "CLOCK": "record",
                    "LOG_LEVEL": "warning",
                },
                directory=self.directory,
            )
            self._stack.callback(self.worker.close)
            self.worker.start()
        return self.worker

    def _find_servers(self) -> None:
        kafka, redis_url = (os.environ.get(_SETTING_PREFIX + name, "") for name in ("KAFKA", "REDIS_URL"))
        if bool(kafka) != bool(redis_url):
            raise SettingsError(["set both STREAMPROC_KAFKA and STREAMPROC_REDIS_URL, or neither"])
        if kafka:
            self.kafka, self.redis_url = kafka, redis_url
            self.prefix = f"demo-{secrets.token_hex(4)}."
            borrowed = Borrowed(kafka, redis_url, self.prefix)
            asyncio.run(borrowed.check())
            self._stack.callback(self._return, borrowed)
            return
        with self._timed("started a broker (tansu, in memory)"):
            self.kafka = self._stack.enter_context(EmbeddedBroker()).bootstrap
        with self._timed("started Redis"):
            self.redis_url = self._stack.enter_context(EmbeddedRedis()).url

    def _return(self, borrowed: Borrowed) -> None:
        with self._timed("took back the topics and keys of this run"):
            left = asyncio.run(borrowed.clean())
        if left:
            self._say(left, 0.0)

    async def _prepare(self) -> None:
        async with KafkaAdmin.connect(self.kafka) as admin:
            await apply_topics(admin, prefix=self.prefix, lanes=LANES)
        version = self.policy.version
        pointer = msgspec.json.encode({"version": version})
        entries = [(POLICY_PREFIX + version, to_document(self.policy)), (POINTER, pointer)]
        await write_config(self.kafka, entries, prefix=self.prefix)

    def _id_key(self) -> Path:
        given = os.environ.get(f"{_SETTING_PREFIX}ID_KEY_FILE")
        if given and self.prefix:
            return Path(given)
        path = self.directory / "id-key"
        path.write_text(secrets.token_hex(32))
        return path

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun_at = time.monotonic()
        yield
        self._say(what, time.monotonic() - begun_at)
