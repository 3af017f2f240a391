"""Visual predictive checks: courses of virtual patients beside published means with their published spread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thecal.core.layout import TICK_H
from thecal.experiments.validation.bands import Vpc
from thecal.experiments.validation.reproductions.common import Draw, bolus_course, patients
from thecal.physiology.regimen import advance, begin

_N = 200


def _times(ticks: int) -> list[float]:
    return [float(k) * TICK_H for k in range(1, ticks + 1)]


def morphine_csf(who: Draw, dose_ug: float, at_one_hour: float, sd: float) -> Vpc:
    """Lumbar CSF after a bolus of morphine; the published mean and SD at 1 h."""
    _, course = bolus_course(who, dose_ug, _N, 12.0)
    return Vpc(
        title=f"Morphine in lumbar CSF after {dose_ug / 1000.0:g} mg",
        unit="ug/mL",
        time_h=_times(len(course["lumbar"])),
        simulated=course["lumbar"].T,
        observed=[(1.0, at_one_hour, at_one_hour - sd, at_one_hour + sd)],
        source="Nordberg 1984, Anesthesiology 60:448 (mean and SD, SEM x sqrt 7.5)",
        log_scale=True,
    )


def baclofen_stroke(who: Draw) -> Vpc:
    """Ashworth score after 50 µg of baclofen in patients whose baseline is that of the study."""
    par = patients(who, "spasticity", _N, "baclofen", naive=True)
    par["ashworth0"] = 1.0 + (par["ashworth0"] - 1.0) * 2.3 / (par["ashworth0"].mean() - 1.0)
    state = begin(par)
    before = state["ashworth"].copy()
    course = advance(par, state, 12.0, bolus_ug=50.0, bolus_ml=1.0)["ashworth"]
    return Vpc(
        title="Ashworth score after 50 ug of baclofen, stroke",
        unit="score",
        time_h=[0.0, *_times(len(course))],
        simulated=np.vstack((before, course)).T,
        observed=[(0.0, 3.3, 2.1, 4.5), (6.0, 1.4, 0.7, 2.1)],
        source="Meythaler 2001 (abstract; mean and SD)",
    )


VPCS: dict[str, Callable[[Draw], Vpc]] = {
    "morphine_csf_025": lambda who: morphine_csf(who, 250.0, 4.228, 0.99),
    "morphine_csf_050": lambda who: morphine_csf(who, 500.0, 10.447, 4.21),
    "baclofen_stroke": baclofen_stroke,
}
