"""Outcomes of a trajectory, one number for each patient: what is measured, in which unit, and what counts as harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.report_data import Outcome
from thecal.experiments.rollout import Trajectories

Floats = NDArray[np.float64]
DAY_H = 24.0
NRS_MAX = 10.0
# A 24-h dose is re-added from the commanded doses of whole steps, so a window is at most one step longer than 24 h.
_CAP_SLACK = 1.0e-6


def _hours(run: Trajectories, field: str) -> Floats:
    return np.asarray(run[field].sum(axis=0), np.float64)


def _horizon_h(run: Trajectories) -> float:
    return run.step_h * len(run["time_h"])


def _alive_days(run: Trajectories) -> Floats:
    return np.maximum(_hours(run, "alive_h") / DAY_H, run.step_h / DAY_H)


def time_controlled(run: Trajectories) -> Floats:
    """Share (%) of the whole horizon with felt NRS <= 3, rousable and alive."""
    return 100.0 * _hours(run, "controlled_h") / _horizon_h(run)


def mean_nrs(run: Trajectories) -> Floats:
    """Mean felt NRS; every step after death counts as 10."""
    return np.asarray(run["pain_mean"].mean(axis=0), np.float64)


def _relief(run: Trajectories) -> Floats:
    """Relative relief in the last quarter of the horizon against what the patient would have felt without drug."""
    last = slice(3 * len(run["time_h"]) // 4, None)
    untreated = run["pain0"][last].mean(axis=0)
    felt = run["pain_mean"][last].mean(axis=0)
    dead = run["alive_h"][-1] == 0
    return np.where(dead, 0.0, 1.0 - felt / np.maximum(untreated, 1e-9))


def responder30(run: Trajectories) -> Floats:
    """100 for a patient with at least 30 % relief in the last quarter of the horizon, else 0."""
    return 100.0 * (_relief(run) >= 0.30)


def responder50(run: Trajectories) -> Floats:
    """100 for a patient with at least 50 % relief in the last quarter of the horizon, else 0."""
    return 100.0 * (_relief(run) >= 0.50)


def breakthrough_relief(run: Trajectories) -> Floats:
    """Relief (%) in steps that hold a breakthrough episode; NaN for a patient without one."""
    during = run["bt_h"] > 0
    felt = np.where(during, run["pain_mean"], 0.0).sum(axis=0)
    untreated = np.where(during, run["pain0"], 0.0).sum(axis=0)
    return np.where(untreated > 0, 100.0 * (1.0 - felt / np.maximum(untreated, 1e-9)), np.nan)


def dose_mg_per_day(run: Trajectories) -> Floats:
    """Commanded dose of the first drug, mg/d while alive."""
    return np.asarray(run["dose_ug"][:, :, 0].sum(axis=0) / 1000.0 / _alive_days(run), np.float64)


def _per_day(field: str) -> Callable[[Trajectories], Floats]:
    def per_day(run: Trajectories) -> Floats:
        return _hours(run, field) / _alive_days(run)

    return per_day


def _count(field: str) -> Callable[[Trajectories], Floats]:
    def count(run: Trajectories) -> Floats:
        return _hours(run, field)

    return count


def nausea_mean(run: Trajectories) -> Floats:
    """Mean nausea (0-10) while alive."""
    alive = run["alive_h"] > 0
    return np.asarray(np.where(alive, run["nausea"], 0.0).sum(axis=0) / np.maximum(alive.sum(axis=0), 1), np.float64)


def died(run: Trajectories) -> Floats:
    """100 for a patient who died in the simulation, else 0."""
    return 100.0 * (run["terminated"].max(axis=0) > 0)


def interventions(run: Trajectories) -> Floats:
    """Steps in which the shield changed a request, % of all."""
    return 100.0 * run["intervened"].mean(axis=0)


def would_be_violations(run: Trajectories) -> Floats:
    """Steps in which the raw request broke a limit, per 1000 h."""
    return 1000.0 * (run["violations"] > 0).sum(axis=0) / _horizon_h(run)


def cap_violations(run: Trajectories) -> Floats:
    """Steps whose last 24 h of commanded dose, added up anew from the steps, exceed the profile's cap."""
    per_step = run["dose_ug"][:, :, 0].astype(np.float64)
    steps = max(1, round(DAY_H / run.step_h))
    total = np.cumsum(np.vstack((np.zeros((1, per_step.shape[1])), per_step)), axis=0)
    window = total[1:] - total[np.maximum(np.arange(1, len(total)) - steps, 0)]
    return np.asarray((window > run.start["cap_ug"] * (1.0 + _CAP_SLACK)).sum(axis=0), np.float64)


