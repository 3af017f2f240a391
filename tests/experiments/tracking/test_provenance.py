"""Provenance: which code, which data, which machine."""

from __future__ import annotations

import json
import subprocess

import pytest

import thecal
from thecal.envs.scenario import Scenario
from thecal.experiments.tracking.provenance import config_hash, git_state, provenance, run_tags, versions

from support.runs import short_task


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository that tracks a package's ``__init__.py``, taken for Thecal's own."""
    init = tmp_path / "pkg" / "__init__.py"
    init.parent.mkdir()
    init.write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "pkg")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "first")
    monkeypatch.setattr(thecal, "__file__", str(init))
    return tmp_path


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_clean_checkout(checkout):
    (checkout / "untracked.txt").write_text("")
    assert git_state() == {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": "false"}


def test_a_changed_checkout(checkout):
    (checkout / "pkg" / "__init__.py").write_text("x = 2\n")
    assert git_state()["dirty"] == "true"


def test_a_package_in_somebody_elses_repository_is_no_checkout(checkout, monkeypatch):
    installed = checkout / "site-packages" / "thecal" / "__init__.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    monkeypatch.setattr(thecal, "__file__", str(installed))
    assert git_state() == {"commit": "unknown", "dirty": "unknown"}


def test_no_repository_and_no_git(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr(thecal, "__file__", str(tmp_path / "__init__.py"))
    assert git_state()["commit"] == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state()["commit"] == "unknown"


def test_versions_leave_out_what_is_not_installed(monkeypatch):
    monkeypatch.setattr("thecal.experiments.tracking.provenance.PACKAGES", ("numpy", "no-such-package"))
    assert set(versions()) == {"thecal", "python", "numpy"}


def test_everything_that_decides_the_numbers():
    found = provenance(Scenario.of("CancerMorphine").resolve(), seed=3)
    assert found["seed"] == 3
    for kind in ("task", "cohort", "profile"):
        assert len(found[kind]["hash"]) == 64
    assert found["profile"]["name"] == "seed_2025"
    json.dumps(found)


def test_hashes_follow_their_contents():
    base, other = (provenance(Scenario.of(task).resolve()) for task in ("CancerMorphine", short_task(3.0)))
    assert base["task"]["hash"] != other["task"]["hash"]
    assert base["cohort"]["hash"] == other["cohort"]["hash"]
    assert provenance(Scenario.of("NonCancerMorphine").resolve())["cohort"]["hash"] != base["cohort"]["hash"]
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1})


@pytest.mark.parametrize(("mode", "unshielded"), [("project", "false"), ("replace", "false"), ("off", "true")])
def test_tags(mode, unshielded):
    scene = Scenario.of("CancerMorphine", shield_mode=mode).resolve()
    origin = provenance(scene)
    tags = run_tags(origin, "compare", scene, "123")
    assert tags["scenario_hash"] == scene.hash
    assert tags["unshielded"] == unshielded
    assert tags["cohort_hash"] == origin["cohort"]["hash"]
    assert tags["mlflow.source.git.commit"] == origin["git"]["commit"]
    assert all(isinstance(value, str) for value in tags.values())
