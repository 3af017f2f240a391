"""Rollouts: the same days for every policy, nothing counted after death, any chunking, and back from disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from thecal.agents.base import PolicyContext
from thecal.agents.info import PolicyInfo
from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError, StoreError
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.outcomes import outcomes
from thecal.experiments.rollouts import rollout as module
from thecal.experiments.rollouts.rollout import FIELDS, SUMMARY_FIELDS, Trajectories, require_paired, rollout

from support.runs import hand_run, short_task

TASK = short_task(2.0)
SIX = range(6)


@pytest.fixture(scope="module")
def fixed():
    return rollout(make_policy("fixed"), TASK, SIX, seed=3)


@pytest.fixture(scope="module")
def deadly():
    """Largest requests without a shield: most patients die in the first two days."""
    run = rollout(make_policy("max_request"), TASK, range(12), seed=3, shield_mode="off")
    assert (run["terminated"][-1] > 0).sum() > 0
    return run


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
        ({"patients": np.arange(1, 7)}, "other patients"),
        ({"task": short_task(2.0, title="other")}, "another task"),
    ],
)
def test_unpaired_runs_are_refused(fixed, change, said):
    with pytest.raises(ConfigError, match=said):
        require_paired(replace(fixed, policy="mine", **change), fixed)


def test_other_days_are_noticed(fixed):
    data = {**fixed.data, "pain_latent": fixed["pain_latent"] + np.float32(0.01)}
    with pytest.raises(ConfigError, match=r"other days .* pain_latent differs"):
        require_paired(replace(fixed, data=data), fixed)


def test_days_are_compared_only_while_both_live(fixed, deadly):
    base = rollout(make_policy("fixed"), TASK, range(12), seed=3, shield_mode="off")
    require_paired(deadly, base)


def test_chunks_change_nothing(fixed, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 4)
    seen: list[tuple[int, int]] = []
    again = rollout(make_policy("fixed"), TASK, SIX, seed=3, progress=lambda done, total: seen.append((done, total)))
    for name in FIELDS:
        np.testing.assert_array_equal(again[name], fixed[name])
    assert seen == [(k, 96) for k in range(1, 97)]
    for name, values in fixed.start.items():
        np.testing.assert_array_equal(again.start[name], values)


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
        elif name != "time_h":
            np.testing.assert_array_equal(values, expected.get(name, 0), err_msg=name)
    np.testing.assert_array_equal(deadly["time_h"], np.broadcast_to(np.arange(1.0, 49.0)[:, None], ended.shape))


def test_a_death_is_charged_once_with_the_rest_of_the_horizon(deadly):
    patient = int(np.argmax(deadly["terminated"][-1]))
    step = int(np.argmax(deadly["terminated"][:, patient]))
    assert deadly["r_terminal"][:, patient].sum() == -TASK.weights.terminal * (TASK.n_steps - step - 1)


def test_a_summary_is_enough_for_outcomes(fixed):
    brief = rollout(make_policy("fixed"), TASK, SIX, seed=3, record="summary")
    assert set(brief.data) == set(SUMMARY_FIELDS)
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
    run = rollout(greedy, TASK, range(12), seed=3, shield_mode="off")
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
        ([1], {"split": "all"}, "split 'all'"),
    ],
)
def test_bad_arguments(patients, options, said):
    with pytest.raises(ConfigError, match=said):
        rollout(make_policy("fixed"), TASK, patients, seed=0, **options)


def test_parquet_gives_everything_back(deadly, tmp_path):
    path = deadly.to_parquet(tmp_path / "deep" / "run.parquet")
    again = Trajectories.from_parquet(path)
    for name in FIELDS:
        np.testing.assert_array_equal(again[name], deadly[name], err_msg=name)
        assert again[name].dtype == deadly[name].dtype
    for name, values in deadly.start.items():
        np.testing.assert_array_equal(again.start[name], values)
    assert again.task.hash == deadly.task.hash
    require_paired(again, deadly)
    assert again.policy == "max_request"


def test_parquet_is_a_long_table_that_says_it_is_simulated(deadly, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(deadly.to_parquet(tmp_path / "run.parquet"))
    assert table.num_rows == 48 * 12
    assert {"patient", "step", "pain_mean", "dose_ug_morphine"} <= set(table.column_names)
    row = table.slice(5 * 12 + 3, 1).to_pylist()[0]
    assert (row["patient"], row["step"], row["time_h"]) == (3, 5, 6.0)
    assert table.schema.metadata[b"thecal.note"] == b"simulated data, UNSHIELDED"


def test_a_summary_comes_back_as_a_summary(tmp_path):
    run = hand_run(4, 2)
    brief = replace(run, data={name: run[name] for name in SUMMARY_FIELDS})
    assert set(Trajectories.from_parquet(brief.to_parquet(tmp_path / "r.parquet")).data) == set(SUMMARY_FIELDS)


def test_parquet_errors(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        hand_run(4, 1).to_parquet(tmp_path / "file" / "run.parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        Trajectories.from_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        Trajectories.from_parquet(tmp_path / "file")


def test_a_table_of_something_else_is_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"patient": [1, 2]}), tmp_path / "other.parquet")
    with pytest.raises(StoreError, match="not a trajectory table"):
        Trajectories.from_parquet(tmp_path / "other.parquet")


def test_one_environment_alone_gives_the_same_trajectory(fixed):
    """The batch of a rollout adds nothing: patient 4 alone, stepped by hand."""
    env = ThecalVectorEnv(TASK, 1, split="test", truth=True, autoreset=False)
    observation, _ = env.reset(seed=3, options={"patients": np.array([4])})
    policy = make_policy("fixed")
    policy.reset(PolicyContext(module.observation_view(env), 1, np.array([4]), 3))
    for k in range(48):
        observation, _, _, _, info = env.step(policy.act(observation))
        assert np.float32(info["out"]["pain_mean"][0]) == fixed["pain_mean"][k, 4]
