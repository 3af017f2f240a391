"""The lean PPO learner against Stable-baselines3's own: same settings, seeds and numbers, in one process by processor time."""

from __future__ import annotations

import statistics
import time

import torch
from stable_baselines3 import PPO

from thecal.agents.backends.base import PARTS, Throughput
from thecal.agents.backends.lean_ppo import LeanPPO
from thecal.agents.backends.sb3 import learn, make_model
from thecal.agents.backends.settings import load_rl_settings
from thecal.core.jit import set_threads
from thecal.envs import make_sb3

from common import Row

TASK = "CancerMorphine"
ROLLOUTS = 3
PAIRS = 9


def run() -> list[Row]:
    """Frames a second of processor time, their ratio, and where the lean learner's time goes."""
    settings = load_rl_settings("ppo", TASK)
    set_threads(1, 1)
    env = make_sb3(TASK, settings.n_envs, seed=0, preload=True, pool=64)
    frames = ROLLOUTS * settings.n_steps * settings.n_envs

    def timed(kind: type[PPO]) -> tuple[Throughput, torch.Tensor]:
        env.seed(0)
        model = make_model("ppo", env, settings, 0, kind)
        speed, _ = learn(model, frames, [], clock=time.process_time)
        return speed, torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach()

    timed(PPO), timed(LeanPPO)
    pairs = [(timed(PPO), timed(LeanPPO)) for _ in range(PAIRS)]
    apart = max(float((old - new).abs().max()) for (_, old), (_, new) in pairs)
    speeds = [(old, new) for (old, _), (new, _) in pairs]

    def middle(of) -> float:
        return statistics.median(of(old, new) for old, new in speeds)

    per_cpu = "frames/CPU-s"
    return [
        Row("Stable-baselines3's PPO, shipped settings", middle(lambda old, _: old.frames_per_s), per_cpu),
        Row("lean PPO, shipped settings", middle(lambda _, new: new.frames_per_s), per_cpu),
        Row("ratio", middle(lambda old, new: new.frames_per_s / old.frames_per_s), "", 2.5),
        Row("ratio, update alone", middle(lambda old, new: old.update_s / new.update_s), ""),
        Row("ratio, policy in rollouts alone", middle(lambda old, new: old.policy_s / new.policy_s), ""),
        Row("environment's share before", middle(lambda old, _: old.env_share), ""),
        Row("environment's share", middle(lambda _, new: new.env_share), "", 0.08, at_most=True),
        *(
            Row(f"lean, {words}", middle(lambda _, new, part=part: 1e6 * getattr(new, f"{part}_s") / new.frames), "us/frame")
            for part, words in PARTS.items()
            if part != "store"
        ),
        Row("largest difference between parameters", apart, "", 1e-6, at_most=True),
    ]  # fmt: skip
