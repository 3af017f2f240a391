"""One patient by chart: the reference, and what a change of the chart moves in the parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import CohortSpec, TableRows, load_cohort_spec
from thecal.physiology.cohort_table import CohortTable

# Creatinine at which this patient's clearance is 100 mL/min, the reference of the files.
REFERENCE = {
    "age_y": 55.0, "male": True, "height_cm": 170.0, "weight_kg": 70.0, "creatinine_mg_per_dl": 85.0 * 70.0 / 7200.0,
    "spinal_csf_ml": 100.0, "csf_production_ml_per_h": 21.0, "diagnosis": "failed_back_surgery", "pain_level": "T10",
    "pain_span": 1, "medd_mg_per_d": 0.0, "oprm1_118g": False, "comt_met": 1, "sleep_apnea": False,
    "benzodiazepine": False, "gabapentinoid": False, "antihypertensive": False,
}  # fmt: skip


def charts(drugs, *changes):
    """Parameters ``[B]`` of one patient whose chart is the reference with each of ``changes`` in turn."""
    rows = []
    for change in changes:
        assert set(change) <= set(REFERENCE)
        columns = {name: np.array([value]) for name, value in {**REFERENCE, **change}.items()}
        base = load_cohort_spec("noncancer")
        table = TableRows(CohortTable(Path("charts.csv"), columns, ["one"], None))
        rows.append(draw(CohortSpec(base.name, base.title, base.file, table), drugs, [0], "test", 5).par)
    return np.concatenate(rows)


def leaves(record, prefix=""):
    """Every number of a record by its dotted name; of drugs and receptors those in use."""
    found = {}
    for name in record.dtype.names:
        value = record[name]
        if value.dtype.names is None:
            found[prefix + name] = np.asarray(value, float)
        elif name in ("drug", "channel"):
            for slot in range(int(record[f"n_{name}s"])):
                found |= leaves(value[slot], f"{name}{slot}.")
    return found


def moved(drugs, **change):
    """``{field: ratio}`` of the fields that a change of the chart moves; a field that leaves 0 has its new value."""
    before, after = (leaves(row) for row in charts(drugs, {}, change))
    result = {}
    for name, old in before.items():
        new = after[name]
        if not np.allclose(new, old, rtol=1e-9, atol=0.0):
            with np.errstate(divide="ignore", invalid="ignore"):
                result[name] = np.where(old == 0.0, new, new / old)
    return result
