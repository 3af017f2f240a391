"""What chance adds to a report: the moments against the kernel's own days of chance, and levels below the limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from thecal.clinic.events.schedule import schedule_of
from thecal.clinic.events.table import Event, EventTable
from thecal.core.errors import ConfigError
from thecal.experiments.fitting.likelihood import Expected as Gauss
from thecal.experiments.fitting.likelihood import Observations, _levels, check, log_gauss, reports, whitened
from thecal.experiments.fitting.predict import course, without_chance
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec

TICKS = np.array([(24 * day + hour) * 4 for day in range(5) for hour in (2, 6, 11)])


def test_moments_of_reports_are_those_of_days_of_chance():
    # Tolerances, chosen after development runs: means to 0.25 NRS, variances to a third, of eight patients on 400 courses each.
    par = draw(load_cohort_spec("cancer"), ("morphine",), range(8), "tune", 3).par
    par["death_per_h"] = par["infection_per_h"] = 0.0
    plan = schedule_of(EventTable((Event("1", 0.0, 1, 5000.0, 1000.0 / 24.0, drug="morphine"),)), until_h=120.0)
    expected = reports(par, course(without_chance(par), plan, TICKS, 8.0), np.arange(15), TICKS / 4.0, 8.0)
    many = np.repeat(par, 400)
    many["patient"] = np.arange(len(many)) + 10**6
    seen = course(many.copy(), plan, TICKS, 8.0).signals
    rng = np.random.default_rng(0)
    said = seen["pain"] + many["distress_nrs"][:, None] * (seen["distress"] - 0.5)
    said = np.clip(np.floor(said + many["nrs_noise"][:, None] * rng.standard_normal(said.shape) + 0.5), 0.0, 10.0)
    said = said.reshape(8, 400, 15)
    assert np.abs(said.mean(axis=1) - expected.mean).mean() < 0.25
    ratio = said.var(axis=1) / np.diagonal(expected.covariance, axis1=1, axis2=2)
    assert np.median(ratio) == pytest.approx(1.0, abs=0.33)


def test_a_gaussian_is_scored_as_scipy_does():
    rng = np.random.default_rng(2)
    root = rng.standard_normal((3, 4, 4))
    gauss = Gauss(rng.standard_normal((3, 4)), root @ root.transpose(0, 2, 1) + np.eye(4))
    value = rng.standard_normal(4)
    from scipy.stats import multivariate_normal

    wanted = [multivariate_normal(m, c).logpdf(value) for m, c in zip(gauss.mean, gauss.covariance, strict=True)]
    assert log_gauss(gauss, value) == pytest.approx(wanted)
    squares = (whitened(gauss, value) ** 2).sum(axis=1)
    away = value - gauss.mean
    assert squares == pytest.approx(np.einsum("ni,nij,nj->n", away, np.linalg.inv(gauss.covariance), away))


def test_a_level_below_the_limit_counts_by_its_chance():
    sd = np.sqrt(np.log1p(0.15**2))
    expected = np.array([[0.05, 0.2]])
    got = _levels(expected, np.array([0.1, 0.2]), np.array([True, False]), 0.15)
    assert got[0] == pytest.approx(norm.logcdf(np.log(2.0) / sd) + norm.logpdf(0.0) - np.log(sd))


def test_too_little_is_refused():
    few = Observations(np.arange(3), np.array(["nrs"] * 3), np.ones(3), np.zeros(3, bool))
    with pytest.raises(ConfigError, match="3 observations are too few"):
        check(few, 10)
    below = Observations(np.arange(12), np.array(["csf"] * 12), np.ones(12), np.ones(12, bool))
    with pytest.raises(ConfigError, match="below the limit"):
        check(below, 10)
