"""Stable-baselines3's PPO with a lean learner: the same algorithm and the same numbers, with far less work around them.

Rollouts and updates of the shipped kind of policy run on preallocated tensors without autograd (:mod:`lean_network`); for any
other policy, space or option everything is Stable-baselines3's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from thecal.agents.backends.lean_losses import advantages_of
from thecal.agents.backends.lean_network import fits
from thecal.agents.backends.lean_update import Learner


class LeanPPO(PPO):
    """:class:`stable_baselines3.PPO`, faster where :attr:`is_lean`.

    Minibatches, losses, clipping, early stop and logged scalars are those of Schulman et al. 2017 (arXiv 1707.06347) as
    Stable-baselines3 has them; tests hold the parameters after several updates to its own.
    """

    @property
    def is_lean(self) -> bool:
        """Whether policy, spaces and options are those that the lean learner computes."""
        spaces = (self.observation_space, self.action_space)
        flat = all(isinstance(one, Box) and one.dtype == np.float32 and len(one.shape) == 1 for one in spaces)
        return flat and self.clip_range_vf is None and type(self.rollout_buffer) is RolloutBuffer and fits(self.policy)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """As in Stable-baselines3; callbacks find the same local names."""
        if not self.is_lean:
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        new_obs: Any = self._last_obs
        self.policy.set_training_mode(False)
        nets = Learner.of(self).networks(env.num_envs)
        n_steps = 0
        rollout_buffer.reset()
        callback.on_rollout_start()
        nets.spread()
        while n_steps < n_rollout_steps:
            obs_tensor = torch.as_tensor(self._last_obs).float()
            actions, clipped_actions, log_probs = nets.act(obs_tensor)
            values = nets.critic.output
            new_obs, rewards, dones, infos = env.step(clipped_actions)
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            self._update_info_buffer(infos, dones)
            n_steps += 1
            if dones.any():
                self._add_what_follows(rewards, dones, infos)
            _keep(rollout_buffer, self._last_obs, actions, rewards, self._last_episode_starts, values, log_probs)
            self._last_obs = new_obs
            self._last_episode_starts = dones
        values = nets.critic.forward(torch.as_tensor(new_obs).float())
        _finish(rollout_buffer, values.numpy()[:, 0].copy(), dones)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _add_what_follows(self, rewards: NDArray[Any], dones: NDArray[np.bool_], infos: list[dict[str, Any]]) -> None:
        """Add the value of what would have followed to the last reward of an episode that only the clock ended."""
        for i in np.flatnonzero(dones).tolist():
            last = infos[i].get("terminal_observation")
            if last is not None and infos[i].get("TimeLimit.truncated", False):
                with torch.no_grad():
                    rewards[i] += self.gamma * self.policy.predict_values(self.policy.obs_to_tensor(last)[0])[0]

    def train(self) -> None:
        """Update the policy from the rollout, as Stable-baselines3 does."""
        if not self.is_lean:
            super().train()
            return
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        schedule: Any = self.clip_range
        clip_range: float = schedule(self._current_progress_remaining)
        learner = Learner.of(self)
        logged = learner.update(self, clip_range)
        buffer = self.rollout_buffer
        logged["explained_variance"] = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        logged["std"] = torch.exp(self.policy.log_std.detach()).mean().item()
        for name, value in logged.items():
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip_range)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_learner"]


def _keep(
    buffer: RolloutBuffer, obs: Any, actions: Any, rewards: Any, starts: Any, values: Tensor, log_probs: Tensor
) -> None:
    """:meth:`RolloutBuffer.add` of flat arrays."""
    at = buffer.pos
    buffer.observations[at] = obs
    buffer.actions[at] = actions
    buffer.rewards[at] = rewards
    buffer.episode_starts[at] = starts
    buffer.values[at] = values.numpy()[:, 0]
    buffer.log_probs[at] = log_probs.numpy()
    buffer.pos += 1
    buffer.full = buffer.pos == buffer.buffer_size


def _finish(buffer: RolloutBuffer, last_values: NDArray[np.float32], dones: NDArray[np.bool_]) -> None:
    """:meth:`RolloutBuffer.compute_returns_and_advantage`."""
    rates = np.array([buffer.gamma, buffer.gamma * buffer.gae_lambda], np.float32)
    ends = dones.astype(np.float32)
    advantages_of(buffer.rewards, buffer.values, buffer.episode_starts, last_values, ends, rates, buffer.advantages)
    buffer.returns = buffer.advantages + buffer.values
