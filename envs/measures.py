"""How each outcome is computed: functions of a run that give one number for each patient; ``outcomes`` says what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Record(Protocol):
    """What an outcome is computed from: fields ``[T, B]`` by name, the length of a step, and values at the start ``[B]``."""

    def __getitem__(self, field: str) -> NDArray[Any]:
        """A field of TICK_OUT, ``[T, B]`` (``[T, B, drugs]`` for doses)."""

    @property
    def step_h(self) -> float:
        """Length of a step, h."""

    @property
    def start(self) -> Mapping[str, Floats]:
        """Values of each patient at the start."""


Measure = Callable[[Record], Floats]
DAY_H = 24.0
# Doses are recorded as 32-bit numbers; adding a day of them up may err by this share, far less than a pump's smallest step.
_CAP_SLACK = 1.0e-6


def _sum(run: Record, field: str) -> Floats:
    """Sum over steps ``[B]``, in 64 bits although the record has 32."""
    return np.asarray(run[field].sum(axis=0, dtype=np.float64))


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=0, dtype=np.float64))


def _horizon_h(run: Record) -> float:
    return run.step_h * len(run["time_h"])


def _alive_days(run: Record) -> Floats:
    return np.maximum(_sum(run, "alive_h") / DAY_H, run.step_h / DAY_H)


def steps_alive(run: Record) -> Floats:
    """Steps begun alive ``[B]``, the one of the death among them."""
    ended = run["terminated"] > 0
    return np.asarray((~ended).sum(axis=0) + ended.any(axis=0), np.float64)


def time_controlled(run: Record) -> Floats:
    """Share (%) of the whole horizon with felt NRS <= 3, rousable and alive."""
    return 100.0 * _sum(run, "controlled_h") / _horizon_h(run)


def mean_nrs(run: Record) -> Floats:
    """Mean felt NRS; every step after death counts as 10."""
    return _mean(run["pain_mean"])


def _pain_that_counts(run: Record) -> Floats:
    """Felt NRS ``[T, B]``; hours in which the patient cannot be roused count as untreated, so sedation is no relief."""
    asleep = run["unrousable_h"] / run.step_h
    return np.asarray((1.0 - asleep) * run["pain_mean"] + asleep * np.maximum(run["pain0"], run["pain_mean"]))


def _share(untreated: Floats, felt: Floats, dead: Any) -> Floats:
    """Relative relief; 0 for the dead and where there was nothing to relieve."""
    relief = 1.0 - np.divide(felt, untreated, out=np.ones_like(untreated), where=untreated > 0.0)
    return np.where(dead, 0.0, relief)


def _relief(run: Record) -> Floats:
    """Relative relief in the last quarter of the horizon against what the patient would have felt without drug."""
    last = slice(3 * len(run["time_h"]) // 4, None)
    return _share(_mean(run["pain0"][last]), _mean(_pain_that_counts(run)[last]), died(run) > 0)


def responder30(run: Record) -> Floats:
    """100 for a patient with at least 30 % relief in the last quarter of the horizon, else 0."""
    return np.where(_relief(run) >= 0.30, 100.0, 0.0)


def responder50(run: Record) -> Floats:
    """100 for a patient with at least 50 % relief in the last quarter of the horizon, else 0."""
    return np.where(_relief(run) >= 0.50, 100.0, 0.0)


def breakthrough_relief(run: Record) -> Floats:
    """Relief (%) in steps that hold a breakthrough episode; NaN for a patient without one."""
    during = run["bt_h"] > 0
    felt = np.where(during, _pain_that_counts(run), 0.0).sum(axis=0)
    untreated = np.where(during, run["pain0"], 0.0).sum(axis=0, dtype=np.float64)
    return np.where(during.any(axis=0), 100.0 * _share(untreated, felt, died(run) > 0), np.nan)


def dose_mg_per_day(run: Record) -> Floats:
    """Commanded dose of the first drug, mg/d while alive."""
    return np.asarray(run["dose_ug"][:, :, 0].sum(axis=0, dtype=np.float64) / 1000.0 / _alive_days(run))


def dose_ug_per_day(run: Record) -> Floats:
    """Commanded dose of the first drug, µg/d while alive; for drugs whose dose in mg is lost to rounding."""
    return 1000.0 * dose_mg_per_day(run)


def _per_day(field: str, text: str) -> Measure:
    def per_day(run: Record) -> Floats:
        return _sum(run, field) / _alive_days(run)

    per_day.__doc__ = text
    return per_day


def _count(field: str, text: str) -> Measure:
    def count(run: Record) -> Floats:
        return _sum(run, field)

    count.__doc__ = text
    return count


resp_events = _count("resp_events", "Onsets of a respiratory rate below 8/min or SpO2 below 90 %.")
resp_hours = _count("resp_h", "Hours with a respiratory rate below 8/min or SpO2 below 90 %.")
sedation_events = _count("sed_events", "Onsets of over-sedation (POSS 3 or 4).")
sedation_hours = _count("sed_h", "Hours of over-sedation (POSS 3 or 4).")
withdrawal_hours = _count("withdrawal_h", "Hours with withdrawal above 0.3 of its worst.")


def _share_of_time(field: str, text: str) -> Measure:
    def share(run: Record) -> Floats:
        return 100.0 * _sum(run, field) / _horizon_h(run)

    share.__doc__ = text
    return share


_FIRST = "each hour counts under its first reason: death, breathing, sedation, withdrawal, confusion, weakness, nausea, goal."
well_treated = _share_of_time(
    "well_h",
    "Share (%) of the whole horizon, alive, at the task's goal (felt NRS <= 3, or pain that fell by a stated share; or "
    "Ashworth <= 2, counted from 1 to 5, and spasms <= 1 of 4), POSS <= 2, breathing that is not depressed, withdrawal up to 0.3 "
    "of its worst, cognitive effect and motor block below 0.625, and nausea below 4 of 10.",
)
lost_to_breathing = _share_of_time("lost_breathing", f"Share (%) of the horizon lost to depressed breathing; {_FIRST}")
lost_to_sedation = _share_of_time("lost_sedation", f"Share (%) of the horizon lost to POSS 3 or 4; {_FIRST}")
lost_to_withdrawal = _share_of_time("lost_withdrawal", f"Share (%) of the horizon lost to withdrawal; {_FIRST}")
lost_to_nausea = _share_of_time("lost_nausea", f"Share (%) of the horizon lost to nausea of 4 or more; {_FIRST}")
lost_to_weakness = _share_of_time(
    "lost_weakness", f"Share (%) of the horizon lost to a motor block of 0.625 or more; {_FIRST}"
)
lost_to_confusion = _share_of_time(
    "lost_confusion", f"Share (%) of the horizon lost to a cognitive effect of 0.375 or more; {_FIRST}"
)
lost_to_pain = _share_of_time("lost_pain", f"Share (%) of the horizon lost to felt pain above its goal alone; {_FIRST}")
lost_to_spasticity = _share_of_time(
    "lost_spasticity",
    f"Share (%) of the horizon lost to Ashworth above 2 or spasms above 1 alone; of spasticity only; {_FIRST}",
)


def lost_to_death(run: Record) -> Floats:
    """Share (%) of the horizon after death; with well-treated time and what is lost to all else it adds up to 100."""
    return 100.0 - 100.0 * _sum(run, "alive_h") / _horizon_h(run)


demands_given = _per_day("demands_given", "Presses of the patient that were followed by a bolus, per day alive.")


def _unanswered(run: Record, armed: bool) -> Floats:
    """Presses without a bolus per day alive, of the steps in which one was armed, or of those in which none was."""
    chosen = (run["requested_bolus_ul"] > 0) == armed
    return np.asarray(np.where(chosen, run["demands_denied"], 0.0).sum(axis=0, dtype=np.float64) / _alive_days(run))


def demands_denied(run: Record) -> Floats:
    """Presses of the patient that a lockout or a limit denied the armed bolus, per day alive; with none armed, none is denied."""
    return _unanswered(run, armed=True)


def demands_unarmed(run: Record) -> Floats:
    """Presses of the patient while the policy had armed no bolus, which nothing denied, per day alive."""
    return _unanswered(run, armed=False)


def nausea_mean(run: Record) -> Floats:
    """Mean nausea (0-10) while alive."""
    alive = run["alive_h"] > 0
    return np.asarray(np.where(alive, run["nausea"], 0.0).sum(axis=0) / np.maximum(alive.sum(axis=0), 1), np.float64)


def died(run: Record) -> Floats:
    """100 for a patient who died in the simulation, else 0."""
    return np.asarray(100.0 * (run["terminated"].max(axis=0) > 0), np.float64)


def interventions(run: Record) -> Floats:
    """Steps in which the shield changed a request, % of the steps alive."""
    return 100.0 * _sum(run, "intervened") / steps_alive(run)


def would_be_violations(run: Record) -> Floats:
    """Steps in which the raw request broke a limit, per 1000 h alive."""
    return np.asarray(1000.0 * (run["violations"] > 0).sum(axis=0) / (steps_alive(run) * run.step_h))


def cap_violations(run: Record) -> Floats:
    """Steps whose last 24 h of commanded dose, added up anew from the steps, exceed the profile's cap."""
    per_step = run["dose_ug"][:, :, 0].astype(np.float64)
    steps = max(1, int(DAY_H / run.step_h + 1e-9))  # whole steps only: a longer window could exceed the cap rightly
    total = np.cumsum(np.vstack((np.zeros((1, per_step.shape[1])), per_step)), axis=0)
    window = total[1:] - total[np.maximum(np.arange(1, len(total)) - steps, 0)]
    return np.asarray((window > run.start["cap_ug"] * (1.0 + _CAP_SLACK)).sum(axis=0), np.float64)


