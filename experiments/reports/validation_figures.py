"""Figures of the scorecard for the documentation, as SVG text: equal scores give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from thecal.experiments.reports.theme import FELT, INK, LIMIT, SECOND
from thecal.experiments.reports.validation_charts import (
    LOOKS,
    RATIO_TICKS,
    RATIOS,
    clipped,
    decade_ticks,
    error_ends,
    observed_limits,
    placed,
    time_unit,
)
from thecal.experiments.reports.vector import HAIR, drawing, svg
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import Score, grouped, of_structure

_BAND = "#DCDFE4"
_RING: Any = {"markersize": 12, "markerfacecolor": "none", "markeredgecolor": LIMIT, "markeredgewidth": 1.5}
_WIDTH_IN, _ROW_IN, _TITLE_CHARS = 9.2, 0.32, 52
# How far outside its interval (in widths of it) a value is drawn; farther ones stand at the edge as an arrow.
_REACH = 0.6
_SIMULATED_X, _INTERVAL_X = 1.72, 2.8
_COLORS = {"pass": FELT, "miss": LIMIT, "undecided": SECOND}


def figures(scores: Sequence[Score], checks: Sequence[Band]) -> dict[str, str]:
    """Every figure of the page by name: ``identity``, one a group by its key, and ``course_1`` ... for the checks.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    with drawing("the page of the validation"):
        drawn = {"identity": svg(_identity(of_structure(scores, "axial")))}
        for members in grouped(scores).values():
            drawn[members[0].target.group] = svg(_intervals(members))
        for k, check in enumerate(checks, 1):
            drawn[f"course_{k}"] = svg(_course(check))
    return drawn


