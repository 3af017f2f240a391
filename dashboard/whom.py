"""For whom a policy helps: subgroups, covariates against the paired effect, and the patients from the worst on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.dashboard.runs import Run
from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.subgroups import effects
from thecal.experiments.rollouts.charts import CHART

Floats = NDArray[np.float64]
RESAMPLES = 1000  # of a page that is looked at; a report takes more
LABELS = {
    "age_y": "age [y]", "male": "male", "bmi": "body mass index [kg/m²]", "crcl_ml_per_min": "creatinine clearance [mL/min]",
    "medd_mg_per_d": "oral morphine equivalent before [mg/d]", "sleep_apnea": "sleep apnea", "benzodiazepine": "benzodiazepine",
    "gabapentinoid": "gabapentinoid", "oprm1_118g": "OPRM1 118G alleles", "comt_met": "COMT 158Met alleles",
    "neuropathic": "neuropathic share of pain",
}  # fmt: skip


def outcome_of(run: Run, key: str) -> Outcome:
    """An outcome of a run; the registered one where ``key`` is empty.

    Raises:
        ConfigError: the run did not measure it.
    """
    if not key:
        return run.outcomes[0]
    found = next((one for one in run.outcomes if one.key == key), None)
    if found is None:
        raise ConfigError(f"this run did not measure {key!r}")
    return found


def require_policy(run: Run, name: str) -> str:
    """A policy of a run.

    Raises:
        ConfigError: it has none of this name.
    """
    if name not in run.infos:
        raise ConfigError(f"this run has no policy {name!r}")
    return name


def order(run: Run, policy: str, outcome: Outcome) -> list[int]:
    """Rows of the patients, the worst under a policy first; those without a value last."""
    values = (outcome.better or 1) * run.values(policy, outcome.key)
    return [int(row) for row in np.argsort(np.nan_to_num(values, nan=np.inf), kind="stable")]


def ranked(run: Run, policy: str, outcome: Outcome) -> dict[str, Any]:
    """The patients of a run, the worst under ``policy`` first, with every policy's value of an outcome."""
    columns = {name: run.values(name, outcome.key) for name in run.infos}
    rows = order(run, policy, outcome)
    worst = max(1, round(0.1 * len(rows))) if rows else 0
    return {
        "outcome": outcome.model_dump(),
        "policy": policy,
        "worst": worst,
        "patients": [
            {"patient": run.patients[row], "values": {name: float(values[row]) for name, values in columns.items()}}
            for row in rows
        ],
    }


def whom(run: Run, policy: str, outcome: Outcome) -> dict[str, Any]:
    """Paired differences of a policy from the reference in subgroups and over covariates.

    Raises:
        ConfigError: it is an evaluation, or the reference itself.
    """
    if run.result is None or policy == run.result.reference:
        raise ConfigError("for whom a policy helps is told against the reference of a comparison")
    own, reference = run.values(policy, outcome.key), run.values(run.result.reference, outcome.key)
    charts, why = run.charts()
    return {
        "outcome": outcome.model_dump(),
        "policy": policy,
        "reference": run.result.reference,
        "patients": run.patients,
        "differences": (own - reference).tolist(),
        "covariates": {name: {"label": LABELS[name], "values": charts[name].tolist()} for name in CHART if charts},
        "subgroups": _subgroups(run, own, reference, charts) if charts else [],
        "lacking": why,
        "seeds": run.result.policies[policy].training_seeds,
    }  # fmt: skip


def _subgroups(run: Run, own: Floats, reference: Floats, charts: dict[str, Floats]) -> list[dict[str, Any]]:
    assert run.result is not None
    strata = np.zeros(len(own))
    found = effects(own[None], reference[None], charts, seed=run.result.seed, strata=strata, resamples=RESAMPLES)
    return [one.model_dump() for one in found]
