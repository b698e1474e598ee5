"""The brokers the tests run on: the embedded Tansu, and Apache Kafka under Java."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from streamproc.ops.embedded import EmbeddedBroker, EmbeddedStartError, Server, free_port

HERE = Path(__file__).parent
JARS = HERE / "target" / "kafka"
MAVEN_S_MAX = 600
CLUSTER_ID = "c3RyZWFtcHJvYy10ZXN0cw"

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=100
group.min.session.timeout.ms=500
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=2097152
log.initial.task.delay.ms=500
"""


class Broker(Protocol):
    """A running broker and what it can do beyond producing, fetching and groups."""

    capabilities: frozenset[str]

    @property
    def bootstrap(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class Tansu(EmbeddedBroker):
    """The embedded broker. It forgets everything when it stops."""

    capabilities: frozenset[str] = frozenset()


class ApacheKafka(Server):
    """One Apache Kafka broker in KRaft mode on loopback ports; its log survives `kill` and `start`."""

    name = "kafka"
    start_ms_max = 120_000
    capabilities = frozenset({"transactions", "compaction", "durable", "delete-topics"})

    def __init__(self) -> None:
        super().__init__()
        self.controller_port = free_port()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        config = self.directory / "server.properties"
        config.write_text(
            PROPERTIES.format(port=self.port, controller_port=self.controller_port, directory=self.directory)
        )
        java = self._java()
        if not (self.directory / "data" / "meta.properties").exists():
            subprocess.run(
                [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config)],
                check=True,
                capture_output=True,
                timeout=120,
            )
        return [*java, "kafka.Kafka", str(config)]

    def _java(self) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise EmbeddedStartError("Apache Kafka needs Java 17, and there is no `java` on PATH")
        return [java, "-Xmx768m", "-XX:+UseSerialGC", "-cp", f"{resolve_jars()}/*"]

    def _answers(self) -> bool:
        return self._answers_kafka()


def resolve_jars() -> Path:
    """Return the folder with Kafka's jars, copied there by Maven the first time."""
    done = JARS / "complete"
    if done.exists() and done.stat().st_mtime >= (HERE / "pom.xml").stat().st_mtime:
        return JARS
    maven = shutil.which("mvn")
    if maven is None:
        raise EmbeddedStartError("Apache Kafka's jars come by Maven, and there is no `mvn` on PATH")
    shutil.rmtree(JARS, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    result = subprocess.run(
        [*command, f"-DoutputDirectory={JARS}"],
        capture_output=True,
        text=True,
        timeout=MAVEN_S_MAX,
        check=False,
    )
    if result.returncode:
        raise EmbeddedStartError(
            f"Maven could not fetch Apache Kafka:\n{result.stdout[-2_000:]}{result.stderr[-2_000:]}"
        )
    done.touch()
    return JARS
