"""The constrained environment, line by line: which environment stands behind it, and what goes in and comes out as tensors."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from thecal.core.errors import ConfigError, MissingExtraError
from thecal.envs.adapters.constrained import ConstrainedEnv
from thecal.envs.adapters.forms import CostThecalEnv
from thecal.envs.adapters.vector_forms import CostThecalVectorEnv

torch = pytest.importorskip("torch")
ID = "thecal/CancerMorphine-v0"


class Inner:
    """In place of the environment behind it: keeps what it is given, and answers six things."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self.given: list[Any] = []

    def step(self, action: Any) -> Any:
        self.given.append(action)
        return np.array([0.25, 0.5]), np.array(1.0), np.array(2.0), np.array(True), np.array(False), self.info

    def reset(self, *args: Any, **words: Any) -> Any:
        self.given.append((args, words))
        return np.array([0.75, 1.5]), self.info


def test_one_patient_or_a_batch_stands_behind_it() -> None:
    env = ConstrainedEnv(ID, split="test", costs=("sedation",), cost_limit=2.5, horizon_d=1)
    inner = env._env
    assert type(inner) is CostThecalEnv
    assert (inner.spec_task.name, inner.batch.scenario.split, inner.batch.n) == ("CancerMorphine", "test", 1)
    assert (inner.costs.names, inner.costs.limit) == (("sedation",), 2.5)
    assert (env.cost_limit, env.num_envs, env.time_limit, env.max_episode_steps) == (2.5, 1, 24, 24)
    assert env.observation_space is inner.observation_space
    assert env.action_space is inner.action_space
    assert (env.need_auto_reset_wrapper, env.need_time_limit_wrapper, env.need_evaluation) == (True, False, False)
    assert env.metadata is inner.metadata
    env = ConstrainedEnv(ID, 2, split="test", costs=("sedation",), cost_limit=0.0, horizon_d=1)
    inner = env._env
    assert type(inner) is CostThecalVectorEnv
    assert (inner.spec_task.name, inner.batch.scenario.split, inner.batch.n) == ("CancerMorphine", "test", 2)
    assert (inner.mode, inner.costs.names, inner.costs.limit) == (AutoresetMode.SAME_STEP, ("sedation",), 0.0)
    assert (env.cost_limit, env.num_envs, env.time_limit) == (0.0, 2, 24)
    assert env.observation_space is inner.single_observation_space
    assert env.action_space is inner.single_action_space
    assert env.need_auto_reset_wrapper is False
    assert env.metadata is inner.metadata


def test_the_id_says_which_task_and_which_options() -> None:
    for name, task, difficulty in (
        ("CancerMorphine-Easy", "CancerMorphine", "easy"),
        ("NonCancerMix", "NonCancerMix", "real"),
    ):
        inner = ConstrainedEnv(f"thecal/{name}-v0")._env
        assert (inner.spec_task.name, inner.batch.scenario.difficulty) == (task, difficulty)
        assert inner.costs.names == inner.spec_task.costs
    inner = ConstrainedEnv("thecal/CancerMorphine-Easy-v0", difficulty="shift")._env
    assert inner.batch.scenario.difficulty == "shift", "what is said of it counts"


def test_ids_and_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="^unknown environment 'thecal/CancerMorphine-Cost-v0'"):
        ConstrainedEnv("thecal/CancerMorphine-Cost-v0")
    for bad in (0, -1):
        with pytest.raises(ConfigError, match=f"^{re.escape(f'num_envs is at least 1, not {bad}')}$"):
            ConstrainedEnv(ID, bad)


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"^the constrained environment needs .*thecal\[train\]"):
        ConstrainedEnv(ID)


def test_steps_and_resets_pass_through_as_tensors() -> None:
    env = ConstrainedEnv(ID)
    last = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    env._env = Inner({"final_obs": last})
    *parts, info = env.step(torch.tensor([0.5, -0.5], dtype=torch.float64, requires_grad=True))
    assert (type(env._env.given[0]), env._env.given[0].tolist()) == (np.ndarray, [0.5, -0.5])
    assert [part.tolist() for part in parts] == [[0.25, 0.5], 1.0, 2.0, 1.0, 0.0]
    assert {part.dtype for part in (*parts, info["final_observation"])} == {torch.float32}
    assert info["final_observation"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert info["final_obs"] is last
    env._env = Inner({})
    assert env.step(torch.zeros(2))[5] == {}
    observation, info = env.reset(3, {"patient": 4})
    assert (observation.dtype, observation.tolist()) == (torch.float32, [0.75, 1.5])
    assert info is env._env.info
    env.set_seed(8)
    env.reset()
    assert env._env.given[1:] == [
        ((), {"seed": 3, "options": {"patient": 4}}), ((), {"seed": 8, "options": None}), ((), {"seed": None, "options": None}),
    ]  # fmt: skip
    assert env._tensor([1.0]).device.type == "cpu"
    assert ConstrainedEnv(ID, device="meta")._tensor([1.0]).device.type == "meta"
