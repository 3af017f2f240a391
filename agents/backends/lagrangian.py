"""Dual variables of constrained learning: costs by name have limits, and what exceeds them is charged until it no longer does.

The Lagrangian of a constrained problem, its prices moved by a PID controller (PID-Lagrangian); with proportional and derivative
gain 0 that is plain dual ascent. Costs enter through the reward, so that any learner can stand on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from thecal.agents.backends.hyperparameters import LagrangianSettings
from thecal.agents.view import Floats

_DAY_H = 24.0


class Duals:
    """One price for each cost, that rises while the cost is above its limit.

    Args:
        settings: limits by channel, gains and the highest price.
    """

    def __init__(self, settings: LagrangianSettings) -> None:
        self.names = tuple(settings.limits)
        self.limits: Floats = np.array([settings.limits[name] for name in self.names])
        self.rule = settings
        self.price: Floats = np.zeros(len(self.names))
        self.integral: Floats = np.zeros(len(self.names))
        self.last: Floats = np.full(len(self.names), np.nan)

    def update(self, found: Floats) -> None:
        """Take the costs of the last rollout, in the units of their limits, ``[channels]``."""
        rule, error = self.rule, found - self.limits
        self.integral = np.clip(self.integral + rule.dual_integral * error, 0.0, rule.highest_price)
        rise = np.maximum(np.nan_to_num(found - self.last), 0.0)
        asked = self.integral + rule.dual_proportional * error + rule.dual_derivative * rise
        self.price = np.clip(asked, 0.0, rule.highest_price)
        self.last = found.copy()

    def charge(self, rewards: NDArray[Any], costs: Floats) -> NDArray[np.float32]:
        """Rewards ``[n]`` less what their costs ``[n, channels]`` are charged, scaled so that high prices do not grow them."""
        charged = (rewards - costs @ self.price) / (1.0 + self.price.sum())
        return np.asarray(charged, np.float32)


class PricedVecEnv(VecEnvWrapper):
    """Charges what costs, and adds up what it was.

    Args:
        venv: whose step infos have ``cost_<channel>``.
        settings: see :class:`Duals`.
    """

    def __init__(self, venv: VecEnv, settings: LagrangianSettings) -> None:
        super().__init__(venv)
        self.duals = Duals(settings)
        self._keys = [f"cost_{name}" for name in self.duals.names]
        self._sums: Floats = np.zeros(len(self._keys))
        self._steps = 0

    def reset(self) -> Any:
        """Reset the wrapped environment."""
        return self.venv.reset()

    def step_wait(self) -> Any:
        """Finish the step."""
        seen, rewards, dones, infos = self.venv.step_wait()
        costs = np.array([[info[key] for key in self._keys] for info in infos])
        self._sums += costs.mean(axis=0)
        self._steps += 1
        return seen, self.duals.charge(rewards, costs), dones, infos

    def close_rollout(self) -> Floats:
        """Costs since the last call, as hours (or points) a day, ``[channels]``; the prices follow them."""
        found: Floats = _DAY_H * self._sums / max(1, self._steps)
        self._sums, self._steps = np.zeros(len(self._keys)), 0
        self.duals.update(found)
        return found

    def training_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """That of the wrapped environment, and the prices."""
        arrays, state = self.venv.training_state()  # type: ignore[attr-defined]
        duals = self.duals
        own = np.stack([duals.price, duals.integral, np.nan_to_num(duals.last, nan=-1.0), self._sums])
        return {**arrays, "duals": own}, {**state, "priced_steps": self._steps}

    def training_shapes(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and type of every array of :meth:`training_state`."""
        shapes: dict[str, Any] = self.venv.training_shapes()  # type: ignore[attr-defined]
        return {**shapes, "duals": ((4, len(self._keys)), np.dtype(np.float64))}

    def continue_from(self, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
        """Go on from :meth:`training_state`.

        Raises:
            ConfigError, ValueError, KeyError, TypeError: the state is not one of this environment.
        """
        own, steps = arrays["duals"], state["priced_steps"]
        if not np.isfinite(own).all() or not isinstance(steps, int) or steps < 0:
            raise ValueError("prices that are not finite, or a count below 0")
        inner = {name: value for name, value in state.items() if name != "priced_steps"}
        self.venv.continue_from({k: v for k, v in arrays.items() if k != "duals"}, inner)  # type: ignore[attr-defined]
        price, integral, last, sums = own.copy()
        duals = self.duals
        duals.price, duals.integral = price, integral
        duals.last = np.where(last < 0.0, np.nan, last)
        self._sums, self._steps = sums, steps


class DualCallback(BaseCallback):
    """Moves the prices after every rollout, and logs them as ``lagrange/price_<channel>`` beside ``lagrange/cost_<channel>``."""

    def __init__(self, env: PricedVecEnv) -> None:
        super().__init__()
        self.env = env

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        found = self.env.close_rollout()
        for name, cost, price in zip(self.env.duals.names, found, self.env.duals.price, strict=True):
            self.logger.record(f"lagrange/cost_{name}", float(cost))
            self.logger.record(f"lagrange/price_{name}", float(price))
