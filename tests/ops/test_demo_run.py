"""A short run of the demo, as a user starts it: on a real broker, a real Redis, with a real worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import PYTHONPATH

ROOT = Path(__file__).parents[2]
RUN_SECONDS_MAX = 100

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]


def start(seconds: int, folder: Path) -> subprocess.Popen[str]:
    """Start `streamproc demo` with its temporary files in a folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMPROC_")}
    return subprocess.Popen(
        [sys.executable, "-m", "streamproc", "demo", "--seconds", str(seconds)],
        env=kept | {"PYTHONPATH": PYTHONPATH, "TMPDIR": str(folder), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_in(folder: Path) -> list[str]:
    """Return the processes that work in a folder, as a broker, Redis and a worker of the demo do."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in str((process / "cwd").readlink()):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="demo-test-") as path:
        yield Path(path)


def test_a_short_run_keeps_every_promise_and_leaves_nothing_behind(folder: Path) -> None:
    demo = start(8, folder)
    out, _ = demo.communicate(timeout=RUN_SECONDS_MAX)
    assert demo.returncode == 0, out
    assert "Every promise held." in out
    for line in ("started a broker", "started Redis", "started a worker", "events"):
        assert line in out
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []


def test_an_interrupted_run_ends_with_the_summary_so_far(folder: Path) -> None:
    demo = start(0, folder)
    assert demo.stdout is not None
    deadline = time.monotonic() + RUN_SECONDS_MAX
    seen = ""
    while not re.search(r"said +[1-9]", seen) and time.monotonic() < deadline:
        seen += demo.stdout.readline()
    demo.send_signal(signal.SIGINT)
    out, _ = demo.communicate(timeout=RUN_SECONDS_MAX)
    assert demo.returncode == 0, seen + out
    assert "What happened" in out
    assert "Every promise held." in out
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []
