"""A student's network in training: regression of what every choice is worth on what is observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thecal.agents.backends.checkpoint import Shapes
from thecal.agents.backends.hyperparameters import DaggerSettings
from thecal.agents.backends.student import layer_keys
from thecal.core.errors import ConfigError

# Of an input's spread, whose range is 2: a flag that was rarely up in training is not blown up when it is up at work.
_SMALLEST = 0.2
Weights = dict[str, NDArray[np.float32]]


class Pupil:
    """The network in training, of fresh weights at every fit.

    Args:
        settings: of the training.
        inputs, outputs: numbers of observation fields and of candidates.
    """

    def __init__(self, settings: DaggerSettings, inputs: int, outputs: int) -> None:
        self.settings, self.sizes = settings, (inputs, *settings.net_arch, outputs)
        self.weights: Weights = {}
        self.loss = float("nan")

    def fit(self, seen: NDArray[np.float32], worth: NDArray[np.float32], seed: int) -> None:
        """Regress ``worth`` ``[lessons, candidates]`` on ``seen`` ``[lessons, fields]``, from fresh weights.

        Raises:
            ConfigError: the weights became infinite.
        """
        rule = self.settings
        torch.manual_seed(seed)
        mean, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), _SMALLEST)
        x, y = torch.from_numpy((seen - mean) / spread), torch.from_numpy(worth)
        network = self._fresh()
        steps = rule.epochs * -(-len(x) // rule.batch_size)
        optimizer = torch.optim.AdamW(network.parameters(), lr=rule.learning_rate, weight_decay=rule.weight_decay)
        for k in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = rule.learning_rate_at(1.0 - k / steps)
            rows = torch.randint(len(x), (min(rule.batch_size, len(x)),))
            loss = torch.nn.functional.mse_loss(network(x[rows]), y[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        self.loss = float(loss.detach())
        found = self._read(network, mean, spread)
        if not all(np.isfinite(values).all() for values in found.values()):
            raise ConfigError("the training diverged: weights became infinite; lower learning_rate")
        self.weights = found

    def begin(self, seed: int) -> None:
        """Take fresh weights, for a training that ended before its first lesson."""
        torch.manual_seed(seed)
        inputs = self.sizes[0]
        self.weights = self._read(self._fresh(), np.zeros(inputs, np.float32), np.ones(inputs, np.float32))

    def best(self, seen: NDArray[np.float32]) -> NDArray[np.int64]:
        """The candidate that is worth most, ``[n]``."""
        value = seen
        keys = layer_keys(len(self.settings.net_arch))
        for k, key in enumerate(keys):
            value = value @ self.weights[f"{key}.weight"].T + self.weights[f"{key}.bias"]
            if k + 1 < len(keys):
                value = np.tanh(value) if self.settings.activation == "tanh" else np.maximum(value, 0.0)
        chosen: NDArray[np.int64] = value.argmax(axis=1)
        return chosen

    def _fresh(self) -> Any:
        layers: list[Any] = []
        for before, after in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            layers += [
                torch.nn.Linear(before, after),
                torch.nn.Tanh() if self.settings.activation == "tanh" else torch.nn.ReLU(),
            ]
        return torch.nn.Sequential(*layers[:-1])

    def _read(self, network: Any, mean: Any, spread: Any) -> Weights:
        """The weights by layer, with the scaling of the inputs taken into the first."""
        found: Weights = {}
        linear = [part for part in network if isinstance(part, torch.nn.Linear)]
        for key, layer in zip(layer_keys(len(self.settings.net_arch)), linear, strict=True):
            found[f"{key}.weight"] = layer.weight.detach().numpy().copy()
            found[f"{key}.bias"] = layer.bias.detach().numpy().copy()
        first = layer_keys(0)[0]
        found[f"{first}.weight"] /= spread.astype(np.float32)
        found[f"{first}.bias"] -= found[f"{first}.weight"] @ mean.astype(np.float32)
        return found

    def shapes(self) -> Shapes:
        """Shape and type of every weight."""
        kind = np.dtype(np.float32)
        found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        for key, before, after in zip(layer_keys(len(self.sizes) - 2), self.sizes[:-1], self.sizes[1:], strict=True):
            found |= {f"{key}.weight": ((after, before), kind), f"{key}.bias": ((after,), kind)}
        return found
