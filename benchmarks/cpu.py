"""How much CPU time processes have used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from streamproc.core import decide

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int | None) -> float:
    """Return the CPU time of all threads of a process, user and system, in seconds."""
    # The name in parentheses may hold spaces; user and system time are the 14th and 15th field.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def memory_mib_max(pid: int) -> float:
    """Return the most resident memory that a process has had, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine() -> dict[str, str | float | bool]:
    """Describe this machine, and whether the package is compiled ahead of time."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": models[0].partition(":")[2].strip() if models else "unknown",
        "load_1m": round(os.getloadavg()[0], 2),
        "compiled": not (decide.__file__ or "").endswith(".py"),
    }
