"""MO-Gymnasium: its wrappers over the array of terms."""

from __future__ import annotations

import mo_gymnasium as mo
import numpy as np

import thecal  # noqa: F401 - registers the ids

from watch import DAYS, STEPS, tell

env = mo.make("thecal/CancerMorphine-Terms-v0", horizon_d=DAYS)
base = env.unwrapped
counted = mo.wrappers.MORecordEpisodeStatistics(env, gamma=0.99)
counted.reset(seed=0)
counted.action_space.seed(0)
total = np.zeros(base.reward_dim)
reported = 0.0
done = False
while not done:
    _, reward, terminated, truncated, info = counted.step(counted.action_space.sample())
    assert base.reward_space.contains(reward)
    total += reward
    reported += float(info["task_reward"])
    done = terminated or truncated
assert np.allclose(info["episode"]["r"], total, atol=1e-3)
assert info["episode"]["l"] <= STEPS
assert np.isclose(base.reward_weights @ total, reported, atol=1e-3)
linear = mo.wrappers.LinearReward(mo.make("thecal/CancerMorphine-Terms-v0"), weight=base.reward_weights)
linear.reset(seed=0)
_, scalar, _, _, info = linear.step(linear.action_space.sample())
assert np.isclose(scalar, info["task_reward"], atol=1e-4)
vector = mo.wrappers.vector.MOSyncVectorEnv([lambda: mo.make("thecal/CancerMorphine-Terms-v0") for _ in range(2)])
vector.reset(seed=0)
assert vector.step(vector.action_space.sample())[1].shape == (2, base.reward_dim)
tell("mo-gymnasium", "MORecordEpisodeStatistics", "LinearReward", "MOSyncVectorEnv")
