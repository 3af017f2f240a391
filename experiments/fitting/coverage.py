"""Whether intervals keep what they promise: virtual patients fitted to realistic data of theirs, and where the truth falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.events.table import Event, EventTable
from thecal.core.errors import ConfigError
from thecal.core.layout import TICK_H
from thecal.experiments.fitting.fit import Fit, NotConvergedError, fit, problem_of
from thecal.experiments.fitting.quantities import QUANTITIES, standardized
from thecal.experiments.fitting.settings import Settings, load_settings
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import CohortSpec
from thecal.physiology.covariates import COVARIATES
from thecal.physiology.regimen import SIGNALS_DTYPE, advance, begin

Floats = NDArray[np.float64]
DAYS = 21
_STEPS = ((0, 1.0), (7, 1.6), (14, 2.4))  # day, multiple of the starting dose
_ASKED_H = (2.0, 6.0, 11.0)  # h after the clock of zero (8:00): 10:00, 14:00, 19:00
_TAPS_D = (6, 13, 20)
_BREATHS_D = (1, 8, 15)
_BEDSIDE_SD = 1.5
_DAY_H = 24.0
# What a chart always holds; the rest stays unknown to the fit.
CHART = (
    "age_y",
    "male",
    "height_cm",
    "weight_kg",
    "creatinine_mg_per_dl",
    "diagnosis",
    "pain_level",
    "pain_span",
    "medd_mg_per_d",
)


@dataclass(frozen=True)
class Truth:
    """A virtual patient of a cohort: parameters ``[1]``, the chart that a fit may read, and the starting dose (ug/d)."""

    par: NDArray[np.void]
    chart: dict[str, Any]
    dose_ug_per_d: float


def patient_of_cohort(spec: CohortSpec, drugs: tuple[str, ...], index: int, seed: int) -> Truth:
    """A cohort's own patient."""
    drawn = draw(spec, drugs, [index], "train", seed)
    chart = {name: drawn.covariates[name][0] for name in CHART if name in COVARIATES}
    return Truth(drawn.par, chart, float(drawn.covariates["start_dose_ug_per_d"][0]))


def data_of(truth: Truth, seed: int, *, taps: bool = True, level_cv: float | None = None) -> tuple[EventTable, int]:
    """Three weeks on three doses: reports as the patient gives them, three taps of CSF, three counted breathing rates.

    The patient lives through days of chance as anywhere; what is asked for while asleep or not answered is missing. Returns the
    table and how many reports were asked for.
    """
    rng = np.random.default_rng([seed, int(truth.par["patient"][0]) % 2**32])
    cv = load_settings().errors.level_cv if level_cv is None else level_cv
    par = truth.par.copy()
    par["granuloma_per_h"] = par["death_per_h"] = par["infection_per_h"] = 0.0
    state = begin(par)
    rows: list[Event] = []
    asked = 0
    for day in range(DAYS):
        rate = truth.dose_ug_per_d * [factor for first, factor in _STEPS if day >= first][-1] / _DAY_H
        out = advance(par, state, _DAY_H, rate_ug_per_h=rate)
        for hour in _ASKED_H:
            asked += 1
            rows += _report(truth, {name: float(out[name][round(hour / TICK_H) - 1, 0]) for name in SIGNALS_DTYPE.names or ()},
                            day * _DAY_H + hour, rng)  # fmt: skip
        at, when = round(4.0 / TICK_H) - 1, day * _DAY_H + 4.0
        if taps and day in _TAPS_D:
            level = float(out["lumbar"][at, 0]) * float(np.exp(np.sqrt(np.log1p(cv**2)) * rng.standard_normal()))
            rows.append(Event("1", when, 0, what="csf", value=level))
        if day in _BREATHS_D:
            counted = max(0.0, round(float(out["rr"][at, 0]) + _BEDSIDE_SD * float(rng.standard_normal())))
            rows.append(Event("1", when, 0, what="rr", value=counted))
    return EventTable(tuple(sorted([*_doses(truth), *rows], key=lambda row: row.time_h))), asked


