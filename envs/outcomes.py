"""Outcomes: what is measured on every patient of a run, one number each, in which unit, and what counts as harm.

The catalog that tasks choose from. A row names the outcome for people and for data, says which way is better, and for a harm
how much worse still counts as no worse; the function behind it reads a run's fields, its step and its start values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from thecal.core.errors import UnknownNameError
from thecal.envs.measures import (
    Floats,
    Measure,
    Record,
    breakthrough_relief,
    cap_violations,
    demands_denied,
    demands_given,
    demands_unarmed,
    died,
    dose_mg_per_day,
    dose_ug_per_day,
    episode_return,
    interventions,
    lost_to_breathing,
    lost_to_confusion,
    lost_to_death,
    lost_to_nausea,
    lost_to_pain,
    lost_to_sedation,
    lost_to_spasticity,
    lost_to_weakness,
    lost_to_withdrawal,
    mean_ashworth,
    mean_cognition,
    mean_distress,
    mean_function,
    mean_nrs,
    mean_pressure_fall,
    mean_weakness,
    nausea_mean,
    resp_events,
    resp_hours,
    responder30,
    responder50,
    sedation_events,
    sedation_hours,
    time_controlled,
    visits,
    well_treated,
    withdrawal_hours,
    would_be_violations,
)

Role = Literal["primary", "efficacy", "cost", "use"]


class Outcome(BaseModel):
    """One thing that is measured on every patient.

    Attributes:
        key: its name in the data.
        label: its name for people.
        unit: unit of the values as shown.
        better: 1 where more is better, -1 where less is better, 0 where neither is.
        role: ``primary`` (the task's registered outcome), ``efficacy``, ``cost`` (a harm) or ``use`` (how it was done).
        digits: decimals shown.
        margin: for a cost, the largest harmful difference that still counts as not worse, in the unit.
        text: one sentence on how it is computed.
        brief: a head of a few letters for narrow tables.
        event: for an outcome that counts events, the value of one event in one patient; 0 for any other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    label: str
    unit: str
    better: Literal[-1, 0, 1]
    role: Role
    digits: int = 1
    margin: float | None = None
    text: str = ""
    brief: str = ""
    event: float = 0.0


def _row(
    measure: Measure,
    key: str,
    label: str,
    unit: str,
    better: Literal[-1, 0, 1],
    role: Role,
    digits: int,
    margin: float | None = None,
    brief: str = "",
    event: float = 0.0,
) -> tuple[Outcome, Measure]:
    text = (measure.__doc__ or "").strip()
    return Outcome(
        key=key, label=label, unit=unit, better=better, role=role, digits=digits, margin=margin, text=text, brief=brief,
        event=event,
    ), measure  # fmt: skip


_ROWS = (
    _row(time_controlled, "time_controlled", "Time with NRS ≤ 3", "% of time", 1, "efficacy", 1),
    _row(mean_nrs, "mean_nrs", "Mean pain", "NRS", -1, "efficacy", 2),
    _row(responder30, "responder30", "Responders, relief ≥ 30 %", "% of patients", 1, "efficacy", 0),
    _row(responder50, "responder50", "Responders, relief ≥ 50 %", "% of patients", 1, "efficacy", 0),
    _row(breakthrough_relief, "breakthrough_relief", "Relief in breakthrough", "%", 1, "efficacy", 1),
    _row(resp_events, "resp_events", "Respiratory depressions", "events/patient", -1, "cost", 3, 0.05, event=1.0),
    _row(resp_hours, "resp_hours", "Depressed breathing", "h/patient", -1, "cost", 2, 1.0, brief="resp h"),
    _row(sedation_events, "sed_events", "Over-sedations", "events/patient", -1, "cost", 3, 0.05, event=1.0),
    _row(sedation_hours, "sed_hours", "Over-sedated", "h/patient", -1, "cost", 2, 1.0, brief="sed h"),
    _row(withdrawal_hours, "withdrawal_hours", "Withdrawal", "h/patient", -1, "cost", 2, 1.0),
    _row(nausea_mean, "nausea_mean", "Mean nausea", "0-10", -1, "cost", 2, 0.5),
    _row(died, "died", "Deaths", "% of patients", -1, "cost", 2, 0.5, event=100.0),
    _row(dose_mg_per_day, "dose_mg_per_day", "Dose", "mg/d", 0, "use", 2, brief="mg/d"),
    _row(demands_given, "demands_given", "Demand boluses given", "1/d", 0, "use", 2),
    _row(demands_denied, "demands_denied", "Demand boluses denied", "1/d", 0, "use", 2),
    _row(demands_unarmed, "demands_unarmed", "Presses with no bolus armed", "1/d", 0, "use", 2),
    _row(interventions, "interventions", "Steps changed by the shield", "% of steps", 0, "use", 1),
    _row(would_be_violations, "would_be_violations", "Requests beyond a limit", "per 1000 h", 0, "use", 1),
    _row(cap_violations, "cap_violations", "24-h dose above the cap", "steps/patient", -1, "cost", 3, 0.0),
    _row(episode_return, "return", "Return", "reward", 1, "use", 1),
    _row(dose_ug_per_day, "dose_ug_per_day", "Dose in µg", "µg/d", 0, "use", 2, brief="µg/d"),
    _row(mean_ashworth, "mean_ashworth", "Mean spasticity", "Ashworth 1-5", -1, "efficacy", 2),
    _row(mean_function, "mean_function", "Mean function", "0-100", 1, "efficacy", 1),
    _row(mean_distress, "mean_distress", "Mean distress", "0-1", -1, "efficacy", 2),
    _row(mean_cognition, "mean_cognition", "Mean cognitive effect", "0-1", -1, "cost", 3, 0.02),
    _row(mean_weakness, "mean_weakness", "Mean motor block", "0-1", -1, "cost", 3, 0.02),
    _row(mean_pressure_fall, "mean_pressure_fall", "Mean fall of blood pressure", "0-1", -1, "cost", 3, 0.02),
    _row(visits, "visits", "Visits of the clinic", "1/30 d", 0, "use", 2),
    _row(well_treated, "well_treated", "Well treated", "% of time", 1, "efficacy", 1, brief="well"),
    _row(lost_to_pain, "lost_pain", "Lost to pain", "% of time", -1, "efficacy", 1),
    _row(lost_to_nausea, "lost_nausea", "Lost to nausea", "% of time", -1, "cost", 2, 1.0),
    _row(lost_to_withdrawal, "lost_withdrawal", "Lost to withdrawal", "% of time", -1, "cost", 2, 0.15),
    _row(lost_to_sedation, "lost_sedation", "Lost to over-sedation", "% of time", -1, "cost", 2, 0.15),
    _row(lost_to_breathing, "lost_breathing", "Lost to depressed breathing", "% of time", -1, "cost", 2, 0.15),
    _row(lost_to_death, "lost_death", "Lost to death", "% of time", -1, "cost", 2, 0.5),
    _row(lost_to_spasticity, "lost_spasticity", "Lost to spasticity", "% of time", -1, "efficacy", 1),
    _row(lost_to_confusion, "lost_confusion", "Lost to confusion", "% of time", -1, "cost", 2, 1.0),
    _row(lost_to_weakness, "lost_weakness", "Lost to weakness", "% of time", -1, "cost", 2, 1.0),
)
CATALOG: dict[str, Outcome] = {row.key: row for row, _ in _ROWS}
_MEASURES: dict[str, Measure] = {row.key: measure for row, measure in _ROWS}
# What a task of pain reports unless its file says otherwise; a task's hash does not show it, so it must never change.
STANDARD = (
    "time_controlled", "mean_nrs", "responder30", "responder50", "breakthrough_relief", "resp_events", "resp_hours",
    "sed_events", "sed_hours", "withdrawal_hours", "nausea_mean", "died", "dose_mg_per_day", "demands_given",
    "demands_denied", "interventions", "would_be_violations", "cap_violations", "return",
)  # fmt: skip
OUTCOMES = tuple(CATALOG[key] for key in STANDARD)


def outcome(key: str) -> Outcome:
    """The description of an outcome by key.

    Raises:
        UnknownNameError: no such outcome.
    """
    if key not in CATALOG:
        raise UnknownNameError("outcome", key, list(CATALOG))
    return CATALOG[key]


def outcomes(run: Record, keys: Iterable[str] = STANDARD) -> dict[str, Floats]:
    """The named outcomes of every patient, ``{key: [B]}``.

    Raises:
        UnknownNameError: no such outcome.
    """
    return {outcome(key).key: np.asarray(_MEASURES[key](run), np.float64) for key in keys}


class _Probe:
    """A run that notes which fields are asked for."""

    step_h = 1.0

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.start = {"cap_ug": np.ones(1)}

    def __getitem__(self, field: str) -> NDArray[Any]:
        self.asked.add(field)
        return np.zeros((4, 1, 3) if field == "dose_ug" else (4, 1))


def fields_read(keys: Iterable[str]) -> set[str]:
    """The fields of a run that the named outcomes are computed from."""
    probe = _Probe()
    outcomes(probe, keys)
    return probe.asked
