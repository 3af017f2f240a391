"""What a patient's chart says: every covariate with its unit, bounds and meaning, whether drawn or imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from thecal.core.layout import LEVELS

DIAGNOSES = (
    "cancer_nociceptive",
    "cancer_neuropathic",
    "failed_back_surgery",
    "crps",
    "neuropathic",
    "visceral",
    "spasticity_spinal",
    "spasticity_cerebral",
)


@dataclass(frozen=True)
class Covariate:
    """One column of a cohort.

    ``kind`` is ``number`` (float in ``unit`` within [low, high]), ``whole`` (integer within [low, high]), ``flag`` (true or
    false) or ``choice`` (one of ``choices``). A covariate without ``required`` is drawn from the base cohort where a table
    lacks the column.
    """

    name: str
    kind: Literal["number", "whole", "flag", "choice"]
    unit: str
    low: float
    high: float
    text: str
    required: bool = False
    choices: tuple[str, ...] = ()


COVARIATES: dict[str, Covariate] = {
    item.name: item
    for item in (
        Covariate("age_y", "number", "year", 1.0, 120.0, "age", required=True),
        Covariate("male", "flag", "", 0.0, 1.0, "male sex", required=True),
        Covariate("height_cm", "number", "cm", 50.0, 230.0, "height", required=True),
        Covariate("weight_kg", "number", "kg", 5.0, 300.0, "weight", required=True),
        Covariate("creatinine_mg_per_dl", "number", "mg/dL", 0.1, 20.0, "serum creatinine"),
        Covariate("spinal_csf_ml", "number", "mL", 20.0, 250.0, "CSF in the spinal canal"),
        Covariate("csf_production_ml_per_h", "number", "mL/h", 2.0, 60.0, "CSF production"),
        Covariate("diagnosis", "choice", "", 0.0, 0.0, "diagnosis that led to the pump", choices=DIAGNOSES),
        Covariate("pain_level", "choice", "", 0.0, 0.0, "spinal level at the center of the pain", choices=LEVELS),
        Covariate("pain_span", "whole", "levels", 0.0, 8.0, "painful levels on either side of the center"),
        Covariate("medd_mg_per_d", "number", "mg/day", 0.0, 10000.0, "oral morphine equivalent before the implant"),
        Covariate("oprm1_118g", "flag", "", 0.0, 1.0, "carrier of OPRM1 118G"),
        Covariate("comt_met", "whole", "alleles", 0.0, 2.0, "COMT 158Met alleles"),
        Covariate("sleep_apnea", "flag", "", 0.0, 1.0, "sleep apnea"),
        Covariate("benzodiazepine", "flag", "", 0.0, 1.0, "takes a benzodiazepine"),
        Covariate("gabapentinoid", "flag", "", 0.0, 1.0, "takes a gabapentinoid"),
        Covariate("antihypertensive", "flag", "", 0.0, 1.0, "takes an antihypertensive"),
    )
}
