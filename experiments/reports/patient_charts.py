"""One virtual patient over the whole horizon: pain, dose, drug at work, vital signs, and what the shield did, in step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from thecal.experiments.reports.data import ReportData, Story
from thecal.experiments.reports.theme import DOSE, FELT, INK, LIMIT, SECOND, THIRD, UNTREATED, dress, faded, styles_of

Track = Mapping[str, NDArray[np.float64]]
_PANELS = (
    ("Pain", "NRS 0–10", 2.3),
    ("Dose", "mg/d", 1.8),
    ("Demand presses", "", 0.5),
    ("Drug at its sites", "µg/mL", 1.3),
    ("Tolerance", "log shift of EC50", 0.8),
    ("Hyperalgesia, withdrawal, sedation", "0–1", 1.0),
    ("Breathing, lowest of each step", "1/min", 1.1),
    ("Oxygen saturation, lowest of each step", "%", 1.0),
    ("Circulation", "1/min, mmHg", 1.1),
    ("Shield: pump rate", "mL/d", 1.3),
    ("Shield: limits that bound", "", 1.2),
)
PAIN, DOSES, PRESSES, SITES, ADAPT, HARM, BREATH, OXYGEN, HEART, RATE, LIMITS = range(1, 12)
_UNIT_PX = 84
_GAP_PX = 30
_DENSE_DAYS = 60  # beyond, lines and marks are drawn finer
_MARKS = {"solid": "━", "dot": "┈", "dash": "╍", "longdash": "╍"}
Key = tuple[str, str, str]


def patient_figure(data: ReportData, story: Story, policy: str, behind: str | None) -> go.Figure:
    """All panels of ``policy`` on one time axis; the felt pain under ``behind`` is drawn thinly for comparison."""
    track = {name: np.asarray(values, np.float64) for name, values in story.tracks[policy].items()}
    weights = [weight for _, _, weight in _PANELS]
    height = _UNIT_PX * sum(weights) + _GAP_PX * len(_PANELS)
    figure = make_subplots(
        rows=len(_PANELS),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=_GAP_PX / height,
        row_heights=[weight / sum(weights) for weight in weights],
    )
    day = track["time_h"] / 24.0
    dress(figure, round(height) + 60, hovermode="x unified", hoversubplots="axis")
    keys = {PAIN: _pain(figure, day, track)}
    if behind is not None:
        other = story.tracks[behind]
        name = f"felt under {styles_of(data.infos)[behind].label}"
        keys[PAIN].append(_line(figure, PAIN, np.asarray(other["time_h"]) / 24.0, other["pain_mean"], name, THIRD, 1.1))
    keys[DOSES], keys[PRESSES] = _dose(figure, day, track), _presses(figure, day, track)
    keys |= _drug_at_work(figure, day, track) | _vital_signs(figure, day, track)
    keys[RATE] = _rates(figure, day, track)
    _limits(figure, day, track, data.invariants)
    _end_of_life(figure, day, track)
    for row, (title, unit, _) in enumerate(_PANELS, start=1):
        _heading(figure, row, title, unit, keys.get(row, []))
    figure.update_layout(margin={"l": 52, "r": 116, "t": 30, "b": 44})
    figure.update_yaxes(nticks=5)
    figure.update_xaxes(dtick=_day_step(float(day[-1])), range=[0, float(day[-1])], hoverformat=".2f")
    figure.update_xaxes(title_text="days since the start", row=len(_PANELS), col=1)
    return figure


def _heading(figure: go.Figure, row: int, title: str, unit: str, keys: list[Key]) -> None:
    """One line over a panel: what it shows, its unit, and a key in the colors of its lines."""
    parts = [f"<b>{title}</b>" + (f" [{unit}]" if unit else "")]
    parts += [f'<span style="color:{color}">{mark} {name}</span>' for name, color, mark in keys]
    _, top = figure.layout["yaxis" if row == 1 else f"yaxis{row}"].domain
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left", "yanchor": "bottom"}
    figure.add_annotation(text="&#160;&#160;&#160;".join(parts), showarrow=False, font={"size": 12}, yshift=2, **place)


def _day_step(days: float) -> float:
    return float(next(step for step in (1, 2, 7, 14, 28, 90, 365) if days / step <= 15))


def _line(
    figure: go.Figure,
    row: int,
    x: Any,
    y: Any,
    name: str,
    color: str,
    width: float = 1.8,
    dash: str = "solid",
    **more: Any,
) -> Key:
    """Add a line; returns its entry for the panel's key."""
    figure.add_trace(
        go.Scatter(
            x=np.asarray(x, np.float32),
            y=np.asarray(y, np.float32),
            mode="lines",
            line={"color": color, "width": width, "dash": dash, **more},
            name=name,
            hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
        ),
        row=row,
        col=1,
    )
    return name, color, _MARKS[dash]


