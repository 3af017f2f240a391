"""Reproductions of single injections: breathing by dose, itch, and how long, how strongly and with what spread they act."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import NODES, TICK_H
from thecal.experiments.validation.reproductions.clinic import charts
from thecal.experiments.validation.reproductions.common import (
    CLONIDINE_DEMAND,
    DAY_H,
    Course,
    Draw,
    Par,
    Reproduction,
    bolus_course,
    hours_at_half_effect,
    hours_to_demand,
    make_naive,
    patients,
)
from thecal.experiments.validation.reproductions.window import bradypneic_share, depressed_share
from thecal.physiology.regimen import advance, begin

_N = 100
_BLOCK = 1000  # patients drawn at a time in search of those whom a study would have admitted
_MIN_PER_H = 60.0
_EFFECTIVE = 0.5  # relief, as a share of the largest this drug gives this patient, that counts as an effective dose
_ITCH = 0.3  # as in the pump series
_NO_RELIEF = 0.1
_TESTED_H = (3.0, 5.0, 7.0, 11.0, 24.0)  # Clergue 1984, Anesthesiology 61:677, abstract


def largest_relief(par: Par) -> NDArray[np.float64]:
    """Largest relief ``[B]`` that the first drug's receptor gives each patient."""
    noci, neuro = par["channel"]["emax_noci"][:, 0], par["channel"]["emax_neuro"][:, 0]
    largest: NDArray[np.float64] = noci + par["neuropathic"] * (neuro - noci)
    return largest


def _young_women(who: Draw, n: int) -> Par:
    """``n`` naive women under 50 without sleep apnea, benzodiazepines or gabapentinoids, as after a cesarean delivery."""
    n = who.count(n)
    kept: list[Par] = []
    found = first = 0
    while found < n:
        par, chart = charts(dataclasses.replace(who, scale=1.0), "noncancer", _BLOCK, first=first)
        meant = ~chart["male"] & (chart["age_y"] < 50.0)
        for name in ("sleep_apnea", "benzodiazepine", "gabapentinoid"):
            meant &= ~chart[name]
        kept.append(par[meant])
        found += int(meant.sum())
        first += _BLOCK
    women = np.concatenate(kept)[:n]
    make_naive(women)
    return women


def bradypnea(who: Draw, dose_ug: float) -> float:
    """Share (%) of women with RR of 10 or less within 24 h of a bolus who have none in the same day without it."""
    par = _young_women(who, 1000)
    slow = []
    for dose in (dose_ug, 0.0):
        course = advance(par, begin(par), DAY_H, bolus_ug=dose, bolus_ml=1.0)
        slow.append(course["rr"].min(axis=0) <= 10.0)
    return float(100.0 * (slow[0] & ~slow[1]).mean())


def response_nadir(who: Draw, dose_ug: float) -> float:
    """Time (h), of the five at which the series tested, of the lowest mean response to CO2 after a bolus; of the survivors.

    The series rebreathed CO2 at 3, 5, 7, 11 and 24 h and found the response of its group shifted most at one of these;
    ventilation of room air hardly changed at 2 mg. Its patients were treated, so the few who die in a simulation are left out.
    """
    _, course = bolus_course(who, dose_ug, 200, DAY_H)
    response = course["co2_response"][:, course["dead"][-1] == 0]
    return _TESTED_H[int(np.argmin([response[round(hour / TICK_H) - 1].mean() for hour in _TESTED_H]))]


@lru_cache(maxsize=1)
def _mixed_doses(who: Draw) -> Course:
    """Naive patients after 0.2 to 0.8 mg of morphine, evenly spread on a log scale."""
    par = patients(who, "noncancer", 1000, naive=True)
    doses = np.geomspace(200.0, 800.0, len(par))
    return advance(par, begin(par), DAY_H, bolus_ug=doses, bolus_ml=1.0)


def mixed_itch(who: Draw) -> float:
    """Share (%) with itch of 0.3 or more after those doses."""
    return float(100.0 * (_mixed_doses(who)["itch"].max(axis=0) >= _ITCH).mean())


def mean_hours(who: Draw, dose_ug: float, drug: str) -> float:
    """Mean hours with at least half of the patient's largest relief after a bolus."""
    return float(hours_at_half_effect(who, dose_ug, drug, _N).mean())


def effective_dose(who: Draw, drug: str, doses_ug: NDArray[np.float64], after_h: float, share: float) -> float:
    """Dose (µg) at which ``share`` of naive patients have half of their largest relief ``after_h`` hours after a bolus.

    Between the doses tried, the share is taken as linear in the log of the dose.
    """
    shares = []
    for dose in doses_ug:
        par, course = bolus_course(who, float(dose), _N, after_h, drug)
        shares.append(float((course["relief"][-1] >= _EFFECTIVE * largest_relief(par)).mean()))
    rising = np.maximum.accumulate(shares) + 1e-9 * np.arange(len(shares))
    return float(np.exp(np.interp(share, rising, np.log(doses_ug))))


def demand_hours(who: Draw, dose_ug: float) -> float:
    """Mean hours from clonidine after a cesarean to the first request for more, as in labor."""
    return float(hours_to_demand(who, dose_ug, "clonidine", CLONIDINE_DEMAND, 200).mean())


