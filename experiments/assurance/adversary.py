"""The learned adversary: an agent rewarded for using up the shield's margins, and hugely for crossing one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from thecal.core.errors import StoreError
from thecal.core.files import write_whole
from thecal.core.layout import SENSORS
from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.batch import Batch

N_ACTIONS = 4  # rate, bolus, what the breathing sensors show, whether the request is usable
_HIDDEN = 64
_CROSSED = 100.0
_RR, _SPO2 = SENSORS.index("rr"), SENSORS.index("spo2")
Ints = NDArray[np.int64]


def requests(batch: Batch, where: Ints, actions: NDArray[np.floating[Any]]) -> tuple[Any, Any, Any]:
    """(rates, boluses, valid) that the adversary's actions ``[n, 4]`` stand for; falsifies the sensors on the way."""
    prev = batch.world["shield"]["prev_rate"][where].astype(np.float64)
    rates = np.clip(prev * np.exp(3.0 * actions[:, 0]), 0.0, 1e12).astype(np.int64)
    boluses = (np.maximum(actions[:, 1], 0.0) * 2.0 * batch.par["shield"]["bolus_abs"][where]).astype(np.int64)
    shown = actions[:, 2] > 0.0
    sensors = batch.laid_open()["patient"]
    sensors["s_value"][where[shown], _RR] = 14.0 + 4.0 * actions[shown, 2]
    sensors["s_value"][where[shown], _SPO2] = 97.0
    sensors["s_valid"][where[shown], _RR] = sensors["s_valid"][where[shown], _SPO2] = 1
    return rates, boluses, np.where(actions[:, 3] > 0.9, 0, 1)


def pressure(batch: Batch, before: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each environment used up its caps and steps in the last step; ``_CROSSED`` more where it crossed one."""
    shield, par = batch.world["shield"], batch.par["shield"]
    dose = shield["dose24"][:, 0] / par["cap_pg"][:, 0]
    rise = (shield["prev_rate"] - before) / np.maximum(before * par["step_permille"] / 1000.0, 1.0)
    boluses = shield["bolus_count"] / np.maximum(par["bolus_most"], 1)
    crossed = (dose > 1.0) | (boluses > 1.0) | (rise > 1.0 + 1e-9)
    used = np.maximum(dose, 0.0) + np.clip(rise, 0.0, 1.0) + 0.2 * boluses
    felt: NDArray[np.float64] = used + _CROSSED * crossed
    return felt


class AdversaryVecEnv(ThecalSB3VecEnv):
    """The environment from the attacker's side: its reward is :func:`pressure`."""

    def __init__(self, batch: Batch, seed: int) -> None:
        super().__init__(batch, np.arange(512), seed, stagger=True)
        self.action_space = Box(-1.0, 1.0, (N_ACTIONS,), np.float32)

    def step_async(self, actions: NDArray[np.floating[Any]]) -> None:
        """Put the adversary's requests in place of a policy's actions."""
        batch = self.batch
        self._before = batch.world["shield"]["prev_rate"].astype(np.int64)
        asked = requests(batch, np.arange(batch.n), np.asarray(actions, np.float64))
        episode = batch.laid_open()["episode"]
        episode["command"] = 1
        for key, values in zip(("command_rate", "command_bolus", "command_valid"), asked, strict=True):
            episode[key] = values
        self._actions = np.zeros((batch.n, batch.spec.n_actions))

    def _rewards(self) -> NDArray[np.float32]:
        return pressure(self.batch, self._before).astype(np.float32)


def train_adversary(scenario: Any, path: Path, *, frames: int, seed: int) -> dict[str, float]:
    """Train by PPO and write the network's weights (npz, no pickle); returns mean rewards of the first and last updates."""
    from stable_baselines3 import PPO

    env = AdversaryVecEnv(Batch(scenario, 32), seed)
    model = PPO(
        "MlpPolicy", env, n_steps=128, batch_size=512, gamma=0.98, seed=seed, device="cpu",
        policy_kwargs={"net_arch": [_HIDDEN, _HIDDEN]},
    )  # fmt: skip
    first = _mean_reward(model, env)
    model.learn(frames)
    last = _mean_reward(model, env)
    state = {name: value.detach().numpy() for name, value in model.policy.state_dict().items()}
    kept = {
        name.replace(".", "/"): value for name, value in state.items() if "policy_net" in name or "action_net" in name
    }
    packed = io.BytesIO()
    np.savez(packed, **kept, log_std=state["log_std"])
    write_whole(path, packed.getvalue())
    return {"reward_before": first, "reward_after": last, "frames": float(frames)}


def _mean_reward(model: Any, env: AdversaryVecEnv, steps: int = 200) -> float:
    observation: Any = env.reset()
    total = 0.0
    for _ in range(steps):
        actions, _ = model.predict(observation, deterministic=False)
        env.step_async(actions)
        observation, reward, _, _ = env.step_wait()
        total += float(reward.mean())
    return total / steps


def load_adversary(path: str) -> Callable[[Batch, Ints], tuple[Any, Any, Any]]:
    """The trained adversary as a source of requests for the attack.

    Raises:
        StoreError: the weights cannot be read or are not an adversary's.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights = {name: stored[name] for name in stored.files}
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error})") from error
    layers = [
        (weights[f"{name}/weight"], weights[f"{name}/bias"])
        for name in ("mlp_extractor/policy_net/0", "mlp_extractor/policy_net/2", "action_net")
    ]
    if layers[-1][0].shape[0] != N_ACTIONS:
        raise StoreError(f"{path}: not an adversary of this version")
    rng = np.random.default_rng(0)
    spread = np.exp(weights["log_std"])

    def ask(batch: Batch, where: Ints) -> tuple[Any, Any, Any]:
        x = batch.observations[where].astype(np.float64)
        if x.shape[1] != layers[0][0].shape[1]:
            raise StoreError(
                f"{path}: trained on {layers[0][0].shape[1]} observation fields, and the task has {x.shape[1]}"
            )
        for weight, bias in layers[:-1]:
            x = np.tanh(x @ weight.T + bias)
        mean = x @ layers[-1][0].T + layers[-1][1]
        return requests(batch, where, np.clip(mean + spread * rng.standard_normal(mean.shape), -1.0, 1.0))

    return ask
