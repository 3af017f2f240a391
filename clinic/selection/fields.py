"""What a chart says of a patient before a pump: every column with its unit, bounds and meaning, and what contradicts what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from thecal.physiology.covariates import COVARIATES, DIAGNOSES, Covariate

PATHS = ("cancer", "noncancer", "spasticity")
# Diagnoses that the review names and no virtual patient of its own has; a chart may state them.
OTHER_DIAGNOSES = (
    "spondylosis",
    "spondylolisthesis",
    "spinal_stenosis",
    "compression_fracture",
    "headache",
    "facial_pain",
    "unclear_pain",
)
NO_DRUG = "none"
METHODS = ("single_shot", "several_boluses", "continuous_intrathecal", "continuous_epidural")
_MONTHS_OF_LIFE = 1440.0  # of somebody who is born and grows as old as COVARIATES lets anybody be
_ROUNDING_MONTHS = 12.0
_RELIEF_IN_PERCENT = 100.0


def _flag(name: str, text: str) -> Covariate:
    return Covariate(name, "flag", "", 0.0, 1.0, text, required=True)


def _number(name: str, unit: str, high: float, text: str) -> Covariate:
    return Covariate(name, "number", unit, 0.0, high, text, required=True)


def _choice(name: str, choices: tuple[str, ...], text: str) -> Covariate:
    return Covariate(name, "choice", "", 0.0, 0.0, text, required=True, choices=choices)


FIELDS: dict[str, Covariate] = {
    item.name: item
    for item in (
        _flag("synthetic", "drawn by a program, of no person"),
        _choice("diagnosis", (*DIAGNOSES, *OTHER_DIAGNOSES), "diagnosis for which a pump is asked"),
        _choice("pain_distribution", ("localized", "diffuse", "widespread"), "how far the pain reaches"),
        _number("pain_nrs", "NRS", 10.0, "average pain"),
        _number("pain_months", "month", _MONTHS_OF_LIFE, "how long the pain or the spasticity has lasted"),
        COVARIATES["age_y"],
        _number("life_expectancy_months", "month", _MONTHS_OF_LIFE, "expected life"),
        _flag("terminal", "illness that ends life soon, cancer or not"),
        _number("medd_mg_per_d", "mg/day", COVARIATES["medd_mg_per_d"].high, "oral morphine equivalent"),
        _flag("systemic_opioid", "takes an opioid regularly, by mouth or skin"),
        _flag("escalated", "its dose was raised and pain did not yield"),
        _flag("conservative_failed", "treatment by mouth or skin has failed"),
        _number("failed_treatment_months", "month", _MONTHS_OF_LIFE, "how long less invasive treatment was tried"),
        _flag("specialist_evaluation", "seen by every specialist whom the treatment needs"),
        _flag("agrees_to_wean", "agrees to take less opioid by mouth"),
        _flag("coagulopathy", "coagulopathy or bleeding disorder"),
        _choice(
            "anticoagulant",
            ("none", "aspirin", "clopidogrel", "warfarin", "direct_oral", "heparin"),
            "drug against clotting",
        ),
        _flag("thrombosis_risk", "clots are likely without that drug"),
        _flag("immunosuppression", "immunosuppression"),
        _flag("systemic_infection", "systemic infection now"),
        _flag("iv_drug_use", "active intravenous drug use"),
        _flag("psychosis", "psychosis, now or before"),
        _flag("dementia", "dementia"),
        _choice("psychological_screening", ("not_done", "passed", "failed"), "psychological screening"),
        _flag("tumor_encroachment", "tumor encroaches on the thecal sac"),
        _flag("csf_obstruction", "CSF is obstructed in the canal"),
        _flag("pump_fits", "the body has room for a pump under the skin"),
        _choice("trial", ("not_done", "passed", "failed"), "trial of intrathecal drug, or screening dose of baclofen"),
        _choice("trial_method", (NO_DRUG, *METHODS), "how the trial was made"),
        _number("trial_relief_percent", "percent", _RELIEF_IN_PERCENT, "fall of pain in the trial"),
        _flag("trial_function", "function was better in the trial"),
    )
}
ALLERGIES = "allergies"  # drugs joined by +, or none
COLUMNS = ("patient", *FIELDS, ALLERGIES)


@dataclass(frozen=True)
class Chart:
    """One patient's record: identity, a value for each of :data:`FIELDS`, and drugs that must not be given."""

    patient: str
    values: Mapping[str, Any]
    allergies: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def path(self) -> str:
        """Which of :data:`PATHS` the diagnosis leads to."""
        return path_of(self["diagnosis"])

    def row(self) -> dict[str, Any]:
        """The record by column, as a table holds it."""
        return {"patient": self.patient, **self.values, ALLERGIES: "+".join(self.allergies) or NO_DRUG}


def path_of(diagnosis: str) -> str:
    """``cancer``, ``spasticity``, or ``noncancer`` for all other pain."""
    head = diagnosis.partition("_")[0]
    return head if head in PATHS else "noncancer"


def contradictions(chart: Chart) -> Iterator[tuple[str, str]]:
    """(column, reason) for what cannot both be true of one person."""
    if chart["medd_mg_per_d"] > 0.0 and not chart["systemic_opioid"]:
        yield "medd_mg_per_d", "is above 0, but systemic_opioid says that no opioid is taken"
    if chart["systemic_opioid"] and chart["medd_mg_per_d"] == 0.0:
        yield "medd_mg_per_d", "is 0, but systemic_opioid says that an opioid is taken"
    if chart["escalated"] and not chart["systemic_opioid"]:
        yield "escalated", "is true, but systemic_opioid says that no opioid is taken"
    if chart.path != "cancer":
        if chart["tumor_encroachment"]:
            yield "tumor_encroachment", f"is true, but the diagnosis {chart['diagnosis']} is no cancer"
    elif chart["pain_distribution"] == "widespread" and chart["pain_nrs"] == 0.0:
        yield "pain_nrs", "is 0, but pain_distribution says that pain is widespread"
    if chart["failed_treatment_months"] > 0.0 and not chart["conservative_failed"]:
        yield "failed_treatment_months", "is above 0, but conservative_failed says that nothing has failed"
    if chart["thrombosis_risk"] and chart["anticoagulant"] == NO_DRUG:
        yield "thrombosis_risk", "is true, but no anticoagulant is taken"
    if chart["psychosis"] and chart["psychological_screening"] == "passed":
        yield "psychological_screening", "is passed, but psychosis is true"
    yield from _ages(chart)
    yield from _trial(chart)


def _ages(chart: Chart) -> Iterator[tuple[str, str]]:
    lived, oldest = 12.0 * chart["age_y"], 12.0 * COVARIATES["age_y"].high
    for name in ("pain_months", "failed_treatment_months"):
        if chart[name] > lived + _ROUNDING_MONTHS:
            yield name, f"is longer than the {chart['age_y']:g} years that the patient has lived"
    if lived + chart["life_expectancy_months"] > oldest + _ROUNDING_MONTHS:
        yield "life_expectancy_months", f"would make the patient older than {COVARIATES['age_y'].high:g} years"


def _trial(chart: Chart) -> Iterator[tuple[str, str]]:
    done, method = chart["trial"] != "not_done", chart["trial_method"]
    if done and method == NO_DRUG:
        yield "trial_method", "is none, but a trial was made"
    if not done and method != NO_DRUG:
        yield "trial_method", f"is {method}, but no trial was made"
    for name in ("trial_relief_percent", "trial_function"):
        if not done and chart[name]:
            yield name, "is given, but no trial was made"
