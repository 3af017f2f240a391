"""Emergencies in the environment: an alarm brings help after its delay, whatever a policy asks for."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import SENSORS, TICK_H
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario

N = 8
HR, SPO2 = SENSORS.index("hr"), SENSORS.index("spo2")
OVERDOSE_UG = 1e6


def begun(task: str) -> Batch:
    batch = Batch(Scenario.of(task, split="test"), N)
    batch.restart(np.arange(N), np.arange(N), np.arange(N, dtype=np.uint64))
    return batch


def overdosed(task: str, *, delay_ticks: int | None = None) -> Batch:
    """Patients into whose canal a refill error has put a large bolus."""
    batch = begun(task)
    tip = batch.par["patient"]["tip_node"]
    batch._world["patient"]["drug"]["csf"][np.arange(N), 0, tip] += OVERDOSE_UG
    if delay_ticks is not None:
        batch._par["task"]["rescue_delay"] = delay_ticks
    return batch


def run(batch: Batch, hours: float, action: float = 0.0) -> np.ndarray:
    """Rescues over some hours under one action."""
    total = np.zeros(N)
    shape = (N, len(batch.scene.task.action.fields))
    for _ in range(round(hours / (TICK_H * int(batch.par["task"]["ticks_per_step"][0])))):
        batch.advance(np.full(shape, action))
        total += batch.out["rescues"]
    return total


def test_help_in_time_saves_and_without_it_patients_die():
    helped, alone = overdosed("CancerMorphine"), overdosed("CancerMorphine", delay_ticks=10**6)
    rescues = run(helped, 24.0)
    run(alone, 24.0)
    dead, lost = helped.world["patient"]["dead"], alone.world["patient"]["dead"]
    assert lost.mean() > 0.5
    assert dead.sum() < lost.sum()
    assert (rescues[dead == 0] > 0).mean() > 0.5


def test_the_sensors_of_the_dead_are_silent():
    alone = overdosed("CancerMorphine", delay_ticks=10**6)
    run(alone, 36.0)
    patient = alone.world["patient"]
    dead = (patient["dead"] == 1) & (patient["s_valid"][:, HR] == 1)
    assert dead.any()
    assert np.all(patient["s_value"][dead, HR] < 1.0)
    assert not patient["demand"][dead].any()


@pytest.mark.parametrize("action", [-1.0, 1.0])
def test_no_action_calls_or_keeps_away_a_rescue(action):
    assert not run(begun("NonCancerMorphine"), 24.0, action).any()
    assert run(overdosed("CancerMorphine"), 12.0, action).any()
