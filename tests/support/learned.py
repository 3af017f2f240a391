"""A trained policy without any training: a tiny stored actor with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.store import save_policy
from thecal.envs.kernel.observation import STANDARD_FIELDS


def make_trained(folder: Path, seed: int = 0, **changes: Any) -> str:
    """A tiny stored actor with random weights, as training would leave it in ``folder/policy``."""
    rng = np.random.default_rng(seed)
    values = {
        "algorithm": "ppo", "task": "CancerMorphine", "task_hash": "abc", "observation_names": STANDARD_FIELDS, "net_arch": (4,),
        "activation": "tanh", "settings": {"gamma": 0.99}, "seed": seed, "frames": 10, "interrupted": False,
        "thecal_version": "0",
    }  # fmt: skip
    shapes = {"mlp_extractor.policy_net.0": (4, len(STANDARD_FIELDS)), "action_net": (2, 4)}
    weights = {}
    for layer, shape in shapes.items():
        weights[f"{layer}.weight"] = rng.normal(0, 0.3, shape).astype(np.float32)
        weights[f"{layer}.bias"] = np.zeros(shape[0], np.float32)
    save_policy(folder / "policy", PolicyRecord(**{**values, **changes}), weights)
    return str(folder)
