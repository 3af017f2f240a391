"""A table of learned policies beside rules, from stored comparisons: ``python benchmarks/agents_table.py FOLDER...``.

Each folder is that of a ``thecal compare``. Well-treated time of each policy, and paired differences of the learned ones to
guideline titration, to the rule with the highest mean and to the planning oracle, with the intervals of ``compare``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from thecal.experiments.analysis.results import ComparisonResult
from thecal.experiments.analysis.statistics import paired_difference
from thecal.experiments.analysis.stored import load_result

PRIMARY, GUIDELINE, ORACLE = "well_treated", "guideline", "oracle"


def rows_of(found: ComparisonResult) -> list[str]:
    """The rows of one comparison in Markdown."""
    values = {name: np.atleast_2d(one[PRIMARY]) for name, one in found.values.items()}
    rules = [name for name, info in found.infos.items() if info.kind == "rule"]
    best = max(rules, key=lambda name: float(values[name].mean()))
    hold = float(values["fixed"].mean())
    rows = []
    for name, own in values.items():
        mean = float(own.mean())
        cells = [found.task, found.infos[name].name, str(len(own)), f"{mean:.1f}"]
        for other in (GUIDELINE, best, ORACLE):
            if other not in values or name == other or found.infos[name].kind != "learned":
                cells.append("")
                continue
            gap = paired_difference(own, values[other], seed=found.seed)
            cells.append(f"{gap.mean:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]")
        top = float(values[ORACLE].mean()) if ORACLE in values else np.nan
        cells.append(f"{100.0 * (mean - hold) / (top - hold):.0f} %" if np.isfinite(top) else "")
        harms = (float(np.mean(found.values[name][key])) for key in ("sed_hours", "resp_hours"))
        cells += [f"{hours:.2f}" for hours in harms]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def main(folders: list[str]) -> None:
    """Print the table."""
    heads = ("task", "policy", "seeds", "well treated %", "minus guideline", "minus best rule", "minus oracle",
             "hold to oracle", "sedated h", "depressed breathing h")  # fmt: skip
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for folder in folders:
        for row in rows_of(load_result(Path(folder))):
            print(row)


if __name__ == "__main__":
    main(sys.argv[1:])
