"""Central habituation, tolerance from before the implant, escalators, dependence at the implant, and hyperalgesia's slope."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import SLOW_H, TICK_H
from thecal.physiology.effect import hill
from thecal.physiology.population import shipped
from thecal.physiology.regimen import advance, begin

from support.bodies import copies, drawn, held, hold

DAY = 24.0


def held_drive(level: float, days: float, **changes: float):
    """One calm naive patient whose brainstem sees ``level`` EC50 of morphine for ``days``."""
    par = held(["morphine"])
    for name, value in changes.items():
        par["channel"][name] = value
    state = begin(par)
    hold(par, state, bs=level)
    advance(par, state, days * DAY)
    return par, state["channel"][0, 0]


@pytest.mark.parametrize("level", [0.3, 2.0, 5.0])
def test_habituation_follows_its_closed_form(level):
    par, channel = held_drive(level, 5.0)
    rule = par["channel"][0, 0]
    steps = 5.0 * DAY / SLOW_H  # the first slow step falls on the first tick
    # Three lags of one time constant, each fed by what the one before has just become.
    gone = 1.0 - (kept := np.exp(-SLOW_H / rule["habit_tau_h"]))
    left = kept**steps * (1.0 + steps * gone + steps * (steps + 1.0) / 2.0 * gone**2)
    habit = level * (1.0 - left)
    assert channel["habit"] == pytest.approx(habit, rel=1e-9)
    bounded = habit / (1.0 + habit / rule["habit_ceiling"])
    accustomed = (1.0 + rule["habit_gain"] * bounded) ** rule["habit_power"]
    assert channel["accustomed"] == pytest.approx(accustomed, rel=1e-9)
    assert channel["depressant"] == pytest.approx(level / accustomed, rel=1e-9)
    assert channel["central"] == pytest.approx(level, rel=1e-12)  # nausea and itch see the whole drive


def test_habituation_is_slow_to_begin():
    tau_d = 2.0
    early, late = (held_drive(1.0, days, habit_tau_h=tau_d * DAY)[1]["habit"] for days in (tau_d / 6.0, 3.0 * tau_d))
    # A single lag would stand at 0.15 and 0.95, two at 0.01 and 0.80.
    assert early < 0.002
    assert 0.55 < late < 0.62


def test_an_oral_dose_leaves_the_brainstem_accustomed():
    par = held(["morphine"], 2)
    rule = par["channel"][:, 0]
    rule["habit_gain"], rule["habit_power"], rule["habit_prior"], rule["tol_prior"] = 5.0, 0.5, 0.4, [0.0, np.log(4.0)]
    channel = begin(par)["channel"][:, 0]
    assert channel["habit"] == pytest.approx([0.0, 0.4 * 0.75])
    bounded = 0.3 / (1.0 + 0.3 / rule["habit_ceiling"][1])  # three quarters of the largest
    assert channel["accustomed"] == pytest.approx([1.0, (1.0 + 5.0 * bounded) ** 0.5])


def test_without_gain_nobody_habituates():
    _, channel = held_drive(3.0, 5.0, habit_gain=0.0)
    assert channel["depressant"] == channel["central"]
    assert channel["habit"] == 0.0


def test_more_drug_always_depresses_more_at_steady_state():
    levels = np.geomspace(0.01, 100.0, 12)
    deep = [held_drive(level, 60.0)[1]["depressant"] for level in levels]
    assert np.all(np.diff(deep) > 0.0)


def test_prior_tolerance_fades_in_free_receptors_only():
    par = held(["morphine"], 2)
    par["channel"]["tol_prior"] = 1.5
    state = begin(par)
    hold(par, state, dh=np.array([0.0, 30.0]))
    days = 60
    advance(par, state, days * DAY)
    tau = par["channel"]["tol_prior_tau_h"][0, 0]
    free, occupied = state["channel"]["prior"][:, 0]
    assert free == pytest.approx(1.5 * np.exp(-days * DAY / tau), rel=1e-3)
    assert occupied == pytest.approx(1.5 * np.exp(-days * DAY / tau / 31.0), rel=1e-3)


@pytest.mark.parametrize(("drug", "receptor"), [("morphine", "mu"), ("baclofen", "gaba_b")])
def test_a_share_escalates_and_their_tolerance_is_a_multiple(drug, receptor):
    file = shipped(f"receptors/{receptor}")
    share, factor = (file[f"tolerance.{key}"].value for key in ("escalators", "escalator_factor"))
    channel = drawn([drug], 6000)["channel"][:, 0]
    one = channel["escalator"] == 1.0
    assert one.mean() == pytest.approx(share, abs=4.0 * np.sqrt(share * (1.0 - share) / 6000))
    ratio = np.median(channel["tol_slow_max"][one]) / np.median(channel["tol_slow_max"][~one])
    assert ratio == pytest.approx(factor, rel=0.1)


def test_microdoses_build_little_tolerance():
    # Low-dose series stay near 0.3 mg/d for years, series at several mg/d rise.
    par = copies(drawn(["morphine"]), 2)
    par["channel"]["tol_prior"] = 0.0
    state = begin(par)
    rate = np.array([0.2, 5.0]) * 1000.0 / DAY
    advance(par, state, 60 * DAY, rate_ug_per_h=rate)
    fast = state["drug"]["tol_fast"][:, 0]
    half, most = par["channel"]["tol_half"][:, 0], par["channel"]["tol_fast_max"][:, 0]
    exposure = state["channel"]["exposure"][:, 0]
    assert fast == pytest.approx(most * exposure / (half + exposure), rel=0.1)
    assert fast[1] > 2.0 * fast[0]


def test_being_an_escalator_does_not_hang_on_the_drug():
    morphine, mixture = drawn(["morphine"], 300), drawn(["clonidine", "hydromorphone"], 300)
    np.testing.assert_array_equal(morphine["channel"]["escalator"][:, 0], mixture["channel"]["escalator"][:, 1])


def test_dependence_at_the_implant_grows_with_the_oral_dose():
    par = copies(drawn(["morphine"]), 3)
    par["channel"]["tol_prior"] = np.array([0.0, np.log(2.0), 5.0])[:, None]
    state = begin(par)
    prior = par["channel"]["dep_prior"][0, 0]
    assert state["channel"]["dependence"][:, 0] == pytest.approx(prior * np.array([0.0, 0.5, 1.0 - np.exp(-5.0)]))
    withdrawal = advance(par, state, 2 * DAY)["withdrawal"].max(axis=0)
    assert withdrawal[0] == 0.0
    assert withdrawal[2] > withdrawal[1] > 0.1


def test_hyperalgesia_has_a_slope_and_a_bound():
    par = held(["morphine"], 3)
    par["oih_tau_on_h"] = 1.0
    state = begin(par)
    unit = par["oih_ec50"][0]
    hold(par, state, dh=unit * np.array([0.1, 1.0, 10.0]))
    advance(par, state, 2 * DAY)
    expected = par["oih_max"][0] * np.array([hill(x, par["oih_hill"][0]) for x in (0.1, 1.0, 10.0)])
    np.testing.assert_allclose(state["oih"], expected, rtol=1e-6)
    assert state["oih"][0] < 0.02 * par["oih_max"][0]


def test_a_strong_agonist_feels_less_of_the_tolerance():
    felt = {}
    for drug in ("morphine", "fentanyl", "sufentanil"):
        par = held([drug])
        par["channel"]["tol_prior"] = 2.0
        state = begin(par)
        hold(par, state, dh=1.0)
        advance(par, state, TICK_H)
        felt[drug] = -np.log(state["channel"]["drive"][0, 0])
        assert felt[drug] == pytest.approx(2.0 * par["drug"]["tol_share"][0, 0], rel=1e-3)
    assert felt["morphine"] > felt["fentanyl"] > felt["sufentanil"]
