"""Ask a cluster what its topics are, create them and change their settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, TopicAlreadyExistsError, for_code

from streamproc.flow.cluster import ClusterUnready, unready

__all__ = ["KafkaAdmin", "TopicState"]

ANSWER_SECONDS_MAX: Final = 15.0
# `config_source` of a setting that the topic itself carries (DYNAMIC_TOPIC_CONFIG).
_OWN: Final = 1


@dataclass(frozen=True)
class TopicState:
    """What a cluster says of a topic. `config` is empty where the broker reports no settings."""

    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    """The settings that the topic itself carries; the others are the broker's defaults."""


class KafkaAdmin:
    """Administers topics. Every method raises ClusterUnready if the cluster does not answer or refuses."""

    def __init__(self, client: AIOKafkaAdminClient, bootstrap: str) -> None:
        """Use `connect` to make one."""
        self._client = client
        self._bootstrap = bootstrap

    @classmethod
    @asynccontextmanager
    async def connect(cls, bootstrap: str) -> AsyncIterator[Self]:
        """Connect to these brokers, and let go of them afterwards."""
        client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        admin = cls(client, bootstrap)
        try:
            async with admin._asking():
                await client.start()
            yield admin
        finally:
            # A client that never started has connections to close all the same.
            await client._client.close()  # noqa: SLF001

    async def brokers(self) -> int:
        """Return how many brokers the cluster has."""
        async with self._asking():
            return len((await self._client.describe_cluster())["brokers"])

    async def topics(self, names: Sequence[str] | None = None) -> dict[str, TopicState]:
        """Return those of these topics that exist, by name, with their settings; all topics if no names are given."""
        async with self._asking():
            # All are asked for: asking for one that does not exist may create it.
            described = await self._client.describe_topics()
            found = {
                topic["topic"]: topic["partitions"]
                for topic in described
                if not topic["error_code"] and (names is None or topic["topic"] in names)
            }
            settings = await self._settings(sorted(found))
        return {
            name: TopicState(
                partitions=len(partitions),
                replication=min((len(one["replicas"]) for one in partitions), default=0),
                config={key: value for key, (value, _) in settings.get(name, {}).items()},
                own={key: value for key, (value, source) in settings.get(name, {}).items() if source == _OWN},
            )
            for name, partitions in found.items()
        }

    async def create(
        self, name: str, *, partitions: int, replication: int, config: Mapping[str, str]
    ) -> bool:
        """Create a topic; return False if it existed already. When this returns, the cluster knows the topic."""
        new = NewTopic(name, partitions, replication, topic_configs=dict(config))
        async with self._asking():
            response = await self._client.create_topics([new])
            for _, code, *message in response.topic_errors:
                error = for_code(code)
                if code and error is TopicAlreadyExistsError:
                    return False
                if code:
                    raise ClusterUnready(f"topic {name} was not created: {_said(error, message)}")
            while not await self._knows(name):  # noqa: ASYNC110 - the cluster tells nobody when it is done
                await asyncio.sleep(0.05)
        return True

    async def delete(self, names: Sequence[str]) -> None:
        """Delete topics with all their records."""
        async with self._asking():
            await self._client.delete_topics(list(names))

    async def configure(self, name: str, settings: Mapping[str, str], *, own: Mapping[str, str]) -> None:
        """Change settings of a topic. `own` are those it carries now: the request replaces all of them."""
        resource = ConfigResource(ConfigResourceType.TOPIC, name, {**own, **settings})
        async with self._asking():
            for response in await self._client.alter_configs([resource]):
                for code, message, *_ in response.resources:
                    if code:
                        said = _said(for_code(code), [message])
                        raise ClusterUnready(f"topic {name} was not changed: {said}")

    async def _knows(self, name: str) -> bool:
        return any(topic["topic"] == name for topic in await self._client.describe_topics())

    async def _settings(self, names: Sequence[str]) -> dict[str, dict[str, tuple[str, int]]]:
        """Return the settings of topics, each with where it comes from; nothing where the broker tells nothing."""
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        try:
            responses = await self._client.describe_configs(resources)
        except IncompatibleBrokerVersion:
            return {}
        found: dict[str, dict[str, tuple[str, int]]] = {}
        for response in responses:
            for code, _message, _type, name, entries in response.resources:
                if not code:
                    found[name] = {entry[0]: (entry[1] or "", int(entry[3])) for entry in entries}
        return found

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                yield
        except TimeoutError as error:
            message = f"STREAMPROC_KAFKA={self._bootstrap} did not answer within {ANSWER_SECONDS_MAX:.0f} s"
            raise ClusterUnready(message) from error
        except KafkaError as error:
            raise unready(self._bootstrap, error) from error


def _said(error: Any, message: Sequence[str | None]) -> str:
    return f"{error.__name__} {message[0] or ''}".strip() if message else str(error.__name__)
