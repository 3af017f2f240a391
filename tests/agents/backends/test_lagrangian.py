"""Prices of costs: what they come to on a problem whose optimum is known, what they do to rewards, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.agents import load_rl_settings, train_policy
from thecal.agents.backends.lagrangian import Duals
from thecal.core.errors import ConfigError

from support.agent_toys import FIELDS, toy_vec_env

LIMIT_H = 6.0  # hours a day: a quarter of the time
GAINS = {"dual_integral": 0.02, "dual_proportional": 0.0, "dual_derivative": 0.0, "highest_price": 10.0}
KINDS = {"ascent": {}, "pid": {"dual_proportional": 0.02, "dual_derivative": 0.01}}


def costly_env(n: int = 8) -> Any:
    """One number a decides: it pays 1 - (1 - a)^2, and costs a (none below 0) of ``resp`` and nothing of ``sedation``."""
    env = toy_vec_env(n, action_names=("relative_rate",))
    step = env.step_wait

    def priced() -> Any:
        seen, _, dones, infos = step()
        asked = np.clip(env.actions[:, 0], -1.0, 1.0)
        for info, one in zip(infos, asked, strict=True):
            info |= {"cost_resp": max(0.0, float(one)), "cost_sedation": 0.0}
        return seen, (1.0 - (1.0 - asked) ** 2).astype(np.float32), dones, infos

    env.step_wait = priced
    return env


def settings_of(**changes: Any) -> Any:
    values = {
        "n_envs": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 4, "gamma": 0.5, "net_arch": (8,), "learning_rate": 3e-3,
        "learning_rate_end": 3e-4, "log_std_init": -2.5, "ent_coef": 0.0, "limits": {"resp": LIMIT_H, "sedation": 0.5}, **GAINS,
    }  # fmt: skip
    return load_rl_settings("ppo_lagrangian", **{**values, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_prices_find_the_known_optimum(kind):
    """At most a quarter of the time may cost: a = 0.25, whose price is the slope 2 (1 - a) = 1.5, if each price is answered
    by the best a for it, 1 - price / 2."""
    duals = Duals(settings_of(**KINDS[kind]))
    names = list(duals.names)
    for _ in range(400):
        best = np.clip(1.0 - 0.5 * duals.price[names.index("resp")], 0.0, 1.0)
        duals.update(np.array([24.0 * best if name == "resp" else 0.0 for name in names]))
    assert best == pytest.approx(0.25, abs=1e-3)
    assert duals.price.tolist() == pytest.approx([1.5 if name == "resp" else 0.0 for name in names], abs=2e-3)


class Watch:
    """Costs and prices of every rollout."""

    def __new__(cls) -> Any:
        from stable_baselines3.common.callbacks import BaseCallback

        class Own(BaseCallback):
            def __init__(self) -> None:
                super().__init__()
                self.seen: list[dict[str, float]] = []

            def _on_step(self) -> bool:
                return True

            def _on_rollout_end(self) -> None:
                self.seen.append(dict(self.logger.name_to_value))

        return Own()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ppo_finds_it_too(kind):
    """Means over the last half of the rollouts of 3 seeds: within 15 % of the limit, and 0.4 of the price."""
    found = []
    for seed in (1, 2, 3):
        watch = Watch()
        train_policy("ppo_lagrangian", costly_env(), settings_of(**KINDS[kind]), seed, 30_000, [watch])
        late = watch.seen[len(watch.seen) // 2 :]
        found.append([np.mean([one[f"lagrange/{what}_resp"] for one in late]) for what in ("cost", "price")])
    cost, price = np.array(found).T
    np.testing.assert_allclose(cost, LIMIT_H, rtol=0.15)
    np.testing.assert_allclose(price, 1.5, atol=0.4)


def test_without_a_limit_in_reach_it_is_ppo_to_the_bit():
    """A cost that never exceeds its limit has no price, and the reward is the same number."""
    priced = train_policy("ppo_lagrangian", costly_env(), settings_of(limits={"sedation": 1.0}), 1, 512)
    shared = {name: value for name, value in settings_of().model_dump().items() if name not in {*GAINS, "limits"}}
    plain = train_policy("ppo", costly_env(), load_rl_settings("ppo", **shared), 1, 512)
    seen = np.random.default_rng(0).uniform(-1, 1, (5, len(FIELDS))).astype(np.float32)
    np.testing.assert_array_equal(priced.policy.act(seen), plain.policy.act(seen))


def test_prices_follow_the_controller():
    """By hand: integral 0.02 of the error, proportional 0.1, derivative 0.5 of a rise, never below 0 nor above the highest."""
    duals = Duals(
        settings_of(
            limits={"resp": 2.0}, dual_integral=0.02, dual_proportional=0.1, dual_derivative=0.5, highest_price=3.0
        )
    )
    duals.update(np.array([12.0]))
    assert duals.price[0] == pytest.approx(0.2 + 1.0)
    duals.update(np.array([13.0]))
    assert duals.price[0] == pytest.approx(0.42 + 1.1 + 0.5)
    duals.update(np.array([24.0]))
    assert duals.price[0] == 3.0
    for _ in range(100):
        duals.update(np.array([0.0]))
    assert duals.price[0] == duals.integral[0] == 0.0


@given(st.lists(st.floats(0.0, 24.0), min_size=1, max_size=20))
def test_prices_stay_within_their_bounds(costs):
    duals = Duals(settings_of(limits={"resp": 1.0}))
    for cost in costs:
        duals.update(np.array([cost]))
        assert 0.0 <= duals.price[0] <= GAINS["highest_price"]


def test_prices_are_logged():
    """And the price of a cost without any tolerance is above 0 after two rollouts."""
    watch = Watch()
    train_policy("ppo_lagrangian", costly_env(), settings_of(limits={"resp": 0.0, "sedation": 0.5}), 1, 512, [watch])
    last = watch.seen[-1]
    assert {f"lagrange/{what}_{name}" for what in ("cost", "price") for name in ("resp", "sedation")} <= last.keys()
    assert last["lagrange/price_resp"] > 0.0 == last["lagrange/price_sedation"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"breath": 1.0}, "no cost is called 'breath'"), ({"resp": -1.0}, "limits.*resp"), ({}, "limits")],
)
def test_limits_of_no_cost_are_refused(limits, said):
    with pytest.raises(ConfigError, match=said):
        settings_of(limits=limits)
