"""Withdrawal: what a stop does after weeks of each drug, how soon, how long, and whom it endangers."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import held, hold, naive

DAY = 24.0
WEEKS = 42 * DAY
TICKS_PER_DAY = round(DAY / TICK_H)


def stopped(drugs, n=1, *, cohort="noncancer", multiple=10.0, hours=10 * DAY, prepare=lambda par: None):
    """``(before, course, par, state)``: six weeks at ``multiple`` EC50 at every site of drug 0, then none for ``hours``."""
    par = naive(held(drugs, n, cohort=cohort))
    prepare(par)
    state = begin(par)
    followed = [site for site in ("sym", "mot") if np.isfinite(par["drug"][f"ec50_{site}"][0, 0])]
    hold(par, state, dh=multiple, **dict.fromkeys(followed, multiple))
    before = advance(par, state, WEEKS)
    state["drug"]["ce_dh"] = state["drug"]["ce_sym"] = state["drug"]["ce_mot"] = 0.0
    return before, advance(par, state, hours), par, state


def hours_to_peak(signal):
    return (int(np.argmax(signal)) + 1) * TICK_H


def without_withdrawal(par):
    """The second copy is the patient whom no stop harms; mild pain leaves room below the top of the scale."""
    par["pain_base"] = 4.0
    par["channel"]["wd_gain"][1] = 0.0


def test_opioid_withdrawal_peaks_in_days_and_fades_in_weeks():
    before, course, *_ = stopped(["morphine"], hours=21 * DAY)
    withdrawal = course["withdrawal"][:, 0]
    assert np.all(before["withdrawal"][-TICKS_PER_DAY:] < 0.01)
    assert 12.0 <= hours_to_peak(withdrawal) <= 72.0
    assert withdrawal.max() > 0.7
    assert withdrawal[-1] < 0.1


def test_opioid_withdrawal_raises_pain_and_vital_signs():
    _, course, par, state = stopped(["morphine"], 2, hours=2 * DAY, prepare=without_withdrawal)
    rule, level = par["channel"][0, 0], state["channel"]["withdrawal"][0, 0]
    fever = 10.0 * (course["temperature"][-1, 0] - 37.0)
    pain = course["pain"][-1, 0] - course["pain"][-1, 1]
    assert level > 0.5
    assert pain == pytest.approx(rule["wd_nrs"] * level, abs=1e-9)
    pulse = rule["wd_hr"] * level + fever + par["s_gain_pain"][0, 0] * pain
    pressure = rule["wd_sbp"] * level + par["s_gain_pain"][0, 1] * pain
    assert course["hr"][-1, 0] - course["hr"][-1, 1] == pytest.approx(pulse, abs=1e-9)
    assert course["sbp"][-1, 0] - course["sbp"][-1, 1] == pytest.approx(pressure, abs=1e-9)
    assert 37.0 < course["temperature"][-1, 0] < 37.0 + rule["wd_temp"]


def test_withdrawal_is_milder_by_taper_and_by_short_exposure():
    par = naive(held(["morphine"], 3))
    state = begin(par)
    hold(par, state, dh=np.array([10.0, 10.0, 0.0]))
    advance(par, state, WEEKS - 3 * DAY)
    hold(par, state, dh=10.0)  # the third patient's only three days
    advance(par, state, 3 * DAY)
    worst = np.zeros(3)
    for day in range(40):
        hold(par, state, dh=np.array([0.0, 10.0 * 0.85**day, 0.0]))
        worst = np.maximum(worst, advance(par, state, DAY)["withdrawal"].max(axis=0))
    assert worst[1] < 0.35 * worst[0]
    assert worst[2] < 0.75 * worst[0]


def test_restarting_the_drug_ends_withdrawal():
    _, course, par, state = stopped(["morphine"], hours=2 * DAY)
    hold(par, state, dh=10.0)
    after = advance(par, state, 2 * DAY)["withdrawal"][:, 0]
    assert after[-1] < 0.05 < course["withdrawal"][-1, 0]


def test_baclofen_stop_rebounds_above_untreated_spasticity():
    before, course, par, _ = stopped(["baclofen"], cohort="spasticity", hours=40 * DAY)
    untreated, spasms = par["ashworth0"][0], par["spasm0"][0]
    assert before["ashworth"][-1, 0] < untreated - 1.0
    rebound = par["channel"]["wd_spasm"][0, 0] * course["withdrawal"].max()
    assert course["ashworth"].max() == pytest.approx(min(5.0, untreated + rebound), abs=0.01)
    assert course["ashworth"].max() > untreated + 0.5
    assert course["spasm"].max() > spasms
    assert 12.0 <= hours_to_peak(course["withdrawal"][:, 0]) <= 120.0
    assert course["ashworth"][-1, 0] == pytest.approx(untreated, abs=0.25)


def test_baclofen_withdrawal_brings_fever():
    _, course, par, _ = stopped(["baclofen"], cohort="spasticity", hours=4 * DAY)
    assert course["temperature"].max() > 38.0
    assert course["temperature"].max() <= 37.0 + par["channel"]["wd_temp"][0, 0]


def susceptible(par):
    """Of the usual course of a withdrawal, at four susceptibilities to the dangerous one."""
    par["rebound"] = [0.6, 1.0, 1.2, 1.5]
    for name, usual in (("wd_gain", 1.6), ("wd_tau_h", 20.0), ("dep_tau_h", 10 * DAY)):
        par["channel"][name][:, 0] = usual


def test_the_dangerous_course_takes_the_susceptible_and_kills():
    _, course, *_ = stopped(["baclofen"], 4, cohort="spasticity", hours=8 * DAY, prepare=susceptible)
    assert np.all(course["crisis_h"][:, :2] == 0.0)
    assert np.all(course["crisis_h"][:, 2:].max(axis=0) > 0.0)
    died = np.argmax(course["dead"][:, 2:] == 1.0, axis=0) * TICK_H
    began = np.argmax(course["crisis_h"][:, 2:] > 0.0, axis=0) * TICK_H
    assert np.all(course["dead"][-1] == [0.0, 0.0, 1.0, 1.0])
    np.testing.assert_allclose(died - began, 71.0, atol=1.0)
    assert np.all(np.diff(began) < 0.0)  # the most susceptible first


def test_drug_given_in_time_ends_the_dangerous_course():
    _, course, par, state = stopped(["baclofen"], 4, cohort="spasticity", hours=3 * DAY, prepare=susceptible)
    assert course["crisis_h"][-1, 3] > 0.0
    hold(par, state, dh=10.0, mot=10.0)
    after = advance(par, state, 5 * DAY)
    assert np.all(after["crisis_h"][-1] == 0.0)
    assert np.all(after["dead"] == 0.0)


def test_opioid_withdrawal_never_takes_the_dangerous_course():
    _, course, *_ = stopped(["morphine"], 4, prepare=susceptible)
    assert np.all(course["crisis_h"] == 0.0)
    assert np.all(course["dead"] == 0.0)


def test_clonidine_stop_rebounds_above_untreated_pressure():
    _, course, par, _ = stopped(["clonidine"], 2, prepare=without_withdrawal)
    untreated = course["sbp"][-1, 1]
    excess = course["sbp"][:, 0] - untreated
    assert excess.max() > 30.0
    assert excess.max() < par["channel"]["wd_sbp"][0, 0] + 5.0
    assert 12.0 <= hours_to_peak(excess) <= 60.0
    assert course["hr"][:, 0].max() > course["hr"][-1, 1] + 10.0
    assert course["temperature"].max() == 37.0


@pytest.mark.parametrize("drug", ["ziconotide", "bupivacaine"])
def test_no_withdrawal_from_drugs_that_have_none(drug):
    before, course, *_ = stopped([drug], multiple=3.0)
    for part in (before, course):
        assert np.all(part["withdrawal"] == 0.0)
        assert np.all(part["crisis_h"] == 0.0)
        assert np.all(part["temperature"] == 37.0)


def test_worst_receptor_counts_and_pains_add_up():
    par = naive(held(["morphine", "clonidine"], 1))
    state = begin(par)
    state["channel"]["dependence"][:, :2] = 0.9, 0.6
    course = advance(par, state, DAY)
    levels = state["channel"]["withdrawal"][0, :2]
    assert course["withdrawal"][-1, 0] == levels.max()
    untouched = naive(held(["morphine", "clonidine"], 1))
    calm = advance(untouched, begin(untouched), DAY)["pain"][-1, 0]
    added = (par["channel"]["wd_nrs"][0, :2] * levels).sum()
    assert course["pain"][-1, 0] == pytest.approx(min(10.0, calm + added), abs=1e-9)


def test_a_stopped_pump_shows_the_onset_that_the_label_warns_of():
    par = naive(held(["baclofen"], 1, cohort="spasticity"))
    par["drug"]["ke0_dh"] = 0.15
    state = begin(par)
    advance(par, state, WEEKS, rate_ug_per_h=500.0 / DAY)
    course = advance(par, state, 6 * DAY)
    onset = float(np.argmax(course["withdrawal"][:, 0] > 0.25) * TICK_H)
    assert 12.0 <= onset <= 72.0
    assert course["withdrawal"].max() > 0.5
