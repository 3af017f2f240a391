"""Figures of the scorecard for the report: observed against simulated values, and courses over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thecal.experiments.reports.chart import Chart
from thecal.experiments.reports.svg import Axis, Key, Panel, axis_of
from thecal.experiments.reports.theme import FELT, INK, LIMIT, SECOND, faded
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import Score, Verdict, grouped
from thecal.experiments.validation.targets import GROUPS, digits

# One color and marker a group (the page's and Matplotlib's names), told apart without color too.
LOOKS = {
    "kinetics": ("#1F77D0", "circle", "o"),
    "effect": ("#0E9A6C", "up", "^"),
    "harm": ("#DB5A2B", "diamond", "D"),
    "adaptation": ("#C06BB0", "square", "s"),
    "trial": ("#BF8A00", "down", "v"),
    "sensors": ("#7D828A", "pentagon", "p"),
}
RATIOS = (0.15, 7.0)  # ends of the axis of simulated / observed
RATIO_TICKS = (0.2, 0.5, 1.0, 2.0, 5.0)
_HEIGHT_PX, _COURSE_PX = 520, 330


def misses(scores: Sequence[Score]) -> list[Score]:
    """Scores outside their interval, in the order of the page; their place in this list is their number in figures."""
    return _of_verdict(scores, "miss")


def undecided(scores: Sequence[Score]) -> list[Score]:
    """Scores that lie in their interval by one cohort and not by another, in the order of the page."""
    return _of_verdict(scores, "undecided")


def _of_verdict(scores: Sequence[Score], verdict: Verdict) -> list[Score]:
    return [score for members in grouped(scores).values() for score in members if score.verdict == verdict]


@dataclass(frozen=True)
class Placed:
    """A score as a point: observed across, simulated / observed up, both held to the axes.

    ``low`` and ``high`` are the interval's ends divided by the observed value, ``least`` and ``most`` those of the value
    with twice its error.
    """

    score: Score
    x: float
    y: float
    low: float
    high: float
    least: float
    most: float


def placed(scores: Sequence[Score]) -> list[Placed]:
    """Every score's place in the figure of observed against simulated, in the order of the page."""
    low, high = observed_limits(scores)
    return [_placed(score, low, high) for members in grouped(scores).values() for score in members]


def _placed(score: Score, low: float, high: float) -> Placed:
    target = score.target

    def ratio(value: float) -> float:
        return clipped(value / target.observed if target.observed else math.nan, *RATIOS)

    value = score.simulated
    ends = (value, target.low, target.high, *error_ends(score))
    return Placed(score, clipped(target.observed, low, high), *map(ratio, ends))


def error_ends(score: Score) -> tuple[float, float]:
    """The simulated value less and plus twice its error; the value itself where no error is known."""
    reach = 0.0 if math.isnan(score.error) else 2.0 * score.error
    return score.simulated - reach, score.simulated + reach


def observed_limits(scores: Sequence[Score]) -> tuple[float, float]:
    """Ends of a logarithmic axis that holds every positive observed value with a quarter of a decade of room."""
    shown = np.log10([score.target.observed for score in scores if score.target.observed > 0] or [1.0])
    return 10 ** (float(shown.min()) - 0.25), 10 ** (float(shown.max()) + 0.25)


