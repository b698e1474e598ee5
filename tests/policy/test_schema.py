"""The JSON Schemas that editors use say what the loader does, as far as a schema can."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from streamproc.core.policy import loader, translations
from streamproc.core.policy.document import Node, read
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.json_schema import DIALECT, schemas
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.when import KEYS
from streamproc.ops.policy_files import read_folder
from streamproc.shipped import shipped_folder
from tests.policy.samples import FILES, with_when
from tests.policy.test_docs import BLOCKS, CONDITIONS
from tests.policy.test_errors import cases

SHIPPED = shipped_folder("policy")
SCHEMAS = schemas()
VALIDATORS = {kind: jsonschema.Draft7Validator(schema) for kind, schema in SCHEMAS.items()}


def kind_of(file: str) -> str:
    folder = file.partition("/")[0]
    return {"campaigns": "campaign", "translations": "translation"}.get(folder, file.removesuffix(".yaml"))


def value_of(node: Node) -> Any:
    """Return what an editor sees: YAML 1.2's own types."""
    if node.kind == "mapping":
        return {key: value_of(value) for key, value in node.keys.items()}
    if node.kind == "list":
        return [value_of(item) for item in node.items]
    if node.kind == "number":
        return float(node.raw) if set(node.raw) & set(".eE") else int(node.raw)
    return {"null": None, "bool": node.raw.lower() == "true"}.get(node.kind, node.raw)


def faults(file: str, text: str) -> list[str]:
    node = read(file, text, Findings())
    assert node is not None
    return [error.message for error in VALIDATORS[kind_of(file)].iter_errors(value_of(node))]


@pytest.mark.parametrize("file", read_folder(SHIPPED))
def test_every_shipped_file_is_taken_and_names_its_schema(file: str) -> None:
    text = read_folder(SHIPPED)[file]
    assert faults(file, text) == []
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named is not None
    schema = SHIPPED / Path(file).parent / named[1]
    assert json.loads(schema.read_text("utf-8")) == SCHEMAS[kind_of(file)], "run `make schema`"


def test_the_sample_and_the_files_of_the_guide_are_taken() -> None:
    for file, text in {**FILES, **{name: text for name, text in BLOCKS.items() if "/" in name}}.items():
        assert faults(file, text) == [], file


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one_and_describes_every_key(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[kind])
    assert SCHEMAS[kind]["$schema"] == DIALECT
    for path, schema in properties(SCHEMAS[kind]):
        assert schema.get("description"), path


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for group in ("properties", "patternProperties"):
            for name, value in schema.get(group, {}).items():
                yield f"{path}.{name}", value
        for name, value in schema.items():
            yield from properties(value, f"{path}/{name}")
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value, path)


# Mistakes of form: what is wrong shows in the value itself. Others need more than one value, or another file.
OF_FORM = re.compile(
    r"unknown (key|condition)|: is required|is not true or false|is not a duration|is not between [-.\d]+ and"
    r"|is not a (mapping|list|number|text|whole number|surface|period|sensitivity|form|purpose|reason code)"
    r"|is not a (kind of event|specificity|rung|locale such|window such|fact|name|date)"
    r"|a condition has one key|needs (min or max|exactly one|at least one)|names no|must be an https"
    r"|has \d+ (characters|caps|entries|examples)"
)
# ... but a schema cannot name the policy's own language, nor leave out what only one campaign leaves out.
BEYOND = re.compile(r"reasons.yaml:\d: en(.asked)?: is required|allowed are in_app$|2026-02-30|names no item")


def test_every_mistake_of_form_is_underlined_in_an_editor_too() -> None:
    refused = 0
    for files, expected in cases():
        changed = {file: text for file, text in files.items() if FILES.get(file) != text}
        of_form = [error for error in expected if OF_FORM.search(error) and not BEYOND.search(error)]
        if of_form and all(read(file, text, Findings()) for file, text in changed.items()):
            assert [fault for file, text in changed.items() for fault in faults(file, text)], expected
            refused += 1
    assert refused > 50


def meanings(schema: Any, root: Any) -> list[Any]:
    """Return the parts of a schema that a value may meet, references followed."""
    if "$ref" in schema:
        return meanings(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    found = [schema]
    for group in ("allOf", "anyOf"):
        for one in schema.get(group, ()):
            found += meanings(one, root)
    return found


def known_keys(node: Node, schema: Any, root: Any) -> Iterator[tuple[Node, set[str]]]:
    """Yield each mapping of a file with the keys that its schema knows there."""
    found = meanings(schema, root)
    if node.kind == "mapping":
        yield node, {key for one in found for key in one.get("properties", ())}
        for key, value in node.keys.items():
            for one in found:
                inner = one.get("properties", {}).get(key) or one.get("additionalProperties")
                if inner:
                    yield from known_keys(value, inner, root)
    for item in node.items:
        for one in found:
            yield from known_keys(item, one.get("items", {}), root)


def test_every_key_that_the_loader_knows_is_in_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    roots: list[Node] = []
    asked: dict[int, set[str]] = {}
    only = Fields.only

    def noting_only(fields: Fields, allowed: Any, *more: Any) -> None:
        asked.setdefault(id(fields.node), set()).update(allowed)
        only(fields, allowed, *more)

    def noting_read(file: str, text: str, findings: Findings) -> Node | None:
        node = read(file, text, findings)
        roots.extend([node] if node is not None else [])
        return node

    monkeypatch.setattr(Fields, "only", noting_only)
    monkeypatch.setattr(loader, "read", noting_read)
    monkeypatch.setattr(translations, "read", noting_read)
    for files in (read_folder(SHIPPED), FILES, *map(with_when, CONDITIONS)):
        loader.load_all(files)
    checked = 0
    for root in roots:
        schema = SCHEMAS[kind_of(root.file)]
        for node, known in known_keys(root, schema, schema):
            assert asked.get(id(node), set()) <= known, f"{root.file}: {node.path}: say it in the shape"
            checked += id(node) in asked
    assert checked > 100


@pytest.mark.parametrize("key", KEYS)
def test_every_condition_is_in_the_schema(key: str) -> None:
    condition = SCHEMAS["campaign"]["definitions"]["condition"]
    names = [*condition["properties"], *condition["patternProperties"]]
    assert any(name == key or re.fullmatch(name, key.replace("<name>", "x")) for name in names)
