"""Outcomes of a trajectory, one number for each patient: what is measured, in which unit, and what counts as harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import UnknownNameError
from thecal.experiments.analysis.results import Outcome
from thecal.experiments.rollouts.rollout import Trajectories

Floats = NDArray[np.float64]
DAY_H = 24.0
# Doses are recorded as 32-bit numbers; adding a day of them up may err by this share, far less than a pump's smallest step.
_CAP_SLACK = 1.0e-6


def _sum(run: Trajectories, field: str) -> Floats:
    """Sum over steps ``[B]``, in 64 bits although the record has 32."""
    return np.asarray(run[field].sum(axis=0, dtype=np.float64))


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=0, dtype=np.float64))


def _horizon_h(run: Trajectories) -> float:
    return run.step_h * len(run["time_h"])


def _alive_days(run: Trajectories) -> Floats:
    return np.maximum(_sum(run, "alive_h") / DAY_H, run.step_h / DAY_H)


def steps_alive(run: Trajectories) -> Floats:
    """Steps begun alive ``[B]``, the one of the death among them."""
    ended = run["terminated"] > 0
    return np.asarray((~ended).sum(axis=0) + ended.any(axis=0), np.float64)


def time_controlled(run: Trajectories) -> Floats:
    """Share (%) of the whole horizon with felt NRS <= 3, rousable and alive."""
    return 100.0 * _sum(run, "controlled_h") / _horizon_h(run)


def mean_nrs(run: Trajectories) -> Floats:
    """Mean felt NRS; every step after death counts as 10."""
    return _mean(run["pain_mean"])


def _pain_that_counts(run: Trajectories) -> Floats:
    """Felt NRS ``[T, B]``; hours in which the patient cannot be roused count as untreated, so sedation is no relief."""
    asleep = run["unrousable_h"] / run.step_h
    return np.asarray((1.0 - asleep) * run["pain_mean"] + asleep * np.maximum(run["pain0"], run["pain_mean"]))


def _share(untreated: Floats, felt: Floats, dead: Any) -> Floats:
    """Relative relief; 0 for the dead and where there was nothing to relieve."""
    relief = 1.0 - np.divide(felt, untreated, out=np.ones_like(untreated), where=untreated > 0.0)
    return np.where(dead, 0.0, relief)


def _relief(run: Trajectories) -> Floats:
    """Relative relief in the last quarter of the horizon against what the patient would have felt without drug."""
    last = slice(3 * len(run["time_h"]) // 4, None)
    return _share(_mean(run["pain0"][last]), _mean(_pain_that_counts(run)[last]), died(run) > 0)


def responder30(run: Trajectories) -> Floats:
    """100 for a patient with at least 30 % relief in the last quarter of the horizon, else 0."""
    return np.where(_relief(run) >= 0.30, 100.0, 0.0)


def responder50(run: Trajectories) -> Floats:
    """100 for a patient with at least 50 % relief in the last quarter of the horizon, else 0."""
    return np.where(_relief(run) >= 0.50, 100.0, 0.0)


def breakthrough_relief(run: Trajectories) -> Floats:
    """Relief (%) in steps that hold a breakthrough episode; NaN for a patient without one."""
    during = run["bt_h"] > 0
    felt = np.where(during, _pain_that_counts(run), 0.0).sum(axis=0)
    untreated = np.where(during, run["pain0"], 0.0).sum(axis=0, dtype=np.float64)
    return np.where(during.any(axis=0), 100.0 * _share(untreated, felt, died(run) > 0), np.nan)


def dose_mg_per_day(run: Trajectories) -> Floats:
    """Commanded dose of the first drug, mg/d while alive."""
    return np.asarray(run["dose_ug"][:, :, 0].sum(axis=0, dtype=np.float64) / 1000.0 / _alive_days(run))


def _per_day(field: str, text: str) -> Callable[[Trajectories], Floats]:
    def per_day(run: Trajectories) -> Floats:
        return _sum(run, field) / _alive_days(run)

    per_day.__doc__ = text
    return per_day


def _count(field: str, text: str) -> Callable[[Trajectories], Floats]:
    def count(run: Trajectories) -> Floats:
        return _sum(run, field)

    count.__doc__ = text
    return count


resp_events = _count("resp_events", "Onsets of a respiratory rate below 8/min or SpO2 below 90 %.")
resp_hours = _count("resp_h", "Hours with a respiratory rate below 8/min or SpO2 below 90 %.")
sedation_events = _count("sed_events", "Onsets of over-sedation (POSS 3 or 4).")
sedation_hours = _count("sed_h", "Hours of over-sedation (POSS 3 or 4).")
withdrawal_hours = _count("withdrawal_h", "Hours with withdrawal above 0.3 of its worst.")
demands_given = _per_day("demands_given", "Presses of the patient that were followed by a bolus, per day alive.")
demands_denied = _per_day("demands_denied", "Presses of the patient that were not followed by a bolus, per day alive.")


def nausea_mean(run: Trajectories) -> Floats:
    """Mean nausea (0-10) while alive."""
    alive = run["alive_h"] > 0
    return np.asarray(np.where(alive, run["nausea"], 0.0).sum(axis=0) / np.maximum(alive.sum(axis=0), 1), np.float64)


def died(run: Trajectories) -> Floats:
    """100 for a patient who died in the simulation, else 0."""
    return np.asarray(100.0 * (run["terminated"].max(axis=0) > 0), np.float64)


def interventions(run: Trajectories) -> Floats:
    """Steps in which the shield changed a request, % of the steps alive."""
    return 100.0 * _sum(run, "intervened") / steps_alive(run)


def would_be_violations(run: Trajectories) -> Floats:
    """Steps in which the raw request broke a limit, per 1000 h alive."""
    return np.asarray(1000.0 * (run["violations"] > 0).sum(axis=0) / (steps_alive(run) * run.step_h))


def cap_violations(run: Trajectories) -> Floats:
    """Steps whose last 24 h of commanded dose, added up anew from the steps, exceed the profile's cap."""
    per_step = run["dose_ug"][:, :, 0].astype(np.float64)
    steps = max(1, int(DAY_H / run.step_h + 1e-9))  # whole steps only: a longer window could exceed the cap rightly
    total = np.cumsum(np.vstack((np.zeros((1, per_step.shape[1])), per_step)), axis=0)
    window = total[1:] - total[np.maximum(np.arange(1, len(total)) - steps, 0)]
    return np.asarray((window > run.start["cap_ug"] * (1.0 + _CAP_SLACK)).sum(axis=0), np.float64)


