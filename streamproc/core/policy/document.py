"""YAML text to nodes that know their file, line and path; nothing is interpreted beyond YAML 1.2's own types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from streamproc.core.policy.problems import Findings, shown

FILE_CHARS_MAX: Final = 65_536
# The parser's cost grows with the square of the depth of brackets; the deepest rule that means anything needs about 12.
DEPTH_MAX: Final = 24
NODES_MAX: Final = 10_000

Kind = Literal["mapping", "list", "text", "number", "bool", "null"]

_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Node:
    """One value of a file. `path` names it inside the file (`when.all[1].count`), `raw` is a scalar as written.

    `keys` holds the nodes of a mapping's values by key, `key_lines` the lines of the keys, `items` a list's nodes.
    """

    file: str
    line: int
    path: str
    kind: Kind
    raw: str
    keys: dict[str, Node]
    key_lines: dict[str, int]
    items: tuple[Node, ...]

    def __str__(self) -> str:
        """Say what was found, for errors."""
        if self.kind == "mapping":
            return "a mapping"
        if self.kind == "list":
            return "a list"
        return "nothing" if self.kind == "null" else shown(self.raw)

    def line_of(self, key: str) -> int:
        """Return the line of a key, or that of the mapping if it has no such key."""
        return self.key_lines.get(key, self.line)


class _Refused(Exception):
    """Stop reading a file: what follows would be about another structure than its author sees."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line: Final = line


def read(file: str, text: str, findings: Findings) -> Node | None:
    """Read one YAML document.

    Duplicate keys, anchors, aliases, explicit tags and several documents are refused: each makes a file mean something
    else than it shows. Returns None, with an error among the findings, where there is no single tree of nodes.
    """
    if len(text) > FILE_CHARS_MAX:
        findings.error(file, 0, f"the file has {len(text)} characters, {FILE_CHARS_MAX} are allowed")
        return None
    try:
        # Of the pure parsers the one that leaves comments aside: a fifth quicker.
        return _Builder(file, findings).build(YAML(typ="safe", pure=True).parse(text))
    except _Refused as refused:
        findings.error(file, refused.line, str(refused))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        findings.error(file, mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}")
    except (YAMLError, ValueError) as error:
        findings.error(file, 0, f"not YAML: {str(error).splitlines()[0]}")
    return None


class _Builder:
    """Turns the parser's events into nodes."""

    def __init__(self, file: str, findings: Findings) -> None:
        self.file: Final = file
        self.findings: Final = findings
        self.nodes = 0

    def build(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise _Refused(line, "a second document begins here: a file holds one")
            elif isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent, AliasEvent)):
                root = self.node(event, events, "", 0)
        if root is None or root.kind == "null":
            raise _Refused(1, "the file is empty")
        return root

    def node(self, event: Any, events: Iterator[Any], path: str, depth: int) -> Node:
        line = event.start_mark.line + 1
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise _Refused(line, f"more than {NODES_MAX} values in one file")
        if depth > DEPTH_MAX:
            raise _Refused(line, f"nested more than {DEPTH_MAX} levels deep")
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise _Refused(line, "anchors (&) and aliases (*) are not allowed; quote a text that begins so")
        if isinstance(event, MappingStartEvent):
            return self.mapping(line, events, path, depth)
        if isinstance(event, SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(events), SequenceEndEvent):
                items.append(self.node(event, events, f"{path}[{len(items)}]", depth + 1))
            return Node(self.file, line, path, "list", "", {}, {}, tuple(items))
        return Node(self.file, line, path, _scalar_kind(event, line), event.value, {}, {}, ())

    def mapping(self, line: int, events: Iterator[Any], path: str, depth: int) -> Node:
        keys: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key_line = event.start_mark.line + 1
            if not isinstance(event, ScalarEvent):
                raise _Refused(key_line, f"{path or 'the file'}: a key must be a plain name")
            key = event.value
            place = f"{path}.{key}" if path else key
            value = self.node(next(events), events, place, depth + 1)
            if key in keys:
                self.findings.error(
                    self.file, key_line, f"{place}: the key stands twice, first in line {key_lines[key]}"
                )
                continue
            keys[key], key_lines[key] = value, key_line
        return Node(self.file, line, path, "mapping", "", keys, key_lines, ())


def _scalar_kind(event: Any, line: int) -> Kind:
    """Resolve a scalar by YAML 1.2's core rules: only `true` and `false` are booleans, `no` and `on` are texts."""
    if event.tag is not None:
        if str(event.tag) == _TEXT_TAG:
            return "text"
        raise _Refused(line, f"the tag {event.tag} is not allowed")
    if event.style is not None:
        return "text"
    if event.value in ("", "~", "null", "Null", "NULL"):
        return "null"
    if event.value in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return "bool"
    return "number" if _NUMBER.fullmatch(event.value) else "text"
