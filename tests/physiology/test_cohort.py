"""Cohorts: a patient is the same in any company, splits share nobody, and the draws are those the files state."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.parameters import Quantity
from thecal.physiology.cohort import Cohort, cohort_hash, draw, identities
from thecal.physiology.cohort_spec import cohort_names, load_cohort_spec
from thecal.physiology.fields import FIELDS
from thecal.physiology.population import shipped
from thecal.physiology.records import PATIENT_PAR

N = 4_000
COHORTS = ("cancer", "noncancer")
SITES = ("site_center", "site_community", "site_early", "site_hospice", "site_rural")
NAMED = (*COHORTS, "elderly", "five_sites", "high_oih", "opioid_tolerant", "renal", "spasticity", *SITES)
SPLITS = ("train", "tune", "test")
# Multiples from the unit a file uses to the unit of the record.
SCALE = {
    ("mL/min", "mL/h"): 60.0, ("cm**2/s", "cm**2/h"): 3600.0, ("1/min", "1/h"): 60.0, ("minute", "hour"): 1 / 60,
    ("day", "hour"): 24.0, ("1/day", "1/h"): 1 / 24, ("nrs/month", "nrs/h"): 12 / (365.25 * 24),
    ("1/year", "1/h"): 1 / (365.25 * 24),
}  # fmt: skip


def _draw(name: str = "cancer", n: int = 50, *, drug: str = "morphine", split: str = "train", seed: int = 3) -> Cohort:
    return draw(load_cohort_spec(name), (drug,), np.arange(n), split, seed)


@pytest.fixture(scope="module", params=COHORTS)
def large(request: pytest.FixtureRequest) -> Cohort:
    return _draw(request.param, N)


# --------------------------------------------------------------------------------------------------------------- identity


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 2**40 - 1), min_size=1, max_size=12, unique=True),
    st.sampled_from(SPLITS),
    st.integers(0, 2**63),
    st.randoms(),
)
def test_a_patient_is_the_same_alone_or_in_any_company(patients, split, seed, random) -> None:
    spec = load_cohort_spec("cancer")
    together = draw(spec, ("morphine",), patients, split, seed)
    order = list(range(len(patients)))
    random.shuffle(order)
    shuffled = draw(spec, ("morphine",), [patients[i] for i in order], split, seed)
    for at, i in enumerate(order):
        alone = draw(spec, ("morphine",), [patients[i]], split, seed)
        assert alone.par[0].tobytes() == together.par[i].tobytes() == shuffled.par[at].tobytes()
        for name, values in alone.covariates.items():
            assert values[0] == together.covariates[name][i] == shuffled.covariates[name][at], name


@pytest.mark.parametrize("change", [{"seed": 4}, {"split": "test"}, {"split": "tune"}])
def test_another_seed_or_split_is_another_patient(change: dict) -> None:
    one, other = _draw(), _draw(**change)
    assert not np.isin(one.par["pain_base"], other.par["pain_base"]).any()
    assert not np.isin(one.covariates["weight_kg"], other.covariates["weight_kg"]).any()
    assert cohort_hash(one) != cohort_hash(other)
    assert cohort_hash(one) == cohort_hash(_draw())


def test_another_drug_is_the_same_patient() -> None:
    one, other = _draw(), _draw(drug="hydromorphone")
    for name in set(PATIENT_PAR.names or ()) - {"drug"}:  # both are opioids, so the receptor is the same as well
        assert one.par[name].tobytes() == other.par[name].tobytes(), name
    both = draw(load_cohort_spec("cancer"), ("morphine", "hydromorphone"), range(50), "train", 3)
    assert both.par["drug"][:, 0].tobytes() == one.par["drug"][:, 0].tobytes()
    assert both.par["drug"][:, 1].tobytes() == other.par["drug"][:, 0].tobytes()
    assert (both.par["n_drugs"] == 2).all()


def test_the_records_carry_their_identity() -> None:
    cohort = _draw(split="tune")
    assert (cohort.par["seed"] == 3).all()
    assert cohort.par["patient"].tolist() == cohort.ids.tolist()
    assert len(cohort) == 50
    assert (cohort.split, cohort.spec.name) == ("tune", "cancer")


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 2**40 - 1), min_size=1, max_size=50),
    st.lists(st.integers(0, 2**40 - 1), min_size=1, max_size=50),
)
def test_splits_share_nobody(one: list[int], other: list[int]) -> None:
    ids = [set(identities(patients, split).tolist()) for split in SPLITS for patients in (one, other)]
    for a, first in enumerate(SPLITS):
        for b, second in enumerate(SPLITS):
            if first != second:
                assert not (ids[2 * a] | ids[2 * a + 1]) & (ids[2 * b] | ids[2 * b + 1])
    assert len(set(identities(one, "train").tolist())) == len(set(one))


@pytest.mark.parametrize("patients", [[-1], [0, 2**40], [2**62], [2**70]])
def test_an_index_outside_a_split_is_refused(patients: list[int]) -> None:
    with pytest.raises(ConfigError, match="between 0 and"):
        identities(patients, "train")


def test_what_cannot_be_drawn_is_refused() -> None:
    spec = load_cohort_spec("cancer")
    with pytest.raises(ConfigError, match="'valid' is not one of train, tune, test"):
        identities([1], "valid")
    for drugs in ((), ("morphine",) * 4):
        with pytest.raises(ConfigError, match=f"one to 3 drugs, not {len(drugs)}"):
            draw(spec, drugs, [1], "train", 1)
    with pytest.raises(UnknownNameError, match="unknown cohort 'healthy'; known: cancer, elderly, .*spasticity"):
        load_cohort_spec("healthy")
    with pytest.raises(ConfigError, match="names each drug once, not morphine, morphine"):
        draw(spec, ("morphine", "morphine"), [1], "train", 1)
    assert len(draw(spec, ("morphine",), [], "train", 1)) == 0


@pytest.mark.parametrize("patients", [[0.5], [1.0], [True], [math.nan], [[1]], ["1"], 3])
def test_indices_that_are_no_list_of_whole_numbers_are_refused(patients) -> None:
    with pytest.raises(ConfigError, match="a list of whole numbers"):
        identities(patients, "train")


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, math.nan, "1", None])
def test_a_seed_that_is_no_whole_number_of_64_bits_is_refused(seed) -> None:
    with pytest.raises(ConfigError, match="a cohort seed must"):
        draw(load_cohort_spec("cancer"), ("morphine",), [1], "train", seed)


def test_cohorts_are_named_and_hashed() -> None:
    assert cohort_names() == sorted(NAMED)
    specs = [load_cohort_spec(name) for name in COHORTS]
    assert [spec.name for spec in specs] == list(COHORTS)
    assert specs[0].hash != specs[1].hash
    assert specs[0].hash == load_cohort_spec("cancer").hash


# ------------------------------------------------------------------------------------------------ what the files state


def _distribution(number: Quantity, unit: str) -> Callable[[np.ndarray], np.ndarray]:
    """Distribution function of a quantity in ``unit``, from scipy."""
    scale = SCALE.get((number.unit, unit), 1.0)
    median = number.value
    low, high = number.range or (-math.inf, math.inf)
    if number.distribution == "lognormal":
        relative = number.cv if number.cv is not None else number.sd / median
        sd, center = math.sqrt(math.log(1 + relative**2)), math.log(median)
        low, high = (math.log(low) if low > 0 else -math.inf), math.log(high)
        frozen = stats.truncnorm((low - center) / sd, (high - center) / sd, center, sd)
        return lambda x: frozen.cdf(np.log(x / scale))
    assert number.distribution == "normal"
    sd = number.sd if number.sd is not None else number.cv * median
    frozen = stats.truncnorm((low - median) / sd, (high - median) / sd, median, sd)
    return lambda x: frozen.cdf(x / scale)


def test_every_field_follows_the_distribution_its_file_states(large: Cohort) -> None:
    spread = 0
    set_by_covariates = {"aa_gradient", "sbp0", "hr0", "reflex"}
    varied = {key.removeprefix("patient.") for key in shipped("variability") if key.startswith("patient.")}
    for field, (source, key, unit, _) in FIELDS.items():
        if field in set_by_covariates:
            continue
        number = (large.spec.file if source == "cohort" or key in large.spec.file else shipped(source))[key]
        values = large.par[field]
        if number.distribution is None and key in varied:
            number = shipped("variability")[f"patient.{key}"].model_copy(
                update={
                    "value": number.value,
                    "unit": number.unit,
                    "range": tuple(edge * number.value for edge in shipped("variability")[f"patient.{key}"].range),
                }
            )
        if number.distribution is None:
            np.testing.assert_allclose(
                values, number.value * SCALE.get((number.unit, unit), 1.0), rtol=1e-9, err_msg=field
            )
        else:
            spread += 1
            assert stats.kstest(values, _distribution(number, unit)).pvalue > 1e-4, field
    assert spread >= 20


@pytest.mark.parametrize(
    ("field", "cohort", "median", "log_sd"),
    [
        ("granuloma_per_h", "cancer", 0.14 / 8766, 1.5174), ("tip_flow", "cancer", 4.0, 0.2936),
        ("co2_gain", "cancer", 4.30, 0.198),
        ("distress_nrs", "cancer", 0.8, 0.4724), ("ou_sd", "noncancer", 0.7, 0.2936), ("bt_nrs", "cancer", 2.5, 0.2936),
        ("bt_nrs", "noncancer", 2.0, 0.2936), ("circ_amp", "noncancer", 0.7, 0.3853),
    ],
)  # fmt: skip
def test_medians_and_log_sds_are_recovered(field: str, cohort: str, median: float, log_sd: float) -> None:
    logs = np.log(_draw(cohort, N).par[field])
    assert math.exp(np.median(logs)) == pytest.approx(median, rel=5 * 1.25 * log_sd / math.sqrt(N))
    assert logs.std() == pytest.approx(log_sd, rel=5 / math.sqrt(2 * N))


def test_losses_and_dispersion_of_the_csf_go_together(large: Cohort) -> None:
    """The stroke volume (CV 20 %) dilutes what is seen of the dispersion (CV 30 %): 0.83 of 0.2."""
    par, c = large.par, large.covariates
    pulse = par["hr0"] / 76.0 * (par["rr0"] / 14.0) ** 0.3
    # Exchange is D A / dx with A = V / dx, and dx goes with height.
    dispersion = par["g_node"][:, 10] * c["height_cm"] ** 2 / par["v_node"][:, 10] / pulse
    rho = stats.spearmanr(par["drug"]["k_csf_loss"][:, 0], dispersion).statistic
    assert 2.0 * math.sin(math.pi * rho / 6.0) == pytest.approx(0.83 * 0.2, abs=4.5 / math.sqrt(N))


def test_analgesic_and_central_sensitivity_go_together(large: Cohort) -> None:
    """After what genes, age and co-medication do; the factor of the brainstem's own EC50 (CV 20 %) dilutes 0.5 a little."""
    drug, c = large.par["drug"][:, 0], large.covariates
    genes = np.where(c["oprm1_118g"], 1.3, 1.0) * 0.92 ** (c["comt_met"] - 1.0)
    central = np.exp(-0.011 * (c["age_y"] - 55.0))
    for name, factor in (("sleep_apnea", 0.7), ("benzodiazepine", 0.85), ("gabapentinoid", 0.92)):
        central = central * np.where(c[name], factor, 1.0)
    rho = stats.spearmanr(drug["ec50"] / genes, drug["ec50_bs"] / central).statistic
    assert 2.0 * math.sin(math.pi * rho / 6.0) == pytest.approx(0.475, abs=4.5 / math.sqrt(N))


