"""sb3-contrib: MaskablePPO with the shield's masks, RecurrentPPO and the other algorithms."""

from __future__ import annotations

import numpy as np
import sb3_contrib
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.monitor import Monitor

from watch import DISCRETE, PLAIN, finite, tell, watched

SMALL = {"device": "cpu", "seed": 0}
OFF = {"learning_starts": 50, "buffer_size": 500}
ON = {"n_steps": 64, "batch_size": 32}
N = 150
RUNS = (
    ("MaskablePPO", "MlpPolicy", DISCRETE, ON),
    ("RecurrentPPO", "MlpLstmPolicy", PLAIN, ON),
    ("TRPO", "MlpPolicy", PLAIN, ON),
    ("TQC", "MlpPolicy", PLAIN, OFF),
    ("CrossQ", "MlpPolicy", PLAIN, OFF),
    ("QRDQN", "MlpPolicy", DISCRETE, OFF),
)
for name, policy, env_id, options in RUNS:
    env = watched(env_id)
    monitor = Monitor(env)
    model = getattr(sb3_contrib, name)(policy, monitor, **SMALL, **options)
    model.learn(N)
    assert env.steps >= N
    assert np.allclose(monitor.get_episode_rewards(), env.returns, atol=1e-4), name
    assert finite(model.policy.parameters()), name
    if name == "MaskablePPO":
        assert is_masking_supported(model.get_env())
        observation = model.get_env().reset()
        masks = get_action_masks(model.get_env())
        assert masks.shape == (1, monitor.action_space.n)
        chosen, _ = model.predict(observation, action_masks=masks)
        assert masks[0, chosen[0]]
tell("sb3-contrib", *(run[0] for run in RUNS))
