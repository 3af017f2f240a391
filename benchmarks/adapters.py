"""Sixteen environments through the SB3 adapter against SB3's DummyVecEnv over the single environment."""

from __future__ import annotations

from functools import partial

import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv

from thecal.envs import make_sb3

from common import Row, alternate
from single import fixed_patient

N = 16
CHUNK = 100


def stepper(env):
    """A workload of ``CHUNK`` vector steps."""
    env.reset()
    actions = np.zeros((N, 2), np.float32)

    def work() -> int:
        for _ in range(CHUNK):
            env.step(actions)
        return CHUNK * N

    work()
    return work


def run() -> list[Row]:
    """Environment steps a second of both, and their ratio."""
    native = stepper(make_sb3("CancerMorphine", N, seed=0, preload=True, pool=256))
    dummy = stepper(DummyVecEnv([partial(fixed_patient, k) for k in range(N)]))
    mine, other, ratio = alternate(native, dummy, windows=3)
    return [
        Row("SB3 adapter, 16 environments", mine, "steps/s"),
        Row("DummyVecEnv, 16 environments", other, "steps/s"),
        Row("ratio", ratio, "", 5.0),
    ]
