"""PPO end to end: adapter against DummyVecEnv with equal hyperparameters, and the shipped settings."""

from __future__ import annotations

import statistics
from functools import partial

from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from thecal.agents.backends.base import Throughput
from thecal.agents.backends.settings import load_rl_settings
from thecal.agents.backends.training import train_policy
from thecal.envs import load_task, make_sb3

from common import Row
from single import fixed_patient

N = 256
FRAMES = 131_072
REPEATS = 3


class DescribedDummy(DummyVecEnv):
    """DummyVecEnv with the two attributes training records."""

    @property
    def observation_names(self):
        """Names of the observation's fields."""
        return self.envs[0].unwrapped.observation_names

    @property
    def spec_task(self):
        """The task."""
        return load_task("CancerMorphine")


def monitored(patient: int) -> Monitor:
    """A single environment with SB3's episode statistics, which the adapter has built in."""
    return Monitor(fixed_patient(patient))


def trained(env, **settings) -> Throughput:
    """Throughput of a short run with the shipped settings and some changed."""
    return train_policy("ppo", env, load_rl_settings("ppo", "CancerMorphine", **settings), 0, FRAMES).throughput


def run() -> list[Row]:
    """Frames a second, ratios, and the environment's share of the time."""
    native = make_sb3("CancerMorphine", N, seed=0, preload=True, pool=512)
    dummy = DescribedDummy([partial(monitored, k) for k in range(N)])
    trained(native)
    rows = []
    for title, target, settings in (
        ("batch 2048, 10 epochs", 1.2, {"batch_size": 2048, "n_epochs": 10, "n_steps": 64}),
        ("batch 4096, 4 epochs", 1.6, {"batch_size": 4096, "n_epochs": 4, "n_steps": 64}),
    ):
        pairs = [
            (trained(native, **settings).frames_per_s, trained(dummy, **settings).frames_per_s) for _ in range(REPEATS)
        ]
        rows.append(Row(f"PPO, 256 environments, {title}: adapter", statistics.median(a for a, _ in pairs), "frames/s"))
        rows.append(
            Row(f"PPO, 256 environments, {title}: DummyVecEnv", statistics.median(b for _, b in pairs), "frames/s")
        )
        rows.append(Row(f"ratio, {title}", statistics.median(a / b for a, b in pairs), "", target))
    shipped = [trained(native) for _ in range(REPEATS)]
    rows.append(
        Row("PPO with the shipped settings", statistics.median(t.frames_per_s for t in shipped), "frames/s", 25_000)
    )
    rows.append(
        Row(
            "environment's share of training time",
            statistics.median(t.env_share for t in shipped),
            "",
            0.20,
            at_most=True,
        )
    )
    return rows
