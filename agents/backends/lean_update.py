"""The update of the lean PPO learner: epochs over one flat rollout, minibatches as views, losses by compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

from thecal.agents.backends.lean_network import ActorCritic, Flat

_ADVANTAGE_EPS = 1e-8  # of Stable-baselines3
_KL_MARGIN = 1.5  # of Stable-baselines3: an update ends when the divergence is above this times target_kl

Rollout = tuple[Tensor, Tensor, Tensor]
Weights = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class Learner:
    """Work space of one model: its flat parameters, its networks by number of rows, and one epoch's shuffled rollout."""

    def __init__(self, model: PPO) -> None:
        self.policy = model.policy
        self.flat = Flat(self.policy)
        self._networks: dict[int, ActorCritic] = {}
        self._epoch: Epoch | None = None

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
        size = len(rollout[0])
        if self._epoch is None or self._epoch.shape != (size, model.batch_size):
            self._epoch = Epoch(rollout, model.batch_size)
        losses, goes_on = Losses(model, clip_range, size), True
        try:
            for epoch in range(model.n_epochs):
                self._epoch.shuffle(rollout)
                losses.begin()
                for minibatch in self._epoch.minibatches:
                    goes_on = losses.of(self.networks(minibatch.count), minibatch)
                    if not goes_on:
                        if model.verbose >= 1:
                            print(f"Early stopping at step {epoch} due to reaching max kl: {losses.divergence:.2f}")
                        break
                    self.flat.clip(model.max_grad_norm)
                    self.flat.step()
                model._n_updates += 1
                if not goes_on:
                    break
        finally:
            self.flat.publish()
        return losses.logged()


def _flattened(buffer: RolloutBuffer) -> Rollout:
    """Observations ``[n, fields]``, actions ``[n, a]``, and log-probabilities, advantages and returns ``[3, n]``."""
    observations, actions = (buffer.swap_and_flatten(part) for part in (buffer.observations, buffer.actions))
    scalars = np.stack([part.T.reshape(-1) for part in (buffer.log_probs, buffer.advantages, buffer.returns)])
    return torch.from_numpy(observations), torch.from_numpy(actions), torch.from_numpy(scalars)


class Minibatch:
    """Some rows of a shuffled rollout, as views for Torch and for compiled loops."""

    def __init__(self, shuffled: Rollout, part: slice) -> None:
        self.observations = shuffled[0][part]
        self.actions = shuffled[1][part].numpy()
        self.log_prob, self.advantages, returns = shuffled[2][:, part]
        self.advantage_array, self.returns = self.advantages.numpy(), returns.numpy()
        self.count = len(self.returns)


class Epoch:
    """A rollout in one random order, and its minibatches."""

    def __init__(self, rollout: Rollout, rows: int) -> None:
        size = len(rollout[0])
        self.shape = (size, rows)
        first, second, third = (torch.empty_like(part) for part in rollout)
        self._shuffled: Rollout = (first, second, third)
        parts = [slice(start, min(start + rows, size)) for start in range(0, size, rows)]
        self.minibatches = [Minibatch(self._shuffled, part) for part in parts]

    def shuffle(self, rollout: Rollout) -> None:
        """Copy a rollout in the next order that NumPy's generator gives, as Stable-baselines3 draws it."""
        order = torch.from_numpy(np.random.permutation(self.shape[0]))
        for part, to, dim in zip(rollout, self._shuffled, (0, 0, 1), strict=True):
            torch.index_select(part, dim, order, out=to)


class Losses:
    """Losses and gradients of one update's minibatches, and what is logged of them."""

    def __init__(self, model: PPO, clip_range: float, size: int) -> None:
        self.model = model
        self._limits = np.array([1 - clip_range, 1 + clip_range, clip_range, 0.0, 1.0], np.float32)
        self._center, self._width = torch.from_numpy(self._limits[3:])
        self._sums = np.zeros((model.n_epochs * -(-size // model.batch_size), 4))
        self._weights: dict[int, Weights] = {}
        self._counts: list[int] = []
        self._entropies: list[float] = []
        self._begun = 0
        self.divergence = 0.0

    def begin(self) -> None:
        """A new epoch."""
        self._begun = len(self._counts)

    def of(self, nets: ActorCritic, minibatch: Minibatch) -> bool:
        """Write the gradients of one minibatch; False where the policy has moved too far for another step."""
        model, count = self.model, minibatch.count
        if count not in self._weights:
            self._weights[count] = _weights(model, count)
        gain_weights, twice, value_weight = self._weights[count]
        sums = self._sums[len(self._counts)]
        self._counts.append(count)
        nets.spread()
        self._entropies.append(nets.entropy())
        nets.actor.forward(minibatch.observations)
        nets.compare(minibatch.actions, minibatch.log_prob)
        if model.normalize_advantage and count > 1:
            torch.mean(minibatch.advantages, 0, out=self._center)
            torch.std(minibatch.advantages, 0, out=self._width).add_(_ADVANTAGE_EPS)
        else:
            self._limits[3:] = 0.0, 1.0
        nets.policy_back(minibatch.advantage_array, minibatch.actions, self._limits, gain_weights, sums)
        nets.critic.forward(minibatch.observations)
        sums[3] = nets.value_back(minibatch.returns, twice, value_weight)
        if model.target_kl is None:
            return True
        self.divergence = nets.divergence()
        return self.divergence <= _KL_MARGIN * model.target_kl

    def logged(self) -> dict[str, Any]:
        """Means over all minibatches; the divergence is the last epoch's and the loss the last minibatch's."""
        model, done = self.model, len(self._counts)
        means = self._sums[:done] / np.array(self._counts)[:, None]
        policy, value, entropy = -means[:, 0], means[:, 3], -np.array(self._entropies)
        return {
            "entropy_loss": entropy.mean(),
            "policy_gradient_loss": policy.mean(),
            "value_loss": value.mean(),
            "approx_kl": means[self._begun :, 2].mean(),
            "clip_fraction": means[:, 1].mean(),
            "loss": float(policy[-1] + model.ent_coef * entropy[-1] + model.vf_coef * value[-1]),
        }


def _weights(model: PPO, count: int) -> Weights:
    """Minus one and minus the entropy's weight over the rows; two over the rows; the value's weight."""
    rows = np.float32(count)
    gains = np.array([np.float32(-1) / rows, -np.float32(model.ent_coef) / rows])
    return gains, np.array([2.0 / count], np.float32), np.array([model.vf_coef], np.float32)
