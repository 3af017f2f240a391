"""What a patient's page draws: panels of lines on one time axis, as data; which fields, in which words, and for which policies.

``who`` says for whom a line is drawn: ``all`` shown policies, each in its own color, or ``focus``, the one looked at closely.
A task's own panels come with it: only what it treats, and a dose for each of its drugs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.dashboard.tables import Shelf, Table
from thecal.envs.kernel.well import CONTROLLED_NRS, GOAL_ASHWORTH, goal_nrs
from thecal.physiology.pain import NRS_MAX

Track = dict[str, NDArray[np.float32]]
Panel = dict[str, Any]
# Before the rest, so that a page paints at once.
FIRST = ("pain", "spasticity", "rate", "dose")
_STARTS = ("start_pain_base", "start_rate_ml_per_d", "start_cap_ug", "start_conc_ug_per_ml")
_STANDS = ("time_h", "demands_given", "demands_denied", "alive_h")
_NO_BREATH = 100.0  # a step's running minimum before any breath was seen lies above
_MICROGRAMS_BELOW_UG = 500.0
_RESPIRATORY_RATE, _SATURATION = 8.0, 90.0  # what reports draw as depression


def _line(field: str, label: str, who: str = "all", style: str = "line") -> dict[str, str]:
    return {"field": field, "label": label, "who": who, "style": style}


def _panel(key: str, title: str, unit: str, *lines: dict[str, str], **more: Any) -> Panel:
    return {"key": key, "title": title, "unit": unit, "lines": list(lines), **more}


_PAIN = (
    "pain", "Pain", "NRS 0–10",
    _line("pain_mean", "felt"),
    _line("pain0", "without the drug", "focus", "dot"),
    _line("nrs_report", "reported", "focus", "points"),
)  # fmt: skip
_SPASTICITY = ("spasticity", "Spasticity", "Ashworth 1–5", _line("ashworth", "felt"))
_RATE = _panel(
    "rate", "Pump rate", "mL/d",
    _line("delivered_rate", "delivered, boluses included"),
    _line("allowed_rate", "allowed by the shield", "focus"),
    _line("requested_rate", "asked by the policy", "focus", "dash"),
    zero=True,
)  # fmt: skip
_REST = (
    _panel(
        "bolus", "Boluses of the patient", "in a step",
        _line("demands_given", "given", "all", "points"),
        _line("demands_denied", "denied or none armed", "focus", "cross"),
        zero=True,
    ),
    _panel(
        "sites", "Drug at its sites", "µg/mL",
        _line("ce_dh", "dorsal horn"), _line("ce_bs", "brainstem", "focus", "dash"), zero=True,
    ),
    _panel(
        "adaptation", "Adaptation", "log shift of EC50; 0–1",
        _line("tol", "tolerance"),
        _line("oih", "hyperalgesia", "focus", "dash"), _line("withdrawal", "withdrawal", "focus", "dot"),
    ),
    _panel(
        "breathing", "Breathing, lowest of each step", "1/min", _line("rr_min", "rate"),
        threshold={"value": _RESPIRATORY_RATE, "label": "depression below 8"},
    ),
    _panel(
        "oxygen", "Oxygen saturation, lowest of each step", "%", _line("spo2_min", "saturation"),
        threshold={"value": _SATURATION, "label": "depression below 90"},
    ),
    _panel("pressure", "Systolic pressure", "mmHg", _line("sbp", "systolic pressure")),
    _panel("pulse", "Heart rate", "1/min", _line("hr", "heart rate")),
    _panel(
        "burden", "Sedation and nausea", "0–1; 0–10",
        _line("sedation", "sedation"), _line("nausea", "nausea", "focus", "dash"), zero=True,
    ),
    _panel("function", "Function", "0–100", _line("function", "function")),
    _panel(
        "reservoir", "Reservoir", "mL",
        _line("reservoir_est_ml", "the pump's estimate"), _line("reservoir_true_ml", "true volume", "focus", "dash"), zero=True,
    ),
)  # fmt: skip


def panels_of(tables: Iterable[Table], starts: Mapping[str, float]) -> list[Panel]:
    """The panels of a patient of a run, of lines that at least one table has.

    Args:
        tables: of all policies.
        starts: of the patient, as :func:`starts_of` gives them.
    """
    known = list(tables)
    task = known[0].task
    columns = frozenset().union(*(table.columns for table in known))
    if task.goal == "spasticity":
        goal = _panel(*_SPASTICITY, range=[1, 5], band={"low": 1.0, "high": GOAL_ASHWORTH, "label": "goal"})
    else:
        bound = goal_nrs(starts.get("start_pain_base", 0.0), task.goal_relief)
        words = f"goal: at most {bound:.1f}" if bound > CONTROLLED_NRS else "goal: at most 3"
        goal = _panel(*_PAIN, range=[0, NRS_MAX], band={"low": 0.0, "high": bound, "label": words})
    doses = [_dose_panel(drug, k, task, starts) for k, drug in enumerate(task.drugs)]
    found = []
    for panel in (goal, _RATE, *doses, *_REST):
        lines = [line for line in panel["lines"] if _source(line["field"]) in columns]
        if lines:
            found.append({**panel, "lines": lines, "first": panel["key"].partition("_")[0] in FIRST})
    return found


def missing_words(tables: Iterable[Table]) -> list[str]:
    """What the page would draw and the stored tables lack, in words."""
    columns = frozenset().union(*(table.columns for table in tables))
    wanted = {line["field"]: panel["title"] for panel in (_RATE, *_REST) for line in panel["lines"]}
    return sorted({title for field, title in wanted.items() if field not in columns})


def _dose_panel(drug: str, k: int, task: Any, starts: Mapping[str, float]) -> Panel:
    cap = starts.get("start_cap_ug", float("nan")) if k == 0 else float("nan")
    unit, scale = ("µg", 1.0) if cap < _MICROGRAMS_BELOW_UG else ("mg", 1e-3)
    panel = _panel(
        f"dose_{drug}", f"{drug.capitalize()} of the last 24 h", unit, _line(f"dose24_{drug}", "commanded"), zero=True
    )
    if np.isfinite(cap) and cap > 0.0:
        panel["threshold"] = {"value": cap * scale, "label": f"24-h cap {cap * scale:g} {unit}", "reach": 0.4}
    return {**panel, "scale": scale}


def starts_of(shelf: Shelf, table: Table, patient: int) -> dict[str, float]:
    """What is stored of a patient's start: pain, rate, cap, concentration."""
    return {
        name: float(column[0])
        for name, column in shelf.of_patient(table, patient, _STARTS).items()
        if len(column)
    }  # fmt: skip


def _source(field: str) -> str:
    """The stored column behind a line."""
    return field.replace("dose24_", "dose24_ug_", 1)


def track_of(shelf: Shelf, table: Table, patient: int, panels: Iterable[Panel]) -> Track:
    """What is drawn of one patient, ``[T]`` each: NaN where nothing is known, after death too.

    Raises:
        StoreError: the table cannot be read.
    """
    scales = {line["field"]: panel.get("scale", 1.0) for panel in panels for line in panel["lines"]}
    stored = shelf.of_patient(table, patient, [_source(name) for name in scales] + ["alive_h"])
    dead = stored["alive_h"] <= 0 if "alive_h" in stored else np.zeros(1, np.bool_)
    found: Track = {}
    for name, scale in scales.items():
        if _source(name) not in stored:
            continue
        values = np.array(stored[_source(name)], np.float32) * np.float32(scale)
        if name not in _STANDS:
            values[dead] = np.nan
        if name == "rr_min":
            values[values > _NO_BREATH] = np.nan
        if name.startswith("demands_"):
            values[values <= 0.0] = np.nan
        found[name] = values
    return found
