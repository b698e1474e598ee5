"""The arguments that a policy gives a plug-in: types from the function's signature, values from the file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Literal, get_args, get_origin, get_type_hints

from streamproc.core.money import MINOR_MAX
from streamproc.core.plugins import PluginUnusable
from streamproc.core.policy.fields import NAME, Fields
from streamproc.core.policy.shape import (
    Choice,
    Duration,
    Flag,
    Key,
    ListOf,
    Number,
    Shape,
    Text,
    Value,
    Whole,
)

DURATION_MS_MAX: Final = 366 * 86_400_000
ARGUMENTS_MAX: Final = 16
_TYPES: Final = "bool, int, float, str, timedelta, tuple[str, ...] or a Literal of texts"


def shape_of(function: Callable[..., object], given: int, says: str) -> Shape:
    """Describe the arguments of a plug-in's function, which takes `given` of its own and then keyword-only ones.

    Raises PluginUnusable for a signature that a policy cannot fill.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
        hints = get_type_hints(function)
    except (TypeError, ValueError, NameError) as error:
        raise PluginUnusable(f"its signature cannot be read: {type(error).__name__}") from error
    own, named = parameters[:given], parameters[given:]
    if len(own) < given or any(one.kind is not one.POSITIONAL_OR_KEYWORD for one in own):
        raise PluginUnusable(f"it must take {given} positional argument{'s' if given > 1 else ''} first")
    if len(named) > ARGUMENTS_MAX:
        raise PluginUnusable(f"it takes {len(named)} arguments, {ARGUMENTS_MAX} are allowed")
    keys: dict[str, Key] = {}
    for parameter in named:
        if parameter.kind is not parameter.KEYWORD_ONLY or not NAME.fullmatch(parameter.name):
            raise PluginUnusable(
                f"its argument {parameter.name} must be keyword-only, with a lower-case name"
            )
        default = parameter.default
        value = _value(parameter.name, hints.get(parameter.name), default=default)
        keys[parameter.name] = Key(
            f"Its argument {parameter.name}.", value, required=default is parameter.empty
        )
    return Shape(says, keys)


def _value(name: str, hint: object, *, default: object) -> Value:
    plain: dict[object, Value] = {
        bool: Flag(default=default is True),
        int: Whole(-MINOR_MAX, MINOR_MAX),
        float: Number(-MINOR_MAX, MINOR_MAX),
        str: Text(),
        timedelta: Duration(1, DURATION_MS_MAX),
        tuple[str, ...]: ListOf(Text()),
    }
    if hint in plain:
        return plain[hint]
    names = get_args(hint)
    if get_origin(hint) is Literal and all(isinstance(one, str) for one in names):
        return Choice(names)
    raise PluginUnusable(f"its argument {name} must be annotated as {_TYPES}")


def read_arguments(fields: Fields) -> dict[str, object]:
    """Read the arguments that stand there, as the function's types have them; what is left out keeps its default."""
    shape = fields.shape
    assert shape is not None, f"{fields.node.path} has no shape"
    given = {name: _read(fields, name, shape.keys[name].value) for name in fields.keys}
    return {name: value for name, value in given.items() if value is not None}


def _read(fields: Fields, name: str, value: Value) -> object:
    match value:
        case Flag():
            return fields.flag(name)
        case Whole():
            return fields.integer(name)
        case Number():
            number = fields.number(name)
            return None if number is None else float(number)
        case Duration():
            ms = fields.duration(name)
            return None if ms is None else timedelta(milliseconds=ms)
        case Choice():
            return fields.choice(name)
        case ListOf():
            return fields.texts(name)
    return fields.text(name)