def test_covariates_follow_the_file(large: Cohort) -> None:
    found, file = large.covariates, large.spec.file
    for name, key in (("age_y", "age"), ("bmi", "bmi"), ("medd_mg_per_d", "medd")):
        assert stats.kstest(found[name], _distribution(file[f"covariates.{key}"], "")).pvalue > 1e-4, name
    assert found["male"].mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(N))
    assert found["oprm1_118g"].mean() == pytest.approx(0.22, abs=4 * 0.42 / math.sqrt(N))
    for sex, mean in ((True, 176.0), (False, 163.0)):
        assert found["height_cm"][found["male"] == sex].mean() == pytest.approx(mean, abs=0.8)
    np.testing.assert_allclose(found["weight_kg"], found["bmi"] * (found["height_cm"] / 100) ** 2)
    assert large.par["channel"]["tol_prior"][:, 0].tolist() == pytest.approx(
        np.log(1 + found["medd_mg_per_d"] / 40.0).tolist()
    )


def test_covariates_go_together_as_stated(large: Cohort) -> None:
    """Numbers by ranks; a flag by the share of carriers in the upper and the lower half of the number."""
    c = large.covariates
    rho = stats.spearmanr(c["age_y"], c["medd_mg_per_d"]).statistic
    assert 2.0 * math.sin(math.pi * rho / 6.0) == pytest.approx(-0.2, abs=4.5 / math.sqrt(N))
    for number, flag in (("age_y", "antihypertensive"), ("bmi", "sleep_apnea")):
        upper = c[number] > np.median(c[number])
        assert c[flag][upper].mean() > 1.5 * c[flag][~upper].mean()
    assert c["antihypertensive"].mean() == pytest.approx(0.3, abs=4 * 0.46 / math.sqrt(N))


def test_creatinine_is_that_of_a_man_times_sex_and_size(large: Cohort) -> None:
    """The file states the creatinine of a man of 70 kg: women make 0.8 of it, and size counts by a power of 0.35."""
    c = large.covariates
    limit = 1.2 * 22.0 * (c["height_cm"] / 100) ** 2
    lean = np.minimum(c["weight_kg"], limit + 0.4 * (c["weight_kg"] - limit))
    usual = c["creatinine_mg_per_dl"] / np.where(c["male"], 1.0, 0.8) / (lean / 70.0) ** 0.35
    assert stats.kstest(usual, _distribution(large.spec.file["covariates.creatinine"], "")).pvalue > 1e-4
    formula = (140 - c["age_y"]) * lean / (72 * c["creatinine_mg_per_dl"]) * np.where(c["male"], 1.0, 0.85)
    np.testing.assert_allclose(c["crcl_ml_per_min"], np.clip(formula, 1.0, 200.0))


def test_breakthrough_episodes_come_while_awake(large: Cohort) -> None:
    per_day = large.par["bt_rate_per_h"] * (large.par["sleep_h"] - large.par["wake_h"])
    assert stats.kstest(per_day, _distribution(large.spec.file["pain.episodes"], "")).pvalue > 1e-4
