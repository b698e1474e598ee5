"""Describe the topics as an AsyncAPI document, so that others find our messages where they look for them.

`python -m streamproc.ops.asyncapi` writes it anew; `topics/*.yaml` and `topics/schemas/` are its only source.
"""

import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from streamproc import __version__
from streamproc.ops.topics import LANES, TopicSpec, load_topics
from streamproc.shipped import shipped_folder

__all__ = ["asyncapi_text", "main"]

_BINDING_VERSION: Final = "0.5.0"
_JSON_SCHEMA: Final = "application/schema+json;version=draft-2020-12"
_HEAD: Final = "# Written by `make topics` from the topic files beside it; edit those.\n"
# Unsubscriptions and signals become records of `consents`; the operators' commands write to `config`.
_ALSO_SENT: Final = ("consents", "config")
_DESCRIPTION: Final = (
    "What streamproc reads from Kafka and writes to it. A prefix may stand before each address. "
    "All topics keyed by customer have one partition count and the default (murmur2) partitioner."
)


def asyncapi_text(specs: Sequence[TopicSpec]) -> str:
    """Return the document as YAML; the same topics give the same text."""
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "streamproc",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_id(spec): _channel(spec) for spec in specs},
        "operations": {name: op for spec in specs for name, op in _operations(spec).items()},
        "components": {"messages": {_id(spec): _message(spec) for spec in specs}},
    }
    yaml = YAML()
    yaml.default_flow_style = False
    # Folded text would end lines in spaces.
    yaml.width = 10_000
    out = StringIO()
    yaml.dump(document, out)
    return _HEAD + out.getvalue()


def _id(spec: TopicSpec) -> str:
    """Return the topic's name as an identifier: dots and dashes mean something in AsyncAPI references."""
    return spec.topic.replace(".", "_").replace("-", "_")


def _channel(spec: TopicSpec) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "cleanup.policy": [spec.cleanup],
        "retention.ms": spec.retention_ms,
        "max.message.bytes": spec.message_bytes_max,
    }
    if "delete.retention.ms" in spec.config(1):
        settings["delete.retention.ms"] = int(spec.config(1)["delete.retention.ms"])
    return {
        "address": spec.topic,
        "description": spec.helps,
        "messages": {_id(spec): {"$ref": f"#/components/messages/{_id(spec)}"}},
        "bindings": {
            "kafka": {
                "partitions": spec.partition_count(LANES),
                "topicConfiguration": settings,
                "bindingVersion": _BINDING_VERSION,
            }
        },
        "x-timestamps": spec.timestamps,
        "x-flow": spec.flow,
    }


def _operations(spec: TopicSpec) -> dict[str, Any]:
    """Return what streamproc does with a topic: receive what others say, send what it decides, or both."""
    if spec.flow == "out":
        actions: tuple[str, ...] = ("send",)
    elif spec.flow == "inside" or spec.topic in _ALSO_SENT:
        actions = ("send", "receive")
    else:
        actions = ("receive",)
    channel = {"$ref": f"#/channels/{_id(spec)}"}
    return {f"{action}_{_id(spec)}": {"action": action, "channel": channel} for action in actions}


def _message(spec: TopicSpec) -> dict[str, Any]:
    message: dict[str, Any] = {"contentType": "application/json"}
    example: dict[str, Any] = {"payload": spec.example.value}
    if spec.example.headers:
        names = sorted(spec.example.headers)
        message["headers"] = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        example["headers"] = spec.example.headers
    message["payload"] = {"schemaFormat": _JSON_SCHEMA, "schema": {"$ref": f"schemas/{spec.schema_file}"}}
    message["bindings"] = {
        "kafka": {
            "key": {"type": "string", "description": spec.key},
            "bindingVersion": _BINDING_VERSION,
        }
    }
    message["examples"] = [example]
    return message


def main(folder: Path | None = None) -> None:
    """Write `asyncapi.yaml` beside the topic files, and say where."""
    folder = folder or shipped_folder("topics")
    file = folder / "asyncapi.yaml"
    file.write_text(asyncapi_text(load_topics(folder)), "utf-8")
    sys.stdout.write(f"Wrote {file}\n")


if __name__ == "__main__":
    main()
