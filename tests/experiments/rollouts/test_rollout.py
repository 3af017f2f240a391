"""Rollouts: the same days for every policy, nothing counted after death, and nothing that the batch adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from thecal.agents.base import PolicyContext
from thecal.agents.info import PolicyInfo
from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.rollout import FIELDS, measured, rollout, summary_fields
from thecal.experiments.rollouts.trajectories import require_paired
from thecal.experiments.rollouts.view import observation_view

from support.runs import helpless_task, short_task

TASK = short_task(2.0)
SIX = range(6)


def test_shapes_and_meaning(fixed):
    assert fixed.task.n_steps == 48
    for name in FIELDS:
        assert fixed[name].shape[:2] == (48, 6)
    assert fixed["dose_ug"].shape == (48, 6, 3)
    np.testing.assert_array_equal(fixed["time_h"][:, 0], np.arange(1, 49))
    assert fixed.patients.tolist() == list(SIX)
    assert (fixed.policy, fixed.shield_mode, fixed.unshielded) == ("fixed", "project", False)


def test_a_run_repeats_bit_by_bit(fixed):
    again = rollout(make_policy("fixed"), TASK, SIX, seed=3)
    for name in FIELDS:
        np.testing.assert_array_equal(again[name], fixed[name])


def test_policies_meet_the_same_days_and_act_differently(fixed):
    other = rollout(make_policy("guideline_ptm"), TASK, SIX, seed=3)
    require_paired(other, fixed)
    for name in ("pain_latent", "bt_h", "awake_h", "pain0"):
        np.testing.assert_array_equal(other[name], fixed[name])
    assert not np.array_equal(other["dose_ug"], fixed["dose_ug"])


def test_another_seed_brings_other_days(fixed):
    other = rollout(make_policy("fixed"), TASK, SIX, seed=4)
    assert not np.array_equal(other["pain_latent"], fixed["pain_latent"])
    np.testing.assert_array_equal(other.start["cap_ug"], fixed.start["cap_ug"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 4}, "seed 4"),
        ({"cohort_seed": 1}, "cohort_seed 1"),
        ({"split": "train"}, "split 'train'"),
        ({"difficulty": "shift"}, "difficulty 'shift'"),
        ({"shield_mode": "off"}, "shield_mode 'off'"),
        ({"profile": "wide"}, "profile 'wide'"),
        ({"stage": "lower"}, "stage 'lower'"),
        ({"cohort": "elderly"}, "cohort 'elderly'"),
    ],
)
def test_unpaired_runs_are_refused(fixed, change, said):
    with pytest.raises(ConfigError, match=said):
        require_paired(replace(fixed, scenario=Scenario.of(fixed.scenario, **change)), fixed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patients": np.arange(1, 7)}, "other patients"),
        ({"task": short_task(2.0, title="other")}, "another task"),
        ({"scenario_hash": "0" * 64}, "under the same names"),
    ],
)
def test_runs_that_met_something_else_are_refused(fixed, change, said):
    with pytest.raises(ConfigError, match=said):
        require_paired(replace(fixed, **change), fixed)


def test_other_days_are_noticed(fixed):
    data = {**fixed.data, "pain_latent": fixed["pain_latent"] + np.float32(0.01)}
    with pytest.raises(ConfigError, match=r"other days .* pain_latent differs"):
        require_paired(replace(fixed, data=data), fixed)


def test_days_are_compared_only_while_both_live(fixed, deadly):
    base = rollout(make_policy("fixed"), helpless_task(2.0), range(12), seed=3, shield_mode="off", drugs="bupivacaine")
    require_paired(deadly, base)


def test_nothing_is_counted_after_death(deadly):
    ended = deadly["terminated"] > 0
    after = ended & np.roll(ended, 1, axis=0)
    after[0] = False
    assert after.any()
    expected = {"pain_mean": 10.0, "pain_end": 10.0, "terminated": 1}
    for name in FIELDS:
        values = deadly[name][after]
        if name == "nrs_report":
            assert np.isnan(values).all()
        elif name not in ("time_h", "shield_mode"):
            np.testing.assert_array_equal(values, expected.get(name, 0), err_msg=name)
    np.testing.assert_array_equal(deadly["time_h"], np.broadcast_to(np.arange(1.0, 49.0)[:, None], ended.shape))


def test_a_death_is_charged_once_with_the_rest_of_the_horizon(deadly):
    patient = int(np.argmax(deadly["terminated"][-1]))
    step = int(np.argmax(deadly["terminated"][:, patient]))
    assert deadly["r_terminal"][:, patient].sum() == -TASK.weights["terminal"] * (TASK.n_steps - step - 1)


def test_a_summary_is_enough_for_outcomes(fixed):
    brief = rollout(make_policy("fixed"), TASK, SIX, seed=3, record="summary")
    assert set(brief.data) == set(summary_fields(Scenario.of(TASK).resolve()))
    for key, values in outcomes(fixed).items():
        np.testing.assert_array_equal(outcomes(brief)[key], values)


class _Greedy:
    """A policy that asks for the most of everyone, also of the dead."""

    info = PolicyInfo(name="greedy", label="Greedy", kind="sanity")

    def reset(self, context):
        self.context = context

    def reset_where(self, done):
        raise AssertionError("an episode does not restart within a rollout")

    def act(self, observation):
        return np.ones((self.context.n, 2), np.float32)


def test_nothing_is_asked_for_the_dead(monkeypatch):
    asked, step = [], ThecalVectorEnv.step

    def watched(env, actions):
        asked.append(actions)
        return step(env, actions)

    monkeypatch.setattr(ThecalVectorEnv, "step", watched)
    greedy = _Greedy()
    run = rollout(greedy, helpless_task(2.0), range(12), seed=3, shield_mode="off", drugs="bupivacaine")
    alive = run["terminated"][:-1] == 0
    assert not alive.all()
    np.testing.assert_array_equal(asked[1:], np.repeat(alive[:, :, None], 2, axis=2))
    np.testing.assert_array_equal(greedy.context.patients, np.arange(12))
    assert greedy.context.seed == 3


@pytest.mark.parametrize(
    ("patients", "options", "said"),
    [
        ([], {}, "at least one patient"),
        ([1, 2, 1], {}, "same patient twice"),
        ([1], {"record": "some"}, "full, summary"),
        ([1], {"split": "all"}, "split: must be"),
    ],
)
def test_bad_arguments(patients, options, said):
    with pytest.raises(ConfigError, match=said):
        rollout(make_policy("fixed"), TASK, patients, seed=0, **options)


def test_one_environment_alone_gives_the_same_trajectory(fixed):
    """The batch of a rollout adds nothing: patient 4 alone, stepped by hand."""
    env = ThecalVectorEnv(TASK, 1, split="test", truth=True, autoreset=False)
    observation, _ = env.reset(seed=3, options={"patients": np.array([4])})
    policy = make_policy("fixed")
    policy.reset(PolicyContext(observation_view(env.batch.scene), 1, np.array([4]), 3))
    for k in range(48):
        observation, _, _, _, info = env.step(policy.act(observation))
        assert np.float32(info["out"]["pain_mean"][0]) == fixed["pain_mean"][k, 4]


def test_a_policy_that_fails_is_told_by_name():
    class Broken(type(make_policy("fixed"))):
        def act(self, observation):
            raise RuntimeError("no luck")

    with pytest.raises(ConfigError, match="policy 'fixed' failed at step 0: RuntimeError: no luck"):
        rollout(Broken(), short_task(1.0), range(2), 0)


def test_outcomes_of_blocks_are_those_of_one_run():
    """Also of fields that the task itself does not report, and in the order of the patients."""
    keys = ("well_treated", "lost_pain", "return", "died")
    whole = outcomes(rollout(make_policy("pid"), TASK, [4, 0, 2, 1, 3], seed=3), keys)
    seen = []
    scene = Scenario.of(TASK, split="test", seed=3).resolve()
    assert "well_h" not in summary_fields(scene)
    found = measured(make_policy("pid"), scene, [4, 0, 2, 1, 3], keys, size=2, progress=lambda *at: seen.append(at))
    assert list(found) == list(keys)
    for key in keys:
        np.testing.assert_array_equal(found[key], whole[key])
    assert seen[-1] == (3 * 48, 3 * 48)
