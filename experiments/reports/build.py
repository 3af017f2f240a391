"""Turns a finished comparison into what a report shows: which patients to look at closely, in which units, under which names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.errors import ThecalError
from thecal.core.files import plain
from thecal.envs.outcomes import outcomes
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.analysis.failures import statistics
from thecal.experiments.analysis.failures_judged import Failure, failures
from thecal.experiments.analysis.subgroups import Effect, effects
from thecal.experiments.reports.courses import courses_of
from thecal.experiments.reports.data import Curve, ReportData
from thecal.experiments.reports.notes import LIMITS
from thecal.experiments.reports.stories import stories_of
from thecal.experiments.rollouts.charts import charts
from thecal.experiments.rollouts.trajectories import Trajectories
from thecal.experiments.validation.bands import Band

_RESAMPLES = 1000  # of a subgroup's interval, which nobody tests by


def build_report(
    found: Comparison,
    *,
    provenance: Mapping[str, Any] | None = None,
    curve: Mapping[str, Sequence[float]] | None = None,
    validation: Sequence[Mapping[str, Any]] = (),
    checks: Sequence[Band] = (),
    title: str | None = None,
) -> ReportData:
    """Gather a report.

    Args:
        found: the comparison, with its trajectories.
        provenance: as :func:`thecal.experiments.tracking.provenance.provenance` gives it.
        curve: ``{"frames", "return", "cost"}`` of the training run, one entry a rollout.
        validation: rows of :func:`thecal.experiments.validation.validate.records`.
        checks: as :func:`thecal.experiments.validation.validate.visual_checks` gives them.
        title: heading of the page.
    """
    data = ReportData(
        title=title or "",
        result=found.result,
        curves=_curves(curve) if curve else [],
        validation=[dict(row) for row in validation],
        checks=list(checks),
        invariants=LIMITS,
        provenance=plain(_flat(provenance or {})),
    )
    more = {
        "title": title or _title(data),
        "stories": stories_of(data, found.runs),
        "courses": {name: courses_of(run) for name, run in found.runs.items()},
        "groups": _groups(data),
        "signs": _signs(found.runs),
    }
    return data.model_copy(update=more)


def _title(data: ReportData) -> str:
    name = data.task["name"]
    if not data.learned:
        return f"{name}: {len(data.policies)} policies compared"
    return f"{name}: {data.of(data.lead).info.label} against {len(data.policies) - 1} other policies"


def _groups(data: ReportData) -> dict[str, tuple[Effect, ...]]:
    """The effect of every other policy on the primary outcome in subgroups; nothing where the patients cannot be drawn again.

    A cohort's file may have changed or gone since the runs; then it would be the charts of other patients.
    """
    result, key = data.result, data.primary.key
    try:
        scene = result.scenario.resolve()
    except ThecalError:
        return {}
    if result.scenario_hash and scene.hash != result.scenario_hash:
        return {}
    charts_of = charts(scene, np.asarray(result.patients, np.int64))
    base = data.of(data.reference).values[key][None]
    strata = np.zeros(data.n_patients, np.int64)
    options: dict[str, Any] = {"seed": result.seed, "strata": strata, "resamples": _RESAMPLES}
    return {name: effects(data.of(name).values[key][None], base, charts_of, **options) for name in data.others}


def _signs(runs: Mapping[str, Trajectories]) -> dict[str, tuple[Failure, ...]]:
    """What the detectors of gaming say of each policy, from its first run."""
    columns = {name: {**outcomes(run, ("died", "return")), **statistics(run)} for name, run in runs.items()}
    hold = next((columns[name] for name, run in runs.items() if run.info.name == "hold"), None)
    return {name: failures(own, hold=hold) for name, own in columns.items()}


def _curves(curve: Mapping[str, Sequence[float]]) -> list[Curve]:
    names = (("return", "Reward per decision", "utility"), ("cost", "Harm cost per decision", "cost"))
    frames = np.asarray(curve.get("frames", ()), np.float64)
    return [
        Curve(label=label, unit=unit, frames=frames, mean=np.asarray(curve[key], np.float64))
        for key, label, unit in names
        if len(frames) and len(curve.get(key, ())) == len(frames)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested provenance as one row a fact; the configuration stays whole."""
    rows: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and key != "config":
            rows |= _flat(value, f"{prefix}{key} ")
        elif isinstance(value, (list, tuple)):
            for k, entry in enumerate(value, 1):
                number = f" {k}" if len(value) > 1 else ""
                rows |= _flat(entry if isinstance(entry, Mapping) else {"": entry}, f"{prefix}{key}{number} ")
        else:
            rows[f"{prefix}{key}".strip().replace("_", " ")] = value
    return rows


def stored_curve(folder: Path) -> dict[str, Any] | None:
    """The training curve stored beside a trained policy, if there is one."""
    for place in (folder / "curve.json", folder.parent / "curve.json"):
        if place.is_file():
            loaded: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
            return loaded
    return None