def _identity(scores: Sequence[Score]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.axhline(1.0, color=INK, linewidth=1.1, zorder=1)
    missed = 0
    for point in placed(scores):
        target = point.score.target
        color, _, marker = LOOKS[target.group]
        axes.plot([point.x, point.x], [point.low, point.high], color=color, alpha=0.4, linewidth=1.5, zorder=2)
        inside = color if target.role == "test" else "white"
        style: Any = {"color": color, "markerfacecolor": inside, "markersize": 5.5, "markeredgewidth": 1.3}
        axes.plot([point.x, point.x], [point.least, point.most], color=INK, linewidth=0.9, zorder=2.5)
        axes.plot(point.x, point.y, marker, zorder=3, **style)
        if point.score.verdict == "miss":
            missed += 1
            axes.plot(point.x, point.y, "o", zorder=4, **_RING)
            axes.annotate(str(missed), (point.x, point.y), xytext=(8, -3), textcoords="offset points", fontsize=9)
    for title, members in grouped(scores).items():
        color, _, marker = LOOKS[members[0].target.group]
        axes.plot([], [], marker, color=color, label=title, markersize=5.5)
    axes.plot([], [], "o", label="miss (numbered)", **_RING)
    ends = observed_limits(scores)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=RATIOS)
    axes.set_xticks(decade_ticks(*ends), [f"{tick:g}" for tick in decade_ticks(*ends)])
    axes.set_yticks(RATIO_TICKS, [f"{tick:g}" for tick in RATIO_TICKS])
    axes.minorticks_off()
    axes.set_xlabel("observed, in its own unit")
    axes.set_ylabel("simulated / observed")
    axes.grid(color=HAIR, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper center", ncols=7, fontsize=8, handletextpad=0.3, columnspacing=1.2)
    return figure


def _intervals(scores: Sequence[Score]) -> Any:
    """One row an observation: its interval as a bar from 0 to 1, the observed value as a tick, the simulated ones as dots."""
    from matplotlib.figure import Figure

    rows = {
        key: [one for one in scores if one.target.key == key] for key in dict.fromkeys(s.target.key for s in scores)
    }
    height = _ROW_IN * len(rows) + 0.9
    figure = Figure(figsize=(_WIDTH_IN, height))
    axes = figure.add_axes((0.36, 0.3 / height, 0.32, _ROW_IN * len(rows) / height))
    for row, own in enumerate(rows.values()):
        _interval_row(axes, row, own)
    axes.set(xlim=(-0.66, 1.66), ylim=(len(rows) - 0.5, -0.5), xticks=[0, 1], yticks=[])
    axes.set_xticklabels(["lower end", "upper end"], fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(axis="x", color=_BAND, linewidth=0.8)
    axes.set_axisbelow(True)
    for x, label in ((_SIMULATED_X, "simulated"), (_INTERVAL_X, "interval")):
        axes.text(x, -0.62, label, va="bottom", fontsize=8, color=INK)
    key = (
        "bar: interval. black line: observed. dot: simulated, with twice its error, filled where no parameter knew it",
        "blue: pass. red: miss. violet: undecided. small diamond: the second structural model",
    )
    for k, line in enumerate(key):
        figure.text(0.01, 1.0 - (0.15 + 0.17 * k) / height, line, va="center", fontsize=8, color=INK)
    return figure


def _interval_row(axes: Any, row: int, scores: Sequence[Score]) -> None:
    first, target = scores[0], scores[0].target
    axes.barh(row, 1.0, left=0.0, height=0.42, color=_BAND, zorder=2)
    observed = _held(target.place(target.observed))
    axes.plot([observed, observed], [row - 0.3, row + 0.3], color="#1A1D21", linewidth=1.4, zorder=3)
    for one in scores:
        second = one.structure != "axial"
        _mark(axes, row + (0.27 if second else 0.0), one, "D" if second else "o", 3.2 if second else 6.5)
    axes.text(
        -0.7,
        row,
        fill(target.title, _TITLE_CHARS, break_on_hyphens=False),
        ha="right",
        va="center",
        fontsize=8,
        linespacing=1.0,
    )
    color = _COLORS[first.verdict]
    axes.text(_SIMULATED_X, row, first.shown, va="center", fontsize=8.5, color=color, weight="bold")
    axes.text(_INTERVAL_X, row, f"{target.interval}{target.suffix}", va="center", fontsize=8)


def _mark(axes: Any, height: float, one: Score, shape: str, size: float) -> None:
    """A simulated value with twice its error; an arrow where it lies beyond the axis."""
    target, color = one.target, _COLORS[one.verdict]
    place = target.place(one.simulated)
    marker = "<" if place < -_REACH else ">" if place > 1.0 + _REACH else shape
    inside = color if target.role == "test" else "white"
    ends = [_held(target.place(end)) for end in error_ends(one)]
    axes.plot(ends, [height, height], color=color, linewidth=1.1, zorder=3.5)
    style: Any = {"color": color, "markerfacecolor": inside, "markersize": size, "markeredgewidth": 1.5 * size / 6.5}
    axes.plot(_held(place), height, marker, zorder=4, **style)


def _held(place: float) -> float:
    return clipped(place, -_REACH, 1.0 + _REACH)


def _course(check: Band) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    divisor, unit = time_unit(check)
    hours = [hour / divisor for hour in check.time_h]
    axes.fill_between(hours, check.low, check.high, color=FELT, alpha=0.18, linewidth=0, label="5th to 95th percentile")
    axes.plot(hours, check.median, color=FELT, linewidth=1.8, label="median simulated")
    time, value, low, high = (list(column) for column in zip(*check.observed, strict=True))
    spread = [[v - e for v, e in zip(value, low, strict=True)], [e - v for v, e in zip(value, high, strict=True)]]
    points = [hour / divisor for hour in time]
    axes.errorbar(points, value, yerr=spread, fmt="D", color=SECOND, markersize=5, capsize=3, label="published")
    axes.set(xlabel=f"time [{unit}]", ylabel=check.unit, yscale="log" if check.log_scale else "linear")
    axes.set_title(check.title, fontsize=9.5, loc="left")
    axes.grid(color=HAIR, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5)
    return figure
