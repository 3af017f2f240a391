"""What of this machine the process may use, asked without loading anything."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")
_MEMORY = Path("/proc/meminfo")


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def granted_cores() -> float | None:
    """Cores' worth of time that a container grants; None without such a limit."""
    with suppress(OSError, ValueError):
        quota, period = (_GROUP / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def free_memory() -> int | None:
    """Bytes of memory that are free for this process, the least of machine and container; None where it is not said."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        found.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")))
    with suppress(OSError, ValueError):
        most = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
        if most != "max":
            found.append(max(0, int(most) - int((_GROUP / "memory.current").read_text(encoding="ascii"))))
    return min(found, default=None)
