"""The import rules are tried by breaking them, in a copy of the package."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"

# A module that breaks a rule, and what it imports.
BREAKS = {
    "core/breaks_clock.py": "time",
    "core/breaks_loop.py": "asyncio",
    "core/breaks_chance.py": "random",
    "core/breaks_log.py": "logging",
    "core/breaks_redis.py": "redis",
    "core/breaks_kafka.py": "aiokafka",
    "core/breaks_store.py": "streamproc.store",
    "core/breaks_settings.py": "streamproc.settings",
    "ingest/breaks_store.py": "streamproc.store",
    "store/breaks_ingest.py": "streamproc.ingest",
    "store/breaks_flow.py": "streamproc.flow",
    "store/breaks_settings.py": "streamproc.settings",
    "store/breaks_faust.py": "faust",
    "deliver/breaks_kafka.py": "aiokafka",
    "deliver/breaks_flow.py": "streamproc.flow",
    "deliver/breaks_pipeline.py": "streamproc.pipeline",
    "deliver/breaks_settings.py": "streamproc.settings",
    "flow/breaks_ops.py": "streamproc.ops",
    "ops/breaks_kafka.py": "aiokafka",
    "ops/verify/breaks_core.py": "streamproc.core.decide",
    "ops/verify/breaks_pipeline.py": "streamproc.pipeline",
}


def copy_of_the_package(folder: Path) -> Path:
    shutil.copytree(
        ROOT / "streamproc", folder / "streamproc", ignore=shutil.ignore_patterns("__pycache__", "_shipped")
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_every_arrow_points_inward(tmp_path: Path) -> None:
    status, said = lint(copy_of_the_package(tmp_path))
    assert status == 0, said


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    folder = copy_of_the_package(tmp_path_factory.mktemp("broken"))
    for name, imported in BREAKS.items():
        (folder / "streamproc" / name).write_text(f"import {imported}\n")
    return lint(folder)


@pytest.mark.parametrize(("name", "imported"), BREAKS.items(), ids=BREAKS)
def test_an_import_that_points_outward_is_named(broken: tuple[int, str], name: str, imported: str) -> None:
    status, said = broken
    module = "streamproc." + name.removesuffix(".py").replace("/", ".")
    assert status == 1
    assert f"{module} -> {imported} (l.1)" in said


def test_a_room_without_a_place_in_the_order_is_named(tmp_path: Path) -> None:
    folder = copy_of_the_package(tmp_path)
    (folder / "streamproc" / "attic.py").write_text("")
    status, said = lint(folder)
    assert status == 1
    assert "not listed as layers: - streamproc.attic" in said


@pytest.mark.parametrize("file", sorted((ROOT / "streamproc" / "core").rglob("*.py")), ids=lambda f: f.name)
def test_the_core_reads_no_clock_opens_no_file_and_prints_nothing(file: Path) -> None:
    banned_names = {"open", "print", "input", "exec", "eval", "__import__"}
    banned_methods = {"now", "utcnow", "today", "getenv", "urandom"}
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            assert not (isinstance(called, ast.Name) and called.id in banned_names), ast.unparse(node)
            assert not (isinstance(called, ast.Attribute) and called.attr in banned_methods), ast.unparse(
                node
            )
