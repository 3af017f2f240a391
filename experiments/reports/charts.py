"""Charts that compare policies: forest of paired differences, distributions over patients, pairs, training."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Difference, Interval
from thecal.experiments.reports.chart import Chart
from thecal.experiments.reports.data import Curve, ReportData
from thecal.experiments.reports.svg import Axis, Panel, axis_of
from thecal.experiments.reports.svg_parts import Floats
from thecal.experiments.reports.tables import unseen
from thecal.experiments.reports.theme import FELT, INK, LIMIT, Style, faded, styles_of
from thecal.experiments.reports.words import number

_ROW_PX, _SPREAD_PX = 30, 46
_MOST_DOTS = 250  # of a policy; more are thinned evenly by rank, and the caption says so
_COLUMNS = 3


def forest(data: ReportData) -> Chart:
    """Paired differences from the reference, one panel an outcome; a filled mark means the interval leaves out zero."""
    moved = [outcome for outcome in data.outcomes if outcome.role != "use" and differs(data, outcome)]
    shown = [outcome for outcome in moved if not unseen(data, outcome)] or [data.primary]
    panels = [_forest_panel(data, outcome, data.others) for outcome in shown]
    reference = data.of(data.reference).info.label
    summary = (
        f"{len(data.others)} policies against {reference} on {len(shown)} outcomes; the table below has the numbers."
    )
    title = "Forest plot of paired differences from the reference"
    return _chart(data, "forest", title, summary, panels, columns=_COLUMNS)


def primary_forest(data: ReportData) -> Chart:
    """The same of the registered outcome alone, for the first screen."""
    outcome = data.primary
    panel = _forest_panel(data, outcome, data.others)
    panel.title = f"{outcome.label}: difference from {data.of(data.reference).info.label}"
    told = [f"{data.of(name).info.label} {_told(data.gaps(name)[outcome.key], outcome)}" for name in data.others]
    return _chart(data, "primary", panel.title, "; ".join(told) + ".", [panel])


def _told(found: Interval, outcome: Outcome) -> str:
    mean, low, high = (number(value, outcome.digits, sign=True) for value in (found.mean, found.low, found.high))
    return f"{mean} ({low} to {high}) {outcome.unit}"


def differs(data: ReportData, outcome: Outcome) -> bool:
    """Whether any policy differed from the reference in any patient."""
    table = (data.gaps(policy)[outcome.key] for policy in data.others)
    return any(found.low != 0 or found.high != 0 for found in table if np.isfinite(found.mean))


def intervals(
    rows: Sequence[tuple[str, Interval, Style | None]], outcome: Outcome, *, title: str = "", unit: str = "",
    margin: bool = True, ends: Sequence[float] = (),
) -> Panel:  # fmt: skip
    """Named intervals under one another over a line at zero; the margin of a harm is dotted, ``ends`` widen the axis."""
    ends = [*ends, *(value for _, found, _ in rows for value in (found.low, found.high, found.mean))]
    bound = [outcome.margin] if margin and outcome.margin is not None else []
    panel = Panel(
        _ROW_PX * len(rows), axis_of([0.0, *bound], ends, room=0.06), Axis(len(rows) - 0.02, 0.0), title=title, unit=unit,
        x_title=_direction(outcome) or " ", y_ticks=(),
    )  # fmt: skip
    panel.upright(0.0)
    if bound:
        panel.upright(bound[0], LIMIT, dash="dot", title=f"margin {bound[0]:g}")
    for k, (name, found, style) in enumerate(rows):
        color = INK if style is None else style.color
        panel.text(panel.x.low, k + 0.36, name)
        if not np.isfinite(found.mean):
            panel.text(panel.x.low, k + 0.84, "too few patients")
            continue
        decided = found.low > 0 or found.high < 0
        left, right, top = panel.left(found.low), panel.left(found.high), panel.top(k + 0.68)
        words = f"{name}: {_told(found, outcome)}"
        said = f"<title>{escape(words)}</title>"
        ends_px = f'x1="{left}" x2="{right}" y1="{top}" y2="{top}"'
        panel.front.append(f'<line {ends_px} stroke="{color}" stroke-width="2">{said}</line>')
        panel.dots(found.mean, k + 0.68, color, "circle" if decided else "circle-open", size=4.2, titles=[words])
    return panel


def _forest_panel(data: ReportData, outcome: Outcome, policies: Sequence[str]) -> Panel:
    styles = styles_of(data.infos)
    rows: list[tuple[str, Difference, Style]] = [
        (styles[name].label, data.gaps(name)[outcome.key], styles[name]) for name in policies
    ]
    return intervals(rows, outcome, title=outcome.label, unit=outcome.unit)


def _direction(outcome: Outcome) -> str:
    return {1: "better →", -1: "← better", 0: "neither side is better"}[outcome.better]


def distribution(data: ReportData) -> Chart:
    """The primary outcome over patients: every patient as a dot with median and quartiles, and the cumulative share."""
    outcome, styles = data.primary, styles_of(data.infos)
    span = _span(data)
    title = f"{outcome.label} [{outcome.unit}]"
    n = len(data.policies)
    dots = Panel(
        _SPREAD_PX * n, span, Axis(n, 0.0), title="Every patient, median and quartiles", x_title=title, y_ticks=()
    )
    share = Panel(
        max(180, _SPREAD_PX * n), span, Axis(0.0, 100.0), title="Share of patients at or below a value", unit="%", x_title=title
    )  # fmt: skip
    told = []
    for k, policy in enumerate(data.policies):
        style, values = styles[policy], np.sort(_known(data, policy, outcome))
        _spread(dots, k, values, style)
        steps = np.concatenate([[span.low], values, [span.high]])
        heights = np.concatenate([[0.0], np.arange(1, len(values) + 1) / max(1, len(values)) * 100.0, [100.0]])
        share.line(steps, heights, style.color, style.label, dash=style.dash, width=2.0, steps=True)
        if values.size:
            told.append(f"{style.label}: median {number(float(np.median(values)), outcome.digits)}")
    summary = f"{'; '.join(told)} {outcome.unit}."
    return _chart(
        data, "distribution", "Distribution of the primary outcome over patients", summary, [dots, share], columns=2
    )


def _spread(panel: Panel, row: int, values: Floats, style: Style) -> None:
    """The dots of a policy in its row, pushed up and down by their place among their neighbors, and its quartiles."""
    panel.text(panel.x.low, row + 0.26, style.label)
    if not values.size:
        return
    kept = values if len(values) <= _MOST_DOTS else np.quantile(values, np.linspace(0.0, 1.0, _MOST_DOTS))
    lift = row + 0.46 + 0.34 * ((np.arange(len(kept)) * 0.618034) % 1.0)
    panel.dots(kept, lift, faded(style.color, 0.45), "circle", size=2.2)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    top = panel.top(row + 0.63)
    left, right = panel.left(float(low)), panel.left(float(high))
    panel.front.append(
        f'<line x1="{left}" x2="{right}" y1="{top}" y2="{top}" stroke="{style.color}" stroke-width="2.5"/>'
    )
    at, begin, end = panel.left(float(middle)), panel.top(row + 0.46), panel.top(row + 0.8)
    panel.front.append(f'<line x1="{at}" x2="{at}" y1="{begin}" y2="{end}" stroke="{style.color}" stroke-width="3"/>')


def _span(data: ReportData) -> Axis:
    """The axis from the smallest to the largest value of any policy, with a little room."""
    return axis_of(*(_known(data, policy, data.primary) for policy in data.policies), room=0.03)


def _known(data: ReportData, policy: str, outcome: Outcome) -> Any:
    values = np.asarray(data.of(policy).values[outcome.key], np.float64)
    return values[np.isfinite(values)]


def pairs(data: ReportData, policy: str, against: list[str]) -> Chart:
    """Each dot is a patient: the primary outcome under ``policy`` over that under each policy of ``against``."""
    outcome, styles, span = data.primary, styles_of(data.infos), _span(data)
    mine = np.asarray(data.of(policy).values[outcome.key], np.float64)
    step = -(-len(mine) // (4 * _MOST_DOTS))
    panels, told = [], []
    for other in against:
        theirs = np.asarray(data.of(other).values[outcome.key], np.float64)
        panel = Panel(300, span, span, title=f"{styles[policy].label} over {styles[other].label}", unit=outcome.unit)
        panel.x_title = f"{styles[other].label} [{outcome.unit}]"
        panel.line([span.low, span.high], [span.low, span.high], INK, "", width=1.0)
        panel.dots(theirs[::step], mine[::step], faded(styles[policy].color, 0.6), "circle", size=2.8)
        panels.append(panel)
        won = int((outcome.better * (mine - theirs) > 0).sum())
        told.append(f"better than under {styles[other].label} in {won} of {len(mine)} patients")
    title = f"Each patient under {styles[policy].label} and under another policy"
    return _chart(data, "pairs", title, f"{styles[policy].label} did {'; '.join(told)}.", panels, columns=_COLUMNS)


def training(data: ReportData, curves: list[Curve], color: str = FELT) -> Chart:
    """What was measured while the policy learned, one panel a measure; ``color`` is that of the policy."""
    panels, told = [], []
    for curve in curves:
        millions = curve.frames / 1e6
        ends = [column for column in (curve.mean, curve.low, curve.high) if column is not None]
        panel = Panel(220, axis_of(millions, zero=True, room=0.0), axis_of(*ends), title=curve.label, unit=curve.unit)
        panel.x_title = "million frames"
        if curve.low is not None and curve.high is not None:
            panel.band(millions, curve.low, curve.high, color, 0.2)
        panel.line(millions, curve.mean, color, curve.label, width=2.0, unit=curve.unit)
        panel.keys = []
        panels.append(panel)
        told.append(f"{curve.label} from {curve.mean[0]:.3g} to {curve.mean[-1]:.3g} {curve.unit}".strip())
    read = ("million frames", "")
    return _chart(data, "training", "Training curves", "; ".join(told) + ".", panels, columns=2, read=read)


def _chart(
    data: ReportData, name: str, title: str, summary: str, panels: list[Panel], *, columns: int = 1,
    read: tuple[str, str] | None = None,
) -> Chart:  # fmt: skip
    return Chart(name, title, summary, panels, read=read, mark=data.result.mark, columns=columns)
