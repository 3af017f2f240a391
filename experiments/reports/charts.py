"""Figures that compare policies: forest of paired differences, distributions over patients, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Difference
from thecal.experiments.reports.data import Curve, ReportData
from thecal.experiments.reports.theme import FELT, INK, LIMIT, dress, faded, styles_of

_PANEL_COLUMNS = 3
_ROW_PX = 26
_TOP_PX, _GAP_PX, _BOTTOM_PX = 34, 92, 52


def forest(data: ReportData) -> go.Figure:
    """Paired differences from the reference, one panel an outcome; a filled mark means the interval leaves out zero."""
    shown = [outcome for outcome in data.outcomes if outcome.role != "use" and differs(data, outcome)] or [data.primary]
    rows = -(-len(shown) // _PANEL_COLUMNS)
    plots = rows * (_ROW_PX * len(data.others) + 12) + (rows - 1) * _GAP_PX
    titles = [f"{outcome.label} [{outcome.unit}]" for outcome in shown]
    figure = make_subplots(
        rows=rows,
        cols=_PANEL_COLUMNS,
        shared_yaxes=True,
        subplot_titles=titles,
        horizontal_spacing=0.035,
        vertical_spacing=_GAP_PX / plots if rows > 1 else 0.0,  # a single low row is smaller than a gap
    )
    styles = styles_of(data.infos)
    for k, outcome in enumerate(shown):
        row, column = k // _PANEL_COLUMNS + 1, k % _PANEL_COLUMNS + 1
        for policy in reversed(data.others):
            _forest_mark(figure, data.gaps(policy)[outcome.key], styles[policy], outcome, row, column)
        figure.add_vline(x=0, line={"color": INK, "width": 1}, row=row, col=column)
        if outcome.margin is not None:
            figure.add_vline(x=outcome.margin, line={"color": LIMIT, "width": 1, "dash": "dot"}, row=row, col=column)
    dress(figure, plots + _TOP_PX + _BOTTOM_PX)
    figure.update_layout(margin={"t": _TOP_PX, "b": _BOTTOM_PX})
    figure.update_yaxes(showline=False)
    figure.update_annotations(font={"size": 13})
    for k, outcome in enumerate(shown):
        row, column = k // _PANEL_COLUMNS + 1, k % _PANEL_COLUMNS + 1
        figure.update_xaxes(title={"text": _direction(outcome), "font": {"size": 11.5}}, row=row, col=column)
    return figure


def differs(data: ReportData, outcome: Outcome) -> bool:
    """Whether any policy differed from the reference in any patient."""
    table = (data.gaps(policy)[outcome.key] for policy in data.others)
    return any(found.low != 0 or found.high != 0 for found in table if np.isfinite(found.mean))


def _direction(outcome: Outcome) -> str:
    return {1: "better →", -1: "← better", 0: "neither side is better"}[outcome.better]


def _forest_mark(figure: go.Figure, found: Difference, style: Any, outcome: Outcome, row: int, column: int) -> None:
    decided = found.low > 0 or found.high < 0
    figure.add_trace(
        go.Scatter(
            x=[found.mean],
            y=[style.label],
            mode="markers",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [found.high - found.mean],
                "arrayminus": [found.mean - found.low],
                "color": style.color,
                "thickness": 2,
                "width": 0,
            },
            marker={
                "color": style.color if decided else "rgba(0,0,0,0)",
                "size": 9,
                "line": {"color": style.color, "width": 2},
            },
            name=style.label,
            hovertemplate=(
                f"<b>{style.label}</b><br>{outcome.label}: %{{x:+.{outcome.digits}f}} {outcome.unit}<br>"
                f"95 % interval {found.low:+.{outcome.digits}f} to {found.high:+.{outcome.digits}f}<extra></extra>"
            ),
        ),
        row=row,
        col=column,
    )


def distribution(data: ReportData) -> go.Figure:
    """The primary outcome over patients: every patient as a dot with median and quartiles, and the cumulative share."""
    outcome = data.primary
    styles = styles_of(data.infos)
    figure = make_subplots(
        rows=1,
        cols=2,
        column_widths=[0.58, 0.42],
        horizontal_spacing=0.08,
        subplot_titles=["Every patient, median and quartiles", "Share of patients at or below a value"],
    )
    span = _span(data, outcome)
    for policy in reversed(data.policies):
        style = styles[policy]
        values = np.sort(_known(data, policy, outcome))
        figure.add_trace(_dots(values, style, outcome), row=1, col=1)
        share = np.concatenate([[0.0], np.arange(1, len(values) + 1) / max(1, len(values)) * 100.0, [100.0]])
        line = {"color": style.color, "dash": style.dash, "width": 2.2, "shape": "hv"}
        hover = f"<b>{style.label}</b><br>%{{y:.0f}} % of patients at or below %{{x:.1f}} {outcome.unit}<extra></extra>"
        steps = np.concatenate([[span[0]], values, [span[1]]])
        figure.add_trace(
            go.Scatter(x=steps, y=share, mode="lines", line=line, name=style.label, hovertemplate=hover), row=1, col=2
        )
    dress(figure, 120 + 44 * len(data.policies))
    figure.update_annotations(font={"size": 13})
    figure.update_xaxes(title_text=f"{outcome.label} [{outcome.unit}]", range=span)
    figure.update_yaxes(title_text="patients [%]", range=[0, 101], row=1, col=2)
    figure.update_layout(boxgap=0.35)
    return figure


def _span(data: ReportData, outcome: Outcome) -> list[float]:
    """The axis from the smallest to the largest value of any policy, with a little room."""
    values = np.concatenate([_known(data, policy, outcome) for policy in data.policies])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    room = 0.03 * (high - low or 1.0)
    return [low - room, high + room]


def _known(data: ReportData, policy: str, outcome: Outcome) -> Any:
    values = np.asarray(data.of(policy).values[outcome.key], np.float64)
    return values[np.isfinite(values)]


def _dots(values: Any, style: Any, outcome: Outcome) -> go.Box:
    return go.Box(
        x=values,
        y=[style.label] * len(values),
        orientation="h",
        name=style.label,
        boxpoints="all",
        jitter=0.7,
        pointpos=0,
        whiskerwidth=0,
        fillcolor="rgba(0,0,0,0)",
        line={"color": style.color, "width": 1.6},
        marker={"color": faded(style.color, 0.38), "size": 4},
        hovertemplate=f"{style.label}: %{{x:.{outcome.digits}f}} {outcome.unit}<extra></extra>",
    )


def pairs(data: ReportData, policy: str, against: list[str]) -> go.Figure:
    """Each dot is a patient: the primary outcome under ``policy`` over that under each policy of ``against``."""
    outcome = data.primary
    styles = styles_of(data.infos)
    titles = [f"against {styles[other].label}" for other in against]
    figure = make_subplots(rows=1, cols=len(against), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.05)
    mine = np.asarray(data.of(policy).values[outcome.key], np.float64)
    span = _span(data, outcome)
    for column, other in enumerate(against, start=1):
        theirs = np.asarray(data.of(other).values[outcome.key], np.float64)
        figure.add_trace(
            go.Scatter(x=span, y=span, mode="lines", line={"color": INK, "width": 1}, hoverinfo="skip"),
            row=1,
            col=column,
        )
        figure.add_trace(
            go.Scatter(
                x=theirs,
                y=mine,
                mode="markers",
                marker={"color": faded(styles[policy].color, 0.55), "size": 6},
                customdata=np.arange(len(mine)),
                hovertemplate=(
                    f"patient %{{customdata}}<br>{styles[policy].label}: %{{y:.1f}}<br>"
                    f"{styles[other].label}: %{{x:.1f}} {outcome.unit}<extra></extra>"
                ),
            ),
            row=1,
            col=column,
        )
        figure.update_xaxes(title_text=f"{styles[other].label} [{outcome.unit}]", row=1, col=column)
    dress(figure, 380)
    figure.update_annotations(font={"size": 13})
    figure.update_xaxes(range=span)
    figure.update_yaxes(range=span)
    figure.update_yaxes(title_text=f"{styles[policy].label} [{outcome.unit}]", row=1, col=1)
    return figure


def training(curves: list[Curve], color: str = FELT) -> go.Figure:
    """What was measured while the policy learned, one panel a measure; ``color`` is that of the policy."""
    titles = [f"{curve.label} [{curve.unit}]" if curve.unit else curve.label for curve in curves]
    figure = make_subplots(rows=1, cols=len(curves), subplot_titles=titles, horizontal_spacing=0.08)
    for column, curve in enumerate(curves, start=1):
        millions = curve.frames / 1e6
        if curve.low is not None and curve.high is not None:
            band = np.concatenate([curve.low, curve.high[::-1]])
            figure.add_trace(
                go.Scatter(
                    x=np.concatenate([millions, millions[::-1]]),
                    y=band,
                    fill="toself",
                    fillcolor=faded(color, 0.18),
                    line={"width": 0},
                    hoverinfo="skip",
                ),
                row=1,
                col=column,
            )
        line = {"color": color, "width": 2}
        figure.add_trace(
            go.Scatter(x=millions, y=curve.mean, mode="lines+markers", line=line, marker={"size": 4}, name=curve.label),
            row=1,
            col=column,
        )
    dress(figure, 300)
    figure.update_annotations(font={"size": 13})
    figure.update_xaxes(title_text="frames [millions]")
    return figure
