"""The single environment against CartPole-v1, both unwrapped, in alternating windows of one process."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from thecal.core.layout import N_NODES

from common import Row, alternate, best

CHUNK = 2000
ZERO = np.zeros(2, np.float32)
SUBSTEPS = 4  # in an hour of quiet times
STATES = 2 * N_NODES + 1 + 2 + 3  # CSF, cord, tip cell, plasma, effect sites of one drug


def fixed_patient(patient: int) -> gym.Env:
    """One environment that always resets to the same patient, so that no new one has to be drawn while time is taken."""
    return gym.make("thecal:thecal/CancerMorphine-v0", patients=[patient]).unwrapped


def stepper(env: gym.Env, action: object):
    """A workload of ``CHUNK`` steps that resets at the end of an episode."""
    env.reset(seed=0)

    def work() -> int:
        for _ in range(CHUNK):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return CHUNK

    work()
    return work


def run() -> list[Row]:
    """Steps a second, ratio, simulated time and state updates."""
    ours = stepper(gym.make("thecal:thecal/CancerMorphine-v0").unwrapped, ZERO)
    theirs = stepper(gym.make("CartPole-v1").unwrapped, 0)
    mine, other, ratio = alternate(ours, theirs)
    two = gym.make("thecal:thecal/NonCancerMix-v0").unwrapped
    return [
        Row("CancerMorphine-v0, one environment", mine, "steps/s", 30_000.0),
        Row("NonCancerMix-v0 (two drugs, 4 h a step), pump ticks of 15 min", 16 * best(stepper(two, ZERO)), "1/s"),
        Row("CartPole-v1", other, "steps/s"),
        Row("ratio", ratio, "", 0.25),
        Row("simulated time", mine, "patient-h/s"),
        Row("state updates (steps x substeps x states)", mine * SUBSTEPS * STATES, "1/s"),
    ]
