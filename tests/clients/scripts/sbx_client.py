"""SBX: Stable-Baselines3's interface on JAX."""

from __future__ import annotations

import numpy as np
from sbx import DQN, PPO, SAC
from stable_baselines3.common.monitor import Monitor

from watch import DISCRETE, PLAIN, tell, watched

OFF = {"learning_starts": 50, "buffer_size": 500}
for kind, env_id, options in ((PPO, PLAIN, {"n_steps": 64, "batch_size": 32}), (SAC, PLAIN, OFF), (DQN, DISCRETE, OFF)):
    env = watched(env_id)
    monitor = Monitor(env)
    model = kind("MlpPolicy", monitor, seed=0, **options)
    model.learn(150)
    assert env.steps >= 150
    assert np.allclose(monitor.get_episode_rewards(), env.returns, atol=1e-4), kind
    chosen, _ = model.predict(monitor.reset(seed=0)[0], deterministic=True)
    assert monitor.action_space.contains(chosen) or np.isfinite(chosen).all()
tell("sbx-rl", "PPO", "SAC", "DQN on the discrete id")
