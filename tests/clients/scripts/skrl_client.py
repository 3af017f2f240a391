"""skrl: PPO over Gymnasium's vector, native and synchronous."""

from __future__ import annotations

import tempfile

import gymnasium as gym
import numpy as np
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.trainers.torch import SequentialTrainer
from torch import nn

import thecal  # noqa: F401 - registers the ids

from watch import DAYS, PLAIN, finite, tell


def network(inputs: int, outputs: int) -> nn.Module:
    """A small one."""
    return nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, outputs))


class Actor(GaussianMixin, Model):
    """A Gaussian."""

    def __init__(self, env) -> None:
        Model.__init__(self, observation_space=env.observation_space, action_space=env.action_space, device="cpu")
        GaussianMixin.__init__(self)
        self.net = network(self.num_observations, self.num_actions)
        self.spread = nn.Parameter(torch.zeros(self.num_actions))

    def compute(self, inputs, role=""):
        """Mean and spread."""
        return self.net(inputs["observations"]), {"log_std": self.spread}


class Critic(DeterministicMixin, Model):
    """A value."""

    def __init__(self, env) -> None:
        Model.__init__(self, observation_space=env.observation_space, action_space=env.action_space, device="cpu")
        DeterministicMixin.__init__(self)
        self.net = network(self.num_observations, 1)

    def compute(self, inputs, role=""):
        """The value."""
        return self.net(inputs["observations"]), {}


for mode in ("vector_entry_point", "sync"):
    env = wrap_env(gym.make_vec(PLAIN, num_envs=2, vectorization_mode=mode, horizon_d=DAYS), verbose=False)
    memory = RandomMemory(memory_size=32, num_envs=2, device="cpu")
    models = {"policy": Actor(env), "value": Critic(env)}
    with tempfile.TemporaryDirectory() as folder:
        cfg = PPO_CFG(rollouts=32, learning_epochs=2)
        cfg.experiment.directory, cfg.experiment.write_interval, cfg.experiment.checkpoint_interval = folder, 0, 0
        agent = PPO(
            models=models, memory=memory, cfg=cfg, observation_space=env.observation_space, action_space=env.action_space,
            device="cpu",
        )  # fmt: skip
        before = [one.clone() for one in models["policy"].parameters()]
        quiet = {"headless": True, "disable_progressbar": True, "close_environment_at_exit": False}
        trainer = SequentialTrainer(env=env, agents=agent, cfg={"timesteps": 128, **quiet})
        trainer.train()
    rewards = memory.get_tensor_by_name("rewards")
    assert torch.isfinite(rewards).all()
    assert finite(models["policy"].parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, models["policy"].parameters(), strict=True))
    env.reset()
    info = env.step(torch.zeros(2, 2))[-1]
    assert np.asarray(info["cost"]).shape == (2,)
tell("skrl", "PPO on the native vector", "PPO on the synchronous vector")
