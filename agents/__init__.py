"""Policies: baselines by rule, learned ones, and those of other packages. Importing this package imports no Torch.

``base`` says what a policy is, ``view`` what it reads and writes, ``info`` what it says of itself; ``rules`` holds the
baselines, ``backends`` what is learned; ``registry`` and ``find`` give one by name.
"""

from thecal.agents.backends.base import Backend, LearnedPolicy, Throughput, Trained
from thecal.agents.backends.hyperparameters import PPOSettings, RLSettings, SACSettings
from thecal.agents.backends.load import load_policy
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.registry import algorithm_names
from thecal.agents.backends.settings import load_rl_settings
from thecal.agents.backends.store import read_record, save_policy
from thecal.agents.backends.training import train_policy
from thecal.agents.base import BatchPolicy, HasDensity, Policy, PolicyContext, Restarts, Saves
from thecal.agents.find import find_policies, find_policy, is_one_method
from thecal.agents.info import PolicyInfo
from thecal.agents.registry import make_policy, policy_info, policy_names
from thecal.agents.rules.guarded import Guarded
from thecal.agents.view import ActionScale, ObservationView

__all__ = [
    "ActionScale",
    "Backend",
    "BatchPolicy",
    "Guarded",
    "HasDensity",
    "LearnedPolicy",
    "ObservationView",
    "PPOSettings",
    "Policy",
    "PolicyContext",
    "PolicyInfo",
    "PolicyRecord",
    "RLSettings",
    "Restarts",
    "SACSettings",
    "Saves",
    "Throughput",
    "Trained",
    "algorithm_names",
    "find_policies",
    "find_policy",
    "is_one_method",
    "load_policy",
    "load_rl_settings",
    "make_policy",
    "policy_info",
    "policy_names",
    "read_record",
    "save_policy",
    "train_policy",
]
