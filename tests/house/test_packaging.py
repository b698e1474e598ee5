"""What an installation brings: its dependencies, and the files that are no Python."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import streamproc
from streamproc.shipped import shipped_folder

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def installed_requirements() -> dict[str, str]:
    """Return the version of every installed package that the project asks for, also through others."""
    extras = PROJECT["optional-dependencies"].values()
    pending = [Requirement(text) for text in chain(PROJECT["dependencies"], *extras)]
    found: dict[str, str] = {}
    seen: set[str] = set()
    while pending:
        requirement = pending.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue
        found[canonicalize_name(requirement.name)] = distribution.version
        for text in distribution.requires or ():
            needed = Requirement(text)
            extras_asked = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras_asked):
                pending.append(needed)
    return found


def test_constraints_are_names_and_exact_versions_alone() -> None:
    line = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+")
    assert [text for text in CONSTRAINTS if not line.fullmatch(text)] == []


def test_constraints_hold_every_package_that_is_installed_for_us() -> None:
    held = {canonicalize_name(line.partition("==")[0]) for line in CONSTRAINTS}
    found = installed_requirements()
    assert len(found) > 40
    assert sorted(found.keys() - held) == []


def test_the_version_has_one_source() -> None:
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+", streamproc.__version__)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(streamproc.__file__).parent / "py.typed").is_file()


@pytest.mark.interpreted
def test_a_checkout_finds_its_folders_beside_the_package() -> None:
    assert shipped_folder("topics") == ROOT / "topics"
    assert shipped_folder("policy") == ROOT / "policy"


def test_a_wheel_carries_policy_topics_scripts_and_types(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("streamproc", "policy", "topics"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=50)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"streamproc/py.typed", "streamproc/store/scripts/commit.lua"} <= names
    assert "streamproc/_shipped/topics/consents.yaml" in names
    assert "streamproc/_shipped/topics/schemas/nudge.json" in names
    assert any(name.startswith("streamproc/_shipped/policy/campaigns/") for name in names)
    assert "streamproc/_shipped/policy/schema/campaign.json" in names
    assert not [name for name in names if name.startswith("tests/")]
