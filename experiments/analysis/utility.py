"""What a patient's time was worth under three stated weightings, from well-treated time and everything it was lost to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from thecal.core.parameters import read_parameters

Floats = NDArray[np.float64]
# The parts of the horizon by the outcome that measures each, in % of time; they add up to 100.
PARTS = {
    "well": "well_treated", "pain": "lost_pain", "nausea": "lost_nausea", "withdrawal": "lost_withdrawal",
    "sedation": "lost_sedation", "breathing": "lost_breathing", "death": "lost_death",
}  # fmt: skip
RELIEF, BALANCED, HARM_AVERSE = WEIGHTINGS = ("relief", "balanced", "harm_averse")
TITLES = {RELIEF: "relief-leaning", BALANCED: "balanced", HARM_AVERSE: "harm-averse"}
_MOST = 100.0  # that a part can weigh


@cache
def weights() -> dict[str, dict[str, float]]:
    """Points for each percent of the horizon, by weighting and part.

    Raises:
        ParameterError: the file is corrupt.
    """
    table = read_parameters(files("thecal.experiments.analysis") / "data" / "utility.toml")
    known = [f"{weighting}.{part}" for weighting in WEIGHTINGS for part in PARTS]
    table.only(known, "the weightings")
    table.fixed()
    return {
        weighting: {
            part: table.get_in(f"{weighting}.{part}", "dimensionless", minimum=-_MOST, maximum=_MOST) for part in PARTS
        }
        for weighting in WEIGHTINGS
    }


def utility(columns: Mapping[str, Floats], weighting: str) -> Floats:
    """Utility of every patient: 100 for a horizon that is well treated throughout, below 0 where harm outweighs relief."""
    found = weights()[weighting]
    return np.asarray(sum(found[part] * columns[key] for part, key in PARTS.items()), np.float64)