def _dots(figure: go.Figure, row: int, x: Any, y: Any, name: str, color: str, symbol: str, size: float = 6) -> Key:
    """Add markers; returns their entry for the panel's key."""
    figure.add_trace(
        go.Scatter(
            x=np.asarray(x, np.float32),
            y=np.asarray(y, np.float32),
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": size, "color": color, "line": {"color": color, "width": 1.2}},
            hovertemplate=f"{name}<extra></extra>",
        ),
        row=row,
        col=1,
    )
    return name, color, {"circle-open": "○", "triangle-up": "▲", "x-thin": "×"}.get(symbol, "●")


def _threshold(figure: go.Figure, row: int, level: float, text: str) -> None:
    """A dotted line at ``level``, named right of the panel."""
    figure.add_hline(
        y=level, line={"color": LIMIT, "width": 1, "dash": "dot"}, row=row, col=1, exclude_empty_subplots=False
    )
    _note(figure, row, level, text)


def _note(figure: go.Figure, row: int, level: float, text: str) -> None:
    axis = "y" if row == 1 else f"y{row}"
    place = {"x": 1.005, "xref": "paper", "y": level, "yref": axis, "xanchor": "left", "align": "left"}
    figure.add_annotation(text=text, showarrow=False, font={"size": 11, "color": LIMIT}, **place)


def _pain(figure: go.Figure, day: Any, track: Track) -> list[Key]:
    asked = np.isfinite(track["nrs_report"])
    dense = day[-1] > _DENSE_DAYS
    keys = [
        _line(figure, PAIN, day, track["pain0"], "without the drug", UNTREATED, 1.1, "dot"),
        _line(figure, PAIN, day, track["pain_mean"], "felt", FELT, 1.2 if dense else 2.0),
        _dots(
            figure, PAIN, day[asked], track["nrs_report"][asked], "reported", SECOND, "circle-open", 2.5 if dense else 5
        ),
    ]
    _threshold(figure, PAIN, 3.0, "controlled ≤ 3")
    figure.update_yaxes(range=[-0.3, 10.4], row=PAIN, col=1)
    return keys


def _dose(figure: go.Figure, day: Any, track: Track) -> list[Key]:
    cap = track["cap_mg"][np.isfinite(track["cap_mg"])]
    highest = float(np.nanmax([*track["dose24_mg"], *track["programmed_mg_per_d"], 0.0]))
    if cap.size and highest > 0.4 * cap.max():
        _threshold(figure, DOSES, float(cap.max()), f"24-h cap {cap.max():g} mg")
        highest = max(highest, float(cap.max()))
    elif cap.size:
        _note(figure, DOSES, 1.1 * highest, f"24-h cap {cap.max():g} mg<br>(above)")
    figure.update_yaxes(range=[0, 1.12 * (highest or 1.0)], row=DOSES, col=1)
    return [
        _line(figure, DOSES, day, track["dose24_mg"], "given in the last 24 h", DOSE, 2.0),
        _line(figure, DOSES, day, track["programmed_mg_per_d"], "basal rate", FELT, 1.3, shape="hv"),
    ]


def _presses(figure: go.Figure, day: Any, track: Track) -> list[Key]:
    armed = track.get("requested_bolus_ul", np.ones_like(day)) > 0  # reports of earlier versions do not say
    given, denied = track["demands_given"] > 0, track["demands_denied"] > 0
    figure.update_yaxes(showgrid=False, tickvals=[], range=[-0.7, 1.7], row=PRESSES, col=1)
    return [
        _dots(figure, PRESSES, day[given], np.ones(int(given.sum())), "bolus given", DOSE, "triangle-up"),
        *(
            _dots(figure, PRESSES, day[pressed], np.zeros(int(pressed.sum())), words, color, "x-thin")
            for pressed, words, color in ((denied & armed, "denied", LIMIT), (denied & ~armed, "none armed", FELT))
            if pressed.any()
        ),
    ]


