"""What is compiled ahead of time decides as what is not, byte for byte."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILED = ROOT / ".compiled"
ANSWERS = ROOT / "tests" / "compiled" / "answers.py"
HOOKS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"][
    "wheel"
]
MODULES = [
    path.strip("/").removesuffix(".py").replace("/", ".") for path in HOOKS["hooks"]["mypyc"]["include"]
]
# Two minutes on two quiet cores.
BUILD_S = 600

pytestmark = [
    pytest.mark.slow,
    pytest.mark.interpreted,
    pytest.mark.timeout(BUILD_S + 120),
    pytest.mark.skipif(
        shutil.which(os.environ.get("CC", "cc")) is None
        or not Path(sysconfig.get_path("include"), "Python.h").exists(),
        reason="compiling needs a C compiler and Python's headers",
    ),
]


def answers(*path: Path) -> list[str]:
    """Run the recorded days in a process that finds the package on this path first; return what it prints."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, str(ANSWERS), *MODULES],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_what_is_compiled_decides_as_what_is_not() -> None:
    subprocess.run([str(ROOT / "tools" / "compile.sh")], check=True, timeout=BUILD_S)
    compiled, interpreted = answers(COMPILED, ROOT), answers(ROOT)
    loaded = len(MODULES)
    assert compiled[:loaded] == [f"loaded {module} so" for module in MODULES]
    assert interpreted[:loaded] == [f"loaded {module} py" for module in MODULES]
    for one, other in zip(compiled[loaded:], interpreted[loaded:], strict=True):
        assert one == other
    assert sum(line.startswith("nudges.") for line in compiled) > 100
