"""What holds for every file: bounds, and words that must not be there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "streamproc").rglob("*.py"))
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# What tools and people leave in a tree.
LEFT_BEHIND = re.compile(
    r"\.git|__pycache__|\.venv.*|\.compiled.*|build|dist|htmlcov|target|.*\.egg-info"
    r"|\.(mypy|ruff|pytest|import_linter)_cache|\.hypothesis|\.coverage|\.idea|\.vscode"
)
# Written in two parts, so that this file does not name them.
REGISTRIES = re.compile(
    "|".join(
        [
            "pypi" + r"\.org",
            "python" + r"hosted\.org",
            "registry" + r"\.npmjs",
            r"repo1?\.maven" + r"\.(org|apache)",
            "deb" + r"\.debian\.org",
            "crates" + r"\.io",
            "proxy" + r"\.golang",
        ]
    )
)
MACHINE_PATHS = re.compile(
    "|".join(["/wo" + r"rk/", "/ro" + r"ot\b", r"/ho" + r"me/\w", "/tmp/pl" + "an", "/tmp/ve" + "nv"])
)


def texts() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every file of the project."""
    for file in sorted(ROOT.rglob("*")):
        path = file.relative_to(ROOT)
        if any(map(LEFT_BEHIND.fullmatch, path.parts)) or not file.is_file():
            continue
        try:
            yield path.as_posix(), file.read_text("utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("file", PACKAGE, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_file_has_400_lines_at_most(file: Path) -> None:
    assert len(file.read_text("utf-8").splitlines()) <= FILE_LINES_MAX


def test_a_function_has_70_lines_at_most() -> None:
    for file in PACKAGE:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= FUNCTION_LINES_MAX, f"{file}: {node.name} has {length} lines"


def test_no_file_puts_work_off() -> None:
    put_off = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    assert [path for path, text in texts() if put_off.search(text)] == []


def test_no_file_names_a_registry() -> None:
    assert [path for path, text in texts() if REGISTRIES.search(text)] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert [path for path, text in texts() if MACHINE_PATHS.search(text)] == []


def test_every_public_function_of_the_package_is_annotated() -> None:
    for file in PACKAGE:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.returns is not None, f"{file}: {node.name} does not say what it returns"
