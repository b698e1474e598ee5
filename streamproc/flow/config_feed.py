"""Follow the `config` topic: switches and policies, and the lease that says nothing was missed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.core.arrival import Rules
from streamproc.core.catalog import NO_CATALOG, Catalog
from streamproc.core.plugins import Plugins
from streamproc.core.policy.bundle import from_document
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.policy.unplug import troubles, unplug
from streamproc.core.switches import Switches, is_switch
from streamproc.plugins import installed

log = logging.getLogger(__name__)

TOPIC: Final = "config"
POINTER: Final = "policy"
POLICY_PREFIX: Final = "policy/"
POLL_MS: Final = 250
FETCH_WAIT_MS: Final = 50
"""How long the broker may hold a fetch that finds nothing. Each costs the loop that decides 0.3 ms; what asks for the
end waits behind it."""
LEASE_SECONDS: Final = 0.75


class ConfigUnreadable(Exception):
    """Say that the `config` topic, or the policy in force on it, cannot be read now."""


class ConfigFeed:
    """Reads all of `config` before anything is decided, then follows it.

    It has no consumer group: every worker reads everything. `changed` is called after each change that was applied.
    """

    def __init__(
        self,
        bootstrap: str,
        default: Policy,
        *,
        event_age_max_ms: int,
        prefix: str = "",
        plugins: Plugins | None = None,
        catalog: Catalog = NO_CATALOG,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Follow `config` at this broker; `default` is the policy while `config` names none.

        Policies may name these `plugins`, those that are installed unless given. The rules know this `catalog`.
        """
        self._catalog = catalog
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            metadata_max_age_ms=30_000,
        )
        self._partition = TopicPartition(prefix + TOPIC, 0)
        self._is_connected = False
        self._default = default
        self._policy = default
        self._plugins = installed() if plugins is None else plugins
        self.plugins_off: Mapping[str, str] = {}
        """Which plug-ins of the policy in force are switched off, and why."""
        self._policies: dict[str, bytes] = {}
        self._pointer: str | None = None
        self._pointer_is_readable = True
        self._compiling: tuple[bytes, asyncio.Future[Policy]] | None = None
        self._switches = Switches()
        self._event_age_max_ms = event_age_max_ms
        self._offset = 0
        self._confirmed_at = float("-inf")
        self._changed = changed
        self._rules = Rules(default, self._switches, 0, event_age_max_ms, catalog=catalog)
        self.trouble: str | None = None
        """Which policy that `config` points to is refused, and why, in a line; None while none is."""

    async def start(self) -> None:
        """Connect and read everything that is on `config` now. Raises ConfigUnreadable; then it may be asked again.

        That it does too for a policy that does not load: there is none that ran before it, and what nobody published
        for these customers must not speak in its place.
        """
        try:
            if not self._is_connected:
                await self._consumer.start()
                self._is_connected = True
                self._consumer.assign([self._partition])
                await self._consumer.seek_to_beginning(self._partition)
            end = await self._end()
            while await self._position() < end:
                await self._fetch()
        except KafkaError as error:
            raise ConfigUnreadable(f"{self._partition.topic}: {type(error).__name__}") from error
        self._offset = await self._position()
        await self._choose_policy()
        if self.trouble is not None:
            raise ConfigUnreadable(f"policy {self.trouble}")
        self._publish()
        self._confirmed_at = time.monotonic()

    async def stop(self) -> None:
        """Disconnect; the lease runs out by itself."""
        await self._consumer.stop()

    async def run(self) -> None:
        """Follow `config` until cancelled. While the broker is away the lease runs out, and nothing is handed over."""
        while True:
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(LEASE_SECONDS):
                    end = await self._end()
                    if await self._follow(end):
                        self._confirmed_at = asked_at
            except (KafkaError, TimeoutError) as error:
                log.warning("config cannot be confirmed: %s", type(error).__name__)
            await asyncio.sleep(max(0.0, POLL_MS / 1000 - (time.monotonic() - asked_at)))

    def rules(self) -> Rules:
        """Return the policy and switches that are applied now."""
        asks_plugins = self._policy.plugins or self._policy.overall.ranking
        if asks_plugins and troubles(self._policy) != self.plugins_off:
            self._publish()
        return self._rules

    def is_confirmed(self) -> bool:
        """Tell whether everything on `config` was known to be applied at most `LEASE_SECONDS` ago."""
        return time.monotonic() - self._confirmed_at <= LEASE_SECONDS

    @property
    def staleness_s(self) -> float:
        """Seconds since everything was last known to be applied."""
        return time.monotonic() - self._confirmed_at

    async def _end(self) -> int:
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets([self._partition])
        return ends[self._partition]

    async def _position(self) -> int:
        position: int = await self._consumer.position(self._partition)
        return position

    async def _follow(self, end: int) -> bool:
        """Apply what is there up to `end`; tell whether that is reached."""
        while await self._position() < end:
            if not await self._fetch():
                return False
        position = await self._position()
        if position != self._offset:
            # An "off" counts at once: it must not wait until a policy is compiled.
            self._rules = replace(self._rules, switches=self._switches)
            await self._choose_policy()
            # Only now, so that a wait that was cut short is taken up again.
            self._offset = position
            self._publish()
            log.info("config applied up to %s, policy %s", self._offset, self._policy.version)
        return True

    async def _fetch(self) -> int:
        fetched = await self._consumer.getmany(self._partition, timeout_ms=POLL_MS)
        records = fetched.get(self._partition, [])
        for record in records:
            self._apply((record.key or b"").decode("utf-8", "replace"), record.value)
        return len(records)

    def _apply(self, key: str, value: bytes | None) -> None:
        if is_switch(key):
            self._switches = self._switches.fold(key, value)
        elif key == POINTER:
            version = pointed(value)
            self._pointer_is_readable = value is None or version is not None
            if self._pointer_is_readable:
                self._pointer = version
        elif key.startswith(POLICY_PREFIX):
            version = key.removeprefix(POLICY_PREFIX)
            if value is None:
                self._policies.pop(version, None)
            else:
                self._policies[version] = value

    async def _choose_policy(self) -> None:
        """Take the policy that `config` points to; one that does not load is refused, and the running one stays."""
        wanted = self._pointer
        if not self._pointer_is_readable:
            self._refuse("?", "the record that points to a policy cannot be read")
            return
        if wanted is None:
            self._policy, self.trouble = self._default, None
            return
        if wanted == self._policy.version:
            self.trouble = None
            return
        document = self._policies.get(wanted)
        if document is None:
            self._refuse(wanted, "no such policy on config")
            return
        try:
            policy = await self._compiled(document)
        except PolicyErrors as error:
            self._refuse(wanted, _first(error))
        except Exception as error:  # noqa: BLE001 - a document must never end all workers at once
            self._refuse(wanted, f"it cannot be compiled: {type(error).__name__}")
        else:
            if policy.version != wanted:
                self._refuse(wanted, f"the document under this name calls itself {policy.version}")
                return
            self._policy, self.trouble = policy, None

    async def _compiled(self, document: bytes) -> Policy:
        """Compile a policy in a thread, once, however often the wait for it is cut short."""
        if self._compiling is None or self._compiling[0] is not document:
            # It takes a good part of a second, and the lease must not run out over it.
            work = asyncio.ensure_future(asyncio.to_thread(from_document, document, self._plugins))
            self._compiling = (document, work)
        return await asyncio.shield(self._compiling[1])

    def _refuse(self, wanted: str, why: str) -> None:
        trouble = f"{wanted} refused: {why}"
        # It is looked at again after each later record, and is no news then. Whoever starts tells what it waits for.
        if trouble != self.trouble and self._confirmed_at > float("-inf"):
            log.error("policy %s; %s stays", trouble, self._policy.version)
        self.trouble = trouble

    def _publish(self) -> None:
        off = self.plugins_off = troubles(self._policy)
        policy = unplug(self._policy, off) if off else self._policy
        self._rules = Rules(
            policy, self._switches, self._offset, self._event_age_max_ms, catalog=self._catalog
        )
        self._changed()


def _first(refused: PolicyErrors) -> str:
    """Return the first error that names a line, else the first, and how many more there are."""
    first = next((error for error in refused.errors if error.line), refused.errors[0])
    more = len(refused.errors) - 1
    return f"{first}" + (f" (and {more} more)" if more else "")


def pointed(value: bytes | None) -> str | None:
    """Read the version that the key `policy` points to; None if it is deleted or unreadable."""
    if value is None:
        return None
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None
