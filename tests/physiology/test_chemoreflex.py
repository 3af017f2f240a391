"""What carbon dioxide does: the reflex resets under a lasting depression, and narcosis takes the rate."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.physiology.breathing import co2_response, step_breathing, ventilation

from support.patients import fresh_state, toy_patients


def test_a_lasting_depression_resets_the_chemoreflex():
    # With ventilation * PaCO2 held and the reflex reset by a share s of log PaCO2, log PaCO2 = -log drive / (1 + F (1 - s)).
    par = toy_patients(reset=0.4)[0]
    par["reset_share"] = -np.expm1(-0.25 / par["reset_tau_h"])
    state = fresh_state(np.array([par]))[0]
    state["channel"][0]["depressant"] = 1.0
    step_breathing(par, state)
    first = np.log(state["paco2"] / par["paco2_0"])
    for _ in range(400):
        step_breathing(par, state)
    last = np.log(state["paco2"] / par["paco2_0"])
    gain = par["co2_gain"]
    assert first == pytest.approx(np.log(2.0) / (1.0 + gain), rel=0.05)
    assert last == pytest.approx(np.log(2.0) / (1.0 + gain * 0.6), rel=1e-6)
    assert state["reset"] == pytest.approx(0.4 * last, rel=1e-6)
    assert co2_response(par, state) == pytest.approx(0.5 * np.exp(-gain * 0.4 * last), rel=1e-6)
    assert ventilation(par, state) == pytest.approx(par["paco2_0"] / state["paco2"], rel=1e-6)
    state["channel"][0]["depressant"] = 0.0
    for _ in range(400):
        step_breathing(par, state)
    assert state["reset"] == pytest.approx(0.0, abs=1e-6)


def test_the_rate_falls_with_ventilation_in_narcosis():
    par = toy_patients(rr_power=0.25)[0]
    state = fresh_state(np.array([par]))[0]
    state["channel"][0]["depressant"] = 40.0
    step_breathing(par, state)
    drive, most = 1.0 / (1.0 + 40.0**1.2), 80.0 / par["paco2_0"]
    # At the edge of narcosis both rules agree; beyond it the size of a breath stays.
    edge = most ** -(1.0 + par["co2_gain"])
    assert drive < edge
    assert state["rr"] == pytest.approx(par["rr0"] * edge**0.25 * drive / edge, rel=1e-9)
