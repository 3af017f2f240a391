"""What the charts of a scenario's patients say, one column each: what patients are grouped by when results are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.envs.scenario import Resolved
from thecal.physiology.cohort import draw

# Covariates that are kept as they are; ``neuropathic`` is the patient's own share of neuropathic pain.
KEPT = (
    "age_y", "male", "bmi", "crcl_ml_per_min", "medd_mg_per_d", "sleep_apnea", "benzodiazepine", "gabapentinoid",
    "oprm1_118g", "comt_met",
)  # fmt: skip
CHART = (*KEPT, "neuropathic")


def charts(scene: Resolved, patients: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The columns :data:`CHART` of patients of a scenario, ``[B]`` each; what is yes or no is 1 or 0.

    Raises:
        ConfigError: an index lies outside the cohort.
    """
    where = scene.scenario
    cohort = draw(scene.cohort, scene.drugs, patients, where.split, where.cohort_seed, structure=scene.structure)
    columns: dict[str, Any] = {name: cohort.covariates[name] for name in KEPT}
    columns["neuropathic"] = cohort.par["neuropathic"]
    return {name: np.asarray(values, np.float64) for name, values in columns.items()}
