"""Evaluating and comparing by configuration: policies by name or folder, results on disk and tracked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from thecal.agents.find import find_policies, find_policy
from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError, StoreError, UnknownNameError
from thecal.envs.kernel.observation import STANDARD_FIELDS
from thecal.envs.outcomes import OUTCOMES, outcomes
from thecal.experiments.analysis.stored import load_result, to_dict
from thecal.experiments.rollouts.parquet import load_trajectories
from thecal.experiments.rollouts.transitions import read_transitions
from thecal.experiments.studies.config import CompareConfig, EvaluateConfig, load_config
from thecal.experiments.studies.evaluate import evaluate, run_compare

from support.learned import make_trained
from support.runs import short_task


@pytest.fixture
def quick(monkeypatch):
    """Two days in place of four weeks."""
    monkeypatch.setattr("thecal.envs.scenario.load_task", lambda _name: short_task(2.0))


def test_policies_by_name_and_folder(tmp_path):
    folder = make_trained(tmp_path / "run")
    assert find_policy("guideline").info.name == "guideline"
    assert find_policy(folder).info.name == "ppo"
    assert find_policy(f"{folder}/policy").info.name == "ppo"
    with pytest.raises(UnknownNameError, match=r"unknown policy 'nobody'.*guideline"):
        find_policy("nobody")


def test_training_seeds_stay_one_method(tmp_path):
    folders = [make_trained(tmp_path / f"s{k}", seed=k) for k in range(3)]
    assert [policy.info.name for policy in find_policies([*folders, "fixed"])] == ["ppo", "ppo", "ppo", "fixed"]


@pytest.mark.parametrize("change", [{"settings": {"gamma": 0.5}}, {"frames": 99}, {"task_hash": "xyz"}, {"seed": 0}])
def test_different_trainings_are_named_by_their_folders(tmp_path, change):
    one = make_trained(tmp_path / "one", seed=0)
    two = make_trained(tmp_path / "two", **{"seed": 1, **change})
    assert [policy.info.name for policy in find_policies([one, f"{two}/policy"])] == ["one", "two"]


def test_evaluate(store, quick):
    seen = []
    found = evaluate(EvaluateConfig(policy="fixed", patients=3, out="here"), lambda done, total: seen.append(done))
    assert seen == list(range(1, 49))
    assert set(found.estimates) == {entry.key for entry in OUTCOMES}
    run = store.run(found.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["time_controlled"] == pytest.approx(found.estimates["time_controlled"].mean)
    assert run.data.metrics["died.high"] == pytest.approx(100.0 * (1.0 - 0.05 ** (1 / 3)))
    files = {"config.json", "estimates.json", "provenance.json", "trajectories.parquet"}
    assert {path.name for path in Path("here").iterdir()} == files
    assert store.artifacts(found.run_id) == files
    kept = json.loads(Path("here/estimates.json").read_text())
    assert (kept["schema"], kept["policy"], kept["run_id"]) == (1, "fixed", found.run_id)
    assert (kept["scenario"]["split"], kept["scenario_hash"]) == ("test", found.scene.hash)
    assert kept["unshielded"] is False
    assert set(kept["outcomes"]) == set(found.estimates)
    again = load_trajectories("here/trajectories.parquet")
    for key, values in outcomes(again, found.scene.task.outcomes).items():
        np.testing.assert_array_equal(values, found.values[key])
    assert load_config(EvaluateConfig, "here/config.json").policy == "fixed"


def test_evaluate_without_folder_or_tracking(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert evaluate(EvaluateConfig(policy="fixed", patients=1, track=False)).run_id is None
    assert list(tmp_path.iterdir()) == []


def test_transitions_and_trail_are_kept_with_the_run(store, quick):
    found = evaluate(EvaluateConfig(policy="random", patients=3, transitions=True, trail=True))
    assert store.artifacts(found.run_id) == {"config.json", "random.trail", "transitions.parquet"}
    folder = evaluate(EvaluateConfig(policy="random", patients=3, transitions=True, out="here", track=False))
    (block,) = read_transitions("here/transitions.parquet")
    np.testing.assert_allclose(block.rewards.sum(axis=0), found.values["return"], atol=0.5)
    np.testing.assert_array_equal(folder.values["return"], found.values["return"])


@pytest.mark.parametrize(
    ("wanted", "said"), [("transitions", "transitions need a place"), ("trail", "an audit trail needs a place")]
)
def test_what_is_kept_needs_a_place(wanted, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        evaluate(EvaluateConfig(policy="fixed", patients=1, track=False, **{wanted: True}))


def test_a_passing_folder_is_removed(store, quick, tmp_path_factory, monkeypatch):
    passing = tmp_path_factory.mktemp("passing")
    monkeypatch.setattr("tempfile.tempdir", str(passing))

    def stopped(*_given):
        assert list(passing.glob("thecal-run-*")), "the trail has a place while it is written"
        raise ConfigError("seen enough")

    monkeypatch.setattr("thecal.experiments.studies.evaluate._stream", stopped)
    with pytest.raises(ConfigError, match="seen enough"):
        evaluate(EvaluateConfig(policy="fixed", patients=1, trail=True))
    assert list(passing.glob("thecal-run-*")) == []


def test_compare(store, quick):
    folders = [make_trained(store.folder / f"s{k}", seed=k) for k in range(2)]
    finished = []
    config = CompareConfig(policies=("fixed", *folders, "max_request"), patients=3, out="here", shield_mode="off")
    found, run_id = run_compare(config, finish=lambda *given: finished.append(given))
    seeds = {name: one.training_seeds for name, one in found.result.policies.items()}
    assert seeds == {"fixed": 1, "ppo": 2, "max_request": 1}
    assert [(given[0], given[1]) for given in finished] == [(found, Path("here"))]
    names = ("fixed", "ppo", "ppo_1", "max_request")
    expected = {f"trajectories_{name}.parquet" for name in names} | {
        "comparison.json",
        "config.json",
        "provenance.json",
    }
    assert {path.name for path in Path("here").iterdir()} == expected
    assert store.artifacts(run_id) == expected | {"policies"}
    run = store.run(run_id)
    assert run.data.tags["unshielded"] == "true"
    assert "max_request/time_controlled.low" in run.data.metrics
    trained = json.loads(Path("here/provenance.json").read_text())["trained"]
    assert [entry["seed"] for entry in trained] == [0, 1]
    assert len({entry["weights_sha256"] for entry in trained}) == 2
    values = json.loads(Path("here/comparison.json").read_text())
    assert values["unshielded"] is True
    assert values["better"] == {"ppo": False, "max_request": False}
    assert to_dict(load_result("here")) == values


def test_the_reference_may_be_a_folder(store, quick):
    folder = make_trained(store.folder / "mine")
    found, _ = run_compare(CompareConfig(policies=("fixed", folder), reference=folder, patients=2, out=None))
    assert found.result.reference == "ppo"
    assert list(found.result.differences) == ["fixed"]


def test_ready_policies_in_place_of_names(store, quick):
    config = CompareConfig(policies=("ignored",), patients=2, out=None)
    found, _ = run_compare(config, policies=[make_policy("fixed"), make_policy("pid")])
    assert list(found.result.policies) == ["fixed", "pid"]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"policies": ("fixed", "nobody")}, ConfigError, "unknown policy 'nobody'"),
        ({"policies": ("pid", "guideline")}, ConfigError, "reference 'fixed' is not among"),
        ({"policies": ("fixed", "fixed")}, ConfigError, "the policy 'fixed' is named twice: name each once"),
        ({"difficulty": "hard"}, ConfigError, "unknown difficulty"),
        ({"out": "file/deep"}, StoreError, "output folder"),
    ],
)
def test_mistakes_show_before_anything_is_tracked(store, changes, error, said):
    (store.folder / "file").write_text("x")
    with pytest.raises(error, match=said):
        run_compare(CompareConfig(**{"patients": 2, **changes}))
    assert store.client.get_experiment_by_name("thecal") is None


def test_a_policy_of_other_observations_never_starts(store, quick):
    folder = store.folder / "other"
    make_trained(folder, observation_names=("elsewhere", *STANDARD_FIELDS[1:]))
    with pytest.raises(ConfigError, match="observation field 0 is"):
        evaluate(EvaluateConfig(policy=str(folder), patients=1))
    assert store.client.get_experiment_by_name("thecal") is None
