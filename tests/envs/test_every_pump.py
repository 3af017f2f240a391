"""Every pump in every task: under stress, at one flow, and read out."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.devices.reservoir import unaccounted
from thecal.devices.specs import pump_names
from thecal.envs import ThecalEnv

from support.fault_runs import advance, batch, planned


@pytest.mark.parametrize("pump", pump_names())
@pytest.mark.parametrize("task", ["CancerMorphine", "NonCancerMix"])
def test_every_pump_runs_every_task_under_stress_without_loss(pump, task):
    built = batch("stress", task=task, pump=pump)
    log = advance(built, 28, (0.3, 1.0))
    assert np.isfinite(built.observations).all()
    assert (log["reservoir_true_ml"] >= 0.0).all()
    assert (log["faults"] != 0).any()
    for row in built.world["pump"]:
        for d in range(3):
            assert abs(unaccounted(row, d)) <= 1e-9 * max(1.0, float(row["filled_ug"][d]))


@pytest.mark.parametrize("pump", ["constant_0p5", "constant_1p0"])
def test_a_constant_pump_is_dosed_by_concentration(pump):
    built = batch(pump=pump)
    log = advance(built, 7, (1.0, 1.0))
    rate = built.scene.pump.max_rate_nl * 96e-6
    assert log["allowed_rate"] == pytest.approx(np.full_like(log["allowed_rate"], rate))
    assert (log["allowed_bolus_ul"] >= 0.0).all()
    doses = batch().par["shield"]["conc"][:, 0] * batch().par["task"]["start_rate_nl"]
    assert built.par["shield"]["conc"][:, 0] * built.par["task"]["start_rate_nl"] == pytest.approx(doses, rel=0.05)


def test_an_environment_is_interrogated_like_a_pump():
    env = ThecalEnv("CancerMorphine", faults=planned("battery", at_h=24.0))
    env.reset(seed=1, options={"patient": 0})
    for _ in range(30):
        env.step([0.0, 0.0])
    sections = env.interrogate()
    text = str(sections)
    assert "SynchroMed II, 40 mL" in text
    assert "ERI reached" in text
    assert "eri" in dict(sections["status"])["alarms"]
    assert "true" not in text
