"""Policies: baselines by rule, and learned ones. Importing this package imports neither Torch nor Stable-baselines3.

``base`` says what one is; ``demand``, ``guideline``, ``pid`` and ``stress`` are rules, ``rl`` trains, ``store`` keeps.
"""

from thecal.agents.backends.actor import PolicyRecord, SB3Policy
from thecal.agents.backends.settings import PPOSettings, RLSettings, SACSettings, algorithm_names, load_rl_settings
from thecal.agents.backends.store import load_policy, read_record, save_policy
from thecal.agents.backends.training import Throughput, TrainedPolicy, train_sb3
from thecal.agents.base import ActionScale, BatchPolicy, ObservationView, Policy
from thecal.agents.registry import make_policy, policy_names

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
