"""Turns a finished comparison into what a report shows: which patients to look at closely, in which units, under which names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.files import plain
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.reports.data import Curve, ReportData, Story
from thecal.experiments.rollouts.trajectories import Trajectories
from thecal.experiments.validation.bands import Band
from thecal.safety.invariants import TITLES

# Fields of a trajectory that the patient figures draw as they are.
_FIELDS = (
    "time_h", "pain_mean", "pain0", "nrs_report", "demands_given", "demands_denied", "ce_dh", "ce_bs", "tol", "oih",
    "withdrawal", "sedation", "rr_min", "spo2_min", "hr", "sbp", "requested_rate", "allowed_rate", "requested_bolus_ul",
    "binding", "alive_h",
)  # fmt: skip
_ALWAYS_KNOWN = ("time_h", "alive_h", "binding", "demands_given", "demands_denied")


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
        invariants={int(entry): (entry.name.lower().replace("_", " "), text) for entry, text in TITLES.items()},
        provenance=plain(_flat(provenance or {})),
    )
    return data.model_copy(update={"title": title or _title(data), "stories": _stories(data, found.runs)})


def _title(data: ReportData) -> str:
    name = data.task["name"]
    if not data.learned:
        return f"{name}: {len(data.policies)} policies compared"
    return f"{name}: {data.of(data.lead).info.label} against {len(data.policies) - 1} other policies"


def _stories(data: ReportData, runs: Mapping[str, Trajectories]) -> list[Story]:
    """The median patient and the one at the border of the worst tenth, by the primary outcome of the policy in question."""
    primary, lead = data.primary, data.lead
    values = (primary.better or 1) * data.of(lead).values[primary.key]
    order = np.argsort(np.nan_to_num(values, nan=np.inf), kind="stable")  # worst first
    beside = data.best_rules(lead, data.reference)[:1]
    shown = list(dict.fromkeys((lead, data.reference, *beside)))
    places = (
        ("Median patient", len(order) // 2, "Half of the patients did better, half did worse."),
        ("Worst-tenth patient", max(0, int(np.ceil(0.1 * len(order))) - 1), "Nine of ten patients did better."),
    )
    return [
        Story(
            title=title,
            patient=data.result.patients[order[rank]],
            why=why,
            tracks={name: _track(runs[name], int(order[rank])) for name in shown},
        )
        for title, rank, why in places
    ]


def _track(run: Trajectories, row: int) -> dict[str, NDArray[np.float64]]:
    """One patient's figures; after death nothing is recorded but time."""
    track = {name: np.asarray(run[name][:, row], np.float64) for name in _FIELDS}
    conc_mg_per_ml = float(run.start["conc_ug_per_ml"][row]) / 1000.0
    track["programmed_mg_per_d"] = track["allowed_rate"] * conc_mg_per_ml
    track["dose24_mg"] = np.asarray(run["dose24_ug"][:, row, 0], np.float64) / 1000.0
    track["cap_mg"] = np.full(len(track["time_h"]), float(run.start["cap_ug"][row]) / 1000.0)
    dead = track["alive_h"] <= 0
    for name, values in track.items():
        if name not in _ALWAYS_KNOWN:
            values[dead] = np.nan
    track["rr_min"][track["rr_min"] > 100.0] = np.nan  # the step's running minimum before any breath was seen
    return track


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
