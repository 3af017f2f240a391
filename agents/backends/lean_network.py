"""Actor and critic of the shipped architecture over one flat tensor: forward, backward, clipping and Adam without autograd.

Every line is the operation that autograd runs for Stable-baselines3's PPO, on the same operands and in the same order, so that
the numbers are the same; what is left out is the graph, the objects of every minibatch and the loop over thirteen tensors.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.distributions import DiagGaussianDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import Tensor, nn

from thecal.agents.backends.lean_losses import draw, log_shares, policy_gradients, value_gradients

_ALIGNED = 16  # floats: every parameter begins at a whole vector
_CLIP_EPS = np.float32(1e-6)  # of torch.nn.utils.clip_grad_norm_
_ENTROPY = 0.5 + 0.5 * math.log(2 * math.pi)  # of a standard normal variable
_TANH_BACK, _RELU_BACK = torch.ops.aten.tanh_backward.grad_input, torch.ops.aten.threshold_backward.grad_input
_FORWARD: dict[Any, Any] = {nn.Tanh: torch.tanh, nn.ReLU: partial(torch.clamp_min, min=0.0)}


def fits(policy: Any) -> bool:
    """Whether a policy is of the kind that this file computes: separate stacks of linear layers, Gaussian, plain Adam, CPU."""
    if type(policy) is not ActorCriticPolicy or type(policy.action_dist) is not DiagGaussianDistribution:
        return False
    if type(policy.features_extractor) is not FlattenExtractor or not policy.share_features_extractor:
        return False
    bodies = (policy.mlp_extractor.policy_net, policy.mlp_extractor.value_net)
    if policy.use_sde or policy.squash_output or not all(_stacked(body) for body in bodies):
        return False
    members = list(policy.parameters())
    optimizer = policy.optimizer
    if type(optimizer) is not torch.optim.Adam or len(optimizer.param_groups) != 1:
        return False
    group = optimizer.param_groups[0]
    odd = any(group.get(name) for name in ("amsgrad", "maximize", "weight_decay", "capturable", "differentiable"))
    odd = odd or any(group.get(name) for name in ("foreach", "fused", "decoupled_weight_decay"))
    plain = all(p.dtype == torch.float32 and p.device.type == "cpu" and p.requires_grad for p in members)
    return not odd and plain and [id(p) for p in group["params"]] == [id(p) for p in members]


def _stacked(body: nn.Sequential) -> bool:
    kinds = [type(layer) for layer in body]
    return bool(kinds) and all(a is nn.Linear and b in _FORWARD for a, b in zip(kinds[::2], kinds[1::2], strict=True))


class Flat:
    """Parameters, gradients and the moments of Adam, each as one tensor into which the module's own tensors are views.

    What the policy and its optimizer hold stays theirs: it is read, stored and restored as before.
    """

    def __init__(self, policy: nn.Module) -> None:
        self.parameters: list[nn.Parameter] = list(policy.parameters())
        self.optimizer: Any = policy.optimizer
        places, end = [], 0
        for one in self.parameters:
            places.append(end)
            end += -(-one.numel() // _ALIGNED) * _ALIGNED
        self.values, self.grads, self._first, self._second, self._scratch = (torch.zeros(end) for _ in range(5))

        def views(flat: Tensor) -> list[Tensor]:
            pairs = zip(places, self.parameters, strict=True)
            return [flat[at : at + one.numel()].view(one.shape) for at, one in pairs]

        self.value_views, self.grad_views = views(self.values), views(self.grads)
        self._moments = {"exp_avg": views(self._first), "exp_avg_sq": views(self._second)}
        self._norms = [view.view(-1) for view in self.grad_views]
        self._steps = 0

    def attach(self) -> None:
        """Take over what policy and optimizer hold now, wherever it is no view already (first use, after a restart)."""
        state = self.optimizer.state
        for k, one in enumerate(self.parameters):
            view = self.value_views[k]
            if one.data_ptr() != view.data_ptr():
                view.copy_(one.detach())
                one.data = view
            held = state[one]
            if "exp_avg" not in held or held["exp_avg"].data_ptr() != self._moments["exp_avg"][k].data_ptr():
                held["step"] = torch.tensor(float(held.get("step", 0.0)))  # its own: what was loaded may be another's
            for name, own in self._moments.items():
                if name not in held:
                    own[k].zero_()
                elif held[name].data_ptr() != own[k].data_ptr():
                    own[k].copy_(held[name])
                held[name] = own[k]
        self._steps = int(state[self.parameters[0]]["step"].item()) if self.parameters else 0

    def publish(self) -> None:
        """Tell the optimizer how many steps were made; the moments are its own already."""
        for one in self.parameters:
            self.optimizer.state[one]["step"].fill_(self._steps)

    def clip(self, most: float) -> None:
        """:func:`torch.nn.utils.clip_grad_norm_` of all gradients."""
        norm = np.float32(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(self._norms))).item())
        share = np.float32(most) * (np.float32(1) / (norm + _CLIP_EPS))
        if not share >= 1:  # also where it is no number
            self.grads.mul_(float(share))

    def step(self) -> None:
        """One step of Adam (Kingma and Ba 2015, arXiv 1412.6980) with the settings of the optimizer."""
        group = self.optimizer.param_groups[0]
        beta1, beta2 = group["betas"]
        self._steps += 1
        root2 = (1 - beta2**self._steps) ** 0.5
        self._first.lerp_(self.grads, 1 - beta1)
        self._second.mul_(beta2).addcmul_(self.grads, self.grads, value=1 - beta2)
        denominator = torch.sqrt(self._second, out=self._scratch).div_(root2).add_(group["eps"])
        self.values.addcdiv_(self._first, denominator, value=-(group["lr"] / (1 - beta1**self._steps)))


class Stack:
    """Linear layers with an activation after each but the last, for ``rows`` rows.

    Work space is shared by layers of the same place and width, so that both networks fit the cache: a backward pass must
    come before the other network's forward pass.
    """

    def __init__(
        self,
        body: nn.Sequential,
        head: nn.Linear,
        flat: Flat,
        rows: int,
        space: dict[tuple[int, int], tuple[Tensor, Tensor]],
    ) -> None:
        layers = [layer for layer in body if isinstance(layer, nn.Linear)] + [head]
        where = {id(one): k for k, one in enumerate(flat.parameters)}
        self._tanh = [isinstance(layer, nn.Tanh) for layer in list(body)[1::2]]
        self._forward = [_FORWARD[type(layer)] for layer in list(body)[1::2]]
        at = [(where[id(layer.weight)], where[id(layer.bias)]) for layer in layers]
        self._weights = [flat.value_views[k] for k, _ in at]
        self._turned = [weight.t() for weight in self._weights]
        self._biases = [flat.value_views[k] for _, k in at]
        self._weight_grads = [flat.grad_views[k] for k, _ in at]
        self._bias_grads = [flat.grad_views[k] for _, k in at]
        widths = list(enumerate(layer.out_features for layer in layers[:-1]))
        for place in widths:
            space.setdefault(place, (torch.empty(rows, place[1]), torch.empty(rows, place[1])))
        self._hidden = [*(space[place][0] for place in widths), torch.empty(rows, head.out_features)]
        self._back = [space[place][1] for place in widths]
        self._inputs: list[Tensor] = []

    @property
    def output(self) -> Tensor:
        """What the last :meth:`forward` gave."""
        return self._hidden[-1]

    def forward(self, rows: Tensor) -> Tensor:
        """Output ``[rows, out]``; overwritten by the next call."""
        self._inputs = [rows]
        for k, hidden in enumerate(self._hidden):
            torch.addmm(self._biases[k], self._inputs[k], self._turned[k], out=hidden)
            if k < len(self._forward):
                self._inputs.append(self._forward[k](hidden, out=hidden))
        return self._hidden[-1]

    def backward(self, grad: Tensor) -> None:
        """Write the gradients of weights and biases from that of the output of the last :meth:`forward`."""
        for k in range(len(self._weights) - 1, -1, -1):
            torch.mm(grad.t(), self._inputs[k], out=self._weight_grads[k])
            torch.sum(grad, 0, out=self._bias_grads[k])
            if k == 0:
                return
            below = torch.mm(grad, self._weights[k], out=self._back[k - 1])
            if self._tanh[k - 1]:
                _TANH_BACK(below, self._inputs[k], grad_input=below)
            else:
                _RELU_BACK(below, self._inputs[k], 0, grad_input=below)
            grad = below


class ActorCritic:
    """Both stacks of a policy for batches of ``rows`` rows, and the Gaussian between the actor and its actions."""

    def __init__(self, policy: Any, flat: Flat, rows: int) -> None:
        body, width = policy.mlp_extractor, policy.log_std.numel()
        space: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self.actor = Stack(body.policy_net, policy.action_net, flat, rows, space)
        self.critic = Stack(body.value_net, policy.value_net, flat, rows, space)
        at = next(k for k, one in enumerate(flat.parameters) if one is policy.log_std)
        self._log_std, self._log_std_grad = flat.value_views[at], flat.grad_views[at]
        self._scale, self._log_scale, self._summed = (torch.empty(width) for _ in range(3))
        self._noise, self._shares, self._of_mean, self._of_scale = (torch.empty(rows, width) for _ in range(4))
        self._of_value, self._log_prob, self._ratios = torch.empty(rows, 1), torch.empty(rows), torch.empty(2, rows)
        self._log_ratio, self._ratio = self._ratios
        self._quotient = np.empty((rows, width), np.float32)
        self._mean, self._values = self.actor.output.numpy(), self.critic.output.numpy()
        self._gaussian = (self._scale.numpy(), self._log_scale.numpy())
        self._drawn = (self._noise.numpy(), self._shares.numpy(), self._ratios.numpy())
        self._written = (self._of_mean.numpy(), self._of_scale.numpy(), self._of_value.numpy())
        self._box = (policy.action_space.low, policy.action_space.high)

    def spread(self) -> None:
        """Read the standard deviation off the parameters."""
        torch.exp(self._log_std, out=self._scale)
        torch.log(self._scale, out=self._log_scale)

    def act(self, rows: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32], Tensor]:
        """Actions ``[n, a]``, the same within their box, and their log-probabilities ``[n]``; the critic is run as well."""
        self.actor.forward(rows)
        self.critic.forward(rows)
        self._noise.normal_()
        actions, clipped = np.empty((2, *self._mean.shape), np.float32)
        draw(self._mean, self._drawn[0], self._gaussian[0], *self._box, actions, clipped)
        return actions, clipped, self.log_prob(actions)

    def log_prob(self, actions: NDArray[np.float32]) -> Tensor:
        """Log-probability ``[n]`` of actions under the means of the last forward pass."""
        log_shares(actions, self._mean, *self._gaussian, self._quotient, self._drawn[1])
        return torch.sum(self._shares, 1, out=self._log_prob)

    def compare(self, actions: NDArray[np.float32], before: Tensor) -> None:
        """Keep the ratio of the probability of actions to that ``before``."""
        torch.sub(self.log_prob(actions), before, out=self._log_ratio)
        torch.exp(self._log_ratio, out=self._ratio)

    def divergence(self) -> float:
        """Estimate of the divergence between the policy before and now, after :meth:`compare`."""
        return float((self._ratio - 1).sub_(self._log_ratio).mean())

    def entropy(self) -> float:
        """Entropy of the Gaussian, which no observation changes."""
        return float(self._gaussian[1].sum()) + len(self._log_scale) * _ENTROPY

    def policy_back(
        self,
        advantages: NDArray[np.float32],
        actions: NDArray[np.float32],
        limits: NDArray[np.float32],
        weights: NDArray[np.float32],
        sums: NDArray[np.float64],
    ) -> None:
        """Gradients of actor and standard deviation, see :func:`thecal.agents.backends.lean_losses.policy_gradients`."""
        of_mean, of_scale, _ = self._written
        policy_gradients(
            advantages, self._drawn[2], actions, self._mean, self._gaussian[0], self._quotient, limits, weights, of_mean,
            of_scale, sums,
        )  # fmt: skip
        torch.mul(torch.sum(self._of_scale, 0, out=self._summed), self._scale, out=self._log_std_grad)
        self.actor.backward(self._of_mean)

    def value_back(
        self, returns: NDArray[np.float32], twice: NDArray[np.float32], weight: NDArray[np.float32]
    ) -> float:
        """Gradients of the critic; gives the sum of squared errors."""
        total = value_gradients(self._values, returns, twice, weight, self._written[2])
        self.critic.backward(self._of_value)
        return float(total)
