"""Values that fit a published JSON Schema, and some that do not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

SCHEMAS = Path(__file__).parents[2] / "../shared/data/iglu"

# Texts as producers write them: what ingest cleans, and how, is told by its own tests.
TEXTS = st.text(st.sampled_from("abcXYZ019-_./ äß€"), max_size=12).map(str.strip)
UUIDS = st.uuids().map(str)
TIMES = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123+01:00", "2025-12-31T23:59:59.5Z"])
_FORMATS = {
    "uuid": UUIDS,
    "date-time": TIMES,
    "uri": st.just("https://shop.example/p/coat?size=m"),
    "ipv4": st.just("203.0.113.7"),
    "email": st.just("c@shop.example"),
}
_BASE64 = st.binary(min_size=1, max_size=12).map(lambda raw: base64.b64encode(raw).decode())


def instances(file: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw objects of a schema's shape, any of its fields left out."""
    if not SCHEMAS.exists():
        return st.just({})
    return _object(json.loads((SCHEMAS / file).read_text("utf-8")))


def _object(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: _value(one) for name, one in schema.get("properties", {}).items()}
    return st.fixed_dictionaries({}, optional=fields)


def _value(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "string")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return st.one_of([_typed(kind, schema) for kind in kinds])


def _typed(kind: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    match kind:
        case "object":
            return _object(schema)
        case "array":
            return st.lists(_value(schema.get("items", {})), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1))
        case "number":
            return st.floats(-1e6, 1e6)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    if "pattern" in schema:
        return _BASE64
    return _FORMATS.get(schema.get("format", ""), TEXTS)
