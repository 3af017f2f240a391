"""Spreads of variability.toml and correlations of correlations.toml, as the drawn patients show them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from thecal.core.parameters import Quantity
from thecal.physiology.cohort import Cohort, draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.known_keys import known_keys
from thecal.physiology.population import sampler, shipped
from thecal.physiology.random_effects import EFFECTS
from thecal.physiology.sampling import Sampler, correlation_matrix

N = 5_000
# Field of a drug or receptor: its number in the file of morphine or mu, and the spread that patients must show.
SPREADS = {
    ("drug", "k_uptake"): ("transport.uptake", "1/h", 0.30), ("drug", "k_return"): ("transport.return", "1/h", 0.30),
    ("drug", "ke0_dh"): ("effect.ke0_dorsal", "1/h", 0.35), ("drug", "ke0_bs"): ("effect.ke0_brainstem", "1/h", 0.35),
    ("drug", "ke0_pl"): ("effect.ke0_plasma", "1/h", 0.30), ("channel", "hill"): ("analgesia.hill", "dimensionless", 0.29),
    ("channel", "hill_resp"): ("breathing.hill", "dimensionless", 0.12),
    ("channel", "hill_sed"): ("sedation.hill", "dimensionless", 0.15),
    ("channel", "tol_fast_tau_h"): ("tolerance.fast_tau", "hour", 0.40),
    ("channel", "tol_slow_tau_h"): ("tolerance.slow_tau", "hour", 0.40),
    ("channel", "wd_gain"): ("withdrawal.gain", "dimensionless", 0.30),
    ("channel", "dep_tau_h"): ("withdrawal.dependence_tau", "hour", 0.30),
    ("channel", "wd_tau_h"): ("withdrawal.tau", "hour", 0.35),
}  # fmt: skip


@pytest.fixture(scope="module")
def large() -> Cohort:
    return draw(load_cohort_spec("noncancer"), ("morphine",), np.arange(N), "train", 3)


@pytest.mark.parametrize(("record", "field"), SPREADS)
def test_patients_differ_in_every_rate_and_slope(record: str, field: str, large: Cohort) -> None:
    key, unit, cv = SPREADS[record, field]
    typical = shipped("drugs/morphine" if record == "drug" else "receptors/mu").get_in(key, unit)
    values = large.par[record][field][:, 0]
    assert np.median(values) == pytest.approx(typical, rel=0.03)
    # Truncation at the edges of the range takes a little.
    assert 0.85 * cv < values.std() / values.mean() < 1.06 * cv


def test_plasma_clearance_differs_beyond_weight(large: Cohort) -> None:
    drug = large.par["drug"][:, 0]
    beyond = drug["k10"] * drug["v_plasma_ml"] / large.covariates["weight_kg"] ** 0.75
    assert 0.25 < beyond.std() / beyond.mean() < 0.35


def _cdf(number: Quantity):
    sd = math.sqrt(math.log(1 + number.cv**2))
    center = math.log(number.value)
    low, high = (math.log(edge) for edge in number.range)
    frozen = stats.truncnorm((low - center) / sd, (high - center) / sd, center, sd)
    return lambda x: frozen.cdf(np.log(x))


def test_a_receptor_draws_the_spread_that_is_stated() -> None:
    """Of gaba_b: what its file leaves open is drawn by the factor, what it states by the file."""
    par = draw(load_cohort_spec("spasticity"), ("baclofen",), np.arange(N), "train", 3).par["channel"][:, 0]
    spreads, file = shipped("variability"), shipped("receptors/gaba_b")
    for field, key in (("hill_mot", "legs.hill"), ("hill_sym", "circulation.hill"), ("wd_gain", "withdrawal.gain")):
        factor = par[field] / file[key].value
        assert stats.kstest(factor, _cdf(spreads[f"receptor.{key}"])).pvalue > 1e-4, key
    spread = np.log(par["ec50_sed_ratio"]).std()
    assert spread == pytest.approx(math.sqrt(math.log(1 + 0.3**2)), rel=0.25)  # benzodiazepines add to it


def test_a_patient_is_as_fast_with_every_drug() -> None:
    par = draw(load_cohort_spec("cancer"), ("morphine", "fentanyl", "bupivacaine"), np.arange(50), "train", 3).par
    for field, key in {"ke0_dh": "effect.ke0_dorsal", "k_uptake": "transport.uptake"}.items():
        usual = [shipped(f"drugs/{drug}")[key].value for drug in ("morphine", "fentanyl", "bupivacaine")]
        own = par["drug"][field] / np.array(usual)
        np.testing.assert_allclose(own, own[:, :1].repeat(3, axis=1), err_msg=field)
    assert abs(np.corrcoef(par["channel"]["hill"][:, :2].T)[0, 1]) < 0.6  # each receptor has a slope of its own


def test_an_effect_that_is_added_changes_no_earlier_draw() -> None:
    ids = np.arange(50, dtype=np.uint64)
    names = list(EFFECTS)
    matrix = correlation_matrix(shipped("correlations"), names)
    full = Sampler(3, ids, names, matrix)
    for n in (1, 9, len(names) - 1):
        fewer = Sampler(3, ids, names[:n], matrix[:n, :n])
        for name in names[:n]:
            assert fewer.normal(name).tobytes() == full.normal(name).tobytes(), name


def test_every_stated_correlation_is_drawn_and_no_other() -> None:
    names = list(EFFECTS)
    stated = correlation_matrix(shipped("correlations"), names)
    assert np.linalg.eigvalsh(stated)[0] > 0.05
    draws = sampler(3, np.arange(20_000, dtype=np.uint64))
    found = np.corrcoef([draws.normal(name) for name in names])
    np.testing.assert_allclose(found, stated, atol=4.6 / math.sqrt(20_000))


@pytest.mark.parametrize(
    ("one", "other", "r"),
    [
        ("analgesia", "breathing", 0.5), ("fast", "slow", 0.5), ("slow", "hyperalgesia", 0.3), ("age", "production", -0.35),
        ("uptake", "ke0_cord", 0.4), ("ke0_cord", "ke0_brainstem", 0.5), ("plasma_clearance", "plasma_volume", 0.35),
        ("male", "sleep_apnea", 0.3), ("male", "nausea", 0.25), ("fast", "withdrawal", 0.3), ("medd", "fast", 0.2),
        ("responsiveness", "fast", -0.2), ("paco2", "co2_gain", -0.3), ("heart_rate", "systolic", 0.15),
        ("antihypertensive", "creatinine", 0.25), ("baseline", "medd", 0.2), ("age", "antihypertensive", 0.4),
    ],
)  # fmt: skip
def test_what_goes_together_is_stated(one: str, other: str, r: float) -> None:
    names = list(EFFECTS)
    assert correlation_matrix(shipped("correlations"), names)[names.index(one), names.index(other)] == r


def test_the_patients_show_the_correlations(large: Cohort) -> None:
    """Ranks of the records themselves, where no covariate comes between: r = 2 sin(pi rho / 6) for normal draws."""
    drug, mu, par = large.par["drug"][:, 0], large.par["channel"][:, 0], large.par
    # Age weakens the tolerance of those above the reference age: its factor is taken out first.
    covariates = shipped("covariates")
    older = np.maximum(0.0, large.covariates["age_y"] - covariates.get_in("reference.age", "year"))
    fast = mu["tol_fast_max"] / np.exp(covariates.get_in("age.opioid_tolerance", "1/year") * older)
    shown = {
        ("ke0_dh", "ke0_bs"): (drug["ke0_dh"], drug["ke0_bs"], 0.5),
        ("k_uptake", "ke0_dh"): (drug["k_uptake"], drug["ke0_dh"], 0.4),
        ("fast", "withdrawal"): (fast, mu["wd_gain"], 0.3),
        ("fast_tau", "slow_tau"): (mu["tol_fast_tau_h"], mu["tol_slow_tau_h"], 0.4),
        ("medd", "fast"): (large.covariates["medd_mg_per_d"], fast, 0.2),
        ("baseline", "medd"): (par["pain_base"], large.covariates["medd_mg_per_d"], 0.2),
        ("age", "production"): (large.covariates["age_y"], large.covariates["csf_production_ml_per_h"], -0.35),
        ("paco2", "co2_gain"): (par["paco2_0"], par["co2_gain"], -0.3),
        ("medd", "hyperalgesia"): (large.covariates["medd_mg_per_d"], par["oih_max"], 0.25),
    }
    for pair, (one, other, r) in shown.items():
        rho = float(stats.spearmanr(one, other).statistic)
        assert 2.0 * math.sin(math.pi * rho / 6.0) == pytest.approx(r, abs=4.5 / math.sqrt(N)), pair


def test_every_factor_of_the_spreads_is_one_at_its_median() -> None:
    file = shipped("variability")
    assert set(file) <= (known_keys("variability") or set())
    for key, number in file.items():
        if not key.startswith("occasion."):
            assert number.value == 1.0, key
            assert number.range is not None, key
            assert number.range[0] < 1.0 < number.range[1], key
