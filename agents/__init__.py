"""Policies: baselines by rule, and learnt ones. Importing this package imports neither Torch nor Stable-baselines3.

``base`` says what one is; ``demand``, ``guideline``, ``pid`` and ``stress`` are rules, ``rl`` trains, ``store`` keeps.
"""

from thecal.agents.base import ActionScale, BatchPolicy, ObservationView, Policy
from thecal.agents.registry import make_policy, policy_names
from thecal.agents.rl import Throughput, TrainedPolicy, train_sb3
from thecal.agents.rl_settings import PPOSettings, RLSettings, SACSettings, algorithm_names, load_rl_settings
from thecal.agents.store import load_policy, read_record, save_policy
from thecal.agents.trained import PolicyRecord, SB3Policy

__all__ = [
    "ActionScale",
    "BatchPolicy",
    "ObservationView",
    "PPOSettings",
    "Policy",
    "PolicyRecord",
    "RLSettings",
    "SACSettings",
    "SB3Policy",
    "Throughput",
    "TrainedPolicy",
    "algorithm_names",
    "load_policy",
    "load_rl_settings",
    "make_policy",
    "policy_names",
    "read_record",
    "save_policy",
    "train_sb3",
]
