"""Reproductions of spinal anesthetics and what is added to them: concentrations, durations, breathing, itch and nausea."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.experiments.validation.reproductions.boluses import largest_relief
from thecal.experiments.validation.reproductions.clinic import charts
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    Draw,
    Reproduction,
    bolus_course,
    hours_at_half_effect,
    patients,
)
from thecal.experiments.validation.reproductions.labor import NULLIPAROUS, added_minutes, minutes
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_N = 100
_MIN_PER_H = 60.0
_EFFECTIVE = 0.5  # relief, as a share of the largest the first drug gives this patient, that counts as analgesia
_MOVES = 0.1  # motor block under which a leg counts as free
_ITCH, _NAUSEA = 0.3, 3.0  # as in the pump series
_HYPOXIC = 90.0
_FILTERS = 60.0  # creatinine clearance (mL/min) of kidneys that work
_DAY_TICKS = 96
_SAMPLES = 3  # CSF is drawn after a quarter, a half or three quarters of an hour
_MORPHINE_G, _GLUCURONIDE_G = 285.3, 461.5  # molar masses


@lru_cache(maxsize=2)
def _csf_after_spinal(who: Draw, mg: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Bupivacaine in lumbar CSF (µg/mL ``[B]``) at each patient's random time after a spinal of 5 mg/mL, and who is a man."""
    n = 200
    par = patients(who, "noncancer", n, "bupivacaine", naive=True)
    male = np.asarray(charts(who, "noncancer", n, "bupivacaine")[1]["male"], np.bool_)
    lumbar = advance(par, begin(par), _SAMPLES * TICK_H, bolus_ug=1000.0 * mg, bolus_ml=mg / 5.0)["lumbar"]
    each = np.arange(len(par))
    return lumbar[each % _SAMPLES, each], male


def _of_sex(who: Draw, mg: float, *, men: bool) -> Floats:
    csf, male = _csf_after_spinal(who, mg)
    chosen: Floats = csf[male == men]
    return chosen


def csf_spread(who: Draw) -> float:
    """SD of the log of the concentration, men after 20 mg and women after 17.5 mg, each about their own median."""
    groups = (_of_sex(who, 20.0, men=True), _of_sex(who, 17.5, men=False))
    return float(np.concatenate([np.log(one / np.median(one)) for one in groups]).std(ddof=1))


def glucuronide_ratio(who: Draw) -> float:
    """Median molar M6G : morphine in plasma at steady state, in patients whose kidneys work."""
    par, chart = charts(who, "noncancer", 80)
    par = par[chart["crcl_ml_per_min"] >= _FILTERS]
    state = begin(par)
    advance(par, state, 13 * DAY_H, rate_ug_per_h=2000.0 / DAY_H)
    plasma = advance(par, state, DAY_H, rate_ug_per_h=2000.0 / DAY_H)["plasma"].mean(axis=0)
    m6g = state["drug"]["m6g"][:, 0] / par["drug"]["m6g_ml"][:, 0]
    return float(np.median(m6g / plasma) * _MORPHINE_G / _GLUCURONIDE_G)


@lru_cache(maxsize=16)
def _mixed(
    who: Draw, first: str, first_ug: float, ml: float, second: str = "", second_ug: float = 0.0, hours: float = 24.0
) -> tuple[Floats, Floats, Floats]:
    """Hours of relief of half of the first drug's largest, hours of motor block, and the worst itch of a day, ``[B]`` each."""
    par = patients(who, "noncancer", _N, *([first, second] if second else [first]), naive=True)
    dose = np.zeros((len(par), MAX_DRUGS))
    dose[:, 0], dose[:, 1] = first_ug, second_ug
    course = advance(par, begin(par), hours, bolus_ug=dose, bolus_ml=ml)
    relieved = (course["relief"] >= _EFFECTIVE * largest_relief(par)).sum(axis=0) * TICK_H
    blocked = (course["motor_block"] >= _MOVES).sum(axis=0) * TICK_H
    return relieved, blocked, course["itch"][:_DAY_TICKS].max(axis=0)


def minutes_a_mg(who: Draw, what: int) -> float:
    """Slope (min/mg) of the mean duration of relief (``what`` 0) or motor block (1) on a dose of 3.75 to 11.25 mg."""
    doses = (3.75, 7.5, 11.25)
    means = [_MIN_PER_H * float(_mixed(who, "bupivacaine", 1000.0 * mg, mg / 7.5)[what].mean()) for mg in doses]
    return float(np.polyfit(doses, means, 1)[0])


def spinal_minutes(who: Draw, mg: float, ml: float, what: int, second: str = "", second_ug: float = 0.0) -> float:
    """Mean minutes of relief (``what`` 0) or motor block (1) after bupivacaine and a second drug in one injection."""
    return _MIN_PER_H * float(_mixed(who, "bupivacaine", 1000.0 * mg, ml, second, second_ug)[what].mean())


def prolonged(who: Draw, mg: float, ml: float, second: str, second_ug: float) -> float:
    """Duration of relief with a second drug / without it, in the same patients."""
    return spinal_minutes(who, mg, ml, 0, second, second_ug) / spinal_minutes(who, mg, ml, 0, second, 0.0)


def added(who: Draw, what: int, second: str, second_ug: float) -> float:
    """Minutes of relief (``what`` 0) or motor block (1) that a second drug adds to 10 mg of bupivacaine in 2.4 mL."""
    return spinal_minutes(who, 10.0, 2.4, what, second, second_ug) - spinal_minutes(who, 10.0, 2.4, what, second, 0.0)


