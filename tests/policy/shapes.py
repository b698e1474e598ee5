"""Walk the shapes of a policy's files."""

from __future__ import annotations

from collections.abc import Iterator

from streamproc.core.policy.shape import Again, ByName, Either, Key, ListOf, Shape, Value


def keys_of(value: Value) -> Iterator[tuple[str, Key]]:
    if isinstance(value, Shape):
        for name, key in (*value.keys.items(), *value.patterned.items()):
            yield name, key
            yield from keys_of(key.value)
    elif isinstance(value, ListOf | ByName):
        yield from keys_of(value.of)
    elif isinstance(value, Either):
        for one in value.of:
            yield from keys_of(one)
    elif isinstance(value, Again):
        assert value.shape().says
