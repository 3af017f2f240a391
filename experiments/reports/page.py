"""Renders a comparison as one HTML file that needs no network: figures, tables, findings in words, provenance."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.errors import ConfigError, StoreError
from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Difference, Interval
from thecal.experiments.reports.charts import differs, distribution, forest, pairs, training
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.findings import findings, gate, number
from thecal.experiments.reports.patient_charts import patient_figure
from thecal.experiments.reports.scorecard import scorecard
from thecal.experiments.reports.theme import DASHES, LIMIT, styles_of
from thecal.experiments.reports.validation_charts import identity, vpc_chart
from thecal.experiments.validation.targets import from_records


@dataclass(frozen=True)
class Figure:
    """A figure on the page: its element id and Plotly's JSON, safe inside a script element."""

    id: str
    json: str
    height: int


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a number, its interval, and for a difference which side it lies on."""

    value: str
    interval: str
    side: str = ""


def write_report(data: ReportData, path: str | Path) -> Path:
    """Render ``data`` into the HTML file ``path`` (its folder is made if missing).

    Raises:
        StoreError: the file cannot be written.
        ConfigError: Plotly or Jinja2 is not installed.
    """
    target = Path(path)
    text = render(data)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + ".part")
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, target)
    except OSError as error:
        raise StoreError(f"{target}: the report cannot be written ({error.strerror or error})") from error
    return target


def render(data: ReportData) -> str:
    """The report as the text of one HTML page."""
    try:
        from jinja2 import Environment, StrictUndefined
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ConfigError(f"reports need Plotly and Jinja2: install thecal[report] ({error})") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": number, "short": _short, "tight": _tight}
    page = environment.from_string(_resource("report.html.j2"))
    return page.render(
        data=data,
        styles=styles_of(data.policies),
        findings=findings(data),
        figures=_figures(data),
        groups=_groups(data),
        same=[outcome.label for outcome in data.outcomes if outcome.role != "use" and not differs(data, outcome)],
        dashes=DASHES,
        changed=[_changed(data)] if data.shield else [],
        binding=_shield_table(data, "binding"),
        violations=_shield_table(data, "violations"),
        event_names=list(dict.fromkeys(name for table in data.events.values() for name in table)),
        passed={policy: gate(data, policy)[0] for policy in data.others},
        scorecard=scorecard(data.validation),
        config=json.dumps(data.provenance.get("config", {}), indent=2, default=str),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        css=_resource("report.css"),
        script=_resource("report.js"),
        plotly=get_plotlyjs(),
    )


def _short(value: float) -> str:
    """Three significant digits, whole where the number is large."""
    if not np.isfinite(value) or abs(value) >= 100.0:
        return number(value, 0)
    return f"{value:.3g}".replace("-", "−")


def _tight(text: str) -> str:
    """Text whose signs stay with their numbers when a heading wraps."""
    return text.replace("≤ ", "≤\u00a0").replace("≥ ", "≥\u00a0").replace(" %", "\u00a0%").replace("24 h", "24\u00a0h")


@cache
def _resource(name: str) -> str:
    return (files("thecal.experiments.reports") / "templates" / name).read_text(encoding="utf-8")


def _figures(data: ReportData) -> dict[str, Any]:
    """Every figure by the name the template uses; ``stories`` holds one entry a patient and policy."""
    shown: dict[str, Any] = {
        "forest": _figure(data, "forest", forest(data)),
        "distribution": _figure(data, "distribution", distribution(data)),
        "pairs": None,
        "training": None,
        "identity": None,
        "checks": [
            {"check": check, "figure": _figure(data, f"course-{k}", vpc_chart(check))}
            for k, check in enumerate(data.checks, 1)
        ],
        "stories": [],
    }
    if data.validation:
        shown["identity"] = _figure(data, "identity", identity(from_records(data.validation)))
    if data.trained:
        against = [policy for policy in (data.reference, *_clinical(data)) if policy != data.trained[0]]
        shown["pairs"] = _figure(data, "pairs", pairs(data, data.trained[0], list(dict.fromkeys(against))[:3]))
    if data.curves:
        shown["training"] = _figure(data, "training", training(data.curves, (data.trained or ["ppo"])[0]))
    for k, story in enumerate(data.stories):
        for policy in story.tracks:
            behind = data.reference if policy != data.reference and data.reference in story.tracks else None
            figure = _figure(data, f"patient-{k}-{policy}", patient_figure(data, story, policy, behind))
            entry = {"story": story, "index": k, "policy": policy, "figure": figure}
            shown["stories"].append(entry | {"missing": _missing_reports(story.tracks[policy])})
    return shown


def _missing_reports(track: Mapping[str, Any]) -> str:
    """How many decisions had no new report."""
    report = np.asarray(track["nrs_report"], np.float64)
    return f"{int(np.isnan(report).sum())} of {len(report)} decisions had no new report"


def _clinical(data: ReportData) -> list[str]:
    return [policy for policy in ("guideline", "guideline_ptm", "pid") if policy in data.policies]


def _figure(data: ReportData, name: str, figure: Any) -> Figure:
    if not data.shielded:  # said in the figure itself, which may be saved apart from the page
        place = {
            "xref": "paper",
            "yref": "paper",
            "x": 1,
            "y": 1,
            "xanchor": "right",
            "yanchor": "bottom",
            "yshift": 14,
        }
        font = {"size": 13, "color": LIMIT}
        figure.add_annotation(text="<b>UNSHIELDED</b>", showarrow=False, font=font, **place)
        figure.update_layout(margin_t=(figure.layout.margin.t or 0) + 18)
    text = figure.to_json().replace("</", "<\\/")
    return Figure(f"figure-{name}", text, int(figure.layout.height))


_GROUPS = (("Pain control", ("primary", "efficacy")), ("Harms", ("cost",)), ("How it was done", ("use",)))


def _groups(data: ReportData) -> list[dict[str, Any]]:
    """The outcome tables by theme: means, paired differences, and the worst tenth where that says something."""
    found = []
    for title, roles in _GROUPS:
        shown = [outcome for outcome in data.outcomes if outcome.role in roles]
        # The worst tenth of a yes-or-no outcome is all yes or all no.
        graded = [outcome for outcome in shown if outcome.better and outcome.unit != "% of patients"]
        if "use" in roles or not all(outcome.key in table for table in data.tails.values() for outcome in graded):
            graded = []
        group: dict[str, Any] = {"title": title, "outcomes": shown, "graded": graded if data.tails else []}
        group["means"] = {p: [_cell(data.estimates[p][o.key], o) for o in shown] for p in data.policies}
        group["differences"] = {p: [_difference(data.differences[p][o.key], o) for o in shown] for p in data.others}
        group["tails"] = {p: [_cell(row[o.key], o) for o in graded] for p, row in data.tails.items()}
        if shown:
            found.append(group)
    return found


def _cell(found: Interval, outcome: Outcome, *, sign: bool = False, side: str = "") -> Cell:
    mean, low, high = (number(value, outcome.digits, sign=sign) for value in (found.mean, found.low, found.high))
    return Cell(mean, f"{low} to {high}", side)


def _difference(found: Difference, outcome: Outcome) -> Cell:
    edges = sorted((found.low * outcome.better, found.high * outcome.better))
    side = "better" if edges[0] > 0 else "worse" if edges[1] < 0 else ""
    return _cell(found, outcome, sign=True, side=side)


def _shield_table(data: ReportData, what: str) -> list[dict[str, Any]]:
    """One row a limit that ever bound (``binding``) or was broken (``violations``): percent of decisions."""
    tables = {policy: getattr(use, what) for policy, use in data.shield.items()}
    numbers = sorted({limit for table in tables.values() for limit, value in table.items() if value > 0})
    return [
        {
            "limit": f"{data.invariants.get(limit, ('unnamed', ''))[0]} ({limit})",
            "text": data.invariants.get(limit, ("", ""))[1],
            "cells": [
                _share(data.percent(tables[policy].get(limit, 0.0))) for policy in data.policies if policy in tables
            ],
        }
        for limit in numbers
    ]


def _changed(data: ReportData) -> dict[str, Any]:
    """The row of all changes together."""
    cells = [_share(data.percent(data.shield[policy].intervened)) for policy in data.policies if policy in data.shield]
    return {"limit": "any change", "text": "rate or bolus differed from the request", "cells": cells}


def _share(percent: float) -> dict[str, Any]:
    """Text and shade (0-60, by the square root so that rare things stay visible) of a share in percent."""
    text = "never" if percent == 0 else "< 0.1" if percent < 0.1 else number(percent, 1)
    return {"text": text, "shade": round(6.0 * float(np.sqrt(min(percent, 100.0)))), "zero": percent == 0}
