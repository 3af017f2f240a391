"""Trained policies by folder: whatever they are called, under whatever conditions they were trained, the results say so."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from thecal.agents.find import find_policies, find_policy, name_of
from thecal.agents.info import Conditions
from thecal.core.errors import ConfigError, StoreError
from thecal.envs.kernel.observation import STANDARD_FIELDS
from thecal.experiments.analysis.stored import from_dict, load_result
from thecal.experiments.analysis.tables import brief_table, comparison_table
from thecal.experiments.reports.build import build_report
from thecal.experiments.reports.findings import findings
from thecal.experiments.reports.finish import finish_report
from thecal.experiments.studies.config import CompareConfig, EvaluateConfig
from thecal.experiments.studies.evaluate import evaluate, run_compare

from support.learned import make_trained
from support.runs import short_task

ODD = ["lr=3e-4", "été 📁", "a b", "dots..", "[red]x", "100%20", "-o", "x" * 240, "runs:", "fixed"]


@pytest.fixture
def quick(monkeypatch):
    """Two days in place of four weeks."""
    monkeypatch.setattr("thecal.envs.scenario.load_task", lambda _name: short_task(2.0))


@pytest.mark.parametrize("reference", ["as_written", "with_slash", "resolved", "within", "name"])
def test_a_trained_policy_as_reference(reference, store, quick):
    make_trained(store.folder / "pol")
    wanted = {
        "as_written": "pol", "with_slash": "pol/", "resolved": str((store.folder / "pol").resolve()),
        "within": "pol/policy", "name": "ppo",
    }[reference]  # fmt: skip
    pages = []
    config = CompareConfig(policies=("pol", "fixed"), reference=wanted, patients=2, out="here", track=False)
    found, _ = run_compare(
        config, finish=lambda given, folder, origin: pages.append(finish_report(given, folder, origin, [], False))
    )
    assert found.result.reference == "ppo"
    assert list(found.result.differences) == ["fixed"]
    assert load_result("here").reference == "ppo"
    assert pages[0].stat().st_size > 100_000


@pytest.mark.parametrize("others", [("second",), ("second", "fixed", "pid"), ("random",), ("max_request", "fixed")])
def test_reports_with_a_trained_reference(others, store, quick):
    make_trained(store.folder / "pol")
    make_trained(store.folder / "second", seed=0, frames=11)
    pages = []
    found, _ = run_compare(
        CompareConfig(policies=("pol", *others), reference="pol", patients=2, out="here", track=False),
        finish=lambda given, folder, origin: pages.append(finish_report(given, folder, origin, [], False)),
    )
    assert len(found.result.differences) == len(others)
    shown = io.StringIO()
    Console(file=shown, width=120).print(comparison_table(found.result))
    assert all(name in shown.getvalue() for name in found.result.policies)
    assert len(pages) == 1


def test_odd_names_are_kept_and_files_and_metrics_are_safe(store, quick):
    folders = [make_trained(store.folder / name, seed=0) for name in ODD]
    found, run_id = run_compare(
        CompareConfig(policies=(*folders, "fixed"), patients=1, out="here"),
        finish=lambda given, folder, origin: finish_report(given, folder, origin, [], False),
    )
    names = list(found.result.policies)
    assert names[:-2] == ODD[:-1]
    assert names[-2].endswith("/fixed")
    files = {path.name for path in Path("here").iterdir()}
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", file) for file in files)
    assert len([file for file in files if file.startswith("trajectories_")]) == len(names)
    metrics = {key.partition("/")[0] for key in store.run(run_id).data.metrics}
    assert len(metrics) == len(names)
    assert set(load_result("here").policies) == set(names)


@pytest.mark.parametrize("name", ["lr=3e-4", "été 📁", "x" * 240])
def test_an_odd_name_is_evaluated_with_its_trail(name, store, quick):
    folder = make_trained(store.folder / name)
    found = evaluate(EvaluateConfig(policy=folder, patients=1, out="here", trail=True))
    assert found.policy == "ppo"
    assert store.run(found.run_id).info.status == "FINISHED"


def test_folders_of_one_last_name_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second, third = (
        make_trained(tmp_path / place / "run", seed=0, frames=frames)
        for place, frames in (("a", 1), ("b", 2), ("c/a", 3))
    )
    names = [policy.info.name for policy in find_policies([first, f"{second}/", f"{third}/policy", "fixed"])]
    assert names[1] == "b/run"
    assert names[2] == "c/a/run"
    assert names[0].endswith("/a/run")
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("fixed", "fixed"), "the policy 'fixed' is named twice: name each once"),
        (("pol", "pol"), "the policy 'pol' is named twice: name each once"),
        (("pol", "fixed", "pol/policy"), "the policy 'pol/policy' is named twice, also as 'pol': name each once"),
        (("pol", "./pol/"), "the policy './pol/' is named twice, also as 'pol'"),
    ],
    ids=["rule", "folder", "within", "slash"],
)
def test_one_policy_named_twice(names, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_trained(tmp_path / "pol")
    with pytest.raises(ConfigError, match=re.escape(said)):
        find_policies(names)


@pytest.mark.parametrize("name", ["runs:/0123/policy", "models:/good/1"])
def test_addresses_of_a_store_are_refused_clearly(name):
    with pytest.raises(ConfigError, match="not loaded from a tracking store yet; download it"):
        find_policy(name)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", ".", "/"], ids=["long", "null", "empty", "here", "root"])
def test_a_name_that_can_be_no_folder_is_unknown(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="unknown policy"):
        find_policy(name)


def test_a_name_wins_over_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_trained(tmp_path / "ppo", seed=1, algorithm="ppo")
    make_trained(tmp_path / "other", seed=2)
    found = find_policies(["other", "fixed"])
    assert name_of(["other", "fixed"], found, "ppo") == "ppo"


CONDITIONS = Conditions(
    task="CancerMorphine", drugs=("morphine",), horizon_d=28.0, tick_h=1.0, difficulty="real", cohort="cancer"
)


def test_what_differs_is_said():
    judged = CONDITIONS.model_copy(
        update={"drugs": ("morphine", "bupivacaine"), "horizon_d": 14.0, "difficulty": "shift"}
    )
    assert CONDITIONS.unlike(judged) == (
        "trained with morphine, judged with morphine + bupivacaine",
        "trained for 28 days, judged for 14 days",
        "trained on difficulty real, judged on difficulty shift",
    )
    assert CONDITIONS.unlike(CONDITIONS) == ()
    assert Conditions(task="A", task_hash="1").unlike(CONDITIONS) == (
        "trained on A, judged on CancerMorphine",
    )  # fmt: skip
    assert Conditions(task="A", task_hash="1").unlike(Conditions(task="A", task_hash="2")) == (
        "trained on another version of A",
    )


def test_another_task_is_marked_everywhere(store, quick, capsys):
    trained = CONDITIONS.model_copy(update={"task": "NonCancerMorphine", "profile": "label_us"})
    folder = make_trained(store.folder / "pol", trained=trained, task="NonCancerMorphine")
    said = "trained on NonCancerMorphine, judged on CancerMorphine"
    found, _ = run_compare(CompareConfig(policies=(folder, "fixed"), patients=2, out="here", track=False))
    parts = found.result.transfers["ppo"]
    assert parts[0] == said
    assert "trained for 28 days, judged for 2 days" in parts
    assert any(part.startswith("trained under limits label_us, judged under limits ") for part in parts)
    kept = json.loads(Path("here/comparison.json").read_text())
    assert kept["transfers"] == {"ppo": list(parts)}
    assert from_dict(kept).transfers == found.result.transfers
    for table in (brief_table(found.result), comparison_table(found.result)):
        assert said in str(table.caption)
    assert any(said in finding.lead for finding in findings(build_report(found)))
    one = evaluate(EvaluateConfig(policy=folder, patients=1, track=False))
    assert one.transfer == parts
    assert one.as_dict()["transfer"] == parts


def test_training_and_judging_alike_is_not_marked(store, quick):
    from thecal.experiments.studies.shared import transfer

    scene = EvaluateConfig(track=False).scenario.resolve()
    policy = find_policy(make_trained(store.folder / "pol"))
    own = Conditions.of(scene.task.model_dump(mode="json"), scene.task.hash, scene.scenario)
    policy.info = policy.info.model_copy(update={"trained": own})
    assert transfer(policy, scene) == ()


def test_other_spaces_are_refused_before_work(store, quick):
    folder = make_trained(store.folder / "pol", observation_names=("elsewhere", *STANDARD_FIELDS[1:]))
    with pytest.raises(ConfigError, match=r"observation field 0 is .*, trained with 'elsewhere'"):
        run_compare(CompareConfig(policies=(folder, "fixed"), patients=1, out="here", track=False))
    assert not Path("here").exists()


def test_a_failing_report_leaves_the_results(store, quick):
    def fail(*_given):
        raise KeyError("styles")

    with pytest.raises(StoreError, match=r"KeyError: 'styles'; everything that was computed is in here"):
        run_compare(CompareConfig(policies=("fixed", "pid"), patients=1, out="here"), finish=fail)
    assert load_result("here").reference == "fixed"
    assert store.only_run().info.status == "FAILED"


@pytest.mark.parametrize("kind", ["evaluate", "compare"])
def test_a_failing_store_loses_no_result(kind, store, quick, monkeypatch):
    """With a folder it says which; without one the results go to a passing folder."""
    passing = store.folder / "passing"
    passing.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(passing))

    def fail(*_given, **_more):
        raise StoreError("the tracking store failed (locked)")

    monkeypatch.setattr("thecal.experiments.tracking.tracker.Tracker.metrics", fail)

    def run(out):
        if kind == "evaluate":
            evaluate(EvaluateConfig(policy="fixed", patients=1, out=out, trail=True))
        else:
            run_compare(CompareConfig(policies=("fixed", "pid"), patients=1, out=out))

    with pytest.raises(StoreError, match=r"failed \(locked\); everything that was computed is in here"):
        run("here")
    result = {"evaluate": "estimates.json", "compare": "comparison.json"}[kind]
    assert Path("here", result).exists()
    with pytest.raises(
        StoreError, match=r"locked\); everything that was computed was saved in \S*thecal-rescued-\S* instead"
    ):
        run(None)
    (place,) = passing.glob("thecal-rescued-*")
    assert (place / result).exists()
    assert kind == "compare" or (place / "fixed.trail").exists()


def test_no_room_is_known_before_work(store, quick, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(1, 1, 100))
    with pytest.raises(StoreError, match=r"0.0 MB are free, and at least \d+.\d MB will be needed"):
        run_compare(CompareConfig(policies=("fixed", "pid"), patients=500, out="here"))
    assert store.client.get_experiment_by_name("thecal") is None
