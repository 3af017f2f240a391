"""The picture of one patient on a task's page: goal, dose, harms, hours, and what happened beside the pump, on one time axis."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.envs.kernel.well import (
    CONFUSION_BOUND,
    GOAL_ASHWORTH,
    GOAL_SPASM,
    NAUSEA_BOUND,
    WEAKNESS_BOUND,
    WITHDRAWAL_LEVEL,
)
from thecal.experiments.reports.task_story import HOURS_PER_DAY, Story
from thecal.experiments.reports.theme import DOSE, FELT, INK, LIMIT, SECOND, THIRD, UNTREATED
from thecal.experiments.reports.vector import HAIR, drawing, svg
from thecal.physiology.breathing import DEPRESSED_RR, DEPRESSED_SPO2
from thecal.physiology.harm import OVERSEDATED_POSS
from thecal.physiology.pain import NRS_MAX

_WIDTH_IN = 8.33  # 800 px on a page
_MOST_POINTS = 180  # of a line; longer courses are drawn by blocks
_ROW_IN, _EDGE_IN = 0.19, 0.52
_UG_PER_MG = 1000.0
NO_FAULTS = "none"
_SMALL_MG = 1.0  # doses below are told in µg
_DECIMALS = re.compile(r"\d+\.\d{2,}")
_GROUPS = re.compile(r'(?<=<g) id="[^"]*"')  # names of groups, which nothing refers to
_NO_TURN = re.compile(r' transform="rotate\(-0 [^"]*\)"')
_OPIOID = "morphine"
_STROKE = 1.0 / 1600.0  # half the length of a dot, as a share of the horizon
_MOST_TICKS = 8

Panel = tuple[Callable[[Any, Story], None], float]


def picture(story: Story) -> str:
    """The picture as SVG text, with what it shows in its description.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    with drawing("the pictures of the tasks"):
        text = svg(_figure(story), Title=story.scene.task.name, Description=story.mark)
    shorter = _DECIMALS.sub(lambda found: f"{float(found[0]):.1f}", text)
    for needless in (_GROUPS, _NO_TURN):
        shorter = needless.sub("", shorter)
    return "\n".join(line.strip() for line in shorter.splitlines() if line.strip()) + "\n"


