"""Servers that are not the demo's own: use them only where it can take back everything that it wrote."""

from __future__ import annotations

from typing import Final

from streamproc.flow.admin import KafkaAdmin
from streamproc.flow.cluster import ClusterUnready
from streamproc.ops.topics import load_topics
from streamproc.settings import SettingsError
from streamproc.store.base import StoreUnavailable
from streamproc.store.link import ServerLink

__all__ = ["Borrowed"]

ANSWER_SECONDS_MAX: Final = 5.0
KEYS_A_STEP: Final = 1_000


class Borrowed:
    """A Kafka cluster and an empty Redis database that somebody lends for a run."""

    def __init__(self, kafka: str, redis_url: str, prefix: str) -> None:
        """Use topics of this prefix alone."""
        self._kafka = kafka
        self._redis_url = redis_url
        self._prefix = prefix

    async def check(self) -> None:
        """See that Redis answers and is empty: what is there belongs to somebody, with an ID key of their own.

        Raises SettingsError.
        """
        link = self._link()
        try:
            (size,) = await link.exchange([("DBSIZE",)])
        except StoreUnavailable as error:
            raise SettingsError([str(error)]) from error
        finally:
            await link.close()
        if size:
            raise SettingsError(
                [f"STREAMPROC_REDIS_URL names a database with {size} keys: the demo needs an empty one"]
            )

    async def clean(self) -> str:
        """Delete the run's keys and topics; return what could not be deleted, in a sentence, or nothing."""
        try:
            await self._delete_keys()
            async with KafkaAdmin.connect(self._kafka) as admin:
                await admin.delete([self._prefix + spec.topic for spec in load_topics()])
        except (StoreUnavailable, ClusterUnready) as error:
            return f"keys sp:* in Redis or topics {self._prefix}* may be left behind: {error}"
        return ""

    async def _delete_keys(self) -> None:
        link = self._link()
        try:
            cursor: bytes = b"0"
            while True:
                ((cursor, keys),) = await link.exchange(
                    [("SCAN", cursor, "MATCH", "sp:*", "COUNT", KEYS_A_STEP)]
                )
                if keys:
                    await link.exchange([("UNLINK", *keys)])
                if cursor == b"0":
                    return
        finally:
            await link.close()

    def _link(self) -> ServerLink:
        if "+cluster" in self._redis_url.partition(":")[0]:
            raise SettingsError(
                ["STREAMPROC_REDIS_URL names a cluster: the demo needs a single, empty server"]
            )
        return ServerLink(self._redis_url, timeout_s=ANSWER_SECONDS_MAX)
