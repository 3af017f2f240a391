"""Stable-Baselines3: its algorithms on one patient and on the native batch; the returns it reports are Thecal's."""

from __future__ import annotations

import numpy as np
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.monitor import Monitor

from thecal.envs import make_sb3

from watch import DISCRETE, PLAIN, STEPS, finite, tell, watched

SMALL = {"device": "cpu", "seed": 0}
OFF = {"learning_starts": 50, "buffer_size": 500}
N = 150

for kind, env_id, options in (
    (PPO, PLAIN, {"n_steps": 64, "batch_size": 32}), (A2C, PLAIN, {}), (SAC, PLAIN, OFF), (TD3, PLAIN, OFF), (DDPG, PLAIN, OFF),
    (DQN, DISCRETE, OFF),
):  # fmt: skip
    env = watched(env_id)
    monitor = Monitor(env)
    model = kind("MlpPolicy", monitor, **SMALL, **options)
    model.learn(N)
    assert env.steps >= N
    assert np.allclose(monitor.get_episode_rewards(), env.returns, atol=1e-4), kind
    assert monitor.get_episode_lengths() == env.lengths
    assert set(env.lengths) <= set(range(1, STEPS + 1))
    assert finite(model.policy.parameters()), kind

batch = make_sb3("CancerMorphine", 8, seed=0, pool=16, horizon_d=1)
model = PPO("MlpPolicy", batch, n_steps=32, batch_size=64, **SMALL)
model.learn(8 * 32 * 2)
assert len(model.ep_info_buffer) >= 8
assert all(info["l"] <= 24 and np.isfinite(info["r"]) and info["cost"] >= 0.0 for info in model.ep_info_buffer)
assert finite(model.policy.parameters())
tell("stable-baselines3", "PPO", "A2C", "SAC", "TD3", "DDPG", "DQN", "PPO on the native batch")
