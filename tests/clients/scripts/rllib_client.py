"""RLlib: one iteration of PPO on an id of Gymnasium's registry."""

from __future__ import annotations

import math
import os

os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

from watch import STEPS, tell, watched

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
register_env("thecal", lambda config: watched(**config))
config = (
    PPOConfig()
    .environment("thecal")
    .env_runners(num_env_runners=0)
    .training(train_batch_size_per_learner=200, minibatch_size=50, num_epochs=1)
)
algorithm = config.build_algo()
result = algorithm.train()
runners = result["env_runners"]
assert runners["num_env_steps_sampled"] >= 200
assert runners["episode_len_max"] <= STEPS
assert math.isfinite(runners["episode_return_mean"])
losses = result["learners"]["default_policy"]
assert math.isfinite(float(losses["total_loss"]))
algorithm.stop()
ray.shutdown()
tell("ray", "PPO")