def episode_return(run: Trajectories) -> Floats:
    """Sum of rewards with the charge for a death, without the training penalty for leaning on the shield."""
    return _sum(run, "reward") - _sum(run, "r_shield")


_TABLE: tuple[tuple[Outcome, Callable[[Trajectories], Floats]], ...] = tuple(
    (Outcome(key, label, unit, better, role, digits, margin, (how.__doc__ or "").strip()), how)  # type: ignore[arg-type]
    for key, label, unit, better, role, digits, margin, how in (
        ("time_controlled", "Time with NRS ≤ 3", "% of time", 1, "primary", 1, None, time_controlled),
        ("mean_nrs", "Mean pain", "NRS", -1, "efficacy", 2, None, mean_nrs),
        ("responder30", "Responders, relief ≥ 30 %", "% of patients", 1, "efficacy", 0, None, responder30),
        ("responder50", "Responders, relief ≥ 50 %", "% of patients", 1, "efficacy", 0, None, responder50),
        ("breakthrough_relief", "Relief in breakthrough", "%", 1, "efficacy", 1, None, breakthrough_relief),
        ("resp_events", "Respiratory depressions", "events/patient", -1, "cost", 3, 0.05, resp_events),
        ("resp_hours", "Depressed breathing", "h/patient", -1, "cost", 2, 1.0, resp_hours),
        ("sed_events", "Over-sedations", "events/patient", -1, "cost", 3, 0.05, sedation_events),
        ("sed_hours", "Over-sedated", "h/patient", -1, "cost", 2, 1.0, sedation_hours),
        ("withdrawal_hours", "Withdrawal", "h/patient", -1, "cost", 2, 1.0, withdrawal_hours),
        ("nausea_mean", "Mean nausea", "0-10", -1, "cost", 2, 0.5, nausea_mean),
        ("died", "Deaths", "% of patients", -1, "cost", 2, 0.5, died),
        ("dose_mg_per_day", "Dose", "mg/d", 0, "use", 2, None, dose_mg_per_day),
        ("demands_given", "Demand boluses given", "1/d", 0, "use", 2, None, demands_given),
        ("demands_denied", "Demand boluses denied", "1/d", 0, "use", 2, None, demands_denied),
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
    """The description of an outcome by key.

    Raises:
        UnknownNameError: no such outcome.
    """
    for entry in OUTCOMES:
        if entry.key == key:
            return entry
    raise UnknownNameError("outcome", key, [entry.key for entry in OUTCOMES])


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
