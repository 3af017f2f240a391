"""Picks the patients a report looks at closely, and makes of their runs tracks, lanes and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from thecal.devices.alarms import alarm_names
from thecal.devices.fault_records import FAULT_NAMES
from thecal.devices.monitor_records import MONITOR_NAMES
from thecal.experiments.reports.data import Lane, ReportData, Story
from thecal.experiments.reports.notes import LIMITS, notes_of
from thecal.experiments.rollouts.trajectories import Trajectories

# Fields of a trajectory that the patient charts draw as they are.
_FIELDS = (
    "time_h", "pain_mean", "pain0", "nrs_report", "demands_given", "demands_denied", "ce_dh", "ce_bs", "tol", "oih",
    "withdrawal", "sedation", "rr_min", "spo2_min", "hr", "sbp", "requested_rate", "allowed_rate", "requested_bolus_ul",
    "function", "distress", "alive_h",
)  # fmt: skip
_ALWAYS_KNOWN = ("time_h", "alive_h", "demands_given", "demands_denied")
_NEVER_BREATHED = 100.0  # 1/min; the step's running minimum before any breath was seen
_FINEST = 400  # gaps shorter than the horizon divided by this are closed: nobody can see them


def stories_of(data: ReportData, runs: Mapping[str, Trajectories]) -> list[Story]:
    """The worst, the median and the best patient, and the one at the border of the worst tenth, by the primary outcome."""
    primary, lead = data.primary, data.lead
    values = (primary.better or 1) * data.of(lead).values[primary.key]
    order = np.argsort(np.nan_to_num(values, nan=np.inf), kind="stable")  # worst first
    beside = data.best_rules(lead, data.reference)[:1]
    shown = list(dict.fromkeys((lead, data.reference, *beside)))
    n = len(order)
    places = (
        ("Worst patient", 0, "Nobody did worse."),
        ("Worst-tenth patient", max(0, int(np.ceil(0.1 * n)) - 1), "Nine of ten patients did better."),
        ("Median patient", n // 2, "Half of the patients did better, half did worse."),
        ("Best patient", n - 1, "Nobody did better."),
    )
    chosen = {rank: (title, why) for title, rank, why in reversed(places)}  # few patients: one place a patient
    return [
        Story(
            title=title,
            patient=data.result.patients[order[rank]],
            why=why,
            tracks={name: _track(runs[name], int(order[rank])) for name in shown},
            lanes={name: lanes_of(runs[name], int(order[rank])) for name in shown},
            notes={name: notes_of(runs[name], int(order[rank])) for name in shown},
        )
        for rank, (title, why) in sorted(chosen.items())
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
    track["rr_min"][track["rr_min"] > _NEVER_BREATHED] = np.nan
    return track


def lanes_of(run: Trajectories, row: int) -> list[Lane]:
    """When limits changed a patient's requests, and when faults, alarms and suspicions stood."""
    found = []
    for number, when in _bits(run, "binding", row):
        words, text = LIMITS.get(number, (f"limit {number}", ""))
        found.append(Lane(kind="limit", name=words, text=text, spans=_spans(run, when)))
    for number, when in _bits(run, "faults", row):
        found.append(Lane(kind="fault", name=_said(FAULT_NAMES[number]), spans=_spans(run, when)))
    for number, when in _bits(run, "alarms", row):
        words = " ".join(alarm_names(1 << number)) or f"alarm {number}"
        found.append(Lane(kind="alarm", name=_said(words), spans=_spans(run, when)))
    for number, when in _bits(run, "suspicions", row):
        found.append(Lane(kind="suspicion", name=_said(MONITOR_NAMES[number]), spans=_spans(run, when)))
    return found


def _said(name: str) -> str:
    return name.replace("_", " ")


def _bits(run: Trajectories, field: str, row: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """The bits of a field that were ever set while the patient lived, with the steps in which they were."""
    values = np.where(run["alive_h"][:, row] > 0, run[field][:, row], 0).astype(np.int64)
    ever = int(np.bitwise_or.reduce(values)) if len(values) else 0
    for number in range(ever.bit_length()):
        if ever >> number & 1:
            yield number, (values >> number & 1).astype(np.bool_)


def _spans(run: Trajectories, when: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Begin and end of each time, days; times that no eye could tell apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], when.astype(np.int8), [0]])))
    begins, ends = edges[::2] * run.step_h / 24.0, edges[1::2] * run.step_h / 24.0
    least = len(when) * run.step_h / 24.0 / _FINEST
    found: list[list[float]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if found and begin - found[-1][1] < least:
            found[-1][1] = end
        else:
            found.append([begin, end])
    return tuple((round(begin, 3), round(end, 3)) for begin, end in found)
