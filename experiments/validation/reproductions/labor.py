"""Reproductions of single injections in labor and after surgery: a woman asks for more when she feels more than mild pain.

The trials end at the request for more analgesia, and labor is a stimulus of its own that grows while the drug acts: 2.9 times the
concentration of bupivacaine is needed at 5 cm of cervical dilation as at 2 cm (Capogna 1998, Br J Anaesth 80:11), and as pain
turns from visceral to somatic one injection lasts less (163 min in early, 120 min in advanced labor; Anesth Analg 1997, 84:1108,
abstract). So a drug's EC50 is that of chronic pain at 2 cm and rises with the cervix, and what an opioid can take falls with it.
That 2 cm equals chronic pain, the largest relief and how far it falls are choices, set with the labor trials in view; the growth
per cm is Capogna's, the speeds are Friedman's (recalled).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.experiments.validation.reproductions.common import Draw, Par, Reproduction, patients
from thecal.physiology.regimen import advance, begin

_N = 100
_MIN_PER_H = 60.0
ASKS_FOR_MORE = 3.0  # NRS above which pain is more than mild
# What an opioid can take of visceral labor pain or a wound's: profound relief, where pain that came to a pump answers less.
_LARGEST = 0.8
_AT_THE_END, _CM_OF_SOMATIC_PAIN, _CM_AT_THE_END = 0.3, 5.0, 10.0
_CM_OF_REFERENCE, _GROWTH_PER_CM = 2.0, float(np.log(2.9) / 3.0)  # Capogna 1998
_CM_AT_INJECTION = (4.0, 0.6)  # mean and SD; the trials took women at 3-5 cm, or under 5 cm
_SPREAD = 0.6  # SD of the log of the speed between women
_HOURS = 10.0

Doses = Mapping[str, float]


@dataclass(frozen=True)
class Pain:
    """How a stimulus grows: cervical dilation per hour (0 for a wound, whose pain is that of the reference)."""

    cm_per_h: float


# An active phase of 7 cm takes 4.9 h in nulliparous and 2.2 h in parous women (Friedman, recalled).
NULLIPAROUS, PAROUS, WOUND = Pain(1.4), Pain(3.2), Pain(0.0)


def people(who: Draw, drugs: Doses) -> Par:
    """Naive patients in acute pain, all of it nociceptive, of which the first drug can take most."""
    par = patients(who, "noncancer", _N, *drugs, naive=True)
    par["neuropathic"] = 0.0
    par["channel"]["emax_noci"][:, 0] = _LARGEST
    return par


def _dilation(who: Draw, pain: Pain, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cervical dilation (cm ``[B]``) at the injection, and its speed (cm/h)."""
    if pain.cm_per_h == 0.0:
        return np.full(n, _CM_OF_REFERENCE), np.zeros(n)
    rng = np.random.default_rng(who.seed)
    return np.clip(rng.normal(*_CM_AT_INJECTION, n), 3.0, 5.0), pain.cm_per_h * np.exp(_SPREAD * rng.normal(size=n))


def felt(who: Draw, pain: Pain, dose_ug: Doses, hours: float = _HOURS, bolus_ml: float = 1.0) -> NDArray[np.float64]:
    """Pain (NRS, ``[ticks, B]``) at the end of every quarter of an hour after one injection; the first drug is the opioid."""
    par = people(who, dose_ug)
    first, speed = _dilation(who, pain, len(par))
    naive = par["drug"]["ec50"].copy()
    bolus = np.zeros((len(par), MAX_DRUGS))
    bolus[:, : len(dose_ug)] = list(dose_ug.values())
    state = begin(par)
    left = []
    for tick in range(round(hours / TICK_H)):
        cm = np.minimum(_CM_AT_THE_END, first + speed * (tick + 1) * TICK_H)
        par["drug"]["ec50"] = naive * np.exp(_GROWTH_PER_CM * (cm - _CM_OF_REFERENCE))[:, None]
        somatic = np.clip((cm - _CM_OF_SOMATIC_PAIN) / (_CM_AT_THE_END - _CM_OF_SOMATIC_PAIN), 0.0, 1.0)
        par["channel"]["emax_noci"][:, 0] = _LARGEST + (_AT_THE_END - _LARGEST) * somatic
        course = advance(par, state, TICK_H, bolus_ug=bolus if tick == 0 else 0.0, bolus_ml=bolus_ml)
        left.append(1.0 - course["relief"][-1])
    pain_felt: NDArray[np.float64] = par["pain_base"] * np.array(left)
    return pain_felt


def minutes(who: Draw, pain: Pain, dose_ug: Doses, bolus_ml: float = 1.0, hours: float = _HOURS) -> float:
    """Mean minutes from the injection to the visit, one a quarter of an hour, at which more analgesia is asked for."""
    asks = felt(who, pain, dose_ug, hours, bolus_ml) > ASKS_FOR_MORE
    first = np.where(asks.any(axis=0), asks.argmax(axis=0), len(asks) - 1) + 1
    return float(_MIN_PER_H * TICK_H * first.mean())


def added_minutes(who: Draw, opioid: str, opioid_ug: float) -> float:
    """Minutes that an opioid adds to 10 mg of bupivacaine for a wound."""
    long, short = (minutes(who, WOUND, {opioid: dose, "bupivacaine": 10_000.0}, 2.0, 36.0) for dose in (opioid_ug, 0.0))
    return long - short


def median_dose(who: Draw, drug: str, doses_ug: NDArray[np.float64]) -> float:
    """Dose (µg) with which half of nulliparous women ask for no more after 30 min, the share linear in the log of the dose."""
    shares = [
        float((felt(who, NULLIPAROUS, {drug: float(dose)}, 0.5)[-1] <= ASKS_FOR_MORE).mean()) for dose in doses_ug
    ]
    rising = np.maximum.accumulate(shares) + 1e-9 * np.arange(len(shares))
    return float(np.exp(np.interp(0.5, rising, np.log(doses_ug))))


def _with_bupivacaine(who: Draw, sufentanil_ug: float) -> float:
    """Mean minutes in parous women after 2.5 mg of bupivacaine and sufentanil in 2 mL."""
    return minutes(who, PAROUS, {"sufentanil": sufentanil_ug, "bupivacaine": 2500.0}, 2.0)


_ED50_UG = {"sufentanil": np.geomspace(0.1, 40.0, 12), "fentanyl": np.geomspace(1.0, 200.0, 12)}

LABOR: dict[str, Reproduction] = {
    "morphine_added_to_bupivacaine": lambda who: added_minutes(who, "morphine", 200.0),
    "fentanyl_added_to_bupivacaine": lambda who: added_minutes(who, "fentanyl", 25.0),
    "sufentanil_ed50": lambda who: median_dose(who, "sufentanil", _ED50_UG["sufentanil"]),
    "fentanyl_ed50": lambda who: median_dose(who, "fentanyl", _ED50_UG["fentanyl"]),
    "fentanyl_75_duration": lambda who: minutes(who, NULLIPAROUS, {"fentanyl": 75.0}),
    "labor_sufentanil_fentanyl": lambda who: (
        minutes(who, NULLIPAROUS, {"sufentanil": 7.5}) / minutes(who, NULLIPAROUS, {"fentanyl": 75.0})
    ),
    "labor_sufentanil_flat": lambda who: _with_bupivacaine(who, 10.0) / _with_bupivacaine(who, 2.5),
    "labor_bupivacaine_alone": lambda who: _with_bupivacaine(who, 0.0) / _with_bupivacaine(who, 5.0),
}
