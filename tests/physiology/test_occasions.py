"""Variability between occasions: stationary, slow, correlated, the same days for every policy, and acting on drugs alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.core.layout import SLOW_H, TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import calm, copies, drawn, hold

N = 2_000
DAY = 24.0
TAU_H = 7 * DAY


def people(n=N, pain=0.2, central=0.15, correlation=0.5):
    """``[n]`` calm patients on morphine with the given variability between occasions."""
    par = calm(drawn(["morphine"], n))
    par["occ_pain_sd"], par["occ_central_sd"] = pain, central
    par["occ_correlation"], par["occ_tau_h"] = correlation, TAU_H
    return par


def logs(state):
    return np.log(np.array([state["occ_pain"], state["occ_central"]]))


@pytest.mark.parametrize("days", [0, 3, pytest.param(30, marks=pytest.mark.slow)])
def test_sensitivity_is_stationary_from_the_day_of_the_implant(days):
    par = people()
    state = begin(par)
    if days:
        advance(par, state, days * DAY)
    found = logs(state)
    np.testing.assert_allclose(found.mean(axis=1), 0.0, atol=4.5 * 0.2 / math.sqrt(N))
    np.testing.assert_allclose(found.std(axis=1), [0.2, 0.15], rtol=4.5 / math.sqrt(2 * N))
    assert np.corrcoef(found)[0, 1] == pytest.approx(0.5, abs=4.5 * 0.75 / math.sqrt(N))


def test_days_are_alike_and_weeks_are_not():
    par = people()
    state = begin(par)
    first = logs(state)
    for hours in (DAY, TAU_H - DAY, 4 * TAU_H):
        advance(par, state, hours)
        passed = state["tick"][0] * TICK_H
        for one, later in zip(first, logs(state), strict=True):
            expected = math.exp(-passed / TAU_H)
            assert np.corrcoef(one, later)[0, 1] == pytest.approx(expected, abs=4.5 / math.sqrt(N))


def test_every_policy_meets_the_same_days():
    par = people(20)
    none, much = begin(par), begin(par)
    advance(par, none, 5 * DAY)
    advance(par, much, 5 * DAY, rate_ug_per_h=100.0)
    assert logs(none).tobytes() == logs(much).tobytes()
    assert len(np.unique(none["occ_pain"])) == 20


def test_infections_do_not_move_the_days():
    par = people(50)
    other = par.copy()
    other["infection_per_h"] = 1.0 / SLOW_H
    states = begin(par), begin(other)
    advance(par, states[0], 5 * DAY)
    advance(other, states[1], 5 * DAY)
    assert states[1]["infections"].min() >= 1
    assert logs(states[0]).tobytes() == logs(states[1]).tobytes()


def test_a_patient_without_variability_is_the_same_every_day():
    par = people(5, pain=0.0, central=0.0)
    state = begin(par)
    advance(par, state, 3 * DAY)
    assert (logs(state) == 0.0).all()


def test_a_good_day_multiplies_the_drive_of_the_drug():
    par = copies(people(1), 2)
    par["channel"]["tol_prior"] = 0.0
    for name in ("ke0_dh", "ke0_bs", "ke0_pl"):
        par["drug"][name] = 1e-15
    par["occ_pain_sd"] = par["occ_central_sd"] = 0.0
    state = begin(par)
    hold(par, state, dh=1.0, bs=0.5)
    state["occ_pain"] = [1.0, 1.3]
    state["occ_central"] = [1.0, 1.2]
    advance(par, state, TICK_H)
    channel = state["channel"][:, 0]
    np.testing.assert_allclose(channel["drive"][1] / channel["drive"][0], 1.3)
    np.testing.assert_allclose(channel["central"][1] / channel["central"][0], 1.2)
    np.testing.assert_allclose(
        channel["exposure"][1], channel["exposure"][0]
    )  # what builds tolerance is the drug itself


def test_occasions_differ_by_a_fifth_in_the_shipped_patients():
    par = drawn(["morphine"], N)
    assert np.median(par["occ_pain_sd"]) == pytest.approx(0.18, rel=0.05)
    assert np.median(par["occ_central_sd"]) == pytest.approx(0.15, rel=0.05)
    assert np.median(par["occ_tau_h"]) == pytest.approx(TAU_H, rel=0.05)
    assert par["occ_pain_sd"].max() <= 0.4
