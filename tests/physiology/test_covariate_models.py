"""Covariates: each one moves the parameters it should, by the stated factor, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import NODES
from thecal.physiology.cohort import identities
from thecal.physiology.covariate_models import creatinine_clearance, creatinine_factor, renal_factor
from thecal.physiology.covariates import COVARIATES, DIAGNOSES
from thecal.physiology.population import constant, sampler, shipped
from thecal.physiology.regimen import advance, begin
from thecal.physiology.variability import drug_spreads

from support.bodies import calm, hold, naive
from support.charts import REFERENCE, charts, moved


def number(key, unit="dimensionless"):
    return constant(shipped("covariates"), key, unit)


# Pressure and heart rate at rest follow age, sex, size and treatment, and the pulse of the CSF follows the heart.
CIRCULATION = {"sbp0", "map0", "hr0", "g_node"}


def own(field):
    """The patient's own factor on a field of every drug."""
    return drug_spreads(sampler(5, identities([0], "test")))[field][0]


def assert_moves(drugs, expected, **change):
    """Exactly the fields of ``expected`` move, each by its factor, apart from the circulation."""
    found = {name: factor for name, factor in moved(drugs, **change).items() if name not in CIRCULATION}
    assert set(found) == set(expected)
    for name, factor in expected.items():
        np.testing.assert_allclose(found[name], factor, rtol=1e-9, err_msg=name)


def test_the_reference_covariates_give_the_files_own_patient():
    assert set(REFERENCE) == set(COVARIATES)
    par = charts(["morphine"], {})[0]
    file = shipped("drugs/morphine")
    clearance = file.get_in("plasma.clearance", "mL/h")
    assert par["drug"]["v_plasma_ml"][0] == pytest.approx(
        file.get_in("plasma.v_central", "mL") * own("v_plasma_ml"), rel=1e-12
    )
    assert par["drug"]["k10"][0] * par["drug"]["v_plasma_ml"][0] == pytest.approx(
        clearance * own("clearance"), rel=1e-12
    )
    assert par["apnea"] == 0.0


def test_age_makes_the_brain_more_sensitive_and_the_lungs_worse():
    years = 5.0
    central = np.exp(number("age.central_ec50", "1/year") * years)
    slope = number("age.aa_gradient", "1/year")
    lungs = (1.0 + slope * 15.0) / (1.0 + slope * 10.0)
    assert central < 1.0 < lungs
    # Ziconotide does not depend on the kidneys, which age as well.
    assert_moves(
        ["ziconotide"],
        {
            "drug0.ec50_bs": central,
            "drug0.ec50_pl": central,
            "aa_gradient": lungs,
            "reflex": np.exp(number("age.reflex", "1/year") * years),
        },
        age_y=55.0 + years,
    )


def test_age_weakens_tolerance_to_opioids_and_to_nothing_else():
    per_year = number("age.opioid_tolerance", "1/year")
    assert per_year < 0.0
    old, young = ({"age_y": age} for age in (75.0, 35.0))
    par = charts(["morphine", "baclofen"], {}, old, young)["channel"]["tol_fast_max"]
    np.testing.assert_allclose(par[1][:2] / par[0][:2], [np.exp(20.0 * per_year), 1.0], rtol=1e-12)
    np.testing.assert_allclose(par[2][:2] / par[0][:2], 1.0, rtol=1e-12)  # nothing below the reference age


def test_a_block_lowers_the_pressure_of_the_old_further():
    par = charts(["bupivacaine"], {"age_y": 40.0}, {"age_y": 80.0})
    state = begin(par)
    hold(par, state, sym=0.8)
    young, old = advance(par, state, 1.0)["bp_fall"][-1]
    assert old > 1.2 * young


def test_nobody_with_a_pump_is_hypoxemic_at_rest():
    par = charts(["morphine"], {"age_y": 119.0}, {"age_y": 120.0})
    assert par["aa_gradient"].tolist() == [number("age.aa_highest", "mmHg")] * 2


