"""Synthetic charts: the same patient has the same chart in any batch, nothing contradicts, shares come out as stated."""

from __future__ import annotations

import math

import pytest

from thecal.clinic.selection.charts import charts_of, shares
from thecal.clinic.selection.fields import FIELDS, Chart, contradictions, path_of
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec


def drawn(cohort: str, patients: list[int], seed: int = 0, split: str = "train") -> list[Chart]:
    return charts_of(draw(load_cohort_spec(cohort), ["morphine"], patients, split, seed), seed)


def test_a_chart_depends_on_seed_and_identity_only() -> None:
    many = drawn("noncancer", list(range(40)))
    few = drawn("noncancer", [31, 7])
    assert [dict(one.values) for one in few] == [dict(many[31].values), dict(many[7].values)]
    assert [one.values for one in drawn("noncancer", list(range(40)), 1)] != [one.values for one in many]
    assert [one.values for one in drawn("noncancer", list(range(40)), 0, "test")] != [one.values for one in many]


@pytest.mark.parametrize("cohort", ["cancer", "spasticity", "five_sites"])
def test_nothing_in_a_synthetic_chart_contradicts(cohort: str) -> None:
    charts = drawn(cohort, list(range(400)))
    assert [(one.patient, list(contradictions(one))) for one in charts if list(contradictions(one))] == []
    assert all(one["synthetic"] is True for one in charts)
    for one in charts:
        for name, field in FIELDS.items():
            if field.kind == "number":
                assert field.low <= one[name] <= field.high, name
            elif field.kind == "choice":
                assert one[name] in field.choices, name


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_come_out_as_stated(seed: int) -> None:
    """Within 4.5 standard errors of a binomial count of 1,000 patients, for each seed."""
    n = 1000
    charts = drawn("cancer", list(range(n)), seed)
    for name in ("coagulopathy", "immunosuppression", "systemic_infection", "tumor_encroachment"):
        stated = shares()[f"cancer.{name}"].value
        found = sum(one[name] for one in charts) / n
        assert abs(found - stated) < 4.5 * math.sqrt(stated * (1.0 - stated) / n), name
    wide = sum(one["pain_distribution"] == "widespread" for one in charts) / n
    stated = shares()["cancer.pain_distribution.widespread"].value
    assert abs(wide - stated) < 4.5 * math.sqrt(stated * (1.0 - stated) / n)


def test_what_the_cohort_draws_is_taken_over() -> None:
    cohort = draw(load_cohort_spec("cancer"), ["morphine"], list(range(50)), "train", 3)
    charts = charts_of(cohort, 3)
    assert [one["diagnosis"] for one in charts] == cohort.covariates["diagnosis"].tolist()
    for name, within in (("age_y", 0.051), ("medd_mg_per_d", 0.51)):
        assert max(abs(one[name] - value) for one, value in zip(charts, cohort.covariates[name], strict=True)) < within


@pytest.mark.parametrize(
    ("diagnosis", "path"),
    [("cancer_neuropathic", "cancer"), ("spasticity_spinal", "spasticity"), ("crps", "noncancer"), ("headache", "noncancer")],
)  # fmt: skip
def test_a_diagnosis_leads_to_a_path(diagnosis: str, path: str) -> None:
    assert path_of(diagnosis) == path
