"""What stands in a policy's files, in words that need no YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import duration_ms
from streamproc.core.policy.model import Period
from streamproc.core.policy.shape import Again, ByName, Duration, Either, Flag, ListOf, Shape, Value

_UNITS: Final = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day"}
_DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d)")
_CAP_KEYS: Final = [{"max", window} for window in ("per", "rolling", "ever")]
_JOINED: Final = {"all": " and ", "any": " or "}


def resolved(value: Value) -> Value:
    """Return the shape that a value refers to, or the value itself."""
    return value.shape() if isinstance(value, Again) else value


def fitting(value: Value, node: Node) -> Value:
    """Choose, of a value that may be of several kinds, the one that a node is of."""
    value = resolved(value)
    if not isinstance(value, Either):
        return value
    wanted: tuple[type, ...] = {"mapping": (Shape, ByName), "list": (ListOf,)}.get(node.kind, ())
    plain = [one for one in value.of if not isinstance(one, Shape | ByName | ListOf)]
    return next((one for one in value.of if isinstance(one, wanted)), plain[0] if plain else value.of[0])


def meaning(value: Value, node: Node | None) -> object:
    """Return what a node means, such that two ways to write one thing are equal; a flag's default is as if unsaid."""
    if node is None:
        return None
    value = resolved(value)
    if isinstance(value, Either) and node.kind not in ("list", "mapping"):
        alone = meaning(fitting(value, node), node)
        # Where a list may stand, one value is the list of it.
        return [alone] if any(isinstance(one, ListOf) for one in value.of) else alone
    value = fitting(value, node)
    if isinstance(value, Shape) and node.kind == "mapping":
        found = {name: meaning(key.value, node.keys.get(name)) for name, key in value.keys.items()}
        found |= {name: plain(one) for name, one in node.keys.items() if name not in value.keys}
        return {name: one for name, one in found.items() if one is not None}
    if isinstance(value, ListOf) and node.kind == "list":
        return [meaning(value.of, item) for item in node.items]
    if isinstance(value, ByName) and node.kind == "mapping":
        return {name: meaning(value.of, one) for name, one in node.keys.items()}
    if isinstance(value, Duration):
        return duration_ms(node.raw)
    if isinstance(value, Flag):
        flag = node.raw.lower() == "true"
        return None if flag is value.default else flag
    return plain(node)


def plain(node: Node) -> object:
    """Return a node as Python has it, without a shape."""
    if node.kind == "mapping":
        return {name: plain(one) for name, one in node.keys.items()}
    if node.kind == "list":
        return [plain(one) for one in node.items]
    return Decimal(node.raw) if node.kind == "number" else node.raw.strip()


def words(value: Value, node: Node) -> str:
    """Say a value in words: `7 days`, `push, email`, `count of product.viewed, same item, within 24 hours`."""
    value = fitting(value, node)
    if node.kind == "mapping" and isinstance(value, Shape) and value.is_single:
        return condition(value, node)
    if node.kind == "mapping":
        return ", ".join(said(value, name, one) for name, one in node.keys.items())
    if node.kind == "list":
        return listed(words(value.of if isinstance(value, ListOf) else value, one) for one in node.items)
    if isinstance(value, Duration) and (match := _DURATION.fullmatch(node.raw)):
        return f"{match[1]} {_UNITS[match[2]]}{'' if match[1] == '1' else 's'}"
    if isinstance(value, Flag):
        return "yes" if node.raw.lower() == "true" else "no"
    return node.raw.strip()


def listed(parts: Iterable[str]) -> str:
    """Join what is listed; nothing is `none`."""
    return ", ".join(parts) or "none"


def label(shape: Value, name: str) -> str:
    """Return what people call a key."""
    key = shape.keys.get(name) if isinstance(shape, Shape) else None
    return name if key is None else key.label or name.replace("_", " ")


def said(value: Value, name: str, node: Node) -> str:
    """Say one key of a mapping with its value: `silence after a purchase 30 days`."""
    key = value.keys.get(name) if isinstance(value, Shape) else None
    inner: Value | None = key.value if key is not None else getattr(value, "of", None)
    if inner is None:
        return f"{name} {plain(node)}"
    if isinstance(inner, Flag):
        return label(value, name) if node.raw.lower() == "true" else f"not {label(value, name)}"
    return f"{label(value, name)} {words(inner, node)}"


def condition(shape: Shape, node: Node) -> str:
    """Say a condition: its key, and what it asks for; `all`, `any` and `not` as sentences join."""
    name, inner = next(iter(node.keys.items()), ("nothing", node))
    key = key_of(shape, name)
    if key is None and inner is node:
        return name
    if key is None:
        return f"{name} {plain(inner)}"
    if name in _JOINED and inner.kind == "list":
        parts = [condition(shape, one) for one in inner.items if one.kind == "mapping" and one.keys]
        return _JOINED[name].join(parts) if len(parts) == 1 else f"({_JOINED[name].join(parts)})"
    if name == "not" and inner.kind == "mapping" and inner.keys:
        return f"not {condition(shape, inner)}"
    called = label(shape, name)
    if isinstance(key, Flag):
        return called if inner.raw.lower() == "true" else f"not {called}"
    return f"{called} {words(key, inner)}"


def key_of(shape: Shape, name: str) -> Value | None:
    """Return what a key of a shape holds, also where a part of the key is the author's own."""
    if name in shape.keys:
        return shape.keys[name].value
    return next(
        (key.value for expression, key in shape.patterned.items() if re.fullmatch(expression, name)), None
    )


def are_caps(node: Node | None) -> bool:
    """Tell whether a node is a list of whole caps, or not there; only then can they be told as such."""
    return node is None or all(map(_is_cap, node.items))


def _is_cap(node: Node) -> bool:
    if {*node.keys} not in _CAP_KEYS or node.keys["max"].kind != "number":
        return False
    if "rolling" in node.keys:
        return duration_ms(node.keys["rolling"].raw) is not None
    return "per" not in node.keys or node.keys["per"].raw in list(Period)


def cap(node: Node) -> str:
    """Say the window of a cap: `a day`, `in 7 days`, `ever`."""
    if "per" in node.keys:
        return f"a {node.keys['per'].raw}"
    if "rolling" in node.keys:
        return f"in {words(Duration(0, 0), node.keys['rolling'])}"
    return "ever"


def caps(node: Node | None) -> list[str]:
    """Say all caps of a list: `at most 1 in 7 days`."""
    return [f"at most {one.keys['max'].raw} {cap(one)}" for one in (node.items if node is not None else ())]