def test_a_childs_gas_gradient_stays_above_its_floor():
    par = charts(["morphine"], {"age_y": 45.0}, {"age_y": 1.0})
    assert par["aa_gradient"][1] / par["aa_gradient"][0] == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize("drug", ["baclofen", "clonidine", "morphine", "fentanyl"])
def test_kidneys_scale_the_clearance_by_the_share_they_remove(drug):
    share = constant(shipped(f"drugs/{drug}"), "plasma.renal_share", "dimensionless")
    assert share > 0.0
    expected = {"drug0.k10": 1.0 - share / 2, "drug0.renal": 0.5 / (1.0 - share / 2)}  # and the kidneys' own part of it
    if drug == "morphine":  # its glucuronides leave by the kidneys alone
        expected |= {"drug0.m6g_k": 0.5, "drug0.m3g_k": 0.5}
    assert_moves([drug], expected, creatinine_mg_per_dl=2.0 * REFERENCE["creatinine_mg_per_dl"])


def test_kidneys_do_not_matter_to_a_drug_they_do_not_remove():
    assert moved(["ziconotide"], creatinine_mg_per_dl=8.0) == {}
    assert_moves(["midazolam"], {}, male=False)


def test_sex_acts_through_kidneys_and_circulation_only():
    share = constant(shipped("drugs/baclofen"), "plasma.renal_share", "dimensionless")
    assert_moves(
        ["baclofen"], {"drug0.k10": 1.0 - 0.15 * share, "drug0.renal": 0.85 / (1.0 - 0.15 * share)}, male=False
    )


def test_creatinine_clearance_is_cockcroft_and_gault():
    columns = {
        "age_y": np.array([40.0, 40.0, 139.9, 20.0, 40.0]),
        "weight_kg": np.array([72.0, 72.0, 40.0, 90.0, 140.0]),
        "height_cm": np.array([180.0, 180.0, 180.0, 190.0, 170.0]),
        "creatinine_mg_per_dl": np.array([1.0, 1.0, 20.0, 0.4, 1.0]),
        "male": np.array([True, False, True, True, True]),
    }
    # The fourth is 375 by the formula; of the fifth counts 1.2 x 22 kg/m2 and 0.4 of the rest: 101.8 kg.
    fifth = 76.296 + 0.4 * (140.0 - 76.296)
    np.testing.assert_allclose(
        creatinine_clearance(columns), [100.0, 85.0, 1.0, 200.0, 100.0 * fifth / 72.0], rtol=1e-9
    )


def test_renal_factor_has_a_floor_and_a_ceiling():
    columns = {
        "age_y": np.full(3, 40.0),
        "weight_kg": np.full(3, 72.0),
        "height_cm": np.full(3, 180.0),
        "creatinine_mg_per_dl": np.array([0.1, 1.0, 20.0]),
        "male": np.ones(3, bool),
    }
    np.testing.assert_allclose(renal_factor(columns, 1.0), [1.5, 1.0, number("renal.lowest")], rtol=1e-12)
    np.testing.assert_array_equal(renal_factor(columns, 0.0), 1.0)


def test_muscle_makes_creatinine():
    """A woman makes 0.8 of a man's; fat counts in part only."""
    found = creatinine_factor(np.array([True, False, True]), np.full(3, 170.0), np.array([70.0, 70.0, 140.0]))
    lean = (76.296 + 0.4 * (140.0 - 76.296)) / 70.0
    np.testing.assert_allclose(found, [1.0, 0.8, lean ** number("creatinine.size_power")], rtol=1e-9)


def test_weight_scales_plasma_volume_and_allometric_clearance():
    # As much more creatinine as there is more weight that is not fat keeps the kidneys as they were.
    lean = (76.296 + 0.4 * (140.0 - 76.296)) / 70.0
    change = {"weight_kg": 140.0, "creatinine_mg_per_dl": lean * REFERENCE["creatinine_mg_per_dl"]}
    exponent = number("reference.clearance_exponent")
    assert_moves(["baclofen"], {"drug0.v_plasma_ml": 2.0, "drug0.k10": 2.0 ** (exponent - 1.0)}, **change)