def decade_ticks(low: float, high: float) -> list[float]:
    """The powers of ten between two ends."""
    return [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def clipped(value: float, low: float, high: float) -> float:
    """``value`` held to the axis; the lower end where there is none."""
    return low if math.isnan(value) else min(max(value, low), high)


def identity(scores: Sequence[Score]) -> Chart:
    """Simulated over observed values against the observed ones, with the line of identity."""
    low, high = observed_limits(scores)
    points = placed(scores)
    panel = Panel(
        _HEIGHT_PX, Axis(low, high, log=True), Axis(*RATIOS, log=True), unit="simulated / observed", y_ticks=RATIO_TICKS,
        x_title="observed, in its own unit", title="Simulated over observed",
    )  # fmt: skip
    panel.across(1.0, dash="solid", behind=True)
    for group, title in GROUPS.items():
        members = [point for point in points if point.score.target.group == group]
        if members:
            _points(panel, members, title)
    missed = [point for point in points if point.score.verdict == "miss"]
    for number, point in enumerate(missed, 1):
        panel.dots(point.x, point.y, LIMIT, "circle-open", size=8.0)
        panel.front.append(f'<text x="{panel.left(point.x)}" y="{panel.top(point.y)}" dx="10" dy="4">{number}</text>')
    met = sum(score.verdict == "pass" for score in scores)
    summary = f"{len(points)} observations, {met} within their interval, {len(missed)} missed."
    return Chart("identity", "Simulated over observed values, with the line of identity", summary, [panel])


def _points(panel: Panel, members: list[Placed], title: str) -> None:
    """The points of a group, their intervals, and twice their errors."""
    color, shape, _ = LOOKS[members[0].score.target.group]
    for point in members:
        left = panel.left(point.x)
        for low, high, look in ((point.low, point.high, faded(color, 0.45)), (point.least, point.most, INK)):
            ends = f'x1="{left}" x2="{left}" y1="{panel.top(low)}" y2="{panel.top(high)}"'
            panel.front.append(f'<line {ends} stroke="{look}" stroke-width="1.4"/>')
        hollow = "" if point.score.target.role == "test" else "-open"
        panel.dots(point.x, point.y, color, f"{shape}{hollow}", size=4.0, titles=[_hover(point.score)])
    panel.keys.append(Key(title, color, f"mark {shape}"))


def _hover(score: Score) -> str:
    target = score.target
    return (
        f"{target.title}: observed {digits(target.observed)}{target.suffix}, interval {target.interval}; "
        f"simulated {score.shown}: {score.verdict}, P {score.chance} ({target.role})"
    )


def vpc_chart(check: Band, name: str) -> Chart:
    """Median and 5th to 95th percentile of virtual patients with published points and their spread."""
    divisor, unit = time_unit(check)
    time, value, low, high = (np.asarray(column, np.float64) for column in zip(*check.observed, strict=True))
    hours = np.asarray(check.time_h, np.float64) / divisor
    ends = [np.asarray(column, np.float64) for column in (check.low, check.high, value, low, high)]
    x = axis_of(hours, time / divisor, zero=True, room=0.02)
    panel = Panel(
        _COURSE_PX, x, _levels(ends) if check.log_scale else axis_of(*ends), unit=check.unit, title=check.title
    )
    panel.x_title = f"time [{unit}]"
    panel.band(hours, check.low, check.high, FELT, 0.2, "5th to 95th percentile")
    panel.line(hours, check.median, FELT, "median simulated", width=2.0, unit=check.unit)
    for at, least, most in zip(time / divisor, low, high, strict=True):
        place = f'x1="{panel.left(at)}" x2="{panel.left(at)}" y1="{panel.top(least)}" y2="{panel.top(most)}"'
        panel.front.append(f'<line {place} stroke="{SECOND}" stroke-width="1.8"/>')
    panel.dots(time / divisor, value, SECOND, "diamond", "published", size=4.6)
    least, most = (np.interp(time, check.time_h, ends) for ends in (check.low, check.high))
    within = int(((value >= least) & (value <= most)).sum())
    summary = (
        f"{within} of {len(value)} published values lie between the 5th and the 95th percentile of virtual patients."
    )
    return Chart(name, check.title, summary, [panel], read=(f"time [{unit}]", ""))


def _levels(columns: Sequence[Any]) -> Axis:
    """A logarithmic axis that holds every positive value of ``columns``."""
    values = np.concatenate(columns)
    known = values[np.isfinite(values) & (values > 0.0)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.1, 1.0)
    return Axis(low / 1.3, high * 1.3, log=True)


def time_unit(check: Band) -> tuple[float, str]:
    """Hours in the unit of the time axis, and its name: hours up to three days, days up to four months, then months."""
    last = max(check.time_h)
    if last <= 72.0:
        return 1.0, "h"
    return (24.0, "d") if last <= 24.0 * 120 else (24.0 * 30.4, "months")
