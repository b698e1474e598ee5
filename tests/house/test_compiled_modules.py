"""What a module may not hold that is compiled ahead of time (docs/adr/008)."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
MODULES = [path.strip("/") for path in BUILD["targets"]["wheel"]["hooks"]["mypyc"]["include"]]
# Their fields are read by others through annotations, which compiling replaces.
SHAPES = ("Struct", "dataclass", "Enum", "NamedTuple", "TypedDict", "Protocol")


def shapes_in(tree: ast.AST) -> Iterator[str]:
    """Name the classes that compiling would take the shape of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            heads = [*map(ast.unparse, node.bases), *map(ast.unparse, node.decorator_list)]
            if any(shape in head for head in heads for shape in SHAPES):
                yield node.name


def floats_in(tree: ast.AST) -> Iterator[int]:
    """Name the lines of annotations that say `float` and not `int | float`."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=found) | ast.AnnAssign(annotation=found) if found is not None:
                pass
            case ast.FunctionDef(returns=found) | ast.AsyncFunctionDef(returns=found) if found is not None:
                pass
            case _:
                continue
        words = set(re.findall(r"\w+", ast.unparse(found)))
        if "float" in words and "int" not in words:
            yield found.lineno


@pytest.mark.parametrize("path", MODULES)
def test_a_compiled_module_exists_and_defines_no_shape(path: str) -> None:
    assert list(shapes_in(ast.parse((ROOT / path).read_text("utf-8")))) == []


@pytest.mark.parametrize("path", [path for path in MODULES if "/core/" in path or "/ingest/" in path])
def test_a_compiled_module_makes_no_fraction_of_a_whole_number(path: str) -> None:
    assert list(floats_in(ast.parse((ROOT / path).read_text("utf-8")))) == []


def test_shapes_and_fractions_are_found() -> None:
    assert list(shapes_in(ast.parse("class A(msgspec.Struct, frozen=True): ..."))) == ["A"]
    assert list(shapes_in(ast.parse("@dataclass(frozen=True)\nclass A: ..."))) == ["A"]
    assert list(shapes_in(ast.parse("class A: ..."))) == []
    for line in ("def f(a: float): ...", "def f() -> float | None: ...", "a: dict[str, float] = {}"):
        assert list(floats_in(ast.parse(line))) == [1]
    for line in ("def f(a: int | float): ...", "a: dict[str, str | int | float] = {}", "def f(a): ..."):
        assert list(floats_in(ast.parse(line))) == []
