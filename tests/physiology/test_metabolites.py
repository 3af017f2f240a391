"""M6G and M3G: formed from what is eliminated, cleared by the kidneys alone, felt by the brain and by hyperalgesia."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from thecal.physiology.regimen import advance, begin

from support.bodies import calm, copies, drawn

DAY = 24.0
RATE = 10_000.0 / DAY  # µg/h of morphine


def infused(days: float, drug: str = "morphine", kidneys: float = 1.0):
    par = copies(calm(drawn([drug])), 1)
    for name in ("m6g_k", "m3g_k"):
        par["drug"][name] *= kidneys
    par["granuloma_per_h"] = 0.0
    state = begin(par)
    advance(par, state, days * DAY, rate_ug_per_h=RATE)
    return par["drug"][0, 0], state["drug"][0, 0], par, state


def test_steady_levels_are_formation_over_clearance():
    drug, own, _, _ = infused(40.0)
    for name in ("m6g", "m3g"):
        clearance = drug[f"{name}_k"] * drug[f"{name}_ml"]
        assert own[name] / drug[f"{name}_ml"] == pytest.approx(drug[f"{name}_formed"] * RATE / clearance, rel=2e-3)
    assert own["ce_m6g"] == pytest.approx(own["m6g"] / drug["m6g_ml"], rel=2e-3)


def test_a_course_follows_the_differential_equation():
    par = copies(calm(drawn(["morphine"])), 1)
    state = begin(par)
    hours, eliminated = np.arange(0.0, 73.0), [0.0]
    for _ in hours[1:]:
        advance(par, state, 1.0, bolus_ug=0.0, rate_ug_per_h=RATE)
        eliminated.append(state["drug"]["eliminated"][0, 0])
    drug = par["drug"][0, 0]
    slope = np.diff(eliminated)

    def change(t, y):
        # Slow steps fall on the first tick of an hour, so they see what was eliminated up to a quarter of an hour into it.
        formed = drug["m6g_formed"] * slope[min(int(t), len(slope) - 1)]
        return [formed - drug["m6g_k"] * y[0], drug["m6g_ke0"] * (y[0] / drug["m6g_ml"] - y[1])]

    found = solve_ivp(change, (0.0, 72.0), [0.0, 0.0], max_step=0.2, rtol=1e-8)
    own = state["drug"][0, 0]
    assert own["m6g"] == pytest.approx(found.y[0, -1], rel=0.03)
    assert own["ce_m6g"] == pytest.approx(found.y[1, -1], rel=0.1)


def test_failing_kidneys_retain_them():
    healthy, failing = infused(60.0)[1], infused(60.0, kidneys=0.15)[1]
    assert failing["m6g"] / healthy["m6g"] == pytest.approx(1.0 / 0.15, rel=0.05)
    assert failing["m3g"] / healthy["m3g"] == pytest.approx(1.0 / 0.15, rel=0.05)


def test_failing_kidneys_raise_central_drive_and_hyperalgesia():
    states = [infused(120.0, kidneys=kidneys)[3] for kidneys in (1.0, 0.15)]
    assert states[1]["channel"]["own_central"][0, 0] > states[0]["channel"]["own_central"][0, 0]
    assert states[1]["oih"][0] > states[0]["oih"][0]


@pytest.mark.parametrize("drug", ["hydromorphone", "fentanyl", "clonidine"])
def test_a_drug_without_glucuronides_forms_none(drug):
    own = infused(3.0, drug)[1]
    assert own["m6g"] == own["m3g"] == own["ce_m6g"] == 0.0
