"""A page that shows a simulated program: flow, concentration and dose at the tip, reservoir, faults, settings and log."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.extras import require
from thecal.core.files import write_whole
from thecal.devices.fault_presets import fault_names
from thecal.devices.interrogate import describe_event, interrogate
from thecal.devices.program_file import program_roundings
from thecal.experiments.reports.pump_rows import not_as_asked
from thecal.experiments.reports.theme import DOSE, FELT, FONT, INK, LIMIT, SECOND, THIRD, dress, faded

if TYPE_CHECKING:
    from thecal.devices.program_file import ProgramFile
    from thecal.devices.simulate import PumpRun
    from thecal.devices.solutions import SolutionReport
    from thecal.devices.specs import PumpSpec

_COLORS = (FELT, DOSE, SECOND)
_MOST_POINTS = 8000
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>body{{font-family:{font};max-width:1080px;margin:2rem auto;padding:0 1rem;color:#20242a;
background:#fff}}h1{{font-size:1.5rem}}h2{{font-size:1.1rem;margin-top:2rem}}p,li{{color:#4a4f57}}
.note{{border-left:4px solid #DB5A2B;padding:.4rem .8rem;background:#fdf3ee}}table{{border-collapse:collapse;font-size:.9rem}}
th,td{{text-align:left;padding:.2rem 1.2rem .2rem 0;border-bottom:1px solid #e6e8eb;font-weight:400;vertical-align:top}}
th{{color:#4a4f57}}</style></head><body><h1>{title}</h1>
<p class="note">Research simulation only: this is a virtual pump. Nothing here may program a real one.</p>
{body}</body></html>
"""


def _thin(samples: NDArray[np.void]) -> NDArray[np.void]:
    return samples[:: max(1, -(-len(samples) // _MOST_POINTS))]


def _shade_faults(figure: Any, samples: NDArray[np.void]) -> None:
    """Mark the times in which a fault was present (hidden truth, known to the simulation only)."""
    days = samples["time_h"] / 24.0
    known: list[str] = []
    for mask in np.unique(samples["faults"]):
        known += [name for name in fault_names(int(mask)) if name not in known]
    for name in known:
        present = np.array([name in fault_names(int(mask)) for mask in samples["faults"]])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(int), [0]])))
        for first, last in edges.reshape(-1, 2):
            figure.add_vrect(
                x0=days[first], x1=days[last - 1], fillcolor=faded(LIMIT, 0.14), line_width=0, layer="below",
                annotation_text=name.replace("_", " "), annotation_position="top left",
                annotation_font={"color": LIMIT, "size": 11}, row=1, col=1,
            )  # fmt: skip


def program_figure(run: PumpRun, drugs: tuple[str, ...]) -> Any:
    """Four panels over time: flow, concentration at the tip, dose at the tip, volume."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    samples = _thin(run.samples)
    days = samples["time_h"] / 24.0
    titles = ("Flow (mL/d)", "Concentration at the tip (mg/mL)", "Dose into the CSF (mg/d)", "Reservoir (mL)")
    figure = make_subplots(4, 1, shared_xaxes=True, vertical_spacing=0.06, subplot_titles=titles)

    def line(row: int, values: Any, name: str, color: str, **style: Any) -> None:
        trace = go.Scatter(x=days, y=values, name=name, mode="lines", line={"color": color, "width": 1.6, **style})
        figure.add_trace(trace, row=row, col=1)

    line(1, samples["flow_ml_per_d"], "true flow into the CSF", FELT)
    line(1, samples["programmed_ml_per_d"], "programmed basal flow", INK, dash="dot")
    for k, drug in enumerate(drugs):
        line(2, samples["tip_ug_per_ml"][:, k] / 1e3, f"{drug}, at the tip", _COLORS[k])
        line(2, samples["reservoir_ug_per_ml"][:, k] / 1e3, f"{drug}, in the reservoir", _COLORS[k], dash="dot")
        line(3, samples["dose_ug_per_d"][:, k] / 1e3, f"{drug}, dose", _COLORS[k], dash="dash")
    line(4, samples["true_ml"], "true volume", THIRD)
    line(4, samples["estimated_ml"], "volume the pump computes", INK, dash="dot")
    dress(figure, 860, legend=True)
    figure.update_layout(legend={"orientation": "h", "y": -0.07, "yanchor": "top"}, margin={"t": 40, "b": 120})
    figure.update_annotations(font={"size": 13, "color": "#20242a"}, x=0, xanchor="left")
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(title_text="day", row=4, col=1)
    _shade_faults(figure, samples)
    return figure


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
    return f"<h2>{html.escape(title)}</h2><table>{cells}</table>"


def _solution(report: SolutionReport) -> str:
    rows = [
        (
            drug,
            f"{conc / 1e3:g} mg/mL, loses {100 * loss:.2f} % a day, {soluble / 1e3:.3g} mg/mL dissolve"
            + (" (precipitates)" if falls else ""),
        )
        for drug, conc, loss, soluble, falls in zip(
            report.drugs,
            report.ug_per_ml,
            report.decay_per_d,
            report.soluble_ug_per_ml,
            report.precipitates,
            strict=True,
        )
    ]
    rows.append(("together", f"{report.status}; good for {report.stable_d:.0f} days at 37 °C; pH {report.ph:.1f}"))
    rows += [("note", text) for text in report.warnings]
    return _table("Solution of the first fill", rows)


def write_program_page(run: PumpRun, spec: PumpSpec, report: SolutionReport, program: ProgramFile, path: Path) -> Path:
    """Write the page; needs the ``report`` extra for its figure.

    Raises:
        ConfigError: plotly is not installed.
        StoreError: the page cannot be written.
    """
    require("a plot", "report", only=["plotly"])
    drugs = program.solution.drugs
    figure = program_figure(run, drugs).to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False})
    shown = "".join(
        _table(title, rows) for title, rows in interrogate(run.state, run.par, spec, drugs, entries=0).items()
    )
    log = [(f"day {time / 24:.2f}", describe_event(int(kind), a, b)) for _, time, kind, a, b in run.log[-200:].tolist()]
    roundings = program_roundings(spec, program)
    asked = [
        (one.line, words.removeprefix(f"{one.line}: "))
        for one, words in zip(roundings, not_as_asked(roundings), strict=True)
    ]
    shown += _table("Not exactly as asked", asked) if asked else ""
    body = figure + shown + _solution(report) + _table(f"Log, latest {len(log)} of {len(run.log)}", log)
    return write_whole(path, _PAGE.format(title=f"{spec.title}: simulated program", font=FONT, body=body))
