"""Tell a Redis that nobody has used yet from one that lost customer state: both hold no epoch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from streamproc.flow.cluster import Cluster, ClusterUnready
from streamproc.flow.lanes import LaneTopics
from streamproc.settings import Settings
from streamproc.store.epoch import find_loss
from streamproc.store.link import link_to

__all__ = ["StoredState", "look_at_state"]

ANSWER_SECONDS_MAX: Final = 5.0


@dataclass(frozen=True)
class StoredState:
    """How the state in Redis stands.

    `sound`; `none`: it holds none, and nothing was ever decided; `lost`: it holds none or too little, although
    decisions were made; `unclear`: it holds none, and Kafka cannot say whether there were decisions. `why` is empty
    where it is sound.
    """

    kind: Literal["sound", "none", "lost", "unclear"]
    why: str = ""


async def look_at_state(given: Settings) -> StoredState:
    """Look at the epochs in Redis and, where they are not in order, at what Kafka knows of decisions.

    It changes nothing. Raises StoreUnavailable.
    """
    link = link_to(str(given.redis_url), timeout_s=ANSWER_SECONDS_MAX)
    try:
        loss = await find_loss(link)
    finally:
        await link.close()
    if loss is None:
        return StoredState("sound")
    why = str(loss.error)
    if not loss.may_be_new:
        return StoredState("lost", why)
    if given.kafka is None:
        return StoredState("unclear", why)
    ledger = given.topic_prefix + "ledger"
    cluster = Cluster(given.kafka, given.group)
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            fresh = await cluster.never_decided(ledger, LaneTopics.prefixed(given.topic_prefix))
    except (ClusterUnready, TimeoutError):
        return StoredState("unclear", why)
    return StoredState("none" if fresh else "lost", why)