def test_height_lengthens_the_canal_and_so_slows_exchange():
    # At the body mass index of before, which moves the heart rate, and with it the pulse of the CSF.
    found = moved(["ziconotide"], height_cm=187.0, weight_kg=70.0 * 1.1**2)
    assert set(found) == {"g_node", "drug0.k10", "drug0.v_plasma_ml"}
    np.testing.assert_allclose(found["g_node"][:-1], (170.0 / 187.0) ** 2, rtol=1e-9)


def test_spinal_csf_volume_fills_the_levels_but_not_the_head():
    found = moved(["morphine"], spinal_csf_ml=150.0)
    assert set(found) == {"v_node", "g_node", "k_bulk"}
    np.testing.assert_allclose(found["v_node"], [1.0] + [1.5] * (len(NODES) - 1), rtol=1e-9)
    np.testing.assert_allclose(found["g_node"][:-1], 1.5, rtol=1e-9)
    np.testing.assert_allclose(found["k_bulk"], 1.0 / 1.5, rtol=1e-9)


def test_csf_production_scales_every_flow_of_water():
    found = moved(["morphine"], csf_production_ml_per_h=42.0)
    assert set(found) == {"cranial_out", "q_node", "k_bulk"}
    for name in ("cranial_out", "k_bulk"):
        assert found[name] == pytest.approx(2.0, rel=1e-9)
    np.testing.assert_allclose(found["q_node"][:-1], 2.0, rtol=1e-9)


def test_diagnosis_sets_the_neuropathic_share_and_nothing_else():
    rows = charts(["morphine"], *({"diagnosis": name} for name in DIAGNOSES))
    shares = dict(zip(DIAGNOSES, rows["neuropathic"], strict=True))
    for name, share in shares.items():
        low, high = shipped("covariates")[f"neuropathic.{name}"].range
        assert low <= share <= high
    assert shares["crps"] > shares["visceral"]
    assert set(moved(["morphine"], diagnosis="crps")) == {"neuropathic"}


def test_the_painful_level_places_pain_and_tip_and_its_width():
    assert set(moved(["morphine"], pain_level="L2")) == {"w_pain", "tip_node"}
    assert set(moved(["morphine"], pain_span=3)) == {"w_pain"}
    for level, span, first, last in (
        ("L2", 0, "L2", "L2"),
        ("T10", 3, "T7", "L1"),
        ("C1", 2, "C1", "C3"),
        ("S2", 1, "S1", "S2"),
    ):
        row = charts(["morphine"], {"pain_level": level, "pain_span": span})[0]
        used = np.flatnonzero(row["w_pain"])
        assert (NODES[used[0]], NODES[used[-1]]) == (first, last)
        assert row["w_pain"].sum() == pytest.approx(1.0, rel=1e-12)
        middle = {
            tuple(row["tip_node"] - NODES.index(level) for row in charts(["morphine"], {"pain_level": level}))
            for level in ("T6", "T8", "L2")
        }
        assert len(middle) == 1  # the error of placement is the patient's own


def test_earlier_opioid_is_tolerance_of_opioid_receptors_only():
    prior = constant(shipped("adaptation"), "tolerance.prior_medd", "mg/day")
    assert_moves(["morphine"], {"channel0.tol_prior": np.log1p(200.0 / prior)}, medd_mg_per_d=200.0)
    assert_moves(["clonidine", "hydromorphone"], {"channel1.tol_prior": np.log1p(200.0 / prior)}, medd_mg_per_d=200.0)
    assert moved(["baclofen"], medd_mg_per_d=200.0) == {}


@pytest.mark.parametrize(
    ("change", "key", "power"),
    [
        ({"oprm1_118g": True}, "oprm1_118g.ec50", 1.0),
        ({"comt_met": 2}, "comt_met.ec50", 1.0),
        ({"comt_met": 0}, "comt_met.ec50", -1.0),
    ],
)
def test_genes_move_the_analgesic_ec50_of_opioids_only(change, key, power):
    factor = number(key) ** power
    assert_moves(["morphine"], {"drug0.ec50": factor}, **change)
    assert_moves(["bupivacaine", "sufentanil"], {"drug1.ec50": factor}, **change)
    assert moved(["clonidine"], **change) == {}


