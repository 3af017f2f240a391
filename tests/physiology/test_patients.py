"""Drawn patients: every number finite and physical, anatomy that adds up, starting doses by rule, a truthful description."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.core.errors import ConfigError
from thecal.core.layout import LEVELS, SENSORS
from thecal.physiology.cohort import Cohort, describe, draw
from thecal.physiology.cohort_spec import cohort_names, load_cohort_spec
from thecal.physiology.drug_records import CHANNEL_PAR, DRUG_PAR
from thecal.physiology.geometry import exchange_flows
from thecal.physiology.population import drug_names, sampler, shipped
from thecal.physiology.records import PATIENT_PAR
from thecal.physiology.regimen import advance, begin
from thecal.physiology.variability import drug_spreads

N = 4_000
COHORTS = ("cancer", "noncancer")
# Field: what no patient leaves, in the unit of the record.
RANGES: dict[str, tuple[float, float]] = {
    "v_node": (0.3, 250), "cranial_out": (4, 60), "k_bulk": (0, 0.2), "cranial_loss": (0, 1), "tip_ml": (0.5, 5),
    "tip_flow": (0.5, 20), "jet_ml": (0.01, 1), "jet_flow": (0.1, 10), "push": (0, 10), "oih_max": (0, 5),
    "oih_ec50": (0.1, 1_000), "oih_hill": (0.5, 5), "oih_tau_on_h": (24, 9_000),
    "oih_tau_off_h": (24, 9_000), "occ_pain_sd": (0, 0.5), "occ_central_sd": (0, 0.5), "occ_correlation": (-1, 1),
    "occ_tau_h": (24, 500), "rebound": (0.3, 3), "pain_base": (0.4, 10), "pain_trend_per_h": (-0.01, 0.01),
    "neuropathic": (0, 1), "circ_amp": (0, 5), "circ_peak_h": (0, 48), "ou_sd": (0, 4), "ou_tau_h": (1, 100),
    "bt_rate_per_h": (0, 1.5), "bt_nrs": (0.3, 10), "bt_rise_h": (0.05, 1), "bt_length_h": (0.1, 5), "placebo": (0, 0.5),
    "placebo_tau_h": (24, 9_000), "press_nrs": (3, 9), "press_every_h": (0.25, 6), "wake_h": (4, 10), "sleep_h": (20, 24),
    "distress_tau_h": (24, 1_000), "distress_nrs": (0, 3), "function_tau_h": (12, 500), "ashworth0": (1, 5),
    "spasm0": (0, 4), "spasm_circ": (0, 0.5), "spasm_peak_h": (0, 24), "spasm_nrs": (0, 10), "rr0": (8, 24),
    "paco2_0": (30, 50), "co2_gain": (1, 12), "k_co2": (1, 20), "aa_gradient": (1, 60), "rr_power": (0.1, 1),
    "apnea": (0, 0.3), "nausea_tau_h": (12, 1_000), "gut_tau_h": (12, 500), "cog_on_tau_h": (4, 100),
    "cog_off_tau_h": (24, 500), "psychosis_at": (0.4, 1), "endocrine_tau_h": (6, 9_000),
    "granuloma_per_h": (0, 1), "granuloma_fade_h": (100, 9_000), "infection_per_h": (0, 1e-4), "infection_h": (24, 1_000),
    "hr0": (45, 120), "sbp0": (90, 180), "map0": (60, 140), "act_hr": (0, 40), "act_sbp": (0, 40), "sed_hr": (0, 30),
    "sed_sbp": (0, 40), "s_rest": (-3, 6), "s_gain_pain": (-1, 2), "s_gain_sed": (-1, 1), "s_noise": (0, 15),
    "s_motion": (0, 2), "s_drift": (0, 5), "s_drift_tau_h": (1, 500), "s_tau_h": (0, 1), "s_drop_per_h": (0, 1),
    "s_drop_h": (0, 5), "s_stuck": (0, 1), "nrs_noise": (0, 3), "nrs_every_h": (0.25, 24), "nrs_skip": (0, 1),
    "nrs_skip_slope": (0, 2), "poss_error": (0, 0.5), "sleep_paco2": (0, 6), "rr_swing": (0, 0.2),
    "rr_swing_tau_h": (0.1, 12), "act_dbp": (0, 20), "reflex": (0.2, 100), "tone_hr": (0, 10), "tone_sbp": (0, 15),
    "tone_hrv": (0, 0.5), "tone_tau_h": (0.1, 12), "night_hr": (0, 20), "night_dip": (0, 0.25), "night_hrv": (0, 1),
    "nal_mg": (0.1, 10), "nal_half_mg": (0.1, 5), "nal_tau_h": (0.5, 3), "pressor_share": (0, 1), "exchange_ml": (5, 100),
    "wean_drive": (0.2, 1), "wean_fall": (0.05, 0.4), "granuloma_mg_per_ml": (0.1, 50), "granuloma_mg_per_d": (0.1, 50),
    "distress_felt": (0, 0.5), "death_per_h": (0, 1e-3), "reset": (0, 1), "reset_tau_h": (0.25, 48),
    "rr_days": (0, 3), "tone_night": (0.5, 3), "day_sbp": (0, 15), "day_tau_h": (1, 500), "obstruction": (0, 5),
    "drug_lax": (0, 5), "drug_lax_half": (0.01, 1),
}  # fmt: skip
DRUG_RANGES = {
    "k_uptake": (0.01, 20), "k_return": (0.01, 10), "k_cord_loss": (1e-3, 20), "k_csf_loss": (0.01, 20),
    "v_plasma_ml": (1e3, 1_500e3), "k10": (0.01, 30), "renal": (0, 1), "k12": (0.01, 10), "k21": (0.01, 10), "ke0_dh": (0.02, 80),
    "ke0_bs": (0.02, 40), "ke0_pl": (0.02, 40), "ec50": (1e-4, 100), "ec50_bs": (1e-4, 1e3), "ec50_pl": (1e-6, 20),
    "efficacy": (1, 100), "granuloma": (0, 10), "jet_shift": (-3, 3), "tol_share": (0.3, 1),
}  # fmt: skip
NOT_DRAWN = {
    "seed", "patient", "structure", "n_drugs", "drug", "n_channels", "channel", "last_node", "g_node", "q_node", "w_pain",
    "life", "tip_node", "lumbar_node", "sym_first", "sym_last", "mot_first", "mot_last",
}  # fmt: skip
PREPARED = {
    "pain_first", "pain_last", "sym_ml", "mot_ml", "mu_channel", "block_channel", "oih_on_share", "oih_off_share", "nausea_share",
    "gut_share", "cog_on_share", "cog_off_share", "endocrine_share", "distress_share", "function_share",
    "infection_chance", "death_chance", "tone_keep", "tone_kick", "rhythm_keep", "rhythm_kick", "nal_keep",
    "ou_keep", "ou_kick", "s_share", "s_drift_keep", "s_drift_kick", "s_drop_chance", "s_any_drop", "reset_share",
}  # fmt: skip
METABOLITES = {name for name in DRUG_PAR.names or () if "m6g" in name or "m3g" in name}
DRUG_REST = {"channel", "spinal", "ec50_sym", "ec50_mot", "ec50_pressor", "potency", "load", "step"} | METABOLITES


def _draw(name: str = "cancer", n: int = 50, *, drug: str = "morphine", seed: int = 3) -> Cohort:
    return draw(load_cohort_spec(name), (drug,), np.arange(n), "train", seed)


@pytest.fixture(scope="module", params=COHORTS)
def large(request: pytest.FixtureRequest) -> Cohort:
    return _draw(request.param, N)


@pytest.mark.parametrize("name", [*COHORTS, "elderly", "renal", "opioid_tolerant", "high_oih", "spasticity"])
@settings(max_examples=10)
@given(seed=st.integers(0, 2**64 - 1), drug=st.sampled_from(drug_names()))
def test_every_number_of_a_patient_is_finite_and_physical(name: str, seed: int, drug: str) -> None:
    par = _draw(name, 200, drug=drug, seed=seed).par
    assert set(DRUG_PAR.names or ()) == set(DRUG_RANGES) | DRUG_REST
    for field in CHANNEL_PAR.names or ():
        assert np.isfinite(par["channel"][field]).all(), field
        assert (par["channel"][field] >= 0).all(), field
    assert set(PATIENT_PAR.names or ()) == set(RANGES) | NOT_DRAWN | PREPARED
    for field, (low, high) in RANGES.items():
        assert np.isfinite(par[field]).all(), field
        assert low <= par[field].min() <= par[field].max() <= high, (field, par[field].min(), par[field].max())
    for field, (low, high) in DRUG_RANGES.items():
        values = par["drug"][field][:, 0]
        assert low <= values.min() <= values.max() <= high, (field, values.min(), values.max())
    assert ((par["g_node"][:, :-1] > 0.1) & (par["g_node"][:, :-1] < 5_000)).all()
    assert (par["g_node"][:, -1] == 0).all()
    assert (par["wake_h"] < par["sleep_h"]).all()


def test_csf_volume_is_shared_out_by_region(large: Cohort) -> None:
    volume = large.par["v_node"]
    spinal = volume[:, 1:].sum(axis=1)
    region = np.array([name[0] for name in LEVELS])
    for letter, share in (("C", 0.18), ("L", 0.30), ("S", 0.14), ("T", 0.38)):
        np.testing.assert_allclose(volume[:, 1:][:, region == letter].sum(axis=1), share * spinal)
    np.testing.assert_allclose(large.covariates["csf_ml"], volume.sum(axis=1))
    c = large.covariates
    at_reference = spinal / (c["height_cm"] / 170) / (c["bmi"] / 26.0) ** -0.9
    assert 55 <= at_reference.min() <= at_reference.max() <= 170
    assert np.median(at_reference) == pytest.approx(100, rel=0.03)


def test_a_bigger_body_dilutes_and_clears_more() -> None:
    cohort = _draw(n=200)
    size = cohort.covariates["weight_kg"] / 70.0
    drug = cohort.par["drug"][:, 0]
    own = drug_spreads(sampler(3, cohort.ids))
    volume, clearance = own["v_plasma_ml"], own["clearance"]
    np.testing.assert_allclose(drug["v_plasma_ml"], 80e3 * size * volume)
    kidneys = 0.9 + 0.1 * np.minimum(1.5, cohort.covariates["crcl_ml_per_min"] / 100.0)
    np.testing.assert_allclose(drug["k10"], 85.0 / 80.0 * size**0.75 / size * kidneys * clearance / volume)


def test_sensitivity_and_clearance_are_the_patients_own() -> None:
    cohort = draw(load_cohort_spec("cancer"), ("morphine", "hydromorphone"), range(50), "train", 3)
    drugs = cohort.par["drug"]
    files = shipped("drugs/morphine"), shipped("drugs/hydromorphone")
    for field, key in (
        ("ec50", "effect.ec50"),
        ("ec50_bs", "effect.ec50_brainstem"),
        ("k_csf_loss", "transport.csf_loss"),
    ):
        ratio = files[0][key].value / files[1][key].value
        np.testing.assert_allclose(drugs[field][:, 0] / drugs[field][:, 1], ratio, err_msg=field)
    # Plasma and brainstem share the patient's sensitivity; the brainstem has a factor of its own on top.
    own = drug_spreads(sampler(3, cohort.ids))["ec50_bs"]
    usual = files[1]["effect.ec50_plasma"].value / files[1]["effect.ec50_brainstem"].value
    np.testing.assert_allclose(drugs["ec50_pl"][:, 1] / drugs["ec50_bs"][:, 1] * own, usual)


def test_carriers_of_the_g_allele_need_more(large: Cohort) -> None:
    ec50, carrier = large.par["drug"]["ec50"][:, 0], large.covariates["oprm1_118g"]
    ratio = np.median(ec50[carrier]) / np.median(ec50[~carrier])
    assert ratio == pytest.approx(1.3, rel=0.12)


def test_sensors_are_filled_in_their_order() -> None:
    par = _draw(n=1).par[0]
    file = shipped("sensors")
    for k, name in enumerate(SENSORS):
        assert par["s_noise"][k] == pytest.approx(file[f"{name}.noise"].value)
        assert par["s_tau_h"][k] == pytest.approx(file[f"{name}.lag"].value / 60)
        assert par["s_drop_h"][k] == pytest.approx(file[f"{name}.dropout_length"].value)
    assert 0.6 * par["sbp0"] < par["map0"] < 0.8 * par["sbp0"]


def test_exchange_flows_by_hand() -> None:
    """A mixed cranial node, then cells of 4 mL over 2 cm and 6 mL over 3 cm (2 cm² each) with D 10 and 20 cm²/h.

    Half-cells: 1 cm / (10 x 2) = 0.05 and 1.5 cm / (20 x 2) = 0.0375 h/mL.
    """
    flows = exchange_flows(np.array([[60.0, 4.0, 6.0]]), np.array([[0.0, 2.0, 3.0]]), np.array([[1.0, 10.0, 20.0]]))
    np.testing.assert_allclose(flows, [[1 / 0.05, 1 / 0.0875, 0.0]])


def test_exchange_flows_of_equal_cells_are_d_a_over_dx() -> None:
    volume, length = np.full((2, 5), 3.0), np.full((2, 5), 1.5)
    flows = exchange_flows(volume, length, np.array([[6.0] * 5, [12.0] * 5]))
    np.testing.assert_allclose(flows[:, :-1], [[6.0 * 2.0 / 1.5] * 4, [12.0 * 2.0 / 1.5] * 4])


@pytest.mark.parametrize(("cohort", "drug", "share"), [
    ("cancer", "morphine", 1.0), ("noncancer", "morphine", 0.5), ("cancer", "hydromorphone", 0.2),
    ("noncancer", "hydromorphone", 0.1),
])  # fmt: skip
def test_the_starting_dose_is_a_300th_of_the_oral_dose(cohort: str, drug: str, share: float) -> None:
    potency = 5.0 if drug == "hydromorphone" else 1.0
    drawn = _draw(cohort, 500, drug=drug).covariates
    expected = np.clip(1000 * drawn["medd_mg_per_d"] / 300 * share * potency, 200, 10_000) / potency
    if drug == "hydromorphone":
        expected = np.maximum(15.0, expected)
    np.testing.assert_allclose(drawn["start_dose_ug_per_d"], expected)


def test_nobody_cannot_be_described() -> None:
    with pytest.raises(ConfigError, match="without patients"):
        describe(_draw(n=0))


def test_the_description_is_ordered_and_of_the_cohort(large: Cohort) -> None:
    rows = describe(large)
    assert {
        "age_y",
        "bmi",
        "male",
        "medd_mg_per_d",
        "csf_ml",
        "start_dose_ug_per_d",
        "pain_base",
        "ec50_ug_per_ml",
    } <= set(rows)
    for name, row in rows.items():
        assert row["min"] <= row["q1"] <= row["median"] <= row["q3"] <= row["max"], name
        assert row["min"] <= row["mean"] <= row["max"], name
    assert rows["age_y"]["median"] == np.median(large.covariates["age_y"])
    assert rows["male"]["mean"] == pytest.approx(large.covariates["male"].mean())
    assert rows["pain_base"]["q3"] == np.quantile(large.par["pain_base"], 0.75)
    episodes = {"cancer": 3.0, "noncancer": 1.5}[large.spec.name]
    assert rows["bt_per_day"]["median"] == pytest.approx(episodes, rel=0.1)


@pytest.mark.parametrize("name", cohort_names())
def test_untreated_patients_hurt_but_breathe_and_stay_awake(name: str) -> None:
    par = draw(load_cohort_spec(name), ("morphine",), np.arange(300), "test", 2025).par.copy()
    course = advance(par, begin(par), 48.0)
    assert course["depressed"].max() == 0.0
    assert course["sedation"].max() == 0.0
    assert course["relief"].max() == 0.0
    assert course["dead"].max() == 0.0
    # Placebo takes a little; spasms, where there are any, hurt on top.
    assert course["pain"].mean() > 0.8 * course["pain_latent"].mean()
