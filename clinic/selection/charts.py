"""Synthetic charts for the patients of any cohort: what the cohort draws already, and the rest by stated shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.selection.fields import FIELDS, METHODS, NO_DRUG, OTHER_DIAGNOSES, PATHS, Chart, path_of
from thecal.core.errors import ParameterError
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.physiology.cohort import Cohort
from thecal.physiology.population import drug_names
from thecal.physiology.sampling import Sampler

_NUMBERS = {
    "pain_months": "month",
    "life_expectancy_months": "month",
    "failed_treatment_months": "month",
    "trial_relief_passed": "percent",
    "trial_relief_failed": "percent",
}
_FLAGS = (
    *("terminal", "escalated", "conservative_failed", "specialist_evaluation", "agrees_to_wean", "coagulopathy"),
    *("thrombosis_risk", "immunosuppression", "systemic_infection", "iv_drug_use", "psychosis", "dementia"),
    *("tumor_encroachment", "csf_obstruction", "pump_fits", "trial_function"),
)
_SHARES = (*_FLAGS, "trial_done", "trial_passed", "allergy")
_CHOICES = ("pain_distribution", "anticoagulant", "psychological_screening")
_PAIN_OF_SPASTICITY = 3.0  # the cohort of spasticity draws no pain of its own; the rules ask for none
_MONTHS = 12.0

Columns = dict[str, NDArray[Any]]


@cache
def shares() -> ParameterFile:
    """The shipped shares, checked.

    Raises:
        ParameterError: a share is missing, unknown or out of bounds, or the shares of a choice exceed 1.
    """
    file = read_parameters(files("thecal.clinic") / "data" / "charts.toml")
    groups = {f"{path}.{name}": _values(name) for path in PATHS for name in (*_CHOICES, "trial_method")}
    groups["noncancer.diagnosis"] = OTHER_DIAGNOSES
    shared = [f"{path}.{name}" for path in PATHS for name in _SHARES]
    shared += [f"{group}.{value}" for group, values in groups.items() for value in values]
    numbers = {f"{path}.{name}": unit for path in PATHS for name, unit in _NUMBERS.items()}
    file.only({*shared, *numbers}, "charts")
    file.fixed(except_for=numbers)
    for key in shared:
        file.get_in(key, "dimensionless", minimum=0.0, maximum=1.0)
    for key, unit in numbers.items():
        file.get_in(key, unit, minimum=0.0)
    for group, values in groups.items():
        total = sum(file.get_in(f"{group}.{value}", "dimensionless") for value in values)
        if total > 1.0:
            raise ParameterError(f"{file.path}: {group}: its shares add up to {total:g}, which is above 1")
    return file


def _values(name: str) -> tuple[str, ...]:
    """The values of a choice that have a share of their own: all but the first."""
    return METHODS[1:] if name == "trial_method" else FIELDS[name].choices[1:]


def charts_of(cohort: Cohort, seed: int) -> list[Chart]:
    """A chart for each drawn patient; a patient's chart depends on seed and identity only.

    Args:
        cohort: drawn patients, whose age, opioid dose, diagnosis and pain the charts take.
        seed: of the cohort.

    Raises:
        ParameterError: the shipped shares are corrupt.
    """
    file, draws = shares(), Sampler(seed, cohort.ids)
    base = np.asarray(cohort.covariates["diagnosis"]).astype(str)
    paths = np.array([path_of(name) for name in base])
    columns = _drawn(file, draws, paths)
    columns |= _from_cohort(cohort, base, paths)
    columns["diagnosis"] = np.where(paths == "noncancer", _other(file, draws, base), base)
    _agree(columns, draws, paths)
    rows = zip(*(columns[name].tolist() for name in FIELDS), strict=True)
    allergies = _allergies(file, draws, paths)
    return [
        Chart(str(index), dict(zip(FIELDS, row, strict=True)), drugs)
        for index, row, drugs in zip(range(len(cohort)), rows, allergies, strict=True)
    ]


def _by_path(values: Mapping[str, Any], paths: NDArray[np.str_]) -> NDArray[Any]:
    return np.select([paths == path for path in PATHS], [values[path] for path in PATHS])


def _share(file: ParameterFile, name: str, paths: NDArray[np.str_]) -> NDArray[np.float64]:
    return np.asarray(_by_path({path: file[f"{path}.{name}"].value for path in PATHS}, paths), np.float64)


def _drawn(file: ParameterFile, draws: Sampler, paths: NDArray[np.str_]) -> Columns:
    found: Columns = {
        name: _by_path(
            {path: draws.quantity(file[f"{path}.{name}"], f"chart.{name}", unit) for path in PATHS}, paths
        ).round(1)
        for name, unit in _NUMBERS.items()
    }
    for name in (*_FLAGS, "trial_done", "trial_passed"):
        found[name] = draws.uniform(f"chart.{name}") < _share(file, name, paths)
    for name in _CHOICES:
        found[name] = _choose(file, draws, name, FIELDS[name].choices, paths)
    found["trial_method"] = _choose(file, draws, "trial_method", METHODS, paths)
    return found


def _choose(
    file: ParameterFile, draws: Sampler, name: str, values: Sequence[str], paths: NDArray[np.str_]
) -> NDArray[np.str_]:
    """One of ``values`` for each patient: what the stated shares leave is the first."""
    u = draws.uniform(f"chart.{name}")
    edge = np.zeros(len(u))
    chosen = np.full(len(u), values[0], dtype="<U32")
    for value in values[1:]:
        last = edge
        edge = edge + _share(file, f"{name}.{value}", paths)
        chosen[(last <= u) & (u < edge)] = value
    return chosen


def _other(file: ParameterFile, draws: Sampler, base: NDArray[np.str_]) -> NDArray[np.str_]:
    """The diagnosis of the cohort, or one that the review names and no cohort draws."""
    u = draws.uniform("chart.diagnosis")
    edge, chosen = 0.0, base.astype("<U32")
    for name in OTHER_DIAGNOSES:
        last, edge = edge, edge + file[f"noncancer.diagnosis.{name}"].value
        chosen[(last <= u) & (u < edge)] = name
    return chosen


def _from_cohort(cohort: Cohort, base: NDArray[np.str_], paths: NDArray[np.str_]) -> Columns:
    pain = np.where(paths == "spasticity", _PAIN_OF_SPASTICITY, cohort.par["pain_base"])
    return {
        "synthetic": np.ones(len(cohort), bool),
        "age_y": np.asarray(cohort.covariates["age_y"]).round(1),
        "medd_mg_per_d": np.asarray(cohort.covariates["medd_mg_per_d"]).round(0),
        "pain_nrs": np.clip(pain, 0.0, FIELDS["pain_nrs"].high).round(1),
    }


def _agree(columns: Columns, draws: Sampler, paths: NDArray[np.str_]) -> None:
    """Make of independent draws what can be true of one person together."""
    columns["systemic_opioid"] = columns["medd_mg_per_d"] > 0.0
    columns["escalated"] &= columns["systemic_opioid"]
    columns["tumor_encroachment"] &= paths == "cancer"
    columns["terminal"] |= columns["life_expectancy_months"] <= _MONTHS / 2.0
    columns["thrombosis_risk"] &= columns["anticoagulant"] != NO_DRUG
    failed, screening = columns["conservative_failed"], columns["psychological_screening"]
    screening[columns["psychosis"] & (screening == "passed")] = "failed"
    lived = np.floor(_MONTHS * columns["age_y"])
    columns["pain_months"] = np.minimum(columns["pain_months"], lived)
    tried = np.minimum(columns.pop("failed_treatment_months"), columns["pain_months"])
    columns["failed_treatment_months"] = np.where(failed, tried, 0.0)
    left = _MONTHS * FIELDS["age_y"].high - lived
    columns["life_expectancy_months"] = np.minimum(columns["life_expectancy_months"], left)
    done, passed = columns.pop("trial_done"), columns.pop("trial_passed")
    good, poor = columns.pop("trial_relief_passed"), columns.pop("trial_relief_failed")
    columns["trial"] = np.select([done & passed, done], ["passed", "failed"], "not_done")
    columns["trial_relief_percent"] = np.where(done, np.where(passed, good, poor), 0.0)
    columns["trial_function"] &= done
    columns["trial_method"] = np.where(done, columns["trial_method"], NO_DRUG)


def _allergies(file: ParameterFile, draws: Sampler, paths: NDArray[np.str_]) -> list[tuple[str, ...]]:
    """At most one drug that must not be given, each as likely as another."""
    has = draws.uniform("chart.allergy") < _share(file, "allergy", paths)
    names = drug_names()
    which = np.minimum((draws.uniform("chart.allergy.drug") * len(names)).astype(int), len(names) - 1)
    return [(names[k],) if yes else () for yes, k in zip(has.tolist(), which.tolist(), strict=True)]
