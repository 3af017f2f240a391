"""Reproductions of more single injections: labor and wounds, adjuvants, high doses, tone, pressure and pulse."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.experiments.validation.reproductions.clinic import charts
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    Draw,
    Reproduction,
    bolus_course,
    make_naive,
    patients,
)
from thecal.experiments.validation.reproductions.courses import scaled
from thecal.experiments.validation.reproductions.injections import brought, prolonged, spinal_minutes
from thecal.experiments.validation.reproductions.labor import (
    ASKS_FOR_MORE,
    NULLIPAROUS,
    WOUND,
    Doses,
    felt,
    minutes,
    people,
)
from thecal.experiments.validation.reproductions.window import bradypneic_share
from thecal.physiology.regimen import advance, begin

_MIN_PER_H = 60.0
_NAUSEA = 3.0  # as in the pump series
_ONSET_TICKS = 2  # half an hour in which an injection has not acted yet: nobody is asked
_OVER_Y = 75.0


def in_labor(who: Draw, dose_ug: Doses, bolus_ml: float = 1.0) -> float:
    """Mean minutes to the request for more in nulliparous women."""
    return minutes(who, NULLIPAROUS, dose_ug, bolus_ml)


def in_labor_ratio(who: Draw, more: Doses, less: Doses, bolus_ml: float = 1.0) -> float:
    """Duration of analgesia in labor, one mixture / another."""
    return in_labor(who, more, bolus_ml) / in_labor(who, less, bolus_ml)


def wound_minutes(who: Draw, drug: str, dose_ug: float) -> float:
    """Mean minutes from an opioid given for a wound's pain to pain above 3 again, the first half hour left out."""
    asks = felt(who, WOUND, {drug: dose_ug}, DAY_H, 2.0)[_ONSET_TICKS:] > ASKS_FOR_MORE
    first = np.where(asks.any(axis=0), asks.argmax(axis=0), len(asks) - 1) + 1 + _ONSET_TICKS
    return float(_MIN_PER_H * TICK_H * first.mean())


def supplemented(who: Draw, drug: str, bolus_ug: float, infused_ug: float) -> float:
    """Share (%) with pain above 3 in the day after 10 mg of bupivacaine and an opioid for a wound, as bolus or over the day."""
    par = people(who, {drug: bolus_ug, "bupivacaine": 10_000.0})
    dose = np.zeros((len(par), MAX_DRUGS))
    dose[:, 0], dose[:, 1] = bolus_ug, 10_000.0
    course = advance(
        par,
        begin(par),
        DAY_H,
        rate_ug_per_h=infused_ug / DAY_H,
        bolus_ug=dose,
        bolus_ml=2.5,
        basal_ml_per_h=3.0 / DAY_H,
    )
    pain = par["pain_base"] * (1.0 - course["relief"][_ONSET_TICKS:])
    return float(100.0 * (pain > ASKS_FOR_MORE).any(axis=0).mean())


def adjuvant_ratio(
    who: Draw, what: int, mg: float, ml: float, first: tuple[str, float], second: tuple[str, float]
) -> float:
    """Minutes of relief (``what`` 0) or motor block (1) of a spinal anesthetic with one adjuvant / with another."""
    return spinal_minutes(who, mg, ml, what, *first) / spinal_minutes(who, mg, ml, what, *second)


def added_relief(who: Draw, mg: float, ml: float, second: str, second_ug: float) -> float:
    """Minutes of relief that a second drug adds to a spinal anesthetic."""
    return spinal_minutes(who, mg, ml, 0, second, second_ug) - spinal_minutes(who, mg, ml, 0, second, 0.0)


def high_dose_depression(who: Draw, dose_ug: float) -> float:
    """Share (%) of naive patients depressed in the day after a high dose of morphine, as seen without an oximeter (1981)."""
    return bradypneic_share(bolus_course(who, dose_ug, 300, DAY_H)[1])


def hypotension_over_75(who: Draw, mg: float, share: float) -> float:
    """Share (%) over 75 years whose systolic pressure falls by ``share`` or more within 4 h of a spinal of 5 mg/mL."""
    par, chart = charts(who, "elderly", 600, "bupivacaine")
    par = par[chart["age_y"] > _OVER_Y]
    make_naive(par)
    before = advance(par, begin(par), 1.0)["sbp"].mean(axis=0)
    course = advance(par, begin(par), 4.0, bolus_ug=1000.0 * mg, bolus_ml=mg / 5.0)
    return float(100.0 * (course["sbp"].min(axis=0) <= (1.0 - share) * before).mean())


