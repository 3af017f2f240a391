"""Reproductions of how doses move over months and years, and of what a second drug changes in that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.validation.reproductions.common import (
    Course,
    Draw,
    Reproduction,
    hold,
    patients,
    reachable,
    toward_relief,
)
from thecal.experiments.validation.reproductions.series import held

BACLOFEN_TARGET = 1.9


def baclofen_rule(last: Course) -> NDArray[np.float64]:
    """Weekly factor on a baclofen dose: up by what Ashworth lies above 1.9, down in a patient who drifts off."""
    wanted = 1.0 + 0.25 * (last["ashworth"] - BACLOFEN_TARGET)
    return np.where(last["sedation"] > 0.5, 0.85, wanted)


def ziconotide_dose_stable(who: Draw) -> float:
    """Median dose at year 3 / year 1 that holds a fifth of relief."""
    par = reachable(patients(who, "noncancer", 40, "ziconotide"), 0.2)
    dose = hold(par, np.full(len(par), 4.0), 36, toward_relief(0.2), most_ug_per_d=19.2)
    return float(np.median(dose[36] / dose[12]))


def baclofen_escalation(who: Draw) -> float:
    """Mean dose at 18 months / after the first month, Ashworth held at 1.9."""
    par = patients(who, "spasticity", 40, "baclofen")
    dose = hold(par, np.full(len(par), 100.0), 18, baclofen_rule, most_ug_per_d=2000.0)
    return float(dose[18].mean() / dose[1].mean())


def combination_escalation(who: Draw) -> float:
    """Mean rise of the opioid dose in the year after the implant with 4 mg/d of bupivacaine / the mean rise without.

    Each patient's rise is counted from the dose at the implant, as in the series: the dose that a trial of the opioid alone
    found. Bupivacaine runs beside it from the implant on.
    """
    rises = []
    for second in (4000.0, 0.0):
        par = reachable(patients(who, "noncancer", 80, "morphine", "bupivacaine"), 0.6)
        dose = held(par, 12, second_ug_per_d=second)
        rises.append((dose[-1] / dose[0]).mean() - 1.0)
    return float(rises[0] / rises[1])


ADAPTATION: dict[str, Reproduction] = {
    "ziconotide_dose_stable": ziconotide_dose_stable,
    "baclofen_escalation": baclofen_escalation,
    "combination_escalation": combination_escalation,
}
