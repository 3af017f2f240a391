"""Pain and dose by day over all patients, as percentiles in the manner of an ambulatory glucose profile, and their charts."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.reports.chart import Chart
from thecal.experiments.reports.data import Course, ReportData
from thecal.experiments.reports.svg import Axis, Panel
from thecal.experiments.reports.theme import DOSE, FELT, LIMIT
from thecal.experiments.rollouts.trajectories import Trajectories

LEVELS = (5.0, 25.0, 50.0, 75.0, 95.0)  # 90 % and 50 % of patients about the median
_STRETCHES = 120  # at most so many on a chart; a longer horizon is cut into several days each
_DAY_H = 24.0
_HEIGHT_PX = 130
_GOAL_NRS = 3.0


def courses_of(run: Trajectories) -> list[Course]:
    """Pain felt and dose of the first drug of a run, by stretches of a whole day or more, over the patients who lived."""
    cuts = _stretches(run)
    pain, dose, alive = (np.full((len(cuts), len(run.patients)), np.nan) for _ in range(3))
    for k, piece in enumerate(cuts):
        lived = run["alive_h"][piece].sum(axis=0, dtype=np.float64)
        there = (run["terminated"][piece.stop - 1] == 0) & (lived > 0.0)
        pain[k] = np.where(there, run["pain_mean"][piece].mean(axis=0, dtype=np.float64), np.nan)
        given_mg = run["dose_ug"][piece, :, 0].sum(axis=0, dtype=np.float64) / 1000.0
        with np.errstate(divide="ignore", invalid="ignore"):
            dose[k] = np.where(there, given_mg * _DAY_H / lived, np.nan)
        alive[k] = there
    day = run["time_h"][[piece.stop - 1 for piece in cuts]].max(axis=1) / _DAY_H
    return [
        _course("pain", "Pain", "NRS", day, pain, alive.sum(axis=1)),
        _course("dose", f"Dose of {run.task.drugs[0]}", "mg/d", day, dose, alive.sum(axis=1)),
    ]


def _stretches(run: Trajectories) -> list[slice]:
    steps = len(run["time_h"])
    per_day = max(1, round(_DAY_H / run.step_h))
    days = max(1, -(-steps // (per_day * _STRETCHES)))
    size = per_day * days
    return [slice(begin, min(begin + size, steps)) for begin in range(0, steps, size)]


def _course(
    key: str, label: str, unit: str, day: NDArray[np.float64], values: NDArray[np.float64], alive: NDArray[np.float64]
) -> Course:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a stretch in which nobody lives has no percentiles
        found = np.nanpercentile(values, LEVELS, axis=1)
    rows = tuple(np.round(row, 4) for row in found)
    return Course(key=key, label=label, unit=unit, levels=LEVELS, day=np.round(day, 4), values=rows, alive=alive)


def course_charts(data: ReportData) -> list[Chart]:
    """One chart a measure, one panel a policy, all on the same axes so that policies can be set beside each other."""
    keys = list(dict.fromkeys(course.key for found in data.courses.values() for course in found))
    return [chart for key in keys if (chart := _chart(data, key)) is not None]


def _chart(data: ReportData, key: str) -> Chart | None:
    found = {name: one for name in data.policies for one in data.courses.get(name, []) if one.key == key}
    first = next(iter(found.values()), None)
    if first is None:
        return None
    known = np.concatenate([one.values[-1] for one in found.values()])
    high = float(np.nanmax(known)) if np.isfinite(known).any() else 1.0
    end = max(float(one.day[-1]) for one in found.values())
    y = Axis(0.0, 10.0) if key == "pain" else Axis(0.0, 1.08 * (high or 1.0))
    panels, told = [], []
    for name, one in found.items():
        panels.append(_panel(one, data.of(name).info.marked_label, Axis(0.0, end), y))
        told.append(f"{data.of(name).info.marked_label}: {_words(one)}")
    title = f"{first.label} by day, median with 50 and 90 percent of patients"
    return Chart(
        f"course-{key}", title, "; ".join(told) + ".", panels, read=("day", ""), mark=data.result.mark, columns=4
    )


def _panel(course: Course, title: str, x: Axis, y: Axis) -> Panel:
    color = FELT if course.key == "pain" else DOSE
    panel = Panel(_HEIGHT_PX, x, y, title=title, unit=course.unit, x_title="day")
    day, rows = np.concatenate([[0.0], course.day]), [np.concatenate([row[:1], row]) for row in course.values]
    lowest, low, middle, high, highest = rows
    panel.band(day, lowest, highest, color, 0.16)
    panel.band(day, low, high, color, 0.3)
    if course.key == "pain":
        panel.across(_GOAL_NRS, LIMIT)
    for name, row in (("95 % of patients below", highest), ("5 % below", lowest)):
        panel.line(day, row, "none", name, unit=course.unit)
    panel.line(day, middle, color, "median", width=2.2, unit=course.unit)
    panel.keys = []
    return panel


def _words(course: Course) -> str:
    """Where the median begins and ends, with 90 % of patients."""
    known = np.flatnonzero(np.isfinite(course.values[2]))
    if not known.size:
        return "nobody lived"
    first, last = int(known[0]), int(known[-1])
    ends = [
        f"{course.values[2][k]:.1f} ({course.values[0][k]:.1f} to {course.values[-1][k]:.1f})" for k in (first, last)
    ]
    return f"{ends[0]} on day {course.day[first]:.0f}, {ends[1]} {course.unit} on day {course.day[last]:.0f}"
