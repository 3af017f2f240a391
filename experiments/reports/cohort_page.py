"""A page that shows a cohort: every covariate, how covariates go together, and the parameters that follow from them."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.extras import require
from thecal.core.files import write_whole
from thecal.core.layout import LEVELS
from thecal.experiments.reports.theme import FELT, FONT, dress
from thecal.physiology.covariates import COVARIATES

if TYPE_CHECKING:
    from thecal.physiology.cohort import Cohort

_COLUMNS = 3
_PANEL_PX = 230
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>body{{font-family:{font};max-width:1180px;margin:2rem auto;padding:0 1rem;color:#20242a;
background:#fff}}h1{{font-size:1.5rem}}h2{{font-size:1.1rem;margin-top:2rem}}p{{color:#4a4f57}}.note{{border-left:4px solid
#DB5A2B;padding:.4rem .8rem;background:#fdf3ee}}</style></head><body>
<h1>{title}</h1><p class="note">Research simulation only: these are virtual patients; nothing here may inform the care of a
person.</p><p>{n} virtual patients, split {split}.</p>{parts}</body></html>
"""


def parameters(cohort: Cohort) -> dict[str, NDArray[np.float64]]:
    """The main parameters that follow from covariates and random effects, each ``[B]``, with the unit in the name."""
    par, drug, channel = cohort.par, cohort.par["drug"][:, 0], cohort.par["channel"][:, 0]
    found = {
        "EC50 of analgesia (ug/mL, log10)": np.log10(drug["ec50"]),
        "EC50 of the brainstem (ug/mL, log10)": np.log10(drug["ec50_bs"]),
        "loss from CSF (1/h)": drug["k_csf_loss"],
        "plasma elimination (1/h)": drug["k10"],
        "largest relief, nociceptive": channel["emax_noci"],
        "tolerance before the implant (log EC50)": channel["tol_prior"],
        "baseline pain (NRS)": par["pain_base"],
        "neuropathic share": par["neuropathic"],
        "CSF (mL)": cohort.covariates["csf_ml"],
    }
    return {name: np.asarray(values, np.float64) for name, values in found.items() if np.ptp(values) > 0.0}


def _label(name: str) -> str:
    known = COVARIATES.get(name)
    text = known.text if known else name.replace("_", " ")
    return f"{text} ({known.unit})" if known and known.unit and known.unit not in ("levels", "alleles") else text


def _panels(columns: dict[str, NDArray[Any]]) -> Any:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows = -(-len(columns) // _COLUMNS)
    figure = make_subplots(
        rows, _COLUMNS, subplot_titles=[_label(name) for name in columns], vertical_spacing=0.35 / rows
    )
    for k, (name, values) in enumerate(columns.items()):
        if values.dtype.kind == "f":
            mark: Any = go.Histogram(x=values, nbinsx=30, marker_color=FELT)
        else:
            order = list(LEVELS) if name in ("pain_level", "tip_level") else sorted(set(values.tolist()))
            counts = {str(item): int((values == item).sum()) for item in order}
            counts = {item: count for item, count in counts.items() if count}
            mark = go.Bar(x=list(counts), y=list(counts.values()), marker_color=FELT)
        figure.add_trace(mark, k // _COLUMNS + 1, k % _COLUMNS + 1)
    dress(figure, rows * _PANEL_PX)
    figure.update_layout(showlegend=False, bargap=0.05)
    figure.update_annotations(font={"size": 12.5})
    return figure


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks with ties at their mean, without which two flags would correlate by their order in the table."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * (counts - 1))[where]


def _correlations(columns: dict[str, NDArray[Any]]) -> Any:
    import plotly.graph_objects as go

    numeric = {name: values.astype(np.float64) for name, values in columns.items() if values.dtype.kind in "fib"}
    numeric = {name: values for name, values in numeric.items() if np.ptp(values) > 0.0}
    ranks = np.array([_ranks(values) for values in numeric.values()])
    names = [_label(name) for name in numeric]
    heat = go.Heatmap(
        z=np.corrcoef(ranks)[::-1], x=names, y=names[::-1], zmin=-1, zmax=1, colorscale="RdBu", texttemplate="%{z:.1f}"
    )
    figure = dress(go.Figure(heat), 260 + 24 * len(names))
    figure.update_layout(margin={"l": 260, "b": 220})
    return figure


def write_cohort_page(cohort: Cohort, path: Path) -> Path:
    """Write the self-contained page.

    Raises:
        ConfigError: Plotly is not installed, or the cohort holds fewer than two patients.
        StoreError: the file cannot be written.
    """
    require("a plot", "report", only=["plotly"])
    if len(cohort) < 2:
        raise ConfigError("a plot of a cohort needs at least two patients")
    columns = {name: values for name, values in cohort.covariates.items() if name not in ("csf_ml",)}
    sections = {
        "Covariates": _panels(columns),
        "Rank correlations of covariates": _correlations(columns),
        "Parameters that follow": _panels(dict(parameters(cohort))),
    }
    parts, script = [], True
    for title, figure in sections.items():
        drawn = figure.to_html(full_html=False, include_plotlyjs=script, config={"displaylogo": False})
        parts.append(f"<h2>{html.escape(title)}</h2>{drawn}")
        script = False
    page = _PAGE.format(
        title=html.escape(cohort.spec.title), font=FONT, n=len(cohort), split=cohort.split, parts="".join(parts)
    )
    return write_whole(path, page)
