"""Turns a finished comparison into what a report shows: which patients to look at closely, in which units, under which names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.registry import policy_names
from thecal.envs.outcomes import OUTCOMES, Outcome
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.reports.data import Curve, ReportData, Story
from thecal.experiments.reports.theme import style_of
from thecal.experiments.rollouts.rollout import Trajectories
from thecal.experiments.validation.validate import Band
from thecal.safety.invariants import TITLES

_EVENT_LABELS = {"respiratory": "Respiratory depression", "sedation": "Over-sedation", "death": "Death"}
_SHOWN_BESIDE = ("guideline", "guideline_ptm")
# Fields of a trajectory that the patient figures draw as they are.
_FIELDS = (
    "time_h", "pain_mean", "pain0", "nrs_report", "demands_given", "demands_denied", "ce_dh", "ce_bs", "tol", "oih",
    "withdrawal", "sedation", "rr_min", "spo2_min", "hr", "sbp", "requested_rate", "allowed_rate", "binding", "alive_h",
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
    trained = [policy for policy in found.policies if policy not in policy_names()]
    policies = [*trained, *(policy for policy in found.policies if policy not in trained)]
    return ReportData(
        title=title or _title(found, trained),
        task=found.task.model_dump(mode="json", exclude={"difficulty"}),
        seed=found.seed,
        split=found.split,
        difficulty=found.difficulty,
        shield_mode=found.shield_mode,
        policies=policies,
        trained=trained,
        reference=found.reference,
        outcomes=_outcomes(found),
        values=found.values,
        estimates=found.estimates,
        tails=found.tails,
        differences=found.differences,
        events={p: {_EVENT_LABELS.get(k, k): v for k, v in table.items()} for p, table in found.events.items()},
        shield=found.shield,
        invariants={int(entry): (entry.name.lower().replace("_", " "), text) for entry, text in TITLES.items()},
        stories=_stories(found, trained),
        curves=_curves(curve) if curve else [],
        training_seeds=max((found.training_seeds[policy] for policy in trained), default=0),
        validation=list(validation),
        checks=list(checks),
        provenance=_flat(provenance or {}),
    )


def _title(found: Comparison, trained: list[str]) -> str:
    if not trained:
        return f"{found.task.name}: {len(found.policies)} policies compared"
    return f"{found.task.name}: {style_of(trained[0]).label} against {len(found.policies) - 1} other policies"


def _outcomes(found: Comparison) -> list[Outcome]:
    """The outcomes with the task's registered one as the only primary, first."""
    key = found.task.primary.outcome
    shown = [
        Outcome(**{**vars(entry), "role": "primary" if entry.key == key else _other_role(entry)}) for entry in OUTCOMES
    ]
    return sorted(shown, key=lambda entry: entry.role != "primary")


def _other_role(entry: Outcome) -> str:
    return "efficacy" if entry.role == "primary" else entry.role


def _stories(found: Comparison, trained: list[str]) -> list[Story]:
    """The median patient and the one at the border of the worst tenth, by the primary outcome of the policy in question."""
    others = [policy for policy in found.policies if policy != found.reference]
    lead = [*trained, *others, found.reference][0]
    values = found.values[lead][found.task.primary.outcome]
    order = np.argsort(np.nan_to_num(values, nan=np.inf), kind="stable")  # worst first: the primary outcome is a share
    beside = next((policy for policy in _SHOWN_BESIDE if policy in found.policies and policy != lead), None)
    shown = list(dict.fromkeys(policy for policy in (lead, found.reference, beside) if policy))
    places = (
        ("Median patient", len(order) // 2, "Half of the patients did better, half did worse."),
        ("Worst-tenth patient", max(0, int(np.ceil(0.1 * len(order))) - 1), "Nine of ten patients did better."),
    )
    return [
        Story(title, int(found.patients[order[rank]]), why, {p: _track(found.runs[p], int(order[rank])) for p in shown})
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
        Curve(label, unit, frames, np.asarray(curve[key], np.float64))
        for key, label, unit in names
        if len(frames) and len(curve.get(key, ())) == len(frames)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested provenance as one row a fact; the configuration stays whole."""
    rows: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and key != "config":
            rows |= _flat(value, f"{prefix}{key} ")
        else:
            rows[f"{prefix}{key}"] = value
    return rows


def stored_curve(folder: Path) -> dict[str, Any] | None:
    """The training curve stored beside a trained policy, if there is one."""
    for place in (folder / "curve.json", folder.parent / "curve.json"):
        if place.is_file():
            loaded: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
            return loaded
    return None
