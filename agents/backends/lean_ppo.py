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

from thecal.agents.backends.lean_network import ActorCritic, Flat, fits

_ADVANTAGE_EPS = 1e-8  # of Stable-baselines3
_KL_MARGIN = 1.5  # of Stable-baselines3: an update ends when the divergence is above this times target_kl


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
        assert self._last_obs is not None
        self.policy.set_training_mode(False)
        nets = Learner.of(self).networks(env.num_envs)
        nets.spread()
        low, high = self.action_space.low, self.action_space.high
        n_steps = 0
        rollout_buffer.reset()
        callback.on_rollout_start()
        while n_steps < n_rollout_steps:
            with torch.no_grad():
                obs_tensor = torch.as_tensor(self._last_obs)
                actions, values, log_probs = nets.act(obs_tensor)
            actions = actions.numpy()
            clipped_actions = np.clip(actions, low, high)
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
        with torch.no_grad():
            values = nets.critic.forward(torch.as_tensor(new_obs))
        rollout_buffer.compute_returns_and_advantage(last_values=values, dones=dones)
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
        clip_range = self.clip_range(self._current_progress_remaining)
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


class Learner:
    """Work space of one model: its flat parameters, its networks by number of rows, and the losses of one epoch."""

    def __init__(self, model: PPO) -> None:
        self.policy = model.policy
        self.flat = Flat(list(model.policy.parameters()), model.policy.optimizer)
        self._networks: dict[int, ActorCritic] = {}

    @classmethod
    def of(cls, model: Any) -> Learner:
        """The learner of a model, with the parameters as they are now."""
        learner = vars(model).get("_learner")
        if not isinstance(learner, cls) or learner.policy is not model.policy:
            learner = model._learner = cls(model)
        learner.flat.attach()
        return learner

    def networks(self, rows: int) -> ActorCritic:
        """The networks on work space for ``rows`` rows."""
        if rows not in self._networks:
            self._networks[rows] = ActorCritic(self.policy, self.flat, rows)
        return self._networks[rows]

    def update(self, model: PPO, clip_range: float) -> dict[str, Any]:
        """All epochs on one rollout; gives what Stable-baselines3 logs of them."""
        rollout = _flattened(model.rollout_buffer)
        size, rows = len(rollout[0]), model.batch_size
        losses = Losses(model, clip_range, size)
        goes_on = True
        try:
            for epoch in range(model.n_epochs):
                order = torch.from_numpy(np.random.permutation(size))
                observations, actions = (part.index_select(0, order) for part in rollout[:2])
                scalars = rollout[2].index_select(1, order)
                losses.begin()
                for start in range(0, size, rows):
                    part = slice(start, min(start + rows, size))
                    nets = self.networks(part.stop - part.start)
                    goes_on = losses.of(nets, observations[part], actions[part], scalars[:, part], part)
                    if not goes_on:
                        if model.verbose >= 1:
                            print(f"Early stopping at step {epoch} due to reaching max kl: {losses.divergence:.2f}")
                        break
                    self.flat.clip(model.max_grad_norm)
                    self.flat.step()
                losses.end()
                model._n_updates += 1
                if not goes_on:
                    break
        finally:
            self.flat.publish()
        return losses.logged()


def _flattened(buffer: RolloutBuffer) -> tuple[Tensor, Tensor, Tensor]:
    """Observations ``[n, fields]``, actions ``[n, components]``, and log-probabilities, advantages and returns ``[3, n]``."""
    observations, actions = (buffer.swap_and_flatten(part) for part in (buffer.observations, buffer.actions))
    scalars = np.stack([part.T.reshape(-1) for part in (buffer.log_probs, buffer.advantages, buffer.returns)])
    return torch.from_numpy(observations), torch.from_numpy(actions), torch.from_numpy(scalars)


class Losses:
    """Losses and gradients of minibatches; what is only logged is reduced once an epoch."""

    def __init__(self, model: PPO, clip_range: float, size: int) -> None:
        self.model, self.clip_range = model, clip_range
        self._ratios, self._log_ratios, self._gains, self._errors = torch.empty(4, size)
        self._seen: list[tuple[slice, Tensor]] = []
        self._all: dict[str, list[Any]] = {"policy": [], "value": [], "entropy": [], "clipped": []}
        self.divergence = 0.0

    def begin(self) -> None:
        """A new epoch."""
        self._seen = []
        self._divergences: list[Any] = []

    def of(self, nets: ActorCritic, observations: Tensor, actions: Tensor, scalars: Tensor, part: slice) -> bool:
        """Write the gradients of one minibatch; False where the policy has moved too far for another step."""
        model, count = self.model, len(observations)
        old_log_prob, advantages, returns = scalars
        nets.spread()
        nets.actor.forward(observations)
        values = nets.critic.forward(observations)
        log_ratio = torch.sub(nets.log_prob(actions), old_log_prob, out=self._log_ratios[part])
        ratio = torch.exp(log_ratio, out=self._ratios[part])
        if model.normalize_advantage and count > 1:
            advantages = (advantages - advantages.mean()).div_(advantages.std().add_(_ADVANTAGE_EPS))
        free = advantages * ratio
        held = advantages * ratio.clamp(1 - self.clip_range, 1 + self.clip_range)
        torch.minimum(free, held, out=self._gains[part])
        error = torch.sub(values[:, 0], returns, out=self._errors[part])
        self._seen.append((part, nets.entropy()))
        if model.target_kl is not None:
            self.divergence = (ratio - 1).sub_(log_ratio).mean().item()
            if self.divergence > _KL_MARGIN * model.target_kl:
                return False
        # Where both are equal the gradient passes in halves, which add up; where the clipped one is less it is zero.
        of_log_prob = advantages.mul(_share(1.0, count)).mul_(free <= held).mul_(ratio)
        of_value = error.mul(2.0 / count).mul_(model.vf_coef).unsqueeze(1)
        nets.backward(of_log_prob, of_value, _share(model.ent_coef, count))
        return True

    def end(self) -> None:
        """Reduce what the epoch's minibatches left."""
        gains, errors = -self._means(self._gains), self._means(self._errors**2)
        clipped = self._means(((self._ratios - 1).abs_() > self.clip_range).float())
        self._divergences = self._means((self._ratios - 1).sub_(self._log_ratios))
        entropies = torch.stack([entropy for _, entropy in self._seen]).numpy()
        for name, values in (("policy", gains), ("value", errors), ("entropy", -entropies), ("clipped", clipped)):
            self._all[name].append(values)

    def _means(self, rows: Tensor) -> NDArray[np.float32]:
        """Mean over each minibatch that was seen."""
        return np.array([rows[part].mean().item() for part, _ in self._seen], np.float32)

    def logged(self) -> dict[str, Any]:
        """Means over all minibatches; the divergence is the last epoch's and the loss the last minibatch's."""
        model = self.model
        policy, value, entropy, clipped = (np.concatenate(self._all[name]).astype(np.float64) for name in self._all)
        return {
            "entropy_loss": entropy.mean(),
            "policy_gradient_loss": policy.mean(),
            "value_loss": value.mean(),
            "approx_kl": self._divergences.mean(),
            "clip_fraction": clipped.mean(),
            "loss": float(policy[-1] + model.ent_coef * entropy[-1] + model.vf_coef * value[-1]),
        }


def _share(weight: float, count: int) -> float:
    """Minus ``weight`` over ``count`` in single precision, as autograd divides it."""
    return float(-np.float32(weight) / np.float32(count))
