"""Read what the Kafka topics must be, and tell how a cluster differs.

Nothing here talks to Kafka: `diff` compares two values.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from streamproc.shipped import shipped_folder

__all__ = [
    "FOREVER",
    "LANES",
    "ActualTopic",
    "Example",
    "Finding",
    "TopicSpec",
    "TopicsError",
    "diff",
    "lanes_of",
    "load_topics",
]

# 12 divides by 2, 3, 4 and 6, so that as many workers share the lanes evenly.
LANES: Final = 12
FOREVER: Final = -1

_DAY_MS: Final = 86_400_000
# Kafka's own limit for a record batch, said aloud, since brokers are often told another.
_MESSAGE_BYTES_MAX: Final = 1_048_588
# How long a tombstone outlives what it deletes: a reader that is away for longer could miss the deletion.
_TOMBSTONE_MS: Final = _DAY_MS
_DAYS: Final = re.compile(r"([1-9][0-9]{0,3})d")


class TopicsError(Exception):
    """Say what is wrong with a topic file, naming it."""


class Example(BaseModel):
    """A record as it lies on the topic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str | None
    value: dict[str, Any]
    headers: dict[str, str] = {}


class TopicSpec(BaseModel):
    """What one topic must be. Its name is that without the prefix of the installation."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    topic: str = Field(pattern=r"^[a-z_.-]+$")
    helps: str
    flow: Literal["facts", "moments", "inside", "settings", "out"]
    key: str
    partitions: Literal["lanes"] | int
    """`lanes`: the one count that all topics keyed by customer share."""
    retention_ms: int = Field(alias="retention")
    """`FOREVER`, or milliseconds."""
    cleanup: Literal["delete", "compact"]
    timestamps: Literal["CreateTime", "LogAppendTime"]
    message_bytes_max: int = _MESSAGE_BYTES_MAX
    schema_file: str = Field(alias="schema")
    example: Example

    @field_validator("retention_ms", mode="before")
    @classmethod
    def _read_retention(cls, value: object) -> object:
        if value == "forever":
            return FOREVER
        match = _DAYS.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"{value!r} is neither `forever` nor days, as in 7d")
        return int(match[1]) * _DAY_MS

    def partition_count(self, lanes: int) -> int:
        """Return how many partitions the topic has in an installation of so many lanes."""
        return lanes if self.partitions == "lanes" else self.partitions

    def config(self, replication: int) -> dict[str, str]:
        """Return the topic's settings under Kafka's names, for so many replicas.

        All but one replica must have a record before it counts as written, so that losing one broker loses none.
        """
        settings = {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "message.timestamp.type": self.timestamps,
            "max.message.bytes": str(self.message_bytes_max),
            "min.insync.replicas": str(max(1, replication - 1)),
        }
        if self.cleanup == "compact":
            settings["delete.retention.ms"] = str(_TOMBSTONE_MS)
        return settings


class ActualTopic(Protocol):
    """What a cluster says of a topic."""

    @property
    def partitions(self) -> int: ...
    @property
    def replication(self) -> int: ...
    @property
    def config(self) -> Mapping[str, str]:
        """The settings under Kafka's names; empty where the broker reports none."""
        ...


@dataclass(frozen=True)
class Finding:
    """One way in which a cluster differs: `mendable` if `topics apply` may put it right by itself."""

    topic: str
    kind: Literal["missing", "partitions", "replication", "setting"]
    wanted: str
    found: str
    mendable: bool
    setting: str = ""

    def __str__(self) -> str:
        """Say it in a sentence, with the two values."""
        if self.kind == "missing":
            return f"{self.topic}: does not exist ({self.wanted} partitions wanted)"
        what = self.setting or self.kind
        return f"{self.topic}: {what} is {self.found or 'not reported'}, {self.wanted} wanted"


def summed_up(findings: Sequence[Finding]) -> str:
    """Say in a sentence that no topic exists, as before the first `topics apply`; empty where one does."""
    missing = [finding for finding in findings if finding.kind == "missing"]
    if len(missing) < len(load_topics()):
        return ""
    return f"none of the {len(missing)} topics exists"


def load_topics(folder: Path | None = None) -> tuple[TopicSpec, ...]:
    """Read every topic file of a folder, by default the shipped one, in order of the topics' names.

    Raises TopicsError that names the file; a topic must be named as its file is.
    """
    folder = folder or shipped_folder("topics")
    files = sorted(file for file in folder.glob("*.yaml") if file.name != "asyncapi.yaml")
    if not files:
        raise TopicsError(f"{folder} holds no topic file")
    return tuple(_load(file) for file in files)


def _load(file: Path) -> TopicSpec:
    try:
        spec = TopicSpec.model_validate(YAML(typ="safe", pure=True).load(file))
    except (YAMLError, UnicodeDecodeError) as error:
        raise TopicsError(f"{file}: {error}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise TopicsError(f"{file}: " + "; ".join(faults)) from error
    if f"{spec.topic}.yaml" != file.name:
        raise TopicsError(f"{file}: topic: {spec.topic!r} is not what its file is named")
    if not (file.parent / "schemas" / spec.schema_file).is_file():
        raise TopicsError(f"{file}: schema: there is no schemas/{spec.schema_file}")
    return spec


def diff(
    specs: Sequence[TopicSpec],
    actual: Mapping[str, ActualTopic],
    *,
    prefix: str = "",
    lanes: int | None = None,
    replication: int = 1,
) -> list[Finding]:
    """Tell how a cluster's topics differ from what they must be, topic by topic.

    `actual` holds the cluster's topics by their full names; others than ours are passed over. Without `lanes` the
    count that most of our topics have is taken: which it is is free, but all must have one. More replicas than wanted
    are fine.
    """
    lanes = lanes if lanes is not None else lanes_of(specs, actual, prefix=prefix)
    findings: list[Finding] = []
    for spec in specs:
        name = prefix + spec.topic
        count = spec.partition_count(lanes)
        found = actual.get(name)
        if found is None:
            findings.append(Finding(name, "missing", str(count), "", mendable=True))
            continue
        if found.partitions != count:
            # More partitions would move customers to other lanes, away from what was decided there.
            findings.append(Finding(name, "partitions", str(count), str(found.partitions), mendable=False))
        if found.replication < replication:
            findings.append(
                Finding(name, "replication", str(replication), str(found.replication), mendable=False)
            )
        findings += _settings(name, spec.config(replication), found.config)
    return findings


def lanes_of(specs: Sequence[TopicSpec], actual: Mapping[str, ActualTopic], *, prefix: str = "") -> int:
    """Return the partition count that most of our topics keyed by customer have; `LANES` where there are none."""
    counts = Counter(
        found.partitions
        for spec in specs
        if spec.partitions == "lanes" and (found := actual.get(prefix + spec.topic)) is not None
    )
    return counts.most_common(1)[0][0] if counts else LANES


def _settings(name: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> list[Finding]:
    # The embedded broker reports no settings at all, and twenty findings that say so would hide the real ones.
    if not found:
        return []
    return [
        Finding(name, "setting", value, found.get(key, ""), mendable=True, setting=key)
        for key, value in wanted.items()
        if found.get(key) != value
    ]
