"""Figures of the scorecard for the report: observed against simulated values, and courses over time."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thecal.experiments.reports.theme import FELT, INK, LIMIT, SECOND, dress, faded
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import Score, Verdict, grouped
from thecal.experiments.validation.targets import GROUPS, digits

# One color and marker a group (Plotly's and Matplotlib's names), told apart without color too.
LOOKS = {
    "kinetics": ("#1F77D0", "circle", "o"),
    "effect": ("#0E9A6C", "triangle-up", "^"),
    "harm": ("#DB5A2B", "diamond", "D"),
    "adaptation": ("#C06BB0", "square", "s"),
    "trial": ("#BF8A00", "triangle-down", "v"),
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


def identity(scores: Sequence[Score]) -> Any:
    """Simulated over observed values against the observed ones, with the line of identity (a Plotly figure)."""
    import plotly.graph_objects as go

    low, high = observed_limits(scores)
    points = placed(scores)
    figure = go.Figure()
    for group, title in GROUPS.items():
        members = [point for point in points if point.score.target.group == group]
        if members:
            figure.add_traces([_bars(members), _points(members, title)])
    missed = [point for point in points if point.score.verdict == "miss"]
    figure.add_trace(
        go.Scatter(
            x=[point.x for point in missed],
            y=[point.y for point in missed],
            mode="markers+text",
            marker={"size": 17, "color": "rgba(0,0,0,0)", "line": {"color": LIMIT, "width": 1.8}},
            text=[str(k) for k in range(1, len(missed) + 1)],
            textposition="middle right",
            textfont={"size": 12, "color": INK},
            hoverinfo="skip",
            name="miss",
        )
    )
    figure.add_hline(y=1.0, line={"color": INK, "width": 1.2}, layer="below")
    dress(figure, _HEIGHT_PX, legend=True, hovermode="closest")
    wide = {"type": "log", "range": [math.log10(low), math.log10(high)]}
    decades = {"tickvals": decade_ticks(low, high), "ticktext": [f"{tick:g}" for tick in decade_ticks(low, high)]}
    figure.update_xaxes(title_text="observed, in its own unit", **wide, **decades)
    ends = [math.log10(end) for end in RATIOS]
    ticks = {"tickvals": list(RATIO_TICKS), "ticktext": [f"{tick:g}" for tick in RATIO_TICKS]}
    figure.update_yaxes(title_text="simulated / observed", type="log", range=ends, **ticks)
    return figure


def _bars(members: list[Placed]) -> Any:
    """The intervals: one line each, apart from the points, which may lie outside."""
    import plotly.graph_objects as go

    line = {"color": faded(LOOKS[members[0].score.target.group][0], 0.45), "width": 1.5}
    x = [x for point in members for x in (point.x, point.x, None)]
    y = [y for point in members for y in (point.low, point.high, None)]
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def _points(members: list[Placed], title: str) -> Any:
    import plotly.graph_objects as go

    color, symbol, _ = LOOKS[members[0].score.target.group]
    return go.Scatter(
        x=[point.x for point in members],
        y=[point.y for point in members],
        mode="markers",
        name=title,
        marker={
            "symbol": [symbol if point.score.target.role == "test" else f"{symbol}-open" for point in members],
            "size": 8,
            "color": color,
            "line": {"color": color, "width": 1.6},
        },
        text=[_hover(point.score) for point in members],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [point.most - point.y for point in members],
            "arrayminus": [point.y - point.least for point in members],
            "color": INK,
            "thickness": 1.0,
            "width": 0,
        },
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(score: Score) -> str:
    target = score.target
    return (
        f"<b>{html.escape(target.title)}</b><br>observed {digits(target.observed)}{target.suffix}, interval {target.interval}<br>"
        f"simulated {score.shown}: {score.verdict}, P {score.chance} ({target.role})"
    )


def vpc_chart(check: Band) -> Any:
    """Median and 5th to 95th percentile of virtual patients with published points and their spread (a Plotly figure)."""
    import plotly.graph_objects as go

    figure = go.Figure()
    edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(x=check.time_h, y=check.high, showlegend=False, **edge))
    band = {"fill": "tonexty", "fillcolor": faded(FELT, 0.2), "name": "5th to 95th percentile"}
    figure.add_trace(go.Scatter(x=check.time_h, y=check.low, **band, **edge))
    figure.add_trace(
        go.Scatter(
            x=check.time_h, y=check.median, mode="lines", line={"color": FELT, "width": 2}, name="median simulated"
        )
    )
    time, value, low, high = (list(column) for column in zip(*check.observed, strict=True))
    figure.add_trace(
        go.Scatter(
            x=time,
            y=value,
            mode="markers",
            name="published",
            cliponaxis=False,  # a point at hour 0 stands on the axis
            marker={"color": SECOND, "size": 9, "symbol": "diamond"},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": np.subtract(high, value),
                "arrayminus": np.subtract(value, low),
                "color": SECOND,
                "thickness": 1.8,
                "width": 4,
            },
        )
    )
    dress(figure, _COURSE_PX, legend=True)
    divisor, unit = time_unit(check)
    figure.update_xaxes(title_text=f"time [{unit}]", rangemode="tozero")
    figure.for_each_trace(lambda trace: trace.update(x=[hour / divisor for hour in trace.x]))
    figure.update_yaxes(title_text=check.unit, type="log" if check.log_scale else "linear")
    return figure


def time_unit(check: Band) -> tuple[float, str]:
    """Hours in the unit of the time axis, and its name: hours up to three days, days up to four months, then months."""
    last = max(check.time_h)
    if last <= 72.0:
        return 1.0, "h"
    return (24.0, "d") if last <= 24.0 * 120 else (24.0 * 30.4, "months")
