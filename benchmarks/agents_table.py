"""A table of learned policies beside rules, from stored comparisons: ``python benchmarks/agents_table.py FOLDER...``.

Each folder is that of a ``thecal compare``; several of the same patients count as one. Well-treated time of each policy, and
paired differences of the learned ones to guideline titration, to the rule with the highest mean and to the planning oracle, with
bootstrap intervals over patients; a policy of several training seeds counts as their mean.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from thecal.experiments.analysis.results import ComparisonResult
from thecal.experiments.analysis.statistics import paired_difference
from thecal.experiments.analysis.stored import load_result

PRIMARY, GUIDELINE, ORACLE, HOLD = "well_treated", "guideline", "oracle", "fixed"


def joined(found: list[ComparisonResult]) -> dict[str, tuple[Any, Any, int]]:
    """Description, outcomes and number of training seeds of every policy of comparisons on the same patients."""
    policies: dict[str, tuple[Any, Any, int]] = {}
    for one in found:
        policies |= {name: (result.info, result.values, result.training_seeds) for name, result in one.policies.items()}
    return policies


def rows_of(task: str, policies: dict[str, tuple[Any, Any, int]], seed: int) -> list[str]:
    """The rows of one task in Markdown."""
    values = {name: np.asarray(one[PRIMARY]) for name, (_, one, _) in policies.items()}
    rules = [name for name, (info, _, _) in policies.items() if info.kind == "rule"]
    best = max(rules, key=lambda name: float(values[name].mean()))
    hold, top = (float(values[name].mean()) if name in values else np.nan for name in (HOLD, ORACLE))
    rows = []
    for name, own in values.items():
        info, outcomes, seeds = policies[name]
        mean = float(own.mean())
        cells = [task, name, str(seeds) if info.kind == "learned" else "", f"{mean:.1f}"]
        for other in (GUIDELINE, best, ORACLE):
            if other not in values or info.kind != "learned":
                cells.append("")
                continue
            gap = paired_difference(own, values[other], seed=seed)
            cells.append(f"{gap.mean:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]")
        cells.append(f"{100.0 * (mean - hold) / (top - hold):.0f}" if np.isfinite(top - hold) else "")
        cells += [f"{float(np.mean(outcomes[key])):.2f}" for key in ("sed_hours", "resp_hours")]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def main(folders: list[str]) -> None:
    """Print the table."""
    heads = ("task", "policy", "seeds", "well treated %", "minus guideline", "minus best rule", "minus oracle",
             "hold to oracle %", "sedated h", "depressed breathing h")  # fmt: skip
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    together: dict[tuple[Any, ...], list[ComparisonResult]] = {}
    for folder in folders:
        found = load_result(Path(folder))
        together.setdefault((found.task, found.scenario_hash, found.seed, found.patients), []).append(found)
    for (task, _, seed, _), same in together.items():
        print("\n".join(rows_of(task, joined(same), seed)))


if __name__ == "__main__":
    main(sys.argv[1:])
