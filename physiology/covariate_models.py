"""How covariates become parameters: stated factors for age, genes, sleep apnea, co-medication, kidneys and size.

The numbers stand in ``covariates.toml``. A factor multiplies the parameter of a reference patient (55 years, 70 kg, no
carrier, no co-medication), so a cohort that lacks a covariate is at its reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MU
from thecal.core.parameters import ParameterFile
from thecal.physiology.covariates import DIAGNOSES
from thecal.physiology.population import constant, draw_value, shipped
from thecal.physiology.sampling import Floats, Sampler

Columns = dict[str, NDArray[Any]]
_COCKCROFT_GAULT_FEMALE = 0.85
_COCKCROFT_GAULT_SCALE = 72.0


def _number(key: str, unit: str = "dimensionless", minimum: float = -np.inf) -> float:
    return constant(shipped("covariates"), key, unit, minimum)


def _where(flag: NDArray[Any], key: str) -> Floats:
    return np.where(flag, _number(key, minimum=1e-6), 1.0)


def _lean_weight(height_cm: Floats, weight_kg: Floats) -> Floats:
    """Weight (kg) that counts for muscle and kidneys: above a limit the share of the excess that is not fat."""
    limit = (
        _number("renal.excess_from", minimum=1.0)
        * _number("renal.ideal_bmi", "kg/m**2", 1.0)
        * (height_cm / 100.0) ** 2
    )
    share = _number("renal.excess_share", minimum=0.0)
    return np.asarray(np.minimum(weight_kg, limit + share * (weight_kg - limit)))


def creatinine_factor(male: NDArray[np.bool_], height_cm: Floats, weight_kg: Floats) -> Floats:
    """Factor on the creatinine of a man of the reference weight: less muscle makes less of it."""
    size = _lean_weight(height_cm, weight_kg) / _number("reference.weight", "kg", 1e-6)
    women = _number("creatinine.women", minimum=1e-6)
    return np.asarray(np.where(male, 1.0, women) * size ** _number("creatinine.size_power", minimum=0.0))


def creatinine_clearance(columns: Columns) -> Floats:
    """Creatinine clearance (mL/min) by Cockcroft and Gault 1976, Nephron 16:31, on the weight without most of its excess.

    It ends where filtration does: the formula alone gives 500 mL/min to a heavy patient with little muscle.
    """
    weight = _lean_weight(columns["height_cm"], columns["weight_kg"])
    value = (140.0 - columns["age_y"]) * weight / (_COCKCROFT_GAULT_SCALE * columns["creatinine_mg_per_dl"])
    value = np.where(columns["male"], value, _COCKCROFT_GAULT_FEMALE * value)
    return np.clip(value, 1.0, _number("renal.highest", "mL/min", 1.0))


def body_mass_index(columns: Columns) -> Floats:
    """Body mass index, kg/m²."""
    return np.asarray(columns["weight_kg"] / (columns["height_cm"] / 100.0) ** 2)


def renal_factor(columns: Columns, share: float) -> Floats:
    """Factor on the plasma clearance of a drug of which the kidneys remove ``share``."""
    kidneys = creatinine_clearance(columns) / _number("renal.normal", "mL/min", 1e-6)
    return np.maximum(_number("renal.lowest", minimum=1e-3), 1.0 - share + share * np.minimum(1.5, kidneys))


def analgesic_factor(columns: Columns, receptor: str) -> Floats:
    """Factor on the analgesic EC50: genes, for opioids only."""
    if receptor != "mu":
        return np.ones(len(columns["age_y"]))
    gene = _where(columns["oprm1_118g"], "oprm1_118g.ec50")
    return np.asarray(gene * _number("comt_met.ec50", minimum=1e-6) ** (columns["comt_met"] - 1.0))


def central_factor(columns: Columns) -> Floats:
    """Factor on the EC50 of central effects: age, sleep apnea, systemic sedatives."""
    older = columns["age_y"] - _number("reference.age", "year")
    factor = np.exp(_number("age.central_ec50", "1/year") * older)
    for name in ("sleep_apnea", "benzodiazepine", "gabapentinoid"):
        factor = factor * _where(columns[name], f"{name}.central_ec50")
    return np.asarray(factor)


def drug_factors(columns: Columns, file: ParameterFile, receptor: str, sensitivity: tuple[Floats, Floats]) -> Columns:
    """Factors ``[B]`` on the fields of a drug.

    Args:
        columns: covariates.
        file: the drug's parameters.
        receptor: its receptor.
        sensitivity: random factors on the analgesic and on the central EC50.
    """
    size = columns["weight_kg"] / _number("reference.weight", "kg", 1e-6)
    analgesia = sensitivity[0] * analgesic_factor(columns, receptor)
    central = sensitivity[1] * central_factor(columns)
    share = constant(file, "plasma.renal_share", "dimensionless", 0.0, 1.0)
    renal = renal_factor(columns, share)
    return {
        "ec50": analgesia,
        "ec50_mot": analgesia,
        "ec50_sym": analgesia / _where(columns["antihypertensive"], "antihypertensive.pressure"),
        "ec50_bs": central,
        "ec50_pl": central,
        "renal": np.maximum(0.0, 1.0 - (1.0 - share) / renal),
        "glucuronides": renal_factor(columns, 1.0),
        "v_plasma_ml": size,
        "clearance": size ** _number("reference.clearance_exponent", minimum=0.0) * renal,
    }


def apply_to_circulation(par: NDArray[np.void], columns: Columns) -> None:
    """Pressure and heart rate at rest: age, size, sex and antihypertensives move them from the cohort's own level."""
    older = columns["age_y"] - _number("reference.age", "year")
    heavier = body_mass_index(columns) - _number("reference.bmi", "kg/m**2")
    male = np.where(columns["male"], 0.5, -0.5)
    for field, group, unit in (("sbp0", "pressure", "mmHg"), ("hr0", "heart", "beat/min")):
        moved = par[field] + _number(f"{group}.age", f"{unit}/year") * older
        moved += _number(f"{group}.bmi", f"{unit}*m**2/kg") * heavier
        moved += _number(f"{group}.male", unit) * male
        moved += _number(f"{group}.treated", unit) * columns["antihypertensive"]
        lowest = _number(f"{group}.lowest", unit, 1.0)
        par[field] = np.clip(moved, lowest, _number(f"{group}.highest", unit, lowest))
    ratio = constant(shipped("breathing"), "circulation.map_ratio", "dimensionless", 0.1)
    par["map0"] = par["sbp0"] * (ratio + _number("pressure.mean_by_age", "1/year") * older)


