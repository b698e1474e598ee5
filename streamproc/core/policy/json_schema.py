"""The shapes of a policy's files as JSON Schema, by which editors complete, explain and underline.

Draft 7, which is what editors' YAML support understands. A schema refuses no file that the loader takes; the loader
knows more, such as how parts fit together, so a file that an editor likes must still pass `policy check`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatchmethod
from typing import Any, Final

from streamproc.core.facts import CHANNELS
from streamproc.core.policy.campaign_shape import CAMPAIGN
from streamproc.core.policy.categories import CATEGORIES_FILE
from streamproc.core.policy.channels import CHANNELS_FILE
from streamproc.core.policy.content_shape import TRANSLATION_FILE
from streamproc.core.policy.creep import CREEP_FILE
from streamproc.core.policy.fields import NAME, duration_text
from streamproc.core.policy.reasons import REASONS_FILE
from streamproc.core.policy.shape import (
    Again,
    ByName,
    Choice,
    Duration,
    Either,
    Flag,
    Key,
    ListOf,
    Named,
    NameOf,
    Number,
    Shape,
    Text,
    Value,
    Whole,
)

Schema = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
FILES: Final[dict[str, Value]] = {
    "channels": CHANNELS_FILE,
    "categories": CATEGORIES_FILE,
    "reasons": REASONS_FILE,
    "creep": CREEP_FILE,
    "campaign": CAMPAIGN,
    "translation": TRANSLATION_FILE,
}


def schemas(named: Mapping[Named, Sequence[str]] | None = None) -> dict[str, Schema]:
    """Return a JSON Schema for each kind of file, by the kind's name.

    `named` are the channels, categories and groups of one policy: its campaigns' files then complete these and refuse
    others.
    """
    names: dict[Named, Sequence[str]] = {"channel": CHANNELS, **(named or {})}
    return {kind: _Writer(names).document(kind, value) for kind, value in FILES.items()}


class _Writer:
    """Writes one document; what is used in several places becomes a definition."""

    def __init__(self, names: Mapping[Named, Sequence[str]]) -> None:
        self.names: Final = names
        self.definitions: Final[dict[str, Schema]] = {}

    def document(self, kind: str, value: Value) -> Schema:
        schema = self.write(value)
        title = f"streamproc policy: {kind}"
        found = {"definitions": self.definitions} if self.definitions else {}
        return {"$schema": DIALECT, "title": title, **schema, **found}

    def key(self, key: Key) -> Schema:
        written = self.write(key.value)
        says = key.says
        if isinstance(key.value, Duration):
            bounds = (key.value.low_ms, key.value.high_ms)
            says += f" From {' to '.join(map(duration_text, bounds))}, written as 30m, 12h or 7d."
        # Beside `$ref` draft 7 hears nothing else.
        return {"description": says, **({"allOf": [written]} if "$ref" in written else written)}

    @singledispatchmethod
    def write(self, value: Any) -> Schema:
        raise AssertionError(f"no schema for {value}")

    @write.register
    def _(self, value: Text) -> Schema:
        if value.pattern:
            return {"type": "string", "maxLength": value.chars_max, "pattern": f"^({value.pattern})$"}
        # A number as written counts as text.
        text: Schema = {"type": ["string", "number"], "minLength": 1}
        if not value.braces_chars_max:
            return text | {"maxLength": value.chars_max}
        longer = {"maxLength": value.chars_max + value.braces_chars_max, "pattern": r"\{\{"}
        return text | {"anyOf": [{"maxLength": value.chars_max}, longer]}

    @write.register
    def _(self, value: Whole) -> Schema:
        return {"type": "integer", "minimum": value.low, "maximum": value.high}

    @write.register
    def _(self, value: Number) -> Schema:
        return {"type": "number", "minimum": value.low, "maximum": value.high}

    @write.register
    def _(self, _value: Duration) -> Schema:
        return {"type": "string", "pattern": r"^\d{1,6}(ms|s|m|h|d)$"}

    @write.register
    def _(self, value: Flag) -> Schema:
        return {"type": "boolean", "default": value.default}

    @write.register
    def _(self, value: Choice) -> Schema:
        known = {"enum": list(value.names)}
        if not value.or_like:
            return known
        return {"anyOf": [known, {"type": "string", "pattern": f"^{value.or_like}$"}]}

    @write.register
    def _(self, value: NameOf) -> Schema:
        if value.of in self.names:
            return {"enum": [*value.also, *self.names[value.of]]}
        return {"type": "string", "pattern": f"^{NAME.pattern}$", "examples": list(value.also)}

    @write.register
    def _(self, value: ListOf) -> Schema:
        unique = {"uniqueItems": True} if isinstance(value.of, Text | Choice | NameOf) else {}
        bounds = {"minItems": value.least, "maxItems": value.most}
        return {"type": "array", "items": self.write(value.of), **bounds, **unique}

    @write.register
    def _(self, value: ByName) -> Schema:
        most = {"maxProperties": value.most} if value.most else {}
        names = {"propertyNames": {"pattern": f"^({value.names})$"}}
        says = {"description": value.says} if value.says else {}
        return {"type": "object", **says, **names, **most, "additionalProperties": self.write(value.of)}

    @write.register
    def _(self, value: Either) -> Schema:
        return {"anyOf": [self.write(one) for one in value.of]}

    @write.register
    def _(self, value: Again) -> Schema:
        if value.name not in self.definitions:
            # It stands there before it is written, since it may hold itself.
            self.definitions[value.name] = {}
            self.definitions[value.name].update(self.write(value.shape()))
        return {"$ref": f"#/definitions/{value.name}"}

    @write.register
    def _(self, value: Shape) -> Schema:
        schema: Schema = {"type": "object", "description": value.says, "additionalProperties": False}
        schema["properties"] = {name: self.key(key) for name, key in value.keys.items()}
        if value.patterned:
            schema["patternProperties"] = {
                f"^{name}$": self.key(key) for name, key in value.patterned.items()
            }
        if value.required:
            schema["required"] = list(value.required)
        if value.is_single:
            schema |= {"minProperties": 1, "maxProperties": 1}
        for word, names in (("oneOf", value.one_of), ("anyOf", value.any_of)):
            if names:
                schema[word] = [{"required": [name]} for name in names]
        return schema