def _figure(story: Story) -> Any:
    from matplotlib.figure import Figure

    rows = [_rows_of_hours(story), _rows_of_events(story)]
    panels = _panels(story)
    heights = [height for _, height in panels] + [_ROW_IN * len(row) + 0.12 for row in rows]
    figure = Figure(figsize=(_WIDTH_IN, sum(heights) + _EDGE_IN + 0.27 * len(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for (draw, _), own in zip(panels, axes, strict=False):
        draw(own, story)
    titles = ("What the hours count as", "Events, faults, clinic and shield")
    for own, row, title in zip(axes[len(panels) :], rows, titles, strict=True):
        _raster(own, story, row, title)
    axes[-1].locator_params(axis="x", nbins=_MOST_TICKS)
    for own in axes:
        own.grid(axis="x", color=HAIR, linewidth=0.8)
        own.tick_params(axis="x", length=0)
        own.set_axisbelow(True)
        own.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("time since the start [d]")
    axes[-1].set_xlim(0.0, story.scene.task.horizon_d)
    figure.align_ylabels(axes[: len(panels)])
    return figure


def _panels(story: Story) -> list[Panel]:
    task = story.scene.task
    spastic = task.goal == "spasticity"
    first: list[Panel] = [(_ashworth, 1.0), (_spasms, 0.8)] if spastic else [(_pain, 1.7)]
    panels = [*first, (_dose, 1.2)]
    if task.drugs[0] == _OPIOID:
        panels += [(_breathing, 0.6), (_oxygen, 0.6)]
    if task.drugs[0] != "ziconotide":
        panels.append((_sedation, 0.65))
    if spastic or len(task.drugs) > 1:
        panels.append((_weakness, 0.7))
    if task.drugs[0] == "ziconotide":
        panels.append((_confusion, 0.8))
    if not spastic:
        panels.append((_nausea, 0.7))
    return panels


def _pain(axes: Any, story: Story) -> None:
    _curve(axes, story, "pain0", np.nanmean, "without the drug", UNTREATED, linewidth=0.9, linestyle=":")
    low, high = (_blocks(story, story.track["pain_mean"], of)[1] for of in (np.nanmin, np.nanmax))
    at = _blocks(story, story.track["pain_mean"], np.nanmean)[0]
    axes.fill_between(at, low, high, color=FELT, alpha=0.2, linewidth=0)
    _curve(axes, story, "pain_mean", np.nanmean, "felt", FELT)
    _dots(axes, story, "nrs_report", "reported", SECOND)
    _bound(axes, story.goal, f"goal ≤ {story.goal:.1f}", DOSE)
    _frame(axes, "Pain", "NRS 0-10", (-0.4, NRS_MAX + 0.4), (0, 5, 10))


def _ashworth(axes: Any, story: Story) -> None:
    _curve(axes, story, "ashworth", np.nanmean, "modified Ashworth score", FELT)
    _bound(axes, GOAL_ASHWORTH, f"goal ≤ {GOAL_ASHWORTH:g}", DOSE)
    _frame(axes, "Spasticity", "score 1-5", (0.8, 5.2), (1, 3, 5))


def _spasms(axes: Any, story: Story) -> None:
    _dots(axes, story, "spasms", "observed", SECOND)
    _bound(axes, GOAL_SPASM, f"goal ≤ {GOAL_SPASM:g}", DOSE)
    _frame(axes, "Spasms", "score 0-4", (-0.3, 4.3), (0, 2, 4))


def _dose(axes: Any, story: Story) -> None:
    track, top = story.track, float(np.max(story.track["dose24_ug"][:, 0])) / _UG_PER_MG
    small = top < _SMALL_MG
    unit, scale = ("µg/d", _UG_PER_MG) if small else ("mg/d", 1.0)
    asked, basal = (track[name] * story.conc_mg_per_ml * scale for name in ("requested_rate", "programmed_rate"))
    _steps(axes, story, asked, "asked for", LIMIT, linewidth=1.0, linestyle=":")
    _steps(axes, story, basal, "running", FELT, linewidth=1.6)
    for k, (name, color) in enumerate(zip(story.scene.task.drugs, (DOSE, THIRD), strict=False)):
        day, given = _blocks(story, track["dose24_ug"][:, k] / _UG_PER_MG * scale, np.nanmean)
        axes.plot(day, given, "-" if k == 0 else "--", color=color, linewidth=1.1, label=f"{name}, last 24 h")
    if story.scene.task.faults != NO_FAULTS:
        per_day = HOURS_PER_DAY / story.scene.task.tick_h / _UG_PER_MG * scale
        day, reached = _blocks(story, track["tip_ug"][:, 0] * per_day, np.nanmean)
        axes.plot(day, reached, color=SECOND, linewidth=1.1, label="reaching the CSF")
    highest = max(float(np.max(basal)), top * scale, float(np.quantile(asked, 0.98)))
    _frame(axes, "Dose", unit, (0.0, 1.12 * highest), None)


def _breathing(axes: Any, story: Story) -> None:
    _curve(axes, story, "rr_min", np.nanmin, "lowest of each step", FELT)
    _bound(axes, DEPRESSED_RR, f"depressed < {DEPRESSED_RR:g}", LIMIT)
    _frame(axes, "Breathing", "1/min", (0.0, 22.0), (0, 10, 20))


def _oxygen(axes: Any, story: Story) -> None:
    _curve(axes, story, "spo2_min", np.nanmin, "lowest of each step", FELT)
    _bound(axes, DEPRESSED_SPO2, f"depressed < {DEPRESSED_SPO2:g}", LIMIT)
    _frame(axes, "Oxygen saturation", "%", (73.0, 101.0), (80, 90, 100))


def _sedation(axes: Any, story: Story) -> None:
    _steps(axes, story, story.seen["poss"], "as observed", FELT, linewidth=1.3, of=np.nanmax)
    _bound(axes, OVERSEDATED_POSS, f"over-sedated ≥ {OVERSEDATED_POSS:g}", LIMIT)
    _frame(axes, "Sedation", "POSS 1-4", (0.7, 4.3), (1, 2, 3, 4))


def _weakness(axes: Any, story: Story) -> None:
    _curve(axes, story, "motor_block", np.nanmax, "highest", FELT)
    _bound(axes, WEAKNESS_BOUND, f"harm ≥ {WEAKNESS_BOUND:.3f}", LIMIT)
    _frame(axes, "Motor block", "0-1", (-0.05, 1.05), (0, 0.5, 1))


def _confusion(axes: Any, story: Story) -> None:
    _curve(axes, story, "cognition", np.nanmax, "highest", FELT)
    _bound(axes, CONFUSION_BOUND, f"harm ≥ {CONFUSION_BOUND:.3f}", LIMIT)
    _frame(axes, "Cognitive effect", "0-1", (-0.05, 1.05), (0, 0.5, 1))


def _nausea(axes: Any, story: Story) -> None:
    _curve(axes, story, "nausea", np.nanmax, "highest", FELT)
    if story.track["withdrawal"].max() > WITHDRAWAL_LEVEL:
        _curve(axes, story, "withdrawal", np.nanmax, "withdrawal, 10 = worst", THIRD, scale=NRS_MAX)
    _bound(axes, NAUSEA_BOUND, f"harm ≥ {NAUSEA_BOUND:g}", LIMIT)
    _frame(axes, "Nausea", "0-10", (-0.4, 10.4), (0, 5, 10))


def _rows_of_hours(story: Story) -> list[tuple[str, NDArray[np.bool_], str]]:
    color = {"well treated": DOSE, "pain": SECOND, "spasticity": SECOND}
    return [(name, there, color.get(name, LIMIT)) for name, there in story.hours()]


def _rows_of_events(story: Story) -> list[tuple[str, NDArray[np.bool_], str]]:
    track = story.track
    colors = {"life": THIRD, "fault": LIMIT}
    rows = [(f"{name.replace('_', ' ')} ({kind})", there, colors[kind]) for kind, name, there in story.present()]
    demands = (("demands_given", "demand bolus given", DOSE), ("demands_denied", "demand denied", SECOND))
    rows += [
        (words, track[field] > 0, color)
        for field, words, color in (
            *(demands if "bolus_size" in story.scene.task.action.fields else ()),
            ("rescues", "emergency treated", LIMIT),
            ("visits", "clinic there", FELT),
        )
        if (track[field] > 0).any()
    ]
    return [*rows, ("shield changed request", track["intervened"] > 0, INK)]


def _raster(axes: Any, story: Story, rows: Sequence[tuple[str, NDArray[np.bool_], str]], title: str) -> None:
    """A line for each row, drawn where it is true; what is shorter than can be seen is drawn as long as can be."""
    least = story.scene.task.horizon_d / (2 * _MOST_POINTS)
    begin = story.day - story.scene.task.tick_h / HOURS_PER_DAY
    for level, (_, there, color) in enumerate(rows):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
        x: list[float] = []
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            start, end = float(begin[first]), float(story.day[last - 1])
            end = max(end, start + least)
            if x and start <= x[-2] + least:
                x[-2] = max(x[-2], end)
            else:
                x += [start, end, math.nan]
        axes.plot(x, [level] * len(x), color=color, linewidth=7, solid_capstyle="butt")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=8.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, loc="left", fontsize=9, weight="bold")


def _blocks(story: Story, values: NDArray[Any], of: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Days and values, in blocks where there are more than a picture can show; an empty block is NaN."""
    size = math.ceil(len(values) / _MOST_POINTS)
    day = story.day[: len(values)]
    found = [
        math.nan if np.isnan(part).all() else float(of(part))
        for part in np.split(np.asarray(values, np.float64), range(size, len(values), size))
    ]
    return np.array([part.mean() for part in np.split(day, range(size, len(values), size))]), np.array(found)


def _curve(
    axes: Any, story: Story, field: str, of: Any, label: str, color: str, *, scale: float = 1.0, **look: Any
) -> None:
    day, values = _blocks(story, story.track[field], of)
    axes.plot(day, values * scale, color=color, label=label, **{"linewidth": 1.4, **look})


def _steps(
    axes: Any, story: Story, values: NDArray[Any], label: str, color: str, *, of: Any = np.nanmean, **look: Any
) -> None:
    day, found = _blocks(story, values, of)
    axes.step(day, found, where="mid", color=color, label=label, **look)


def _dots(axes: Any, story: Story, seen: str, label: str, color: str) -> None:
    day, values = _blocks(story, story.seen[seen][1:], np.nanmean)
    width = story.scene.task.horizon_d * _STROKE
    known = np.isfinite(values)
    # Short strokes with round ends: a marker takes several times the room in the file.
    x = np.stack([day[known] - width, day[known] + width, np.full(known.sum(), np.nan)], axis=1).ravel()
    axes.plot(x, np.repeat(values[known], 3), color=color, linewidth=2.6, solid_capstyle="round", label=label)


def _bound(axes: Any, level: float, label: str, color: str) -> None:
    axes.axhline(level, color=color, linewidth=1.1, linestyle="--", label=label)


def _frame(axes: Any, title: str, unit: str, span: tuple[float, float], ticks: Sequence[float] | None) -> None:
    """Title, unit, range and key of a panel."""
    axes.set_title(title, loc="left", fontsize=9, weight="bold")
    axes.set_ylabel(unit, fontsize=8.5)
    axes.set_ylim(*span)
    if ticks is not None:
        axes.set_yticks(ticks)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=5, frameon=False, fontsize=8.5, borderaxespad=0.0,
        handlelength=1.6, columnspacing=1.2,
    )  # fmt: skip