def hydromorphone_ratio(who: Draw) -> float:
    """Dose of morphine / of hydromorphone with which nine of ten are at half relief after 12 h."""
    morphine = effective_dose(who, "morphine", np.geomspace(20.0, 5000.0, 12), 12.0, 0.9)
    return morphine / effective_dose(who, "hydromorphone", np.geomspace(4.0, 20_000.0, 15), 12.0, 0.9)


@lru_cache(maxsize=2)
def _upper_lumbar(who: Draw, drug: str) -> NDArray[np.float64]:
    """CSF (µg/mL, ``[ticks, B]``) two lumbar vertebrae above the injection, over two hours after 50 µg.

    Lower and upper lumbar needle are about 7 cm apart (the lumbar column measures 18 cm). Levels share the model's canal
    equally, so three of them, L5 to L2, are as far.
    """
    par = patients(who, "noncancer", _N, drug, naive=True)
    par["tip_node"] = NODES.index("L5")
    par["lumbar_node"] = NODES.index("L2")
    return advance(par, begin(par), 2.0, bolus_ug=50.0, bolus_ml=1.0)["lumbar"]


def cephalad_peak(who: Draw, drug: str) -> float:
    """Mean minutes to the highest concentration at the upper lumbar needle."""
    return float(_MIN_PER_H * TICK_H * (_upper_lumbar(who, drug).argmax(axis=0) + 1).mean())


def cephalad_ratio(who: Draw) -> float:
    """Median morphine : fentanyl at the upper needle 105 minutes after equal doses."""
    at = round(1.75 / TICK_H) - 1
    return float(np.median(_upper_lumbar(who, "morphine")[at] / _upper_lumbar(who, "fentanyl")[at]))


@lru_cache(maxsize=2)
def _spinal(who: Draw, mg: float) -> tuple[NDArray[np.float64], Course]:
    """Systolic pressure before, and the four hours after, a spinal anesthetic of 5 mg/mL of bupivacaine."""
    par = patients(who, "noncancer", 400, "bupivacaine", naive=True)
    before = advance(par, begin(par), 1.0)["sbp"].mean(axis=0)
    return before, advance(par, begin(par), 4.0, bolus_ug=1000.0 * mg, bolus_ml=mg / 5.0)


def spinal_share(who: Draw, mg: float, signal: str, below: float) -> float:
    """Share (%) in whom ``signal`` falls under ``below`` at some time after a spinal anesthetic."""
    return float(100.0 * (_spinal(who, mg)[1][signal].min(axis=0) < below).mean())


def spinal_hypotension(who: Draw, mg: float) -> float:
    """Share (%) whose systolic pressure falls by more than 30 % after a spinal anesthetic."""
    before, course = _spinal(who, mg)
    return float(100.0 * (course["sbp"].min(axis=0) < 0.7 * before).mean())


def without_relief(who: Draw, dose_ug: float, drug: str) -> float:
    """Share (%) whose relief never reaches a tenth after a bolus."""
    _, course = bolus_course(who, dose_ug, 300, DAY_H, drug)
    return float(100.0 * (course["relief"].max(axis=0) < _NO_RELIEF).mean())


def bolus_spasms(who: Draw) -> float:
    """Mean spasm score 4 h after 75 µg of baclofen, baseline scaled to 3.5."""
    par = patients(who, "spasticity", _N, "baclofen", naive=True)
    par["spasm0"] *= 3.5 / par["spasm0"].mean()
    return float(advance(par, begin(par), 4.0, bolus_ug=75.0, bolus_ml=1.0)["spasm"][-1].mean())


BOLUSES: dict[str, Reproduction] = {
    "bradypnea_015": lambda who: bradypnea(who, 150.0),
    "depression_mixed_doses": lambda who: depressed_share(_mixed_doses(who)),
    "itch_mixed_doses": mixed_itch,
    "nadir_2mg": lambda who: response_nadir(who, 2000.0),
    "nadir_5mg": lambda who: response_nadir(who, 5000.0),
    "depression_2mg": lambda who: bradypneic_share(bolus_course(who, 2000.0, 200, DAY_H)[1]),
    "depression_5mg": lambda who: bradypneic_share(bolus_course(who, 5000.0, 200, DAY_H)[1]),
    "cesarean_longer_high": lambda who: mean_hours(who, 175.0, "morphine") - mean_hours(who, 75.0, "morphine"),
    "cesarean_hydromorphone_ratio": hydromorphone_ratio,
    "cesarean_clonidine_ratio": lambda who: demand_hours(who, 450.0) / demand_hours(who, 150.0),
    "cephalad_peak_morphine": lambda who: cephalad_peak(who, "morphine"),
    "cephalad_peak_fentanyl": lambda who: cephalad_peak(who, "fentanyl"),
    "cephalad_ratio": cephalad_ratio,
    "spinal_low_pressure": lambda who: spinal_share(who, 12.0, "sbp", 90.0),
    "spinal_bradycardia": lambda who: spinal_share(who, 12.0, "hr", 50.0),
    "spinal_8mg_hypotension": lambda who: spinal_hypotension(who, 8.0),
    "midazolam_without_relief": lambda who: without_relief(who, 3500.0, "midazolam"),
    "baclofen_bolus_spasms": bolus_spasms,
}
