"""Harm: the mass at the tip, infection, bladder, gut, gonadal axis, cognition, legs and circulation."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.physiology.catheter_harm import LARGEST_MASS
from thecal.physiology.effect import hill
from thecal.physiology.population import drug_file
from thecal.physiology.regimen import advance, begin

from support.bodies import amount, calm, copies, drawn, held, hold, naive

DAY = 24.0
MONTH = 30 * DAY
DOSES = np.array([0.0, 0.25, 1.0, 4.0, 16.0])


def infused(mg_per_d, mg_per_ml, drug="morphine", days=30.0):
    """``(par, state, course)`` of copies of one patient under infusions of the given doses and concentrations, ``[B]``."""
    dose, strength = np.broadcast_arrays(np.asarray(mg_per_d, float), np.asarray(mg_per_ml, float))
    par = calm(copies(drawn([drug]), len(dose)))
    state = begin(par)
    rate = dose * 1000.0 / DAY
    course = advance(par, state, days * DAY, rate_ug_per_h=rate, basal_ml_per_h=rate / (1000.0 * strength))
    return par, state, course


def settled(drug, hours, *, cohort="noncancer", **sites):
    """``(par, state)`` of copies of one patient, drug-naive, after ``hours`` with sites held at multiples of their EC50."""
    par = naive(held([drug], len(DOSES), cohort=cohort))
    state = begin(par)
    hold(par, state, **sites)
    advance(par, state, hours)
    return par, state


def test_a_mass_grows_with_dose_concentration_and_time():
    par, _, course = infused([5.0, 10.0, 5.0, 10.0], [10.0, 10.0, 20.0, 20.0])
    mass = course["granuloma"]
    dose = 2.0 * (5.0 + par["granuloma_mg_per_d"][0]) / (10.0 + par["granuloma_mg_per_d"][0])
    strength = 2.0 * (10.0 + par["granuloma_mg_per_ml"][0]) / (20.0 + par["granuloma_mg_per_ml"][0])
    np.testing.assert_allclose(mass[-1] / mass[-1, 0], [1.0, dose, strength, dose * strength], rtol=1e-3)
    half = len(mass) // 2
    assert np.all(np.diff(mass[::4], axis=0) > 0.0)
    np.testing.assert_allclose(mass[-1] / mass[half], 2.0, rtol=0.1)


def test_mass_follows_its_equation_and_its_unit():
    par, _, course = infused([5.0], [10.0], days=90.0)
    fade, rate = par["granuloma_fade_h"][0], par["granuloma_per_h"][0]
    expected = rate * fade * (1.0 - np.exp(-90 * DAY / fade))
    assert course["granuloma"][-1, 0] == pytest.approx(expected, rel=2e-3)


def test_a_mass_fades_without_drug_and_a_small_one_is_harmless():
    par, state, course = infused([20.0], [20.0])
    grown = course["granuloma"][-1, 0]
    later = advance(par, state, 2 * MONTH)["granuloma"][-1, 0]
    assert later == pytest.approx(grown * np.exp(-2 * MONTH / par["granuloma_fade_h"][0]), rel=2e-3)
    assert grown < 0.6
    assert state["deficit"][0] == 0.0


@pytest.mark.parametrize("drug", ["fentanyl", "sufentanil", "clonidine", "baclofen", "ziconotide", "bupivacaine"])
def test_drugs_without_reported_masses_grow_none(drug):
    _, _, course = infused([2.0], [10.0], drug)
    assert np.all(course["granuloma"] == 0.0)


def test_equal_effect_of_hydromorphone_grows_an_equal_mass():
    factor = drawn(["hydromorphone"])["drug"]["granuloma"][0, 0]
    assert factor > 1.0
    morphine = infused([2.0], [10.0])[2]["granuloma"][-1, 0]
    hydromorphone = infused([2.0 / factor], [10.0 / factor], "hydromorphone")[2]["granuloma"][-1, 0]
    assert hydromorphone == pytest.approx(morphine, rel=1e-9)


def test_a_mass_is_bounded_and_presses_past_its_threshold():
    sizes = np.array([0.3, 0.6, 1.0, 1.9])
    par = calm(copies(drawn(["morphine"]), len(sizes)))
    par["granuloma_fade_h"] = 1e9
    state = begin(par)
    state["granuloma"] = sizes
    still = advance(par, state, DAY, rate_ug_per_h=1e-9, basal_ml_per_h=0.02)
    np.testing.assert_allclose(state["deficit"], [0.0, 0.0, 0.4, 1.0], atol=1e-6)
    np.testing.assert_allclose(still["motor_block"][-1], state["deficit"], atol=1e-12)
    assert np.all(np.diff(still["function"][-1, 1:]) < 0.0)
    par["granuloma_per_h"] = 10.0
    assert advance(par, state, DAY, rate_ug_per_h=1000.0)["granuloma"].max() == LARGEST_MASS


def test_mass_keeps_drug_from_the_canal_and_passes_it_to_plasma():
    sizes = np.array([0.0, 0.5, 1.0, 2.0])
    par = calm(copies(drawn(["morphine"]), len(sizes)))
    par["granuloma_per_h"], par["granuloma_fade_h"] = 0.0, 1e12
    state = begin(par)
    state["granuloma"] = sizes
    course = advance(par, state, 5 * DAY, rate_ug_per_h=100.0)
    np.testing.assert_allclose(course["tip_cell"][-1] / course["tip_cell"][-1, 0], [1.0, 0.55, 0.1, 0.1], rtol=1e-6)
    own = state["drug"][:, 0]
    np.testing.assert_allclose(own["given"], 100.0 * 5 * DAY, rtol=1e-12)
    np.testing.assert_allclose(amount(state), own["given"], rtol=1e-9)
    assert course["relief"][-1, 2] < course["relief"][-1, 0]


def test_mass_balance_holds_in_a_mixture_with_a_growing_mass():
    par = calm(copies(drawn(["hydromorphone", "bupivacaine", "clonidine"]), 2))
    par["granuloma_per_h"] = [0.0, 1e-2]
    state = begin(par)
    rates = np.tile([20.0, 200.0, 5.0], (2, 1))
    for _ in range(6):
        advance(par, state, 5 * DAY, rate_ug_per_h=rates, bolus_ug=5.0 * rates, bolus_ml=0.3)
    assert state["granuloma"][1] > 0.5 > state["granuloma"][0]
    for d in range(3):
        own = state["drug"][:, d]
        np.testing.assert_allclose(own["given"], 30 * DAY * rates[:, d] + 30.0 * rates[:, d], rtol=1e-9)
        np.testing.assert_allclose(amount(state, d), own["given"], rtol=1e-9)


def test_infections_come_at_their_hazard_and_bring_fever():
    n, hours, hazard, length = 400, 1000.0, 1e-3, 48.0
    par = calm(drawn(["morphine"], n))
    par["infection_per_h"], par["infection_h"] = hazard, length
    course = advance(par, state := begin(par), hours)
    ill = course["temperature"] > 37.05
    at_risk_h = n * hours / (1.0 + hazard * length)
    expected = hazard * at_risk_h
    assert abs(state["infections"].sum() - expected) < 4.0 * np.sqrt(expected)
    assert course["temperature"].max() == pytest.approx(39.0, abs=0.1)
    assert 0.0 < ill.mean() < 0.2


def test_an_infection_ends_and_none_comes_without_hazard():
    par = calm(drawn(["morphine"], 20))
    state = begin(par)
    state["infection_left_h"][:10] = 72.0
    course = advance(par, state, 8 * DAY)
    assert np.all(course["temperature"][3 * 96 - 1, :10] > 38.8)
    assert np.all(course["temperature"][-1, :10] < 37.1)
    assert np.all(course["temperature"][:, 10:] == 37.0)
    assert state["infections"].sum() == 0


def test_the_bladder_follows_cord_or_sacral_nerves_by_drug():
    par, state = settled("morphine", 2.0, dh=DOSES)
    rule = par["channel"][0, 0]
    expected = [rule["emax_retention"] * hill(u / rule["ec50_retention_ratio"], 2.0) for u in DOSES]
    np.testing.assert_allclose(state["retention"], expected, rtol=1e-9)
    par, state = settled("bupivacaine", 2.0, dh=DOSES)
    assert np.all(state["retention"] == 0.0)
    par, state = settled("bupivacaine", 2.0, mot=DOSES)
    assert np.all(np.diff(state["retention"]) > 0.0)


@pytest.mark.parametrize(
    ("field", "largest", "half", "lag"),
    [
        ("gut", "emax_gut", "ec50_gut_ratio", "gut_tau_h"),
        ("endocrine", "emax_endocrine", "ec50_endocrine", "endocrine_tau_h"),
    ],
)
def test_gut_and_gonadal_axis_follow_with_their_own_lag(field, largest, half, lag):
    hours = 10 * DAY
    par, state = settled("morphine", hours, dh=DOSES)
    rule = par["channel"][0, 0]
    level = rule[largest] * DOSES / (DOSES + rule[half])
    np.testing.assert_allclose(state[field], level * (1.0 - np.exp(-hours / par[lag][0])), rtol=1e-9)
    assert np.all(np.diff(state[field]) > 0.0)


def test_tolerance_to_analgesia_spares_neither_gut_nor_gonads():
    _, state = settled("morphine", DAY, dh=1.0)
    tolerant = naive(held(["morphine"], 1))
    tolerant["channel"]["tol_prior"][:, 0] = 2.0
    other = begin(tolerant)
    hold(tolerant, other, dh=1.0)
    advance(tolerant, other, DAY)
    assert other["relief"][0] < state["relief"][0]
    assert other["gut"][0] == state["gut"][0]
    assert other["endocrine"][0] == state["endocrine"][0]


def test_nausea_and_itch_fade_as_patients_grow_used_to_them():
    par = naive(held(["morphine"], 1))
    par["channel"]["emax_itch"] = 0.6  # of one who itches much; whom a drug makes itch little grows used to little
    state = begin(par)
    hold(par, state, bs=5.0)
    course = advance(par, state, 30 * DAY)
    for name in ("nausea", "itch"):
        first = course[name][4, 0]
        assert first > 0.1
        assert course[name][-1, 0] < 0.8 * first
        assert np.all(np.diff(course[name][4:, 0]) <= 0.0)


def test_faster_titration_of_ziconotide_costs_more_cognition():
    par = naive(held(["ziconotide"], 2))
    par["channel"]["ec50_cog_ratio"] = 3.0
    state = begin(par)
    peak = np.zeros(2)
    for day in range(70):
        hold(par, state, bs=np.minimum(3.0, 3.0 * (day + 1) / np.array([1.0, 28.0])))
        peak = np.maximum(peak, advance(par, state, DAY)["cognition"].max(axis=0))
    fast, slow = peak
    assert fast > 1.15 * slow
    np.testing.assert_allclose(state["cognition"][0], state["cognition"][1], rtol=0.05)


def test_cognition_is_slower_to_clear_than_to_come():
    par = naive(held(["ziconotide"], 1))
    state = begin(par)
    hold(par, state, bs=5.0)
    rise = advance(par, state, 14 * DAY)["cognition"][:, 0]
    state["drug"]["ce_bs"] = 0.0
    fall = advance(par, state, DAY)["cognition"][:, 0]
    assert rise[95] > 0.5 * rise.max()
    assert fall[-1] == pytest.approx(rise[-1] * np.exp(-DAY / par["cog_off_tau_h"][0]), rel=1e-6)
    assert fall[-1] > 0.75 * rise[-1]


def test_psychosis_is_having_passed_the_patients_own_threshold():
    par = naive(held(["ziconotide"], 4))
    par["psychosis_at"] = [0.2, 0.5, 0.8, 1.0]
    state = begin(par)
    hold(par, state, bs=8.0)
    course = advance(par, state, 10 * DAY)
    np.testing.assert_array_equal(course["psychotic"], course["cognition"] > par["psychosis_at"])
    assert course["psychotic"][-1, 0] == 1.0
    assert course["psychotic"][-1, 3] == 0.0
    state["drug"]["ce_bs"] = 0.0
    assert np.all(advance(par, state, 30 * DAY)["psychotic"][-1] == 0.0)


def test_a_local_anesthetic_blocks_and_lowers_pressure_by_dose():
    par, state = settled("bupivacaine", 1.0, sym=DOSES, mot=DOSES)
    rule = par["channel"][0, 0]
    alive = state["dead"] == 0  # the largest dose stops the heart
    par, state, doses = par[alive], state[alive], np.asarray(DOSES)[alive]
    assert len(doses) >= len(DOSES) - 1
    blocked = np.array([hill(u, rule["hill_sym"]) for u in doses])
    accustomed = state["channel"]["accustomed"][:, 0]
    kept = (1.0 + par["reflex"][0] * (1.0 - blocked)) * accustomed
    np.testing.assert_allclose(state["bp_fall"], rule["emax_bp"] * blocked / kept, rtol=1e-9)
    np.testing.assert_allclose(state["hr_fall"], rule["emax_hr"] * blocked**2 / accustomed, rtol=1e-9)
    block = [rule["emax_motor"] * hill(u, rule["hill_mot"]) for u in doses]
    np.testing.assert_allclose(state["motor_block"], block, rtol=1e-9)


def test_a_block_takes_pain_then_legs_then_the_whole_outflow():
    par = naive(held(["bupivacaine"], 60))
    for field, key in (("ec50", "ec50"), ("ec50_sym", "ec50_sympathetic"), ("ec50_mot", "ec50_motor")):
        par["drug"][field][:, 0] = drug_file("bupivacaine").get_in(f"effect.{key}", "ug/mL")  # the median patient
    c = np.linspace(1.0, 60.0, 60)
    state = begin(par)
    for site in ("dh", "sym", "mot"):
        state["drug"][f"ce_{site}"][:, 0] = c
    advance(par, state, 1.0)
    rule = par["channel"][0, 0]
    effects = (
        state["channel"]["effect"][:, 0],
        state["channel"]["sympathetic"][:, 0] / (1.0 + state["channel"]["sympathetic"][:, 0]),
        state["motor_block"] / rule["emax_motor"],
    )
    halves = [c[np.argmax(effect > 0.5)] for effect in effects]
    # Pressure follows the mean over T1-L2, which a block from below reaches last: on infusions a third had weak legs, one in
    # fifty low pressure (Sjoberg 1994, targets sjoberg_paresis and sjoberg_hypotension).
    assert halves[0] < halves[2] < halves[1]


def test_a_bupivacaine_infusion_numbs_legs_only_at_high_dose():
    par = naive(calm(copies(drawn(["bupivacaine"]), 4)))
    course = advance(par, begin(par), 2 * DAY, rate_ug_per_h=np.array([0.0, 100.0, 700.0, 1500.0]))
    for name in ("relief", "bp_fall", "motor_block"):
        assert np.all(np.diff(course[name][-1]) > 0.0)
        assert course[name][-1, 0] == 0.0
    assert course["motor_block"][-1, 1] < 0.05


def test_clonidine_lowers_pressure_and_pulse_not_the_legs():
    par, state = settled("clonidine", 1.0, sym=DOSES)
    assert np.all(np.diff(state["bp_fall"]) > 0.0)
    assert np.all(np.diff(state["hr_fall"]) > 0.0)
    assert np.all(state["motor_block"] == 0.0)
    assert state["bp_fall"][-1] < par["channel"]["emax_bp"][0, 0]


def test_two_receptors_lower_pressure_independently():
    par = naive(held(["bupivacaine", "clonidine"], 4))
    state = begin(par)
    hold(par, state, 0, sym=np.array([1.0, 0.0, 1.0, 0.0]))
    hold(par, state, 1, sym=np.array([0.0, 1.0, 1.0, 0.0]))
    advance(par, state, 1.0)
    fall = state["bp_fall"]
    assert fall[2] == pytest.approx(1.0 - (1.0 - fall[0]) * (1.0 - fall[1]), rel=1e-12)
    assert fall[3] == 0.0
