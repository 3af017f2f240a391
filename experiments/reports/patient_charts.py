"""One virtual patient over the whole horizon: pain, dose, drug at work, vital signs, faults, and what the shield did, in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.reports.chart import Chart
from thecal.experiments.reports.data import Lane, ReportData, Story
from thecal.experiments.reports.svg import Axis, Panel, axis_of
from thecal.experiments.reports.theme import DOSE, FELT, INK, LIMIT, SECOND, THIRD, UNTREATED, styles_of

Track = Mapping[str, NDArray[np.float64]]
_DENSE_DAYS = 60  # beyond, lines and marks are drawn finer
_LANE_PX = 25
_KINDS = {
    "fault": ("Faults of pump, catheter and sensors (unseen by the policy)", LIMIT),
    "alarm": ("Alarms of the pump", THIRD),
    "suspicion": ("Suspicions of the monitors", SECOND),
    "limit": ("Shield: limits that changed a request", FELT),
}
# Fields of earlier versions are fewer; what is not there is not drawn.
_FUNCTION = (("function", "function", FELT, "solid", 1.0), ("distress", "distress, 100 times", LIMIT, "dash", 100.0))


def patient_charts(data: ReportData, story: Story, policy: str, name: str) -> tuple[Chart, Chart]:
    """What a reader wants first (pain, faults, dose, limits), and the body behind it, on one time axis each.

    The felt pain under the reference is drawn thinly for comparison.
    """
    track = {field: np.asarray(values, np.float64) for field, values in story.tracks[policy].items()}
    day = track["time_h"] / 24.0
    x = Axis(0.0, float(day[-1]))
    lanes = story.lanes.get(policy, [])
    panels = [_pain(data, story, policy, x, day, track), *_lanes(x, lanes, ("fault", "alarm", "suspicion"))]
    panels += [_dose(x, day, track), _rates(x, day, track), *_lanes(x, lanes, ("limit",))]
    body = [*_function(x, day, track), _sites(x, day, track), _adapted(x, day, track)]
    body += [_breath(x, day, track), _oxygen(x, day, track), _heart(x, day, track)]
    for shown in (panels, body):
        _end_of_life(shown, day, track)
        shown[-1].x_title = "days since the start"
    title = f"{story.title} under {styles_of(data.infos)[policy].label}"
    first = Chart(name, title, _words(track, lanes), panels, read=("day", ""), mark=data.result.mark)
    lowest = (
        f"Lowest breathing rate {_least(track['rr_min'])} a minute, lowest saturation {_least(track['spo2_min'])} %."
    )
    return first, Chart(f"{name}-body", f"{title}: the body", lowest, body, read=("day", ""), mark=data.result.mark)


def _least(values: NDArray[np.float64]) -> str:
    known = values[np.isfinite(values)]
    return f"{known.min():.0f}" if known.size else "unknown"


def _words(track: Track, lanes: Sequence[Lane]) -> str:
    """What the chart shows, for who cannot see it."""
    pain, dose = track["pain_mean"], track["dose24_mg"]
    known = np.isfinite(pain)
    if not known.any():
        return "Nothing was recorded."
    parts = [f"Felt pain from {pain[known][0]:.1f} to {pain[known][-1]:.1f}, {pain[known].mean():.1f} on average"]
    parts.append(f"dose of 24 hours from {dose[known][0]:.2g} to {dose[known][-1]:.2g} mg")
    for kind, word in (("fault", "faults"), ("alarm", "alarms"), ("limit", "limits that changed requests")):
        names = [lane.name for lane in lanes if lane.kind == kind]
        parts += [f"{word}: {', '.join(names)}"] if names else []
    dead = np.flatnonzero(track["alive_h"] <= 0)
    parts += [f"died on day {track['time_h'][dead[0]] / 24.0:.0f}"] if dead.size else []
    return "; ".join(parts) + "."


def _pain(data: ReportData, story: Story, policy: str, x: Axis, day: Any, track: Track) -> Panel:
    panel = Panel(168, x, Axis(0.0, 10.0), title="Pain", unit="NRS 0–10", y_ticks=(0, 2, 4, 6, 8, 10))
    asked, dense = np.isfinite(track["nrs_report"]), day[-1] > _DENSE_DAYS
    panel.line(day, track["pain0"], UNTREATED, "without the drug", width=1.1, dash="dot")
    if policy != data.reference and data.reference in story.tracks:
        other = story.tracks[data.reference]
        name = f"felt under {styles_of(data.infos)[data.reference].label}"
        panel.line(np.asarray(other["time_h"]) / 24.0, other["pain_mean"], THIRD, name, width=1.1, dash="dash")
    panel.line(day, track["pain_mean"], FELT, "felt", width=1.3 if dense else 2.0)
    step = max(1, int(asked.sum()) // 400)
    seen = np.flatnonzero(asked)[::step]
    panel.dots(day[seen], track["nrs_report"][seen], SECOND, "circle-open", "reported", size=1.6 if dense else 2.4)
    panel.across(3.0, LIMIT, text="controlled ≤ 3")
    return panel


def _dose(x: Axis, day: Any, track: Track) -> Panel:
    cap = track["cap_mg"][np.isfinite(track["cap_mg"])]
    known = np.concatenate([track["dose24_mg"], track["programmed_mg_per_d"], [0.0]])
    highest = float(np.nanmax(known))
    near = bool(cap.size) and highest > 0.4 * float(cap.max())
    top = max(highest, float(cap.max())) if near else highest
    panel = Panel(130, x, Axis(0.0, 1.12 * (top or 1.0)), title="Dose", unit="mg/d")
    panel.line(day, track["dose24_mg"], DOSE, "given in the last 24 h", width=2.0)
    panel.line(day, track["programmed_mg_per_d"], FELT, "basal rate", width=1.3, dash="longdash", steps=True)
    if near:
        panel.across(float(cap.max()), LIMIT, text=f"24-h cap {cap.max():g} mg")
    elif cap.size:
        panel.text(x.high, panel.y.high, f"24-h cap {cap.max():g} mg lies above", anchor="end", up=-10)
    _presses(panel, day, track)
    return panel


def _presses(panel: Panel, day: Any, track: Track) -> None:
    """Presses for a demand bolus, as marks on the floor of the panel of doses."""
    armed = track.get("requested_bolus_ul", np.ones_like(day)) > 0  # reports of earlier versions do not say
    given, denied = track["demands_given"] > 0, track["demands_denied"] > 0
    for pressed, words, color, shape in (
        (given, "bolus given", DOSE, "up"),
        (denied & armed, "press denied", LIMIT, "cross"),
        (denied & ~armed, "press, none armed", INK, "cross"),
    ):
        if pressed.any():
            seen = np.flatnonzero(pressed)[:: max(1, int(pressed.sum()) // 300)]
            panel.dots(day[seen], np.full(len(seen), 0.03 * panel.y.high), color, shape, words, size=2.6)


def _function(x: Axis, day: Any, track: Track) -> list[Panel]:
    found = [entry for entry in _FUNCTION if entry[0] in track]
    if not found:
        return []
    panel = Panel(76, x, Axis(0.0, 100.0), title="Function and distress", unit="0–100", y_ticks=(0, 50, 100))
    for field, name, color, dash, factor in found:
        panel.line(day, factor * track[field], color, name, dash=dash, width=1.5)
    return [panel]


def _sites(x: Axis, day: Any, track: Track) -> Panel:
    panel = Panel(90, x, axis_of(track["ce_dh"], track["ce_bs"], zero=True), title="Drug at its sites", unit="µg/mL")
    panel.line(day, track["ce_dh"], FELT, "dorsal horn")
    panel.line(day, track["ce_bs"], LIMIT, "brainstem", width=1.4, dash="dash")
    return panel


def _adapted(x: Axis, day: Any, track: Track) -> Panel:
    rows = (
        ("tol", "tolerance (log shift of EC50)", FELT, "solid"), ("oih", "hyperalgesia", SECOND, "dash"),
        ("withdrawal", "withdrawal", THIRD, "dot"), ("sedation", "sedation", LIMIT, "dashdot"),
    )  # fmt: skip
    y = axis_of(*(track[field] for field, _, _, _ in rows), zero=True)
    panel = Panel(90, x, y, title="Adaptation and its harms")
    for field, name, color, dash in rows:
        panel.line(day, track[field], color, name, width=1.5, dash=dash)
    return panel


def _vital(x: Axis, day: Any, values: Any, floor: float, title: str, unit: str) -> Panel:
    panel = Panel(76, x, axis_of(values, [floor]), title=title, unit=unit)
    panel.line(day, values, FELT, "lowest of each step", width=1.3, unit=unit)
    panel.keys = []
    low = np.flatnonzero(values < floor)
    panel.across(floor, LIMIT, text=f"depression < {floor:g}")
    if low.size:
        panel.dots(
            day[low][:: max(1, low.size // 200)], values[low][:: max(1, low.size // 200)], LIMIT, "circle", size=2.4
        )
    return panel


def _breath(x: Axis, day: Any, track: Track) -> Panel:
    return _vital(x, day, track["rr_min"], 8.0, "Breathing, lowest of each step", "1/min")


def _oxygen(x: Axis, day: Any, track: Track) -> Panel:
    return _vital(x, day, track["spo2_min"], 90.0, "Oxygen saturation, lowest of each step", "%")


def _heart(x: Axis, day: Any, track: Track) -> Panel:
    panel = Panel(76, x, axis_of(track["hr"], track["sbp"]), title="Circulation")
    panel.line(day, track["hr"], FELT, "heart rate [1/min]", width=1.2)
    panel.line(day, track["sbp"], SECOND, "systolic pressure [mmHg]", width=1.2, dash="dash")
    return panel


def _rates(x: Axis, day: Any, track: Track) -> Panel:
    asked, given = track["requested_rate"], track["allowed_rate"]
    panel = Panel(100, x, axis_of(asked, given, zero=True), title="Shield: pump rate", unit="mL/d")
    panel.line(day, asked, LIMIT, "requested by the policy", width=1.2, dash="dot", steps=True)
    panel.line(day, given, FELT, "allowed by the shield", width=1.8, steps=True)
    return panel


def _lanes(x: Axis, lanes: Sequence[Lane], kinds: Sequence[str]) -> list[Panel]:
    """One panel for each kind that there is, one line in it for each name, filled while it stood."""
    panels = []
    for kind in kinds:
        title, color = _KINDS[kind]
        shown = [lane for lane in lanes if lane.kind == kind]
        if not shown:
            continue
        panel = Panel(_LANE_PX * len(shown), x, Axis(len(shown), 0.0), title=title, y_ticks=())
        for row, lane in enumerate(shown):
            panel.text(x.low, row + 0.38, lane.name)
            for begin, end in lane.spans:
                said = f"{lane.name}: day {begin:.1f} to {end:.1f}. {lane.text}".strip()
                panel.bar(begin, end, row + 0.72, color, thick=7.0, title=said)
        panels.append(panel)
    return panels


def _end_of_life(panels: Sequence[Panel], day: Any, track: Track) -> None:
    """Where the patient died, a line across all panels."""
    gone = np.flatnonzero(track["alive_h"] <= 0)
    for panel in panels if gone.size else ():
        panel.upright(float(day[gone[0]]), INK, title="died")
