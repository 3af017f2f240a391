"""What every reproduction shares: whose patients, single boluses, steady infusions, and a dose held at an effect.

A simulation behind several observations is kept by its :class:`Draw` (``lru_cache(maxsize=1)``), as numbers a patient rather
than courses: one that is not asked for any more must not fill the memory of a process that scores for half an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import AXIAL, COMPARTMENT, LEVELS, NODES, REGIONS, TICK_H
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.regimen import advance, begin

_FEWEST = 12
Par = NDArray[np.void]
Course = dict[str, NDArray[np.float64]]
DAY_H = 24.0
WEEK_H = 168.0
MONTH_D = 30.4
# Relief, as a share of the largest, under which more than clonidine is asked for. Chiari 1999 and Filos 1994 timed the request
# for other analgesia under strong acute pain, not a half of the effect. The share is set to their durations: three ratios and
# times of two studies by one number.
CLONIDINE_DEMAND = 0.825
# Length of one spinal level, from the 60 cm of canal shared by 26 levels (anatomy.toml gives each level's own length).
LEVEL_CM = 60.0 / len(LEVELS)


@dataclass(frozen=True)
class Draw:
    """Whose virtual patients a reproduction simulates.

    Attributes:
        seed: of the cohort.
        structure: ``AXIAL``, or ``COMPARTMENT`` for the same patients by the second structural model.
        split: ``"test"`` for validation, ``"tune"`` for calibration.
        scale: factor on the number of patients of a reproduction, which narrows its Monte-Carlo error.
    """

    seed: int = 2025
    structure: int = AXIAL
    split: str = "test"
    scale: float = 1.0

    def count(self, n: int) -> int:
        """Patients in place of ``n``; never so few that nobody is left whom a study would have kept."""
        return max(min(n, _FEWEST), round(n * self.scale))


Reproduction = Callable[[Draw], float]
# A region's levels share a first letter; the cranial node is no level.
_REGION_OF = {name[0].upper(): REGIONS.index(name) for name in REGIONS[1:]}


def patients(who: Draw, cohort: str, n: int, *drugs: str, naive: bool = False, first: int = 0) -> Par:
    """``n`` patients (times ``who.scale``) of a named cohort on ``drugs`` (morphine by default).

    ``naive`` removes tolerance from earlier drugs and puts the tip and the pain at L3, as studies of single injections did.
    """
    n = who.count(n)
    drawn = draw(
        load_cohort_spec(cohort),
        drugs or ("morphine",),
        np.arange(first, first + n),
        who.split,
        who.seed,
        structure=who.structure,
    )
    par: Par = drawn.par.copy()
    if naive:
        make_naive(par)
    return par


def make_naive(par: Par) -> None:
    """Remove tolerance from earlier drugs, and put the tip and the pain at L3."""
    par["channel"]["tol_prior"] = 0.0
    place_tip(par, "L3")
    par["w_pain"] = 0.0
    for level in ("L1", "L2", "L3", "L4", "L5"):
        par["w_pain"][:, _node(par, level)] += 0.2


def place_tip(par: Par, level: str) -> None:
    """Put everybody's catheter tip at a spinal level, or into the region that holds it in the second structure."""
    par["tip_node"] = _node(par, level)


def _node(par: Par, level: str) -> int:
    return _REGION_OF[level[0]] if par["structure"][0] == COMPARTMENT else NODES.index(level)


def bolus_course(
    who: Draw, dose_ug: float, n: int, hours: float, drug: str = "morphine", cohort: str = "noncancer"
) -> tuple[Par, Course]:
    """Naive patients after one bolus of 1 mL at L3."""
    par = patients(who, cohort, n, drug, naive=True)
    state = begin(par)
    return par, advance(par, state, hours, bolus_ug=dose_ug, bolus_ml=1.0)


def half_life(lumbar: NDArray[np.float64], from_h: float, to_h: float) -> float:
    """Median half-life (h) of the log-linear fall of ``lumbar`` (``[ticks, B]``) between two times."""
    late = lumbar[round(from_h / TICK_H) - 1 : round(to_h / TICK_H)]
    slope = np.polyfit(np.arange(len(late)) * TICK_H, np.log(late), 1)[0]
    return float(np.median(-np.log(2.0) / slope))