def slow_heart(who: Draw, below: float) -> float:
    """Share (%) whose heart rate falls under ``below`` within 4 h of 12 mg of bupivacaine."""
    par = patients(who, "noncancer", 2000, "bupivacaine", naive=True)
    rate: NDArray[np.float64] = advance(par, begin(par), 4.0, bolus_ug=12_000.0, bolus_ml=2.4)["hr"]
    return float(100.0 * (rate.min(axis=0) < below).mean())


@lru_cache(maxsize=1)
def _cerebral_tone(who: Draw) -> tuple[float, float]:
    """Mean Ashworth and spasm scores 4 h after 50 µg of baclofen, spasticity of cerebral origin, from 4.2 and 3.1."""
    par, chart = charts(who, "spasticity", 150, "baclofen")
    par = scaled(par[chart["diagnosis"] == "spasticity_cerebral"], 4.2, 3.1)
    make_naive(par)
    course = advance(par, begin(par), 4.0, bolus_ug=50.0, bolus_ml=1.0)
    return float(course["ashworth"][-1].mean()), float(course["spasm"][-1].mean())


def nausea_of_double(who: Draw, low_ug: float, high_ug: float) -> float:
    """Share (%) with nausea after the higher dose of morphine, less that after the lower."""
    return brought(who, high_ug, 1, _NAUSEA) - brought(who, low_ug, 1, _NAUSEA)


def _labor(more: Doses, less: Doses, bolus_ml: float = 1.0) -> Callable[[Draw], float]:
    return lambda who: in_labor_ratio(who, more, less, bolus_ml)


SINGLES: dict[str, Reproduction] = {
    "campbell_bupivacaine": lambda who: in_labor(who, {"sufentanil": 0.0, "bupivacaine": 2500.0}, 2.0),
    "campbell_both": _labor({"sufentanil": 10.0, "bupivacaine": 2500.0}, {"sufentanil": 10.0, "bupivacaine": 0.0}, 2.0),
    "labor_fentanyl_sufentanil_mixed": _labor(
        {"fentanyl": 25.0, "bupivacaine": 1250.0}, {"sufentanil": 5.0, "bupivacaine": 1250.0}, 2.0
    ),
    "mercier_clonidine": _labor({"sufentanil": 5.0, "clonidine": 30.0}, {"sufentanil": 5.0, "clonidine": 0.0}),
    "gautier_clonidine": _labor({"sufentanil": 2.5, "clonidine": 30.0}, {"sufentanil": 5.0, "clonidine": 0.0}),
    "dangelo_clonidine": _labor(
        {"sufentanil": 7.5, "bupivacaine": 2500.0, "clonidine": 50.0},
        {"sufentanil": 7.5, "bupivacaine": 2500.0, "clonidine": 0.0},
        2.0,
    ),
    "fournier_sufentanil": lambda who: wound_minutes(who, "sufentanil", 7.5),
    "fournier_fentanyl": lambda who: wound_minutes(who, "fentanyl", 40.0),
    "niemi_morphine_bolus": lambda who: supplemented(who, "morphine", 200.0, 0.0),
    "niemi_morphine_infusion": lambda who: supplemented(who, "morphine", 0.0, 200.0),
    "niemi_fentanyl_infusion": lambda who: supplemented(who, "fentanyl", 0.0, 120.0),
    "milner_nausea": lambda who: nausea_of_double(who, 100.0, 200.0),
    "tuijl_clonidine": lambda who: added_relief(who, 11.0, 2.7, "clonidine", 75.0),
    "joshi_midazolam_clonidine": lambda who: adjuvant_ratio(
        who, 0, 15.0, 3.2, ("midazolam", 2000.0), ("clonidine", 30.0)
    ),
    "multan_dexmedetomidine": lambda who: prolonged(who, 12.5, 3.0, "dexmedetomidine", 10.0),
    "multan_motor": lambda who: adjuvant_ratio(who, 1, 12.5, 3.0, ("dexmedetomidine", 10.0), ("dexmedetomidine", 0.0)),
    "morphine_002_per_kg": lambda who: high_dose_depression(who, 1400.0),
    "morphine_02_per_kg": lambda who: high_dose_depression(who, 14_000.0),
    "minville_hypotension": lambda who: hypotension_over_75(who, 7.5, 0.2),
    "minville_severe": lambda who: hypotension_over_75(who, 7.5, 0.3),
    "meythaler_1996_ashworth": lambda who: _cerebral_tone(who)[0],
    "meythaler_1996_spasm": lambda who: _cerebral_tone(who)[1],
    "lesser_severe": lambda who: slow_heart(who, 40.0),
}