def test_sleep_apnea_sensitizes_the_brain_and_lowers_drive():
    factor = number("sleep_apnea.central_ec50")
    expected = {"drug0.ec50_bs": factor, "drug0.ec50_pl": factor, "apnea": number("sleep_apnea.drive")}
    assert_moves(["morphine"], expected, sleep_apnea=True)


def test_a_benzodiazepine_sensitizes_brain_and_sedation_further():
    factor = number("benzodiazepine.central_ec50")
    expected = {"drug0.ec50_bs": factor, "drug0.ec50_pl": factor}
    expected["channel0.ec50_sed_ratio"] = number("benzodiazepine.sedation_ratio")
    assert_moves(["morphine"], expected, benzodiazepine=True)


def test_a_gabapentinoid_sensitizes_the_brain_a_little():
    factor = number("gabapentinoid.central_ec50")
    assert number("benzodiazepine.central_ec50") < factor < 1.0
    assert_moves(["morphine"], {"drug0.ec50_bs": factor, "drug0.ec50_pl": factor}, gabapentinoid=True)


def test_an_antihypertensive_enlarges_the_fall_of_pressure():
    factor = 1.0 / number("antihypertensive.pressure")
    assert factor < 1.0
    assert_moves(["clonidine"], {"drug0.ec50_sym": factor}, antihypertensive=True)
    assert_moves(["morphine"], {}, antihypertensive=True)


def test_central_factors_of_several_covariates_multiply():
    names = ("sleep_apnea", "benzodiazepine", "gabapentinoid")
    found = moved(["morphine"], **dict.fromkeys(names, True))
    product = np.prod([number(f"{name}.central_ec50") for name in names])
    assert found["drug0.ec50_bs"] == pytest.approx(product, rel=1e-9)


def test_baclofen_stays_in_plasma_as_the_kidneys_fail():
    par = calm(charts(["baclofen"], {}, {"creatinine_mg_per_dl": 2.0 * REFERENCE["creatinine_mg_per_dl"]}))
    course = advance(par, begin(par), 20 * 24.0, rate_ug_per_h=10.0)
    plasma = course["plasma"][-1]
    assert plasma[1] / plasma[0] == pytest.approx(par["drug"]["k10"][0, 0] / par["drug"]["k10"][1, 0], rel=1e-6)
    np.testing.assert_allclose(course["lumbar"][-1, 1], course["lumbar"][-1, 0], rtol=1e-12)


def test_apnea_lowers_ventilation_asleep_but_not_awake():
    par = naive(calm(charts(["morphine"], {}, {"sleep_apnea": True})))
    course = advance(par, begin(par, 0.0), 24.0)
    night, noon = 8, 48
    for name in ("rr", "vent", "spo2"):  # the kidneys still give back at noon what they kept of the night's CO2
        assert course[name][night, 1] < course[name][night, 0]
        assert course[name][noon, 1] == pytest.approx(course[name][noon, 0], rel=5e-3)
    rate = (1.0 - par["apnea"][1]) ** par["rr_power"][1]
    assert course["rr"][night, 1] / course["rr"][night, 0] == pytest.approx(rate, rel=1e-9)


def test_the_same_brain_level_depresses_an_old_patient_more():
    par = naive(calm(charts(["morphine"], {"age_y": 30.0}, {"age_y": 85.0})))
    par["aa_gradient"] = 12.0
    par["drug"]["ke0_bs"] = 1e-15
    state = begin(par)
    hold(par[:1].repeat(2), state, bs=0.8)
    course = advance(par, state, 2.0)
    assert course["vent"][-1, 1] < course["vent"][-1, 0] - 0.01
    assert course["sedation"][-1, 1] > course["sedation"][-1, 0] + 0.02
