"""A chart that every rule is content with, and changes of it."""

from __future__ import annotations

from typing import Any

from thecal.clinic.selection.fields import Chart

CONTENT: dict[str, Any] = {
    "synthetic": True,
    "diagnosis": "failed_back_surgery",
    "pain_distribution": "localized",
    "pain_nrs": 7.0,
    "pain_months": 60.0,
    "age_y": 55.0,
    "life_expectancy_months": 300.0,
    "terminal": False,
    "medd_mg_per_d": 120.0,
    "systemic_opioid": True,
    "escalated": True,
    "conservative_failed": True,
    "failed_treatment_months": 24.0,
    "specialist_evaluation": True,
    "agrees_to_wean": True,
    "coagulopathy": False,
    "anticoagulant": "none",
    "thrombosis_risk": False,
    "immunosuppression": False,
    "systemic_infection": False,
    "iv_drug_use": False,
    "psychosis": False,
    "dementia": False,
    "psychological_screening": "passed",
    "tumor_encroachment": False,
    "csf_obstruction": False,
    "pump_fits": True,
    "trial": "passed",
    "trial_method": "continuous_intrathecal",
    "trial_relief_percent": 60.0,
    "trial_function": True,
}


def chart(patient: str = "1", allergies: tuple[str, ...] = (), **changes: Any) -> Chart:
    """A patient with failed back surgery who is eligible, with some values changed."""
    return Chart(patient, {**CONTENT, **changes}, allergies)


def cancer(patient: str = "1", allergies: tuple[str, ...] = (), **changes: Any) -> Chart:
    """A patient with cancer pain who is eligible, without screening and trial, with some values changed."""
    untried = {"trial": "not_done", "trial_method": "none", "trial_relief_percent": 0.0, "trial_function": False}
    own = {"diagnosis": "cancer_nociceptive", "life_expectancy_months": 12.0, "psychological_screening": "not_done"}
    return chart(patient, allergies, **(own | untried | changes))
