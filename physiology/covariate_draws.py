"""Covariates of the patients of a cohort file: drawn by identity, each from its own key."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ParameterError
from thecal.core.layout import LEVELS, N_NODES
from thecal.core.parameters import ParameterFile
from thecal.physiology.cord import SEGMENTS, vertebra_of
from thecal.physiology.covariate_models import creatinine_factor
from thecal.physiology.covariates import COVARIATES, DIAGNOSES
from thecal.physiology.population import constant, draw_value, shipped, whole
from thecal.physiology.sampling import Floats, Sampler, uniform_of

_OLDEST_Y = 120.0
_ALLELES = 2


def draw_covariates(draws: Sampler, file: ParameterFile) -> dict[str, NDArray[Any]]:
    """Every covariate of ``covariates.COVARIATES``, each ``[B]``.

    Raises:
        ParameterError: a number of the cohort is missing or out of bounds.
    """

    def value(key: str, unit: str, minimum: float = 0.0, maximum: float = math.inf) -> Floats:
        return draw_value(draws, file, "cohort", f"covariates.{key}", unit, minimum, maximum)

    def flag(key: str) -> NDArray[np.bool_]:
        # A threshold on the normal draw (its upper tail), so that correlations.toml can tie a flag to other covariates.
        return uniform_of(-draws.normal(key)) < constant(file, f"covariates.{key}", "dimensionless", 0.0, 1.0)

    male = flag("male")
    height = _height(draws, male)
    bmi = value("bmi", "kg/m**2", 1.0)
    diagnosis = _diagnosis(draws, file)
    level, span = _site(draws, file, diagnosis)
    weight = bmi * (height / 100.0) ** 2
    creatinine = value("creatinine", "mg/dL", 0.01) * creatinine_factor(male, height, weight)
    bounds = COVARIATES["creatinine_mg_per_dl"]
    met = constant(file, "covariates.comt_met", "dimensionless", 0.0, 1.0)
    return {
        "age_y": value("age", "year", 0.0, _OLDEST_Y),
        "male": male,
        "height_cm": height,
        "weight_kg": weight,
        "creatinine_mg_per_dl": np.clip(creatinine, bounds.low, bounds.high),
        "spinal_csf_ml": _spinal_csf(draws, height, bmi),
        "csf_production_ml_per_h": draw_value(draws, shipped("anatomy"), "anatomy", "csf.production", "mL/h", 0.0),
        "diagnosis": diagnosis,
        "pain_level": level,
        "pain_span": span,
        "medd_mg_per_d": value("medd", "mg/day"),
        "oprm1_118g": flag("g118"),
        "comt_met": np.asarray(
            np.sum([draws.uniform(f"comt{i}") < met for i in range(_ALLELES)], axis=0, dtype=np.int64)
        ),
        "sleep_apnea": flag("sleep_apnea"),
        "benzodiazepine": flag("benzodiazepine"),
        "gabapentinoid": flag("gabapentinoid"),
        "antihypertensive": flag("antihypertensive"),
    }


def _height(draws: Sampler, male: NDArray[np.bool_]) -> Floats:
    file = shipped("covariates")
    men, women = (draws.quantity(file[f"height.{sex}"], "height", "cm") for sex in ("men", "women"))
    return np.where(male, men, women)


def _spinal_csf(draws: Sampler, height_cm: Floats, bmi: Floats) -> Floats:
    """CSF volume of the canal (mL): larger in tall, smaller in heavy patients."""
    anatomy, reference = shipped("anatomy"), shipped("covariates")
    usual = draw_value(draws, anatomy, "anatomy", "csf.spinal", "mL", 1.0)
    tall = height_cm / constant(reference, "reference.height", "cm", 1.0)
    heavy = bmi / constant(reference, "reference.bmi", "kg/m**2", 1.0)
    return usual * tall * heavy ** constant(anatomy, "csf.bmi_power", "dimensionless", -3.0, 3.0)


def _site(
    draws: Sampler, file: ParameterFile, diagnosis: NDArray[np.str_]
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Vertebral level at the center of the pain, by the cohort or by the diagnosis, and painful levels on either side."""
    half = whole(file, "site.half_width", 0, N_NODES)
    u = draws.uniform("site")
    if "site.center_first" in file or "site.center_last" in file:
        first = whole(file, "site.center_first", 1, N_NODES - 1)
        last = whole(file, "site.center_last", first, N_NODES - 1)
        center = first + np.floor(u * (last - first + 1)).astype(np.int64)
    else:
        segment = np.ones(len(u))
        for name in DIAGNOSES:
            key = f"site.{name}"
            own = draw_value(draws, shipped("covariates"), "covariates", key, "dimensionless", 1.0, len(SEGMENTS))
            segment = np.where(diagnosis == name, own, segment)
        center = vertebra_of(segment)
    return np.array(LEVELS)[center - 1], np.full(len(u), half, np.int64)


def _diagnosis(draws: Sampler, file: ParameterFile) -> NDArray[np.str_]:
    """Diagnoses in proportion to the weights of the file's ``[diagnosis]``.

    Raises:
        ParameterError: no weight is above zero.
    """
    names = [name for name in DIAGNOSES if f"diagnosis.{name}" in file]
    weights = np.array([constant(file, f"diagnosis.{name}", "dimensionless", 0.0) for name in names])
    if not names or weights.sum() <= 0.0:
        raise ParameterError(f"{file.path}: diagnosis: no diagnosis has a weight above 0")
    at = np.searchsorted(np.cumsum(weights) / weights.sum(), draws.uniform("diagnosis"))
    return np.array(names)[np.minimum(at, len(names) - 1)]
