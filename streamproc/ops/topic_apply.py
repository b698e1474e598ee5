"""Bring a cluster's topics to what they must be, as far as that can be done without moving a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamproc.flow.admin import KafkaAdmin, TopicState
from streamproc.ops.topics import Finding, TopicSpec, diff, lanes_of, load_topics

__all__ = ["Applied", "apply_topics", "check_topics"]

REPLICATION_MAX = 3


@dataclass(frozen=True)
class Applied:
    """What was done, and what still differs and has to be done by hand."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    left: tuple[Finding, ...]


async def check_topics(
    admin: KafkaAdmin, *, prefix: str = "", lanes: int | None = None, replication: int | None = None
) -> list[Finding]:
    """Tell how the cluster differs. Raises ClusterUnready and TopicsError."""
    specs, actual = await _look(admin, prefix)
    replicas = replication or await _replication(admin)
    return diff(specs, actual, prefix=prefix, lanes=lanes, replication=replicas)


async def apply_topics(
    admin: KafkaAdmin, *, prefix: str = "", lanes: int | None = None, replication: int | None = None
) -> Applied:
    """Create what is missing and mend settings. What is right is left alone, so doing it again does nothing.

    Without `lanes`, new topics keyed by customer get as many partitions as the existing ones; without `replication`,
    as many replicas as there are brokers, at most 3. Raises ClusterUnready and TopicsError.
    """
    specs, actual = await _look(admin, prefix)
    count = lanes or lanes_of(specs, actual, prefix=prefix)
    replicas = replication or await _replication(admin)
    by_name = {prefix + spec.topic: spec for spec in specs}
    findings = diff(specs, actual, prefix=prefix, lanes=count, replication=replicas)
    created = []
    for finding in findings:
        if finding.kind == "missing":
            spec = by_name[finding.topic]
            partitions = spec.partition_count(count)
            config = spec.config(replicas)
            if await admin.create(finding.topic, partitions=partitions, replication=replicas, config=config):
                created.append(finding.topic)
    wrong: dict[str, dict[str, str]] = {}
    for finding in findings:
        if finding.kind == "setting" and finding.mendable:
            wrong.setdefault(finding.topic, {})[finding.setting] = finding.wanted
    for name, settings in wrong.items():
        await admin.configure(name, settings, own=actual[name].own)
    left = tuple(finding for finding in findings if not finding.mendable)
    return Applied(tuple(created), tuple(wrong), left)


async def _look(admin: KafkaAdmin, prefix: str) -> tuple[Sequence[TopicSpec], dict[str, TopicState]]:
    specs = load_topics()
    return specs, await admin.topics([prefix + spec.topic for spec in specs])


async def _replication(admin: KafkaAdmin) -> int:
    return min(await admin.brokers(), REPLICATION_MAX)