def pressure_down(who: Draw, mg: float, share: float) -> float:
    """Share (%) whose systolic pressure falls by ``share`` or more of what it was, within 4 h of a spinal of 5 mg/mL."""
    par = patients(who, "noncancer", 1000, "bupivacaine", naive=True)
    before = advance(par, begin(par), 1.0)["sbp"].mean(axis=0)
    course = advance(par, begin(par), 4.0, bolus_ug=1000.0 * mg, bolus_ml=mg / 5.0)
    return float(100.0 * (course["sbp"].min(axis=0) <= (1.0 - share) * before).mean())


@lru_cache(maxsize=1)
def _hypoxic(who: Draw) -> NDArray[np.bool_]:
    """Whether saturation is under 90 % for half a minute (``[ticks, B]``) of the day after 0.15 mg of morphine.

    The study recorded every second and counted medians of 30 s, so a reading every 15 min would miss nearly all of them.
    """
    par = patients(who, "noncancer", 800, naive=True)
    state = begin(par)
    low = []
    for tick in range(_DAY_TICKS):
        course = advance(par, state, TICK_H, bolus_ug=150.0 if tick == 0 else 0.0)
        low.append(course["spo2_low"][0] < _HYPOXIC)
    return np.array(low, np.bool_)


def first_hypoxia(who: Draw) -> float:
    """Median hours to the first half minute under 90 %, in those with one; a day where nobody has one."""
    low = _hypoxic(who)
    some = low.any(axis=0)
    return float(np.median((low.argmax(axis=0)[some] + 1) * TICK_H)) if some.any() else DAY_H


@lru_cache(maxsize=2)
def _worst(who: Draw, dose_ug: float) -> tuple[Floats, Floats]:
    """Worst itch and nausea ``[B]`` of the day after a bolus of morphine."""
    _, course = bolus_course(who, dose_ug, 600, DAY_H)
    return course["itch"].max(axis=0), course["nausea"].max(axis=0)


def brought(who: Draw, dose_ug: float, what: int, level: float) -> float:
    """Share (%) with itch (``what`` 0) or nausea (1) of ``level`` after a bolus, less the share without it."""
    with_it, without = (100.0 * float((_worst(who, dose)[what] >= level).mean()) for dose in (dose_ug, 0.0))
    return with_it - without


def cesarean_hours(who: Draw, morphine_ug: float) -> float:
    """Mean hours of analgesia after morphine with 11 mg of bupivacaine."""
    return float(_mixed(who, "morphine", morphine_ug, 2.0, "bupivacaine", 11_000.0, 48.0)[0].mean())


def opioid_ratio(who: Draw) -> float:
    """Median hours of analgesia, 75 µg of hydromorphone / 150 µg of morphine."""
    short = np.median(hours_at_half_effect(who, 75.0, "hydromorphone", _N))
    return float(short / max(TICK_H, float(np.median(hours_at_half_effect(who, 150.0, "morphine", _N)))))


INJECTIONS: dict[str, Reproduction] = {
    "bupivacaine_csf_men": lambda who: float(np.median(_of_sex(who, 20.0, men=True))),
    "bupivacaine_csf_women": lambda who: float(np.median(_of_sex(who, 17.5, men=False))),
    "bupivacaine_csf_spread": csf_spread,
    "m6g_ratio": glucuronide_ratio,
    "liu_motor": lambda who: minutes_a_mg(who, 1),
    "liu_stimulation": lambda who: minutes_a_mg(who, 0),
    "chinachoti_hypotension": lambda who: pressure_down(who, 12.0, 0.2),
    "kanazi_motor": lambda who: spinal_minutes(who, 12.0, 3.0, 1),
    "kanazi_dexmedetomidine": lambda who: prolonged(who, 12.0, 3.0, "dexmedetomidine", 3.0),
    "kanazi_clonidine": lambda who: prolonged(who, 12.0, 3.0, "clonidine", 30.0),
    "strebel_plain": lambda who: spinal_minutes(who, 18.0, 3.6, 0, "clonidine"),
    "strebel_clonidine_37": lambda who: prolonged(who, 18.0, 3.6, "clonidine", 37.5),
    "strebel_clonidine_150": lambda who: prolonged(who, 18.0, 3.6, "clonidine", 150.0),
    "midazolam_added": lambda who: added(who, 0, "midazolam", 2000.0),
    "midazolam_motor_added": lambda who: added(who, 1, "midazolam", 2000.0),
    "sufentanil_added": lambda who: added_minutes(who, "sufentanil", 5.0),
    "camann_sufentanil": lambda who: minutes(who, NULLIPAROUS, {"sufentanil": 10.0}),
    "ladha_desaturation": lambda who: float(100.0 * _hypoxic(who).any(axis=0).mean()),
    "ladha_time": first_hypoxia,
    "dahl_itch": lambda who: brought(who, 100.0, 0, _ITCH),
    "dahl_nausea": lambda who: brought(who, 100.0, 1, _NAUSEA),
    "abboud_010": lambda who: cesarean_hours(who, 100.0),
    "abboud_025": lambda who: cesarean_hours(who, 250.0),
    "abboud_itch": lambda who: (
        100.0 * float((_mixed(who, "morphine", 250.0, 2.0, "bupivacaine", 11_000.0, 48.0)[2] >= _ITCH).mean())
    ),
    "sharpe_ratio": opioid_ratio,
}
