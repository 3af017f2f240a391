"""Transitions on disk: every step of every patient comes back, padding is marked, densities are kept where there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from thecal.agents.registry import make_policy
from thecal.core.errors import StoreError
from thecal.envs.kernel.rewards import COST_NAMES
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts import transitions as module
from thecal.experiments.rollouts.rollout import blocks, rollout
from thecal.experiments.rollouts.trajectories import Trajectories, joined
from thecal.experiments.rollouts.transitions import Episodes, TransitionWriter, describe_transitions, read_transitions

from support.runs import hand_run, helpless_task

SIZE, PATIENTS, STEPS = 7, 12, 48


def scene(**options) -> Resolved:
    return Scenario.of(helpless_task(2.0), **{"split": "test", "seed": 3} | options).resolve()


def written(policy: str, path: Path, **options) -> Trajectories:
    """A run in two blocks of different sizes, with its transitions in ``path``."""
    chosen, where = make_policy(policy), scene(**options)
    with TransitionWriter(path, where, chosen.info) as writer:
        return joined(blocks(chosen, where, range(PATIENTS), size=SIZE, transitions=writer))


@pytest.fixture(scope="module", params=[65_536, 60])
def deaths(request, tmp_path_factory) -> tuple[Trajectories, list[Episodes], Path]:
    """Everybody asks for the most bupivacaine without a shield, and some die; written at once, or in many pieces."""
    path = tmp_path_factory.mktemp("transitions") / "run.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS_AT_ONCE", request.param)
        run = written("max_request", path, shield_mode="off", drugs="bupivacaine")
    return run, list(read_transitions(path)), path


def over_patients(found: list[Episodes], name: str) -> np.ndarray:
    return np.concatenate([getattr(block, name) for block in found], axis=1)


def test_blocks_come_back_with_their_patients(deaths):
    _, found, _ = deaths
    assert [block.patients.tolist() for block in found] == [list(range(SIZE)), list(range(SIZE, PATIENTS))]
    for block in found:
        n = len(block.patients)
        assert block.observations.shape == (STEPS + 1, n, len(scene().lens))
        assert block.actions.shape == (STEPS, n, 2)
        assert block.mask.shape == block.rewards.shape == block.log_prob.shape == (STEPS, n)
        assert set(block.costs) == set(COST_NAMES)


def test_rewards_and_costs_are_those_of_the_run(deaths):
    run, found, _ = deaths
    np.testing.assert_array_equal(over_patients(found, "rewards").astype(np.float32), run["reward"])
    np.testing.assert_array_equal(over_patients(found, "cost").astype(np.float32), run["cost"])
    for name in COST_NAMES:
        costs = np.concatenate([block.costs[name] for block in found], axis=1)
        np.testing.assert_array_equal(costs, run[f"cost_{name}"], err_msg=name)
    total = over_patients(found, "rewards").sum(axis=0)
    np.testing.assert_allclose(total, run["reward"].sum(axis=0, dtype=np.float64), rtol=1e-6)


def test_a_death_ends_an_episode_and_padding_follows(deaths):
    run, found, _ = deaths
    dead = run["terminated"] > 0
    assert 0 < dead[-1].sum() <= PATIENTS
    mask, terminated, truncated = (over_patients(found, name) for name in ("mask", "terminated", "truncated"))
    alive_before = np.vstack([np.ones((1, PATIENTS), bool), ~dead[:-1]])
    np.testing.assert_array_equal(mask, alive_before)
    np.testing.assert_array_equal(terminated & mask, dead & alive_before)
    assert not truncated[:-1].any()
    np.testing.assert_array_equal(truncated[-1], ~dead[-1])
    assert not over_patients(found, "rewards")[~mask].any()
    assert not over_patients(found, "actions")[~mask].any()


def test_an_episode_in_pieces_is_one_when_everybody_died(deaths, tmp_path, monkeypatch):
    run, _, _ = deaths
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 1)
    (dead,) = np.flatnonzero(run["terminated"][STEPS - 2])[:1].tolist()
    policy, where = make_policy("max_request"), scene(shield_mode="off", drugs="bupivacaine")
    with TransitionWriter(tmp_path / "r.parquet", where, policy.info) as writer:
        rollout(policy, where, [dead], transitions=writer)
    (block,) = read_transitions(tmp_path / "r.parquet")
    assert block.mask.sum() == 1 + (run["terminated"][:, dead] == 0).sum()


def test_what_was_seen_and_done_is_what_the_policy_met(tmp_path):
    met: list[tuple[np.ndarray, np.ndarray]] = []
    policy, where = make_policy("random"), scene()
    act = policy.act

    def watched(observation):
        action = act(observation)
        met.append((observation.copy(), action.copy()))
        return action

    policy.act = watched
    with TransitionWriter(tmp_path / "r.parquet", where, policy.info) as writer:
        run = rollout(policy, where, range(5), transitions=writer)
    (block,) = read_transitions(tmp_path / "r.parquet")
    np.testing.assert_array_equal(block.observations[:-1], np.array([seen for seen, _ in met]))
    np.testing.assert_array_equal(block.actions, np.array([done for _, done in met]))
    assert block.mask.all()
    assert np.isfinite(block.observations[-1]).all()
    assert not np.array_equal(block.observations[-1], block.observations[-2])
    names = describe_transitions(tmp_path / "r.parquet").observation_names
    shown = where.lens.decode(block.observations[-1])["rate_ml_per_d"]
    assert names == where.lens.names
    np.testing.assert_allclose(shown, run["allowed_rate"][-1], rtol=1e-4)


def test_densities_are_kept_for_a_policy_that_draws(tmp_path):
    written("random", tmp_path / "random.parquet")
    for block in read_transitions(tmp_path / "random.parquet"):
        np.testing.assert_allclose(block.log_prob, -2.0 * np.log(2.0))
    written("guideline", tmp_path / "rule.parquet")
    assert pq.read_table(tmp_path / "rule.parquet")["log_prob"].null_count == (STEPS + 1) * PATIENTS
    assert all(np.isnan(block.log_prob).all() for block in read_transitions(tmp_path / "rule.parquet"))


def test_a_file_says_what_it_holds(deaths):
    run, _, path = deaths
    said = describe_transitions(path)
    assert said.info == run.info
    assert said.scenario == run.scenario
    assert said.scenario_hash == run.scenario_hash
    assert said.action_names == run.task.action.fields
    assert said.observation_high == tuple(scene().lens.high)
    assert said.steps == STEPS
    assert pq.read_schema(path).metadata[b"thecal.note"] == b"simulated data, UNSHIELDED"


def test_blocks_are_read_one_at_a_time(deaths):
    _, found, path = deaths
    stream = read_transitions(path)
    assert next(stream).patients.tolist() == found[0].patients.tolist()


def test_a_crash_in_the_middle_leaves_no_file(tmp_path):
    policy, where = make_policy("fixed"), scene()

    def stop(done, _total):
        if done == 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), TransitionWriter(tmp_path / "r.parquet", where, policy.info) as writer:
        list(blocks(policy, where, range(PATIENTS), size=SIZE, transitions=writer, progress=stop))
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_outlives_a_crash(tmp_path):
    path = tmp_path / "r.parquet"
    written("fixed", path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError), TransitionWriter(path, scene(), make_policy("fixed").info):
        raise RuntimeError("power cut")
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        TransitionWriter(tmp_path / "file" / "r.parquet", scene(), make_policy("fixed").info)


def test_a_file_of_something_else_is_refused(tmp_path):
    from thecal.experiments.rollouts.parquet import save_trajectories

    for path in (save_trajectories(hand_run(4, 1), tmp_path / "run.parquet"), tmp_path / "nowhere.parquet"):
        with pytest.raises(StoreError):
            list(read_transitions(path))