def clearance(dose_ug: float, lumbar: NDArray[np.float64]) -> float:
    """Median dose / AUC of lumbar CSF, mL/h."""
    return float(np.median(dose_ug / (lumbar.sum(axis=0) * TICK_H)))


def hours_at_half_effect(who: Draw, dose_ug: float, drug: str, n: int = 60, hours: float = 48.0) -> NDArray[np.float64]:
    """Hours ``[B]`` for which relief is at least half of the largest this drug gives this patient."""
    par, course = bolus_course(who, dose_ug, n, hours, drug)
    channel = par["channel"]
    noci, neuro = channel["emax_noci"][:, 0], channel["emax_neuro"][:, 0]
    largest = noci + par["neuropathic"] * (neuro - noci)
    lasting: NDArray[np.float64] = (course["relief"] >= 0.5 * largest).sum(axis=0) * TICK_H
    return lasting


def hours_to_demand(
    who: Draw, dose_ug: float, drug: str, share: float, n: int = 60, hours: float = 30.0
) -> NDArray[np.float64]:
    """Hours ``[B]`` from a bolus until relief is under ``share`` of the largest for good, when another drug is asked for."""
    par, course = bolus_course(who, dose_ug, n, hours, drug)
    channel = par["channel"]
    noci, neuro = channel["emax_noci"][:, 0], channel["emax_neuro"][:, 0]
    enough = course["relief"] >= share * (noci + par["neuropathic"] * (neuro - noci))
    last = len(enough) - enough[::-1].argmax(axis=0)
    until: NDArray[np.float64] = np.where(enough.any(axis=0), last, 0) * TICK_H
    return until


def hold(
    par: Par,
    start_ug_per_d: NDArray[np.float64],
    months: int,
    wanted: Callable[[Course], NDArray[np.float64]],
    *,
    most_ug_per_d: float = 40_000.0,
    second_ug_per_d: float = 0.0,
) -> NDArray[np.float64]:
    """Monthly dose (µg/d of drug 0, ``[months + 1, B]``) of a clinician who multiplies it each week by ``wanted`` (0.8-1.2).

    ``second_ug_per_d`` of drug 1 runs beside it. Masses at the tip are left out: series report them as complications, not in
    the course of the dose.
    """
    par["granuloma_per_h"] = 0.0
    state = begin(par)
    dose = start_ug_per_d.astype(np.float64)
    rows = [dose.copy()]
    for _ in range(months):
        for _ in range(4):
            rate = np.zeros((len(par), 3))
            rate[:, 0] = dose / DAY_H
            rate[:, 1] = second_ug_per_d / DAY_H
            course = advance(par, state, MONTH_D / 4 * DAY_H // TICK_H * TICK_H, rate_ug_per_h=rate)
            last = {name: values[-96:].mean(axis=0) for name, values in course.items()}
            dose = np.clip(dose * np.clip(wanted(last), 0.8, 1.2), 1e-3, most_ug_per_d)
        rows.append(dose.copy())
    return np.array(rows)


def toward_relief(target: float) -> Callable[[Course], NDArray[np.float64]]:
    """Rule that raises the dose while relief is under ``target``."""
    return lambda last: 1.0 + 2.0 * (target - last["relief"])


def hold_relief(par: Par, target: float, start_ug_per_d: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Monthly dose (µg/d, ``[months + 1, B]``) of a clinician who keeps relief at ``target`` by steps of at most 20 %."""
    return hold(par, start_ug_per_d, months, toward_relief(target))


def reachable(par: Par, target: float) -> Par:
    """Patients whose largest relief leaves room above the target: those a study could keep at it."""
    noci, neuro = par["channel"]["emax_noci"][:, 0], par["channel"]["emax_neuro"][:, 0]
    kept: Par = par[noci + par["neuropathic"] * (neuro - noci) > target + 0.05]
    return kept


def tolerant_start(par: Par) -> NDArray[np.float64]:
    """Morphine (µg/d) that suits a patient's tolerance: 1 mg/d for each naive unit of exposure."""
    return np.asarray(1000.0 * np.exp(par["channel"]["tol_prior"][:, 0]))
