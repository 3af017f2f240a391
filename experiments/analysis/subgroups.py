"""Effects in subgroups of patients, by what their charts say: paired differences with intervals, and nothing that is tested.

Subgroups are many and small: what they show is a question for the next study, never a claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.parameters import read_parameters
from thecal.experiments.analysis.results import Frozen, Interval
from thecal.experiments.analysis.statistics import RESAMPLES, paired_difference

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_NUMBERS = {
    "age.first": "year", "age.second": "year", "renal.first": "mL/min", "renal.second": "mL/min", "tolerant.medd": "mg/day",
    "neuropathic.first": "dimensionless", "neuropathic.second": "dimensionless", "least.patients": "dimensionless",
}  # fmt: skip


class Effect(Frozen):
    """The effect of a policy in one subgroup.

    Attributes:
        group: what patients are divided by.
        level: which of them.
        patients: how many.
        difference: from the reference on the same patients; NaN where they are too few.
    """

    group: str
    level: str
    patients: int
    difference: Interval


@cache
def _numbers() -> dict[str, float]:
    table = read_parameters(files("thecal.experiments.analysis") / "data" / "subgroups.toml")
    table.only(_NUMBERS, "the subgroups")
    table.fixed()
    return {key: table.get_in(key, unit, minimum=0.0) for key, unit in _NUMBERS.items()}


def subgroups(charts: Mapping[str, Floats]) -> dict[str, dict[str, Flags]]:
    """Which patients ``[n]`` belong to which level of each group; the levels of a group hold every patient once."""
    at = _numbers()
    thirds = (at["neuropathic.first"], at["neuropathic.second"])
    return {
        "age": _cut(charts["age_y"], (at["age.first"], at["age.second"]), "y"),
        "creatinine clearance": _cut(charts["crcl_ml_per_min"], (at["renal.first"], at["renal.second"]), "mL/min"),
        "sleep apnea": _flag(charts["sleep_apnea"] > 0),
        "sedatives": _flag((charts["benzodiazepine"] > 0) | (charts["gabapentinoid"] > 0)),
        "opioid-tolerant": _flag(charts["medd_mg_per_d"] >= at["tolerant.medd"]),
        "neuropathic share": _cut(100.0 * charts["neuropathic"], tuple(100.0 * cut for cut in thirds), "%"),
        "OPRM1 118G": _flag(charts["oprm1_118g"] > 0),
        "COMT 158Met alleles": {f"{count}": charts["comt_met"] == count for count in range(3)},
    }


def effects(
    own: Floats, reference: Floats, charts: Mapping[str, Floats], *, seed: int, strata: Any, resamples: int = RESAMPLES
) -> tuple[Effect, ...]:
    """Paired differences ``own - reference`` (``[training seeds, patients]`` each) in every level that has a patient."""
    found, labels = [], np.asarray(strata)
    for group, levels in subgroups(charts).items():
        for level, who in levels.items():
            if not who.any():
                continue
            gap = Interval(mean=np.nan, low=np.nan, high=np.nan)
            if who.sum() >= _numbers()["least.patients"]:
                part = (own[:, who], reference[:, who])
                gap = paired_difference(*part, seed=seed, strata=labels[who], resamples=resamples)
            found.append(Effect(group=group, level=level, patients=int(who.sum()), difference=gap))
    return tuple(found)


def _cut(values: Floats, cuts: tuple[float, ...], unit: str) -> dict[str, Flags]:
    low, high = cuts
    return {
        f"below {low:.0f} {unit}": values < low,
        f"{low:.0f} to {high:.0f} {unit}": (values >= low) & (values < high),
        f"{high:.0f} {unit} or more": values >= high,
    }


def _flag(who: Flags) -> dict[str, Flags]:
    return {"yes": who, "no": ~who}