def _drug_at_work(figure: go.Figure, day: Any, track: Track) -> dict[int, list[Key]]:
    figure.update_yaxes(rangemode="tozero", row=SITES, col=1)
    sites = [
        _line(figure, SITES, day, track["ce_dh"], "dorsal horn", FELT),
        _line(figure, SITES, day, track["ce_bs"], "brainstem", LIMIT, 1.4, "dash"),
    ]
    _line(figure, ADAPT, day, track["tol"], "tolerance", FELT)
    harm = [
        _line(figure, HARM, day, track["oih"], "opioid-induced hyperalgesia", SECOND, 1.6, "dash"),
        _line(figure, HARM, day, track["withdrawal"], "withdrawal", THIRD, 1.4, "dot"),
        _line(figure, HARM, day, track["sedation"], "sedation", LIMIT, 1.4),
    ]
    figure.update_yaxes(rangemode="tozero", row=HARM, col=1)
    return {SITES: sites, HARM: harm}


def _vital_signs(figure: go.Figure, day: Any, track: Track) -> dict[int, list[Key]]:
    keys: dict[int, list[Key]] = {}
    for row, field, floor, text in (
        (BREATH, "rr_min", 8.0, "depression < 8"),
        (OXYGEN, "spo2_min", 90.0, "depression < 90"),
    ):
        values = track[field]
        low = values < floor
        _line(figure, row, day, values, "lowest", FELT, 1.4)
        _threshold(figure, row, floor, text)
        if low.any():
            keys[row] = [_dots(figure, row, day[low], values[low], "below the threshold", LIMIT, "circle", 5)]
    keys[HEART] = [
        _line(figure, HEART, day, track["hr"], "heart rate [1/min]", FELT, 1.3),
        _line(figure, HEART, day, track["sbp"], "systolic pressure [mmHg]", SECOND, 1.3),
    ]
    return keys


def _rates(figure: go.Figure, day: Any, track: Track) -> list[Key]:
    figure.update_yaxes(rangemode="tozero", row=RATE, col=1)
    return [
        _line(figure, RATE, day, track["requested_rate"], "requested by the policy", LIMIT, 1.2, "dot", shape="hv"),
        _line(figure, RATE, day, track["allowed_rate"], "allowed by the shield", FELT, 1.8, shape="hv"),
    ]


def _limits(figure: go.Figure, day: Any, track: Track, invariants: Mapping[int, tuple[str, str]]) -> None:
    """A raster: one line a limit that ever bound, filled in the hours in which it did."""
    bits = np.nan_to_num(track["binding"]).astype(np.int64)
    seen = [number for number in range(63) if (bits >> number & 1).any()]
    axis = {"showgrid": False, "range": [-0.6, max(1, len(seen)) - 0.4], "tickfont": {"size": 10}}
    if not seen:
        figure.update_yaxes(row=LIMITS, col=1, tickvals=[], **axis)
        place = {"xref": "x domain", "x": 0.5, "yref": f"y{LIMITS}", "y": 0}
        figure.add_annotation(text="no limit bound for this patient", showarrow=False, **place)
        return
    grid = np.stack([np.where(bits >> number & 1, 1.0, np.nan) for number in seen])
    labels = [invariants.get(number, (f"limit {number}", ""))[0] for number in seen]
    figure.add_trace(
        go.Heatmap(
            x=day.astype(np.float32),
            y=np.arange(len(seen)),
            z=grid.astype(np.float32),
            colorscale=[[0, faded(LIMIT, 0.85)], [1, faded(LIMIT, 0.85)]],
            showscale=False,
            ygap=2,
            hoverinfo="skip",
        ),
        row=LIMITS,
        col=1,
    )
    figure.update_yaxes(row=LIMITS, col=1, tickvals=list(range(len(seen))), ticktext=[str(n) for n in seen], **axis)
    for level, label in enumerate(labels):
        place = {"x": 1.005, "xref": "paper", "y": level, "yref": f"y{LIMITS}", "xanchor": "left"}
        figure.add_annotation(text=label, showarrow=False, font={"size": 10.5}, **place)


def _end_of_life(figure: go.Figure, day: Any, track: Track) -> None:
    """Where the patient died, a line across all panels."""
    gone = np.flatnonzero(track["alive_h"] <= 0)
    if gone.size:
        figure.add_vline(x=float(day[gone[0]]), line={"color": INK, "width": 2})
