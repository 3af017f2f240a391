"""What the benchmarks share: alternating timing windows, results as rows with their targets, machine facts."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


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


def alternate(first: Callable[[], int], second: Callable[[], int], windows: int = 5) -> tuple[float, float, float]:
    """Rates of two workloads in alternating windows of one process: medians, and the median of the paired ratios."""
    pairs = [(rate(first), rate(second)) for _ in range(windows)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def report(results: dict[str, list[Row]], path: Path | None) -> None:
    """Print the rows and write them with machine facts as JSON."""
    for title, rows in results.items():
        print(f"\n{title}")
        for row in rows:
            wanted = "" if row.target is None else f"{'<=' if row.at_most else '>='} {row.target:,.4g}"
            print(f"  {row.name:<64} {row.value:>16,.4g} {row.unit:<22} {wanted:<14} {row.verdict}")
    if path is not None:
        facts = {"machine": platform.processor() or platform.machine(), "python": platform.python_version()}
        text = json.dumps(
            {"facts": facts, "results": {k: [asdict(r) for r in v] for k, v in results.items()}}, indent=2
        )
        path.write_text(text)
