"""A small calibration study for tests, whole or spoiled in one place, and a stand-in for its simulation."""

from __future__ import annotations

import math
from typing import Any

from thecal.experiments.validation.calibration.simulate import Item, Simulated
from thecal.experiments.validation.calibration.study import Study

BRAINSTEM = ("drugs/morphine", "effect.ec50_brainstem")
SPREAD = ("receptors/mu", "breathing.sensitivity")
EC50, CV = 0.3, 0.5  # at which the stand-in meets both targets in the middle of their intervals
_TARGETS = {"csf_half_life": 2.75, "depression_from_03": 10.3}
_SLOPES = {"csf_half_life": (4.0, 0.0), "depression_from_03": (-10.0, 20.0)}


def prior(**changes: Any) -> dict[str, Any]:
    """A prior as a table."""
    return {
        "distribution": "lognormal", "median": 0.25, "spread": 0.5, "source": "made up for a test", "confidence": "low",
        "kind": "proposed",
    } | changes  # fmt: skip


def tables() -> dict[str, Any]:
    """The study as the tables of its file."""
    return {
        "title": "A study for tests",
        "core": 0.0,
        "patients": {"seeds": [4101, 4102], "scale": 0.02},
        "search": {"generations": 60, "population": 8, "sigma": 0.5},
        "enough": {"step": 0.02, "loss": 1e-6, "over": 4},
        "free": {
            "brainstem": {
                "file": BRAINSTEM[0], "key": BRAINSTEM[1], "unit": "ug/mL", "bounds": [0.05, 1.2],
                "prior": prior(),
            },
            "breathing_spread": {
                "file": SPREAD[0], "key": SPREAD[1], "what": "cv", "unit": "dimensionless", "transform": "linear",
                "bounds": [0.1, 1.0], "prior": prior(distribution="normal", median=0.45, spread=0.3),
            },
        },
        "target": {"csf_half_life": {}, "depression_from_03": {"weight": 2.0}},
    }  # fmt: skip


def study(**changes: Any) -> Study:
    """The study, with other tables at its top."""
    return Study.model_validate({"name": "small", **tables(), **changes})


def changed(path: str, value: Any) -> dict[str, Any]:
    """The tables with another value at a dotted place; ``...`` removes it."""
    found = tables()
    *parents, last = path.split(".")
    here = found
    for part in parents:
        here = here[part]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return found


def stand_in(item: Item) -> Simulated:
    """Both targets as straight lines in the logarithm of the EC50 and in the spread; the same under every seed."""
    ec50 = item.changes[BRAINSTEM].value if BRAINSTEM in item.changes else 0.2
    cv = item.changes[SPREAD].cv if SPREAD in item.changes else 0.65
    assert ec50 is not None
    assert cv is not None
    values = {}
    for key, structure in item.targets:
        by_ec50, by_cv = _SLOPES[key]
        value = _TARGETS[key] + by_ec50 * math.log(ec50 / EC50) + by_cv * (cv - CV)
        values[key, structure] = (value,) * len(item.seeds)
    return Simulated(values, {})