def _doses(truth: Truth) -> list[Event]:
    ends = [*(first for first, _ in _STEPS[1:]), DAYS]
    found = []
    for (first, factor), end in zip(_STEPS, ends, strict=True):
        rate = truth.dose_ug_per_d * factor / _DAY_H
        found.append(Event("1", first * _DAY_H, 1, rate * (end - first) * _DAY_H, rate, drug="morphine"))
    return found


def _report(truth: Truth, now: dict[str, float], when: float, rng: np.random.Generator) -> list[Event]:
    par = truth.par[0]
    odds = par["nrs_skip"] / (1.0 - par["nrs_skip"]) * np.exp(par["nrs_skip_slope"] * max(0.0, now["pain"] - 5.0))
    noise, luck = float(rng.standard_normal()), float(rng.random())
    if luck < odds / (1.0 + odds) or now["dead"] or now["sedation"] > 0.9:
        return []
    said = now["pain"] + par["distress_nrs"] * (now["distress"] - 0.5) + par["nrs_noise"] * noise
    return [Event("1", when, 0, what="nrs", value=float(np.clip(np.floor(said + 0.5), 0.0, 10.0)))]


@dataclass(frozen=True)
class Outcome:
    """One patient of the study: what was declared known, whether the truth was inside, or why there is no fit."""

    patient: int
    reports: int
    inside: dict[str, bool]
    composites: tuple[bool, ...]
    why: str = ""


def study_one(spec: CohortSpec, index: int, seed: int, settings: Settings | None = None) -> Outcome:
    """Fit one patient of a cohort and look where the truth falls."""
    truth = patient_of_cohort(spec, ("morphine",), index, seed)
    table, _ = data_of(truth, seed)
    problem = problem_of(table, spec, chart=truth.chart, settings=settings)
    reports = len(problem.data.of("nrs"))
    try:
        found = fit(problem, seed=index)
    except NotConvergedError as error:
        return Outcome(index, reports, {}, (), str(error))
    return Outcome(index, reports, _inside(found, truth), _composites(found, truth))


def _inside(found: Fit, truth: Truth) -> dict[str, bool]:
    by_name = {one.name: one for one in QUANTITIES}
    inside = {}
    for row in found.rows:
        if row.known:
            value = float(by_name[row.name].shown(by_name[row.name](truth.par)[0]))
            inside[row.name] = row.low <= value <= row.high
    return inside


def _composites(found: Fit, truth: Truth) -> tuple[bool, ...]:
    space = found.problem.space
    prior = space.draw(np.random.default_rng([0, 1]).standard_normal((2000, len(space.names))))[0].par
    told = []
    for one in found.combinations:
        names = list(one.weights)
        value = float(standardized(prior, truth.par, names)[0] @ np.array([one.weights[name] for name in names]))
        told.append(one.low <= value <= one.high)
    return tuple(told)


@dataclass(frozen=True)
class Coverage:
    """Share of truths inside 95 % intervals over all that was declared known, with a standard error clustered by patient."""

    share: float
    error: float
    patients: int
    intervals: int
    failed: int

    @property
    def excludes(self) -> bool:
        """Whether an interval of two standard errors about the share leaves 95 % out."""
        return abs(self.share - 0.95) > 1.96 * self.error


def pooled(outcomes: list[Outcome]) -> Coverage:
    """Pool the intervals of all patients; a patient's intervals share one fate, so the error is that of a ratio of clusters.

    Raises:
        ConfigError: nothing was declared known.
    """
    fitted = [one for one in outcomes if not one.why and (one.inside or one.composites)]
    hits = np.array([sum(one.inside.values()) + sum(one.composites) for one in fitted], np.float64)
    counts = np.array([len(one.inside) + len(one.composites) for one in fitted], np.float64)
    if not counts.size:
        raise ConfigError("no fit arrived and declared a number known, so nothing can be said of coverage")
    share = hits.sum() / counts.sum()
    n = len(fitted)
    error = np.sqrt(((hits - share * counts) ** 2).sum() * n / max(1, n - 1)) / counts.sum()
    return Coverage(float(share), float(error), n, int(counts.sum()), sum(bool(one.why) for one in outcomes))
