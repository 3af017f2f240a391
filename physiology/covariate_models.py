"""How covariates become parameters: stated factors for age, genes, sleep apnea, co-medication, kidneys and size.

The numbers stand in ``covariates.toml``. A factor multiplies the parameter of a reference patient (55 years, 70 kg, no
carrier, no co-medication), so a cohort that lacks a covariate is at its reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def creatinine_clearance(columns: Columns) -> Floats:
    """Creatinine clearance (mL/min) by Cockcroft and Gault 1976, Nephron 16:31."""
    value = (
        (140.0 - columns["age_y"]) * columns["weight_kg"] / (_COCKCROFT_GAULT_SCALE * columns["creatinine_mg_per_dl"])
    )
    return np.maximum(1.0, np.where(columns["male"], value, _COCKCROFT_GAULT_FEMALE * value))


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
    renal = renal_factor(columns, constant(file, "plasma.renal_share", "dimensionless", 0.0, 1.0))
    return {
        "ec50": analgesia,
        "ec50_mot": analgesia,
        "ec50_sym": analgesia / _where(columns["antihypertensive"], "antihypertensive.pressure"),
        "ec50_bs": central,
        "ec50_pl": central,
        "glucuronides": renal_factor(columns, 1.0),
        "v_plasma_ml": size,
        "clearance": size ** _number("reference.clearance_exponent", minimum=0.0) * renal,
    }


def apply_to_patient(par: NDArray[np.void], columns: Columns, draws: Sampler) -> None:
    """Fields of the patient that covariates set: gas exchange, apnea, sedation by benzodiazepines, neuropathic share."""
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
