"""What the benchmarks share: alternating timing windows, results as rows with their targets, machine facts."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thecal.core.files import as_json, write_whole
from thecal.core.jit import available_cores
from thecal.experiments.tracking.provenance import git_state, versions


@dataclass(frozen=True)
class Row:
    """One measured figure; ``target`` is the smallest (or, with ``at_most``, the largest) value wanted."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """``reached``, ``missed`` or nothing where no target is set."""
        if self.target is None:
            return ""
        good = self.value <= self.target if self.at_most else self.value >= self.target
        return "reached" if good else "missed"


def rate(work: Callable[[], int], seconds: float = 1.0) -> float:
    """Units of work a second: ``work`` is called until ``seconds`` have passed and returns the units it did."""
    done = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        done += work()
    return done / (time.perf_counter() - begin)


def best(work: Callable[[], int], windows: int = 3, seconds: float = 0.5) -> float:
    """The highest rate of several windows: other work on the machine can only slow one down."""
    return max(rate(work, seconds) for _ in range(windows))


def alternate(first: Callable[[], int], second: Callable[[], int], windows: int = 5) -> tuple[float, float, float]:
    """Rates of two workloads in alternating windows of one process: medians, and the median of the paired ratios."""
    pairs = [(rate(first), rate(second)) for _ in range(windows)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def facts() -> dict[str, Any]:
    """The machine, how busy it is, and what runs on it: absolute speeds mean little without them."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "system": platform.platform(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": versions(),
        "git": git_state(),
    }


def processor() -> str:
    """The processor's name as far as the system tells it."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def report(results: dict[str, list[Row]], machine: dict[str, Any], path: Path | None) -> None:
    """Print the machine and the rows; write both as JSON to ``path``."""
    load = "unknown" if machine["load"] is None else f"{machine['load']:.1f}"
    print(f"\n{machine['processor']}, {machine['cores']} cores, load before the start {load}")
    for title, rows in results.items():
        print(f"\n{title}")
        for row in rows:
            wanted = "" if row.target is None else f"{'<=' if row.at_most else '>='} {row.target:,.4g}"
            print(f"  {row.name:<64} {row.value:>16,.4g} {row.unit:<22} {wanted:<14} {row.verdict}")
    if path is not None:
        rows = {name: [{**asdict(row), "verdict": row.verdict} for row in found] for name, found in results.items()}
        write_whole(path, as_json({"machine": machine, "results": rows}))
