"""A small observation with its view, the reading of an action, and an SB3 environment with the same spaces."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from thecal.agents.base import PolicyContext
from thecal.agents.view import ACTION_NAMES, ActionScale, ObservationView

FIELDS = {
    "nrs_report": (0.0, 10.0), "nrs_valid": (0.0, 1.0), "nrs_age_h": (0.0, 24.0), "rr": (0.0, 30.0),
    "rr_valid": (0.0, 1.0), "spo2": (70.0, 100.0), "spo2_valid": (0.0, 1.0), "poss": (1.0, 4.0), "nausea": (0.0, 10.0),
    "dose_mg_per_d": (0.0, 15.0), "rate_ratio_start": (0.0, 6.0), "clock_sin": (-1.0, 1.0), "clock_cos": (-1.0, 1.0),
    "pump_alarm": (0.0, 1.0), "suspect_under": (0.0, 1.0), "suspect_over": (0.0, 1.0), "refill_residual": (-0.5, 0.5),
}  # fmt: skip
CALM = {
    "nrs_report": 5.0, "nrs_valid": 1.0, "nrs_age_h": 0.0, "rr": 14.0, "rr_valid": 1.0, "spo2": 97.0, "spo2_valid": 1.0,
    "poss": 1.0, "nausea": 0.0, "dose_mg_per_d": 2.0, "rate_ratio_start": 1.0,
}  # fmt: skip
LOW = np.array([bounds[0] for bounds in FIELDS.values()])
HIGH = np.array([bounds[1] for bounds in FIELDS.values()])
EPISODE = 20
SCALE = ActionScale(max_up=0.2, max_down=0.2, deadband=0.2, largest_bolus_mg=0.5, largest_bolus_share=0.2)


TARGETS = replace(SCALE, target_low=0.25, target_high=4.0)


# What the titrations of ziconotide and baclofen read beside the rest.
SCORES = {"spasms": (0.0, 4.0), "weakness": (0.0, 4.0), "confusion": (0.0, 4.0)}
MORE = FIELDS | SCORES


def make_view(
    monitored: bool = True,
    action_names: tuple[str, ...] = ACTION_NAMES,
    actions: ActionScale = SCALE,
    fields: dict[str, tuple[float, float]] = FIELDS,
    drug: str = "",
    goal: str = "pain",
    goal_relief: float | None = None,
) -> ObservationView:
    """A view over :data:`FIELDS`, or over others by their bounds."""
    low, high = np.array(list(fields.values())).T
    return ObservationView(
        tuple(fields), low, high, actions=actions, tick_h=1.0, monitored=monitored, action_names=action_names,
        drug=drug, goal=goal, goal_relief=goal_relief,
    )  # fmt: skip


def make_context(n: int = 1, patients: Any = None, seed: int = 0, **view: Any) -> PolicyContext:
    """A context over :func:`make_view`; the patients are 0, 1, 2 ... when not given."""
    who = np.arange(n) if patients is None else np.asarray(patients, np.int64)
    return PolicyContext(make_view(**view), n, who, seed)


def observe(n: int = 1, fields: dict[str, tuple[float, float]] = FIELDS, **values: Any) -> np.ndarray:
    """Scaled observations ``[n, fields]`` from physical values (scalars or ``[n]``); the rest is :data:`CALM`, scores are 0."""
    columns = [np.broadcast_to(np.asarray(values.get(name, CALM.get(name, 0.0)), float), n) for name in fields]
    low, high = np.array(list(fields.values())).T
    return (2.0 * (np.stack(columns, axis=1) - low) / (high - low) - 1.0).astype(np.float32)


def change(action: float) -> float:
    """The relative rate change that the environment reads from action[0]."""
    if abs(action) <= SCALE.deadband:
        return 0.0
    size = (abs(action) - SCALE.deadband) / (1.0 - SCALE.deadband)
    return size * SCALE.max_up if action > 0 else -size * SCALE.max_down


def toy_vec_env(n: int = 4, interrupt_after: int | None = None, action_names: tuple[str, ...] = ACTION_NAMES) -> Any:
    """An SB3 ``VecEnv`` whose reward is highest at action (0.5, -0.5, ...); raises KeyboardInterrupt at a step if asked."""
    from gymnasium.spaces import Box
    from stable_baselines3.common.vec_env import VecEnv

    best = np.resize([0.5, -0.5], len(action_names))

    class Toy(VecEnv):
        def __init__(self) -> None:
            self.render_mode = None
            super().__init__(
                n, Box(-1.0, 1.0, (len(FIELDS),), np.float32), Box(-1.0, 1.0, (len(action_names),), np.float32)
            )
            self.observation_names = tuple(FIELDS)
            self.action_names = action_names
            self.spec_task = SimpleNamespace(name="Toy", hash="0" * 64)
            self.rng = np.random.default_rng(0)
            self.count = 0
            self.steps = 0

        def _obs(self) -> np.ndarray:
            return self.rng.uniform(-1.0, 1.0, (n, len(FIELDS))).astype(np.float32)

        def reset(self) -> np.ndarray:
            self.steps = 0
            return self._obs()

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions

        def step_wait(self) -> Any:
            self.count += 1
            if self.count == interrupt_after:
                raise KeyboardInterrupt
            self.steps += 1
            reward = -np.sum((self.actions - best) ** 2, axis=1).astype(np.float32)
            over = self.steps == EPISODE
            infos: list[dict[str, Any]] = [{} for _ in range(n)]
            obs = self._obs()
            if over:
                self.steps = 0
                infos = [{"terminal_observation": row, "TimeLimit.truncated": True} for row in obs]
                obs = self._obs()
            return obs, reward, np.full(n, over), infos

        def close(self) -> None:
            pass

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(self, attr_name)] * n

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            setattr(self, attr_name, value)

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            return [getattr(self, method_name)(*args, **kwargs)] * n

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * n

    return Toy()
