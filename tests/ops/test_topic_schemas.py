import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from streamproc.core.decision import Candidate, CapUse, ConsentPosition, Creep, Decision, Nudge, Source
from streamproc.core.event import Beacon, Event, Item, Reason
from streamproc.core.facts import ConsentChange, Outcome, PrivacyRequest, ProfileChange
from streamproc.core.reasons import Gate
from streamproc.core.receipt import Receipt, SourceCount
from streamproc.ops.asyncapi import asyncapi_text
from streamproc.ops.topics import TopicSpec, load_topics
from streamproc.shipped import shipped_folder

FOLDER = shipped_folder("topics")
SCHEMAS: dict[str, dict[str, Any]] = {
    file.name: json.loads(file.read_text()) for file in (FOLDER / "schemas").glob("*.json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    [(name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()]
)
SPECS = load_topics()
# Our own records: what stands on these topics is written by streamproc alone.
OUTPUTS = ("nudge", "decision", "ledger", "receipt", "timer", "rekeyed", "event", "rejection")
INPUTS = ("clickstream", "beacon", "consent", "profile", "outcome", "privacy_request", "config", "catalog")


def check(schema: str, value: object) -> list[str]:
    validator = Draft202012Validator(SCHEMAS[schema], registry=REGISTRY)
    return [error.message for error in validator.iter_errors(value)]


def objects(schema: Any) -> list[dict[str, Any]]:
    """Return every schema inside a schema that lists properties."""
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = [schema] if isinstance(schema, dict) and isinstance(schema.get("properties"), dict) else []
    return own + [found for part in inside for found in objects(part)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_valid_schema_named_as_its_file(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == name


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.topic)
def test_the_example_of_a_topic_is_valid_under_its_schema(spec: TopicSpec) -> None:
    assert check(spec.schema_file, spec.example.value) == []


GUIDE = (Path(__file__).parents[2] / "docs" / "producers.md").read_text("utf-8")
CLICKS = re.findall(r"```json clickstream\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("payload", CLICKS)
def test_each_payload_of_the_guide_for_clicks_is_valid_under_their_schema(payload: str) -> None:
    assert check("clickstream.json", json.loads(payload)) == []


@pytest.mark.parametrize("name", INPUTS)
def test_unknown_fields_are_welcome_on_input(name: str) -> None:
    spec = next(spec for spec in SPECS if spec.schema_file == f"{name}.json")
    assert check(f"{name}.json", spec.example.value | {"a_field_of_tomorrow": 1}) == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_unknown_fields_are_never_written(name: str) -> None:
    closed = [
        part["additionalProperties"]
        for part in objects(SCHEMAS[f"{name}.json"])
        if part.get("type") == "object" and part["properties"]
    ]
    assert closed
    assert not any(closed)


def _properties(*path: str) -> set[str]:
    schema: Any = SCHEMAS[path[0]]
    for part in path[1:]:
        schema = schema["properties"][part]
        schema = next((s for s in schema.get("anyOf", ()) if "properties" in s), schema)
        schema = schema.get("items", schema)
    return set(schema["properties"])


@pytest.mark.parametrize(
    ("struct", "path"),
    [
        (Nudge, ("nudge.json",)),
        (CapUse, ("nudge.json", "caps")),
        (Creep, ("nudge.json", "creep")),
        (Source, ("nudge.json", "source")),
        (ConsentPosition, ("nudge.json", "consent")),
        (Decision, ("decision.json",)),
        (Candidate, ("decision.json", "candidates")),
        (Event, ("event.json",)),
        (Item, ("event.json", "items")),
        (Beacon, ("event.json", "beacon")),
        (Receipt, ("receipt.json",)),
        (SourceCount, ("receipt.json", "sources")),
        (ConsentChange, ("consent.json",)),
        (ProfileChange, ("profile.json",)),
        (Outcome, ("outcome.json",)),
        (PrivacyRequest, ("privacy_request.json",)),
    ],
    ids=lambda value: "/".join(value) if isinstance(value, tuple) else value.__name__,
)
def test_every_field_that_the_code_knows_stands_in_the_schema(
    struct: type[msgspec.Struct], path: tuple[str, ...]
) -> None:
    assert set(struct.__struct_fields__) <= _properties(*path)


def test_the_codes_of_reasons_are_those_of_the_gates() -> None:
    why = SCHEMAS["decision.json"]["properties"]["candidates"]["items"]["properties"]["reasons"]["items"]
    assert why["properties"]["code"]["enum"] == [gate.value for gate in Gate]


def test_the_codes_of_rejections_are_those_of_ingest() -> None:
    rejected = SCHEMAS["rejection.json"]["properties"]["rejected"]
    assert rejected["properties"]["reason"]["enum"] == [reason.value for reason in Reason]


def test_a_grant_of_sensing_stands_on_all_channels() -> None:
    row = {"customer_id": "c-1", "channel": "push", "purpose": "sensing", "state": "granted", "at_ms": 1}
    assert check("consent.json", row) == ["'*' was expected"]
    assert check("consent.json", row | {"channel": "*"}) == []


def test_a_nudge_holds_the_content_of_its_own_channel() -> None:
    push = next(spec for spec in SPECS if spec.topic == "nudges.push").example.value
    assert check("nudge.json", push | {"channel": "sms"}) != []


def test_asyncapi_yaml_is_what_the_topic_files_say() -> None:
    committed = (FOLDER / "asyncapi.yaml").read_text("utf-8")
    assert committed == asyncapi_text(SPECS), "run `make topics`"


def test_asyncapi_names_every_topic_and_every_reference_leads_somewhere() -> None:
    from ruamel.yaml import YAML

    document = YAML(typ="safe", pure=True).load(asyncapi_text(SPECS))
    assert {channel["address"] for channel in document["channels"].values()} == {s.topic for s in SPECS}
    for name, operation in document["operations"].items():
        assert name.startswith(("send_", "receive_"))
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]
    for message in document["components"]["messages"].values():
        assert (FOLDER / message["payload"]["schema"]["$ref"]).is_file()
