"""Mood and survival: distress follows pain and feeds back on it; deaths that no drug causes."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.physiology.regimen import advance, begin

from support.bodies import calm, copies, drawn

DAY = 24.0


def test_distress_follows_pain_within_its_time():
    par = calm(copies(drawn(["morphine"]), 2))
    par["pain_base"] = [2.0, 9.0]
    par["distress_felt"] = 0.0
    state = begin(par)
    state["distress"] = 0.5
    course = advance(par, state, 21 * 24.0)["distress"]
    gap = np.exp(-21 * 24.0 / par["distress_tau_h"][0])
    np.testing.assert_allclose(course[-1], np.array([0.2, 0.9]) * (1.0 - gap) + 0.5 * gap, atol=1e-6)


def test_distress_raises_felt_pain_by_its_stated_share():
    par = calm(copies(drawn(["morphine"]), 2))
    par["pain_base"], par["distress_tau_h"] = 5.0, 1e12
    state = begin(par)
    state["distress"] = [0.0, 1.0]
    calmer, worse = advance(par, state, 1.0)["pain"][-1]
    half = 0.5 * par["distress_felt"][0]
    assert worse / calmer == pytest.approx((1.0 + half) / (1.0 - half), rel=1e-9)


def test_deaths_by_other_causes_come_at_a_stated_hazard_only():
    """3.89 % within a year of an implant for pain (Coffey 2009), where a cohort states it; none by default."""
    par = calm(drawn(["morphine"], 400))
    par["infection_per_h"] = 0.0
    assert not advance(par, begin(par), 30 * DAY)["dead"].any()
    par["death_per_h"] = -np.log1p(-0.30) / (30 * DAY)
    assert advance(par, begin(par), 30 * DAY)["dead"][-1].mean() == pytest.approx(0.30, abs=0.07)