def episode_return(run: Record) -> Floats:
    """Sum of rewards with the charge for a death, without the training penalty for leaning on the shield."""
    return _sum(run, "reward") - _sum(run, "r_shield")


def _mean_with_death(field: str, worst: float, text: str) -> Measure:
    """A mean over the horizon that death makes no better: the dead count with the worst value."""

    def mean(run: Record) -> Floats:
        return np.asarray(np.where(run["alive_h"] > 0, run[field], worst).mean(axis=0, dtype=np.float64))

    mean.__doc__ = text
    return mean


def _alive_mean(field: str, text: str) -> Measure:
    def mean(run: Record) -> Floats:
        alive = run["alive_h"] > 0
        total = np.where(alive, run[field], 0.0).sum(axis=0, dtype=np.float64)
        return np.asarray(total / np.maximum(alive.sum(axis=0), 1))

    mean.__doc__ = text
    return mean


mean_ashworth = _mean_with_death("ashworth", 5.0, "Mean modified Ashworth score, counted from 1 to 5; 5 after death.")
mean_function = _mean_with_death("function", 0.0, "Mean function (0-100); 0 after death.")
mean_distress = _alive_mean("distress", "Mean distress (0-1) while alive.")
mean_cognition = _alive_mean("cognition", "Mean cognitive and psychiatric effect (0-1) while alive.")
mean_weakness = _alive_mean("motor_block", "Mean motor block (0-1) while alive.")
mean_pressure_fall = _alive_mean("bp_fall", "Mean fall of blood pressure by the drug (0-1) while alive.")


def visits(run: Record) -> Floats:
    """Visits of the clinic (refills, and calls that were answered) per 30 days alive."""
    return np.asarray(30.0 * _sum(run, "visits") / _alive_days(run))


def event_counts(run: Record) -> dict[str, dict[str, Any]]:
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
