"""The commands that a newcomer types, and the script that CI runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)
README = (ROOT / "README.md").read_text("utf-8")


def run(*command: str, cwd: Path = ROOT, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    env.pop("MAKEFLAGS", None)
    env.pop("PYTHON", None)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=30, check=False)


def executable(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def set_up_files(folder: Path) -> None:
    """Put into a folder what tools/setup.sh reads before it installs."""
    (folder / "tests").mkdir()
    shutil.copytree(ROOT / "tools", folder / "tools")
    for name in ("pyproject.toml", "constraints.txt", "tests/data-requirements.txt"):
        shutil.copy(ROOT / name, folder / name)


@pytest.mark.parametrize("target", TARGETS)
def test_make_help_lists_every_target(target: str) -> None:
    assert re.search(rf"^  make {target} +\S", run("make", "help").stdout, re.MULTILINE)


@pytest.mark.parametrize("target", ["demo", "test", "check", "test-kafka", "bench"])
def test_the_promised_targets_exist_and_set_up_what_they_need(target: str) -> None:
    shown = run("make", "-n", target)
    assert shown.returncode == 0, shown.stderr
    assert "tools/setup.sh" in shown.stdout


def test_the_readme_names_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(re.findall(r"make [a-z]+", README))


def test_every_make_target_that_a_document_names_exists() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        named = set(re.findall(r"`make ([a-z-]+)", document.read_text("utf-8")))
        assert named <= set(TARGETS), document


def test_every_relative_link_of_a_document_leads_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            assert (document.parent / link).exists(), f"{document}: {link}"


@pytest.mark.parametrize("script", [".ci/run", "tools/setup.sh"])
def test_scripts_are_executable_and_have_no_syntax_error(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert run("bash" if script == ".ci/run" else "sh", "-n", script).returncode == 0


def test_set_up_does_nothing_where_more_than_enough_is_installed(tmp_path: Path) -> None:
    set_up_files(tmp_path)
    sums = "cat pyproject.toml constraints.txt tests/data-requirements.txt tools/setup.sh | cksum"
    fingerprint = f"{tmp_path} {run('sh', '-c', sums, cwd=tmp_path).stdout}"
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed-embedded-test-dev").write_text(fingerprint)
    done = run("tools/setup.sh", "embedded,test", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_set_up_says_what_is_missing_where_no_python_fits(tmp_path: Path, version: tuple[int, ...]) -> None:
    set_up_files(tmp_path)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "tr"):
        (commands / name).symlink_to(str(shutil.which(name)))
    # As a shim of pyenv does: it stands on PATH and does not run. The other one runs, and is of another version.
    executable(commands / "python3.13", "exit 127")
    pretend = f'exec "{sys.executable}" -c "import sys; sys.version_info = {version}\n$2"'
    executable(commands / "python3", pretend)
    done = run(str(tmp_path / "tools" / "setup.sh"), "embedded", cwd=tmp_path, path=str(commands))
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("failing", "status", "last"),
    [
        ("none", 0, "All checks hold."),
        ("check", 1, "FAILED: make check"),
        ("test-kafka", 1, "FAILED: make test-kafka"),
    ],
)
def test_ci_fails_when_a_part_of_it_fails(tmp_path: Path, failing: str, status: int, last: str) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    executable(tmp_path / "bin" / "make", f'echo "make $*" >>made\ncase "$*" in *" {failing}") exit 2;; esac')
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = run("bash", ".ci/run", cwd=tmp_path, path=path)
    assert done.returncode == status
    assert done.stdout.splitlines()[-1] == last
    made = (tmp_path / "made").read_text().splitlines()
    assert [line.split()[-1] for line in made] == ["check", "test-kafka"]


def test_the_limits_of_ci_add_up_to_less_than_45_minutes() -> None:
    limits_s = re.findall(r'^run "[^"]+" (\d+) ', (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert 0 < sum(map(int, limits_s)) < 45 * 60
