"""Reproductions of the day after one injection: the bladder's recovery, the first request, breathing after a cesarean."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.experiments.validation.reproductions.clinic import DAY_TICKS, charts
from thecal.experiments.validation.reproductions.common import DAY_H, Draw, Par, Reproduction, make_naive
from thecal.experiments.validation.reproductions.labor import ASKS_FOR_MORE, WOUND, Doses, felt
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_N = 80
_WOMEN, _BLOCK = 500, 1000  # women after a cesarean, and patients drawn at a time in search of them
_MIN_PER_H = 60.0
_RECOVERED = 0.1  # retention under which a bladder empties as before: a residual volume under a tenth
_ONSET_TICKS = 2  # half an hour in which an injection has not acted yet: nobody is asked
_SPINAL_UG, _SPINAL_ML = 12_000.0, 2.0
_SLOW, _LOW, _HIGH_CO2 = 10.0, 85.0, 50.0
_TICKS_PER_H = round(1.0 / TICK_H)


@lru_cache(maxsize=4)
def bladder_hours(who: Draw, drug: str, dose_ug: float) -> float:
    """Mean hours until the bladder of a man empties as before, for good, after one injection."""
    par, chart = charts(who, "noncancer", _N, drug)
    par = par[np.asarray(chart["male"], np.bool_)]
    make_naive(par)
    held = advance(par, begin(par), 40.0, bolus_ug=dose_ug, bolus_ml=1.0)["retention"] >= _RECOVERED
    last = len(held) - held[::-1].argmax(axis=0)
    return float((np.where(held.any(axis=0), last, 0) * TICK_H).mean())


@lru_cache(maxsize=2)
def _requests(who: Draw, morphine_ug: float, hours: float) -> NDArray[np.bool_]:
    """Whether pain of a wound is above 3 (``[ticks, B]``) from the first half hour on, after bupivacaine and morphine."""
    dose: Doses = {"morphine": morphine_ug, "bupivacaine": _SPINAL_UG}
    asks: NDArray[np.bool_] = felt(who, WOUND, dose, hours, _SPINAL_ML)[_ONSET_TICKS:] > ASKS_FOR_MORE
    return asks


def request_hours(who: Draw, morphine_ug: float) -> float:
    """Mean hours to the first request, 40 h where there is none."""
    asks = _requests(who, morphine_ug, 40.0)
    first = np.where(asks.any(axis=0), asks.argmax(axis=0), len(asks) - 1) + 1 + _ONSET_TICKS
    return float(TICK_H * first.mean())


def content_for_a_day(who: Draw, morphine_ug: float) -> float:
    """Share (%) who ask for nothing within a day."""
    return float(100.0 * (~_requests(who, morphine_ug, 40.0)[: DAY_TICKS - _ONSET_TICKS].any(axis=0)).mean())


@lru_cache(maxsize=1)
def _women(who: Draw) -> Par:
    """Naive women under 50 without benzodiazepines or gabapentinoids, as after a cesarean delivery."""
    n = who.count(_WOMEN)
    kept: list[Par] = []
    found = first = 0
    while found < n:
        par, chart = charts(
            dataclasses.replace(who, scale=1.0), "noncancer", _BLOCK, "morphine", "bupivacaine", "fentanyl", first=first
        )
        meant = ~chart["male"] & (chart["age_y"] < 50.0) & ~chart["benzodiazepine"] & ~chart["gabapentinoid"]
        kept.append(par[meant])
        found += int(meant.sum())
        first += _BLOCK
    women = np.concatenate(kept)[:n]
    make_naive(women)
    return women


@lru_cache(maxsize=2)
def _day_after(who: Draw, morphine_ug: float, fentanyl_ug: float) -> tuple[Floats, Floats, Floats]:
    """Breathing rate, saturation (%) and PaCO2 (mmHg) of women (``[ticks, B]``) in the day after a spinal with opioids."""
    par = _women(who).copy()
    dose = np.zeros((len(par), MAX_DRUGS))
    dose[:, :3] = morphine_ug, _SPINAL_UG, fentanyl_ug
    state = begin(par)
    rate, saturation, carbon_dioxide = [], [], []
    for tick in range(DAY_TICKS):
        course = advance(par, state, TICK_H, bolus_ug=dose if tick == 0 else 0.0, bolus_ml=_SPINAL_ML)
        rate.append(course["rr"][0])
        saturation.append(course["spo2"][0])
        carbon_dioxide.append(state["paco2"].copy())
    return np.array(rate), np.array(saturation), np.array(carbon_dioxide)


def slow_or_low(who: Draw) -> float:
    """Share (%) with 10 breaths or fewer at an hourly count, or a saturation of 85 % or less, after 0.2 mg of morphine."""
    rate, saturation, _ = _day_after(who, 200.0, 0.0)
    hourly = rate[_TICKS_PER_H - 1 :: _TICKS_PER_H]
    return float(100.0 * ((hourly <= _SLOW).any(axis=0) | (saturation <= _LOW).any(axis=0)).mean())


def _hypercapnic(who: Draw) -> NDArray[np.bool_]:
    return _day_after(who, 150.0, 15.0)[2] > _HIGH_CO2


def hypercapnia_minutes(who: Draw) -> float:
    """Median minutes to the first PaCO2 above 50 mmHg, in those with one; a day where nobody has one."""
    high = _hypercapnic(who)
    some = high.any(axis=0)
    hours = float(np.median((high.argmax(axis=0)[some] + 1) * TICK_H)) if some.any() else DAY_H
    return _MIN_PER_H * hours


RECOVERY: dict[str, Reproduction] = {
    "kuipers_sufentanil_10": lambda who: bladder_hours(who, "sufentanil", 10.0),
    "kuipers_sufentanil_30": lambda who: bladder_hours(who, "sufentanil", 30.0),
    "kuipers_morphine_01": lambda who: bladder_hours(who, "morphine", 100.0),
    "kuipers_morphine_03": lambda who: bladder_hours(who, "morphine", 300.0),
    "abouleish_morphine": lambda who: request_hours(who, 200.0),
    "abouleish_plain": lambda who: request_hours(who, 0.0),
    "abouleish_content": lambda who: content_for_a_day(who, 200.0),
    "abouleish_breathing": slow_or_low,
    "bauchat_hypercapnia": lambda who: float(100.0 * _hypercapnic(who).any(axis=0).mean()),
    "bauchat_time": hypercapnia_minutes,
}
