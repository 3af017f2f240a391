"""The constrained environment: what OmniSafe's interface asks for, held against a stand-in for its abstract class."""

# ruff: noqa: B027 - what OmniSafe's class leaves empty without calling it abstract

from __future__ import annotations

import inspect
import sys
import types
from abc import ABC, abstractmethod

import numpy as np
import pytest

from thecal.core.errors import ConfigError, MissingExtraError, UnknownNameError
from thecal.envs.adapters.constrained import ConstrainedEnv, register_omnisafe
from thecal.envs.adapters.forms import CostThecalEnv

torch = pytest.importorskip("torch")
ID = "thecal/CancerMorphine-v0"


class DocumentedCMDP(ABC):
    """The abstract methods and properties that OmniSafe documents for an environment."""

    @classmethod
    def support_envs(cls): ...

    @abstractmethod
    def __init__(self, env_id, **kwargs): ...

    @property
    def action_space(self): ...

    @property
    def observation_space(self): ...

    @property
    def num_envs(self): ...

    @property
    def time_limit(self): ...

    @abstractmethod
    def step(self, action): ...

    @abstractmethod
    def reset(self, seed=None, options=None): ...

    @abstractmethod
    def set_seed(self, seed): ...

    @abstractmethod
    def sample_action(self): ...

    @abstractmethod
    def render(self): ...

    @abstractmethod
    def close(self): ...


@pytest.fixture
def omnisafe(monkeypatch):
    """A stand-in for the package, which pins a Gymnasium that Thecal does not run on."""
    kept = []
    core = types.ModuleType("omnisafe.envs.core")
    core.CMDP, core.env_register = DocumentedCMDP, lambda kind: kept.append(kind) or kind
    for name in ("omnisafe", "omnisafe.envs"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "omnisafe.envs.core", core)
    return kept


def test_registering_gives_a_whole_class(omnisafe):
    made = register_omnisafe()
    assert omnisafe == [made]
    assert issubclass(made, DocumentedCMDP)
    assert ID in made.support_envs()
    env = made(ID, cost_limit=25.0)
    for name, asked in inspect.getmembers(DocumentedCMDP, inspect.isfunction):
        own = inspect.signature(getattr(ConstrainedEnv, name)).parameters
        assert set(inspect.signature(asked).parameters) - {"kwargs"} <= set(own), name
    assert (env.num_envs, env.time_limit, env.cost_limit) == (1, 28 * 24, 25.0)
    assert env.need_auto_reset_wrapper
    assert not env.need_time_limit_wrapper


def test_without_omnisafe_it_says_what_to_install():
    with pytest.raises(MissingExtraError, match="pip install omnisafe"):
        register_omnisafe()


def test_one_patient_gives_six_tensors_and_the_plain_costs():
    env, plain = ConstrainedEnv(ID, shield_mode="off"), CostThecalEnv(shield_mode="off")
    first, _ = env.reset(seed=3)
    assert first.dtype == torch.float32
    assert np.array_equal(first.numpy(), plain.reset(seed=3)[0])
    assert env.sample_action().shape == env.action_space.shape
    for _ in range(50):
        action = torch.ones(2)
        observation, reward, cost, terminated, truncated, _ = env.step(action)
        other = plain.step(action.numpy())
        assert np.array_equal(observation.numpy(), other[0])
        assert [float(part) for part in (reward, cost, terminated, truncated)] == pytest.approx(
            [float(part) for part in other[1:5]]
        )
        assert all(part.dtype == torch.float32 and part.shape == () for part in (reward, cost, terminated, truncated))
    env.set_seed(3)
    env.close()


def test_a_batch_resets_within_the_step():
    env = ConstrainedEnv(ID, num_envs=3, horizon_d=1)
    assert not env.need_auto_reset_wrapper
    env.reset(seed=0)
    for _ in range(env.time_limit):
        observation, reward, cost, _, truncated, info = env.step(env.sample_action())
        assert observation.shape == (3, *env.observation_space.shape)
        assert reward.shape == cost.shape == (3,)
    assert truncated.all()
    assert info["final_observation"].shape == observation.shape
    assert not torch.equal(info["final_observation"], observation)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnknownNameError, match="unknown environment"):
        ConstrainedEnv("thecal/CancerMorphine-Discrete-v0")
    with pytest.raises(ConfigError, match="num_envs is at least 1"):
        ConstrainedEnv(ID, num_envs=0)
