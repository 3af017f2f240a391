"""The lean PPO learner does what Stable-baselines3's does: same random numbers, same parameters, same logged scalars."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3 import PPO

from thecal.agents import load_rl_settings
from thecal.agents.backends.lean_ppo import LeanPPO
from thecal.agents.backends.sb3 import learn, make_model

from support.agent_toys import toy_vec_env

CLOSE = 1e-6  # of every parameter after several updates; on one machine and version they were equal to the bit
BASE: dict[str, Any] = {"n_envs": 4, "n_steps": 32, "batch_size": 48, "net_arch": (16, 16), "n_epochs": 4}
KINDS: dict[str, dict[str, Any]] = {
    "shipped": {},
    "early stop": {"target_kl": 1e-4, "learning_rate": 0.01, "learning_rate_end": 0.01},
    "relu, three layers": {"activation": "relu", "net_arch": (16, 24, 8)},
    "hard clipping": {"max_grad_norm": 0.01, "ent_coef": 0.0},
    "much entropy, wide noise": {"ent_coef": 0.3, "log_std_init": 0.5, "clip_range": 0.05},
    "a last minibatch of one": {"batch_size": 127},
}


def learned(kind: type[PPO], rollouts: int = 4, actions: int = 2, **changes: Any) -> Any:
    """A model after several updates on the toy, and what the generators would give next."""
    chosen = load_rl_settings("ppo", **(BASE | changes))
    env = toy_vec_env(chosen.n_envs, action_names=tuple("abcdef"[:actions]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Stable-baselines3: the last minibatch is smaller
        model = make_model("ppo", env, chosen, 3, kind)
    learn(model, rollouts * chosen.n_envs * chosen.n_steps, [])
    return model, (np.random.random(), torch.rand(1).item())


def apart(first: Any, second: Any) -> float:
    pairs = zip(first.policy.parameters(), second.policy.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize("name", KINDS)
def test_same_as_stable_baselines3(name: str) -> None:
    (own, own_next), (lean, lean_next) = (learned(kind, **KINDS[name]) for kind in (PPO, LeanPPO))
    assert lean.is_lean
    assert apart(own, lean) <= CLOSE
    assert own_next == lean_next
    assert own._n_updates == lean._n_updates
    for a, b in zip(own.policy.parameters(), lean.policy.parameters(), strict=True):
        kept, found = own.policy.optimizer.state[a], lean.policy.optimizer.state[b]
        assert kept["step"] == found["step"]
        torch.testing.assert_close(found["exp_avg"], kept["exp_avg"], rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(found["exp_avg_sq"], kept["exp_avg_sq"], rtol=1e-4, atol=1e-9)
    logged = {key: value for key, value in own.logger.name_to_value.items() if key.startswith("train/")}
    assert logged.keys() == {key for key in lean.logger.name_to_value if key.startswith("train/")}
    for key, value in logged.items():
        assert lean.logger.name_to_value[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


def test_early_stop_is_reached() -> None:
    """Else its equality says nothing."""
    model, _ = learned(LeanPPO, **KINDS["early stop"])
    assert model._n_updates < 4 * BASE["n_epochs"]


@given(
    rows=st.integers(2, 130),
    actions=st.integers(1, 6),
    widths=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
@settings(max_examples=6, deadline=None)
def test_same_for_any_shape(rows: int, actions: int, widths: list[int], seed: int) -> None:
    changes = {"batch_size": min(rows, 128), "net_arch": tuple(widths), "n_epochs": 2, "log_std_init": -seed / 50}
    (own, _), (lean, _) = (learned(kind, 2, actions, **changes) for kind in (PPO, LeanPPO))
    assert apart(own, lean) <= CLOSE


def test_parameters_put_in_from_outside_are_used() -> None:
    model, _ = learned(LeanPPO, 2)
    other, _ = learned(PPO, 2)
    with torch.no_grad():
        for one in model.policy.parameters():
            one.mul_(2.0)
    model.set_parameters(other.get_parameters())
    for one in model.policy.parameters():
        one.data = one.data.clone()  # no view any more
    assert apart(model, other) == 0.0
    same = []
    for each in (model, other):
        torch.manual_seed(5)
        np.random.seed(5)
        each.set_random_seed(5)
        each.env.venv.rng = np.random.default_rng(9)
        each._last_obs = each.env.reset()
        each._last_episode_starts = np.ones(4, bool)
        learn(each, each.num_timesteps + 256, [])
        same.append(each)
    assert apart(*same) <= CLOSE


def test_what_is_not_lean_is_left_to_stable_baselines3() -> None:
    from gymnasium import make

    discrete = LeanPPO("MlpPolicy", make("CartPole-v1"), n_steps=32, batch_size=32, device="cpu")
    assert not discrete.is_lean
    assert discrete.learn(64).num_timesteps == 64
    env = toy_vec_env()
    for odd in (
        {"clip_range_vf": 0.2},
        {"policy_kwargs": {"optimizer_class": torch.optim.AdamW}},
        {"policy_kwargs": {"optimizer_kwargs": {"weight_decay": 0.1}}},
        {"policy_kwargs": {"activation_fn": torch.nn.SiLU}},
        {"use_sde": True},
    ):
        assert not LeanPPO("MlpPolicy", env, n_steps=8, batch_size=32, device="cpu", **odd).is_lean, odd
    assert LeanPPO("MlpPolicy", env, n_steps=8, batch_size=32, device="cpu").is_lean


def test_stored_model_is_one_of_stable_baselines3(tmp_path: Path) -> None:
    model, _ = learned(LeanPPO, 2)
    model.save(tmp_path / "model.zip")
    for kind in (PPO, LeanPPO):
        assert apart(kind.load(tmp_path / "model.zip", device="cpu"), model) == 0.0


def test_divergence_reaches_the_parameters() -> None:
    """A reward that is no number must not be hidden by the lean loops."""
    model, _ = learned(LeanPPO, 1)
    model.rollout_buffer.rewards[:] = np.nan
    model.rollout_buffer.advantages[:] = np.nan
    model.rollout_buffer.returns[:] = np.nan
    model.train()
    assert all(torch.isnan(one).all() for one in model.policy.parameters())


def test_parts_of_the_time_add_up() -> None:
    """By a clock that ticks once a reading; handing out metrics between rollout and update counts as logging alone."""
    from stable_baselines3.common.callbacks import BaseCallback

    ticks = itertools.count()

    def clock() -> float:
        return float(next(ticks))

    class Slow(BaseCallback):
        def _on_step(self) -> bool:
            [clock() for _ in range(10)]
            return True

    model = make_model("ppo", toy_vec_env(), load_rl_settings("ppo", **(BASE | {"batch_size": 64})), 0)
    speed, _ = learn(model, 256, [Slow()], clock=clock)
    steps, rollouts = 64, 2
    assert speed.env_s == 2 * steps
    assert speed.log_s == 11 * steps + 2 * rollouts + rollouts  # steps; both ends of rollouts; metrics
    assert speed.update_s > 0.0
    assert speed.env_s + speed.policy_s + speed.update_s + speed.log_s + speed.store_s == speed.seconds
    assert sum(speed.share(part) for part in ("env", "policy", "update", "log", "store")) == pytest.approx(1.0)