def episode_return(run: Trajectories) -> Floats:
    """Sum of rewards, without the training penalty for leaning on the shield."""
    return _hours(run, "reward") - _hours(run, "r_shield")


_TABLE: tuple[tuple[Outcome, Callable[[Trajectories], Floats]], ...] = tuple(
    (Outcome(key, label, unit, better, role, digits, margin, (how.__doc__ or "").strip()), how)  # type: ignore[arg-type]
    for key, label, unit, better, role, digits, margin, how in (
        ("time_controlled", "Time with NRS ≤ 3", "% of time", 1, "primary", 1, None, time_controlled),
        ("mean_nrs", "Mean pain", "NRS", -1, "efficacy", 2, None, mean_nrs),
        ("responder30", "Responders, relief ≥ 30 %", "% of patients", 1, "efficacy", 0, None, responder30),
        ("responder50", "Responders, relief ≥ 50 %", "% of patients", 1, "efficacy", 0, None, responder50),
        ("breakthrough_relief", "Relief in breakthrough", "%", 1, "efficacy", 1, None, breakthrough_relief),
        ("resp_events", "Respiratory depressions", "events/patient", -1, "cost", 3, 0.05, _count("resp_events")),
        ("resp_hours", "Depressed breathing", "h/patient", -1, "cost", 2, 1.0, _count("resp_h")),
        ("sed_events", "Over-sedations", "events/patient", -1, "cost", 3, 0.05, _count("sed_events")),
        ("sed_hours", "Over-sedated", "h/patient", -1, "cost", 2, 1.0, _count("sed_h")),
        ("withdrawal_hours", "Withdrawal", "h/patient", -1, "cost", 2, 1.0, _count("withdrawal_h")),
        ("nausea_mean", "Mean nausea", "0-10", -1, "cost", 2, 0.5, nausea_mean),
        ("died", "Deaths", "% of patients", -1, "cost", 2, 0.5, died),
        ("dose_mg_per_day", "Dose", "mg/d", 0, "use", 2, None, dose_mg_per_day),
        ("demands_given", "Demand boluses given", "1/d", 0, "use", 2, None, _per_day("demands_given")),
        ("demands_denied", "Demand boluses denied", "1/d", 0, "use", 2, None, _per_day("demands_denied")),
        ("interventions", "Steps changed by the shield", "% of steps", 0, "use", 1, None, interventions),
        ("would_be_violations", "Requests beyond a limit", "per 1000 h", 0, "use", 1, None, would_be_violations),
        ("cap_violations", "24-h dose above the cap", "steps/patient", -1, "cost", 3, 0.0, cap_violations),
        ("return", "Return", "reward", 1, "use", 1, None, episode_return),
    )
)
OUTCOMES: tuple[Outcome, ...] = tuple(outcome for outcome, _ in _TABLE)


def outcomes(run: Trajectories) -> dict[str, Floats]:
    """Every outcome of every patient, ``{key: [B]}``."""
    return {outcome.key: np.asarray(how(run), np.float64) for outcome, how in _TABLE}


def outcome(key: str) -> Outcome:
    """The description of an outcome by key."""
    return next(entry for entry in OUTCOMES if entry.key == key)


def event_counts(run: Trajectories) -> dict[str, dict[str, Any]]:
    """Onsets, patients concerned and patient-days of every kind of harm."""
    days = float(_alive_days(run).sum())
    fields = {"respiratory": "resp_events", "sedation": "sed_events"}
    counts = {
        name: {
            "onsets": float(run[field].sum()),
            "patients": int((run[field].sum(axis=0) > 0).sum()),
            "patient_days": days,
        }
        for name, field in fields.items()
    }
    dead = died(run) > 0
    counts["death"] = {"onsets": float(dead.sum()), "patients": int(dead.sum()), "patient_days": days}
    return counts