def _age(par: NDArray[np.void], age_y: Floats) -> None:
    """What grows weaker with age: tolerance to opioids, and the reflexes that hold pressure against a spinal block."""
    older = age_y - _number("reference.age", "year")
    par["reflex"] *= np.exp(_number("age.reflex", "1/year") * older)
    # What is published compares those up to 50 with those from 60 on; nothing says that it grows further in the young.
    tolerance = np.exp(_number("age.opioid_tolerance", "1/year") * np.maximum(0.0, older))
    opioid = par["channel"]["receptor"] == MU
    par["channel"]["tol_fast_max"] *= np.where(opioid, tolerance[:, None], 1.0)


def apply_to_patient(par: NDArray[np.void], columns: Columns, draws: Sampler) -> None:
    """Fields of the patient that covariates set: gas exchange, apnea, sedation, neuropathic share, and what age weakens."""
    older = columns["age_y"] - 45.0  # the age at which the file's gradient holds
    aged = par["aa_gradient"] * np.maximum(0.3, 1.0 + _number("age.aa_gradient", "1/year") * older)
    par["aa_gradient"] = np.minimum(aged, _number("age.aa_highest", "mmHg", 1.0))
    par["apnea"] = np.where(columns["sleep_apnea"], _number("sleep_apnea.drive", minimum=0.0), 0.0)
    for c in range(par["channel"].shape[1]):
        par["channel"]["ec50_sed_ratio"][:, c] *= _where(columns["benzodiazepine"], "benzodiazepine.sedation_ratio")
    file = shipped("covariates")
    share = np.zeros(len(par))
    for name in DIAGNOSES:
        value = draw_value(draws, file, "covariates", f"neuropathic.{name}", "dimensionless", 0.0, 1.0)
        share = np.where(columns["diagnosis"] == name, value, share)
    par["neuropathic"] = share
    _age(par, columns["age_y"])
