"""Faust acknowledges in a `finally`, even on cancellation, so flow/ iterates streams one way only."""

from __future__ import annotations

import ast
from pathlib import Path

import streamproc.flow

TAKES = {"take", "noack_take", "take_events", "take_with_timestamp"}
FLOW = Path(streamproc.flow.__file__).parent


def faults(source: str) -> list[str]:
    """Return what a module does that may acknowledge unfinished records."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncFor | ast.comprehension) and _is_plain_iteration(node):
            found.append(f"iterates {ast.unparse(node.iter)}")
        if isinstance(node, ast.Try):
            found += [f"{call} in a finally" for stmt in node.finalbody for call in _acknowledgements(stmt)]
        if isinstance(node, ast.AsyncWith):
            found += [
                f"async with {ast.unparse(i.context_expr)}" for i in node.items if "event" in ast.unparse(i)
            ]
        if isinstance(node, ast.Attribute) and node.attr in TAKES and "stream" in ast.unparse(node.value):
            found.append(ast.unparse(node))
    return found


def _is_plain_iteration(node: ast.AsyncFor | ast.comprehension) -> bool:
    if isinstance(node, ast.comprehension) and not node.is_async:
        return False
    # A bare consumer without a group has nothing to acknowledge.
    return not ast.unparse(node.iter).endswith((".noack().events()", "consumer"))


def _acknowledgements(stmt: ast.stmt) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(stmt)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"ack", "finish"}
    ]


def test_no_module_of_flow_may_acknowledge_what_is_not_finished() -> None:
    modules = sorted(FLOW.rglob("*.py"))
    assert any(".noack().events()" in module.read_text() for module in modules)
    assert {str(module): found for module in modules if (found := faults(module.read_text()))} == {}


def test_the_ban_sees_each_forbidden_form() -> None:
    assert faults("async def f(stream):\n async for v in stream: pass")
    assert faults("async def f(stream):\n async for v in stream.events(): pass")
    assert faults("async def f(stream):\n return [v async for v in stream]")
    assert faults("async def f(stream):\n async for v in stream.noack_take(1): pass")
    assert faults("try: pass\nfinally: event.ack()")
    assert faults("async def f(event):\n async with event: pass")
    assert not faults("async def f(stream):\n async for e in stream.noack().events(): e.ack()")
