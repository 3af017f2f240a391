"""The sensitivity page of the docs: which numbers matter, which of them are weakly known, and what a patient's data can tell."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.files import as_json, write_whole
from thecal.experiments.sensitivity.identifiability import Identifiability, morphine_patient
from thecal.experiments.sensitivity.regimens import REGIMENS
from thecal.experiments.sensitivity.study import Indices, Ranking, scenario, study

_COLORS = {"high": "#2b8a3e", "medium": "#e8a33d", "low": "#c92a2a"}
_SHOWN = 6
_MATTERS = 0.10  # a total-order index from which a number is said to matter
_INTRO = """# Sensitivity and identifiability

Written by `thecal sensitivity --docs docs`; do not edit. Every number that fills a patient's, a drug's or a receptor's record is
varied over the spread its file states, or by 10 % (high confidence), 25 % (medium) or 50 % (low) where it states none. Morris
trajectories screen all of them; the sixteen strongest get Sobol indices. A total-order index is the share of the variance
of an outcome that would vanish if the number were known; indices are of one reference patient, and hold over the ranges above.
Research simulation only.
"""


def results(
    names: list[str],
    trajectories: int,
    base: int,
    seed: int,
    progress: Callable[[int, str], None] = lambda _done, _next: None,
) -> dict[str, Any]:
    """Studies of the named scenarios, and the identifiability of one patient, as plain data.

    ``progress`` is called with the number of scenarios done and what comes next.
    """
    found: dict[str, Any] = {"settings": {"trajectories": trajectories, "base": base, "seed": seed}, "scenarios": {}}
    for k, name in enumerate(names):
        progress(k, name)
        rankings, indices = study(name, trajectories=trajectories, base=base, seed=seed)
        found["scenarios"][name] = {
            "title": scenario(name).title,
            "screened": len(rankings[0].factors),
            "outcomes": [_plain(index, rankings) for index in indices],
        }
    progress(len(names), "identifiability")
    found["identifiability"] = {
        "reports alone": _identity(morphine_patient(taps=False)),
        "reports and three lumbar taps": _identity(morphine_patient(taps=True)),
    }
    return found


def _plain(index: Indices, rankings: list[Ranking]) -> dict[str, Any]:
    ranking = next(item for item in rankings if item.outcome == index.outcome)
    order = np.argsort(-index.total, kind="stable")
    return {
        "outcome": index.outcome,
        "inert": int((ranking.mu_star < 0.01 * max(float(ranking.mu_star.max()), 1e-300)).sum()),
        "factors": [
            {
                "name": index.factors[i].name,
                "confidence": index.factors[i].confidence,
                "first": round(float(index.first[i]), 3),
                "total": round(float(index.total[i]), 3),
                "total_conf": round(float(index.total_conf[i]), 3),
            }
            for i in order
        ],
    }


def _identity(found: Identifiability) -> dict[str, Any]:
    finite = np.where(np.isfinite(found.relative_se), found.relative_se, -1.0)
    return {
        "collinearity": round(found.collinearity, 1) if np.isfinite(found.collinearity) else -1.0,
        "relative_se": {name: round(float(value), 3) for name, value in zip(found.names, finite, strict=True)},
    }


def render(found: dict[str, Any]) -> str:
    """The page in Markdown."""
    parts = [_INTRO, _weak(found)]
    for name, entry in found["scenarios"].items():
        parts.append(f"## {entry['title']}\n\n{entry['screened']} numbers screened.\n")
        parts.append(f"![Total-order indices](figures/sensitivity_{name}.svg)\n")
        parts.append("| outcome | number | confidence | first order | total order |\n|---|---|---|---|---|")
        for outcome in entry["outcomes"]:
            for row in outcome["factors"][:_SHOWN]:
                if row["total"] >= 0.02:
                    parts.append(
                        f"| {outcome['outcome']} | `{row['name']}` | {row['confidence']} | {row['first']:.2f} | "
                        f"{row['total']:.2f} ± {row['total_conf']:.2f} |"
                    )
        parts.append("")
    parts.append(_tell(found["identifiability"]))
    return "\n".join(parts)


def _weak(found: dict[str, Any]) -> str:
    """Low-confidence numbers that matter somewhere, strongest first: where measurement would help most."""
    most: dict[str, tuple[float, str]] = {}
    for entry in found["scenarios"].values():
        for outcome in entry["outcomes"]:
            for row in outcome["factors"]:
                if row["confidence"] == "low" and row["total"] >= _MATTERS:
                    where = f"{outcome['outcome']} ({entry['title']})"
                    most[row["name"]] = max(most.get(row["name"], (0.0, "")), (row["total"], where))
    lines = [
        "## Low-confidence numbers that matter\n",
        "| number | largest total-order index | outcome |",
        "|---|---|---|",
    ]
    for name, (value, where) in sorted(most.items(), key=lambda item: -item[1][0]):
        lines.append(f"| `{name}` | {value:.2f} | {where} |")
    return "\n".join(lines) + "\n"


def _tell(found: dict[str, Any]) -> str:
    lines = [
        "## What one patient's data can tell\n",
        "Smallest relative standard error (Cramér-Rao) of each number of one patient on morphine, from four weeks of reports on",
        "three doses, all numbers of the table estimated together. Above 0.5 the data do not determine the number; collinearity",
        "above about 10 (Brun 2001) says that several can be exchanged for each other, as EC50 and tolerance can.\n",
        "| number | " + " | ".join(found) + " |",
        "|---|" + "---|" * len(found),
    ]
    names = next(iter(found.values()))["relative_se"]
    for name in names:
        cells = (entry["relative_se"][name] for entry in found.values())
        lines.append(f"| {name} | " + " | ".join("not seen" if cell < 0 else f"{cell:.2g}" for cell in cells) + " |")
    lines.append(
        "| collinearity index | " + " | ".join(f"{entry['collinearity']:g}" for entry in found.values()) + " |"
    )
    return "\n".join(lines) + "\n"


def draw_figures(found: dict[str, Any], folder: Path) -> None:
    """One SVG a scenario: total-order indices of every outcome, colored by confidence."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    plt.rcParams["svg.hashsalt"] = "thecal"
    for name, entry in found["scenarios"].items():
        outcomes = entry["outcomes"]
        figure, axes = plt.subplots(len(outcomes), 1, figsize=(8.0, 1.9 * len(outcomes)), squeeze=False)
        for axis, outcome in zip(axes[:, 0], outcomes, strict=True):
            rows = outcome["factors"][:_SHOWN][::-1]
            totals = [min(1.2, max(0.0, row["total"])) for row in rows]
            axis.barh([row["name"] for row in rows], totals, color=[_COLORS[row["confidence"]] for row in rows])
            axis.set_xlim(0.0, 1.2)
            axis.set_title(outcome["outcome"], fontsize=9, loc="left")
            axis.tick_params(labelsize=8)
        handles = [Patch(color=color) for color in _COLORS.values()]
        figure.legend(handles, [f"{name} confidence" for name in _COLORS], loc="lower right", fontsize=8, ncol=3)
        figure.tight_layout(rect=(0.0, 0.03, 1.0, 1.0))
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
        write_whole(folder / f"sensitivity_{name}.svg", drawn.getvalue())
        plt.close(figure)


def write_page(found: dict[str, Any], docs: Path) -> Path:
    """Write ``sensitivity.md``, its data and its figures into ``docs``; returns the page's path.

    Raises:
        StoreError: a file cannot be written.
    """
    write_whole(docs / "sensitivity.json", as_json(found, indent=1))
    draw_figures(found, docs / "figures")
    return write_whole(docs / "sensitivity.md", render(found))


def all_scenarios() -> list[str]:
    """Names of every scenario."""
    return list(REGIMENS)
