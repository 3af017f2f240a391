"""The example plug-in, installed as a user would: every command knows its policy, and nothing takes it for a trained one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin"
CLI = "import sys; from thecal.experiments.cli import main; sys.exit(main())"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Python with the plug-in installed beside Thecal; returns what it prints."""
    place = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(EXAMPLE, place / "source")  # a build leaves folders in the source
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    installed = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(place / "site"), str(source)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    # Beside what this process can import, in whatever way Thecal got there.
    path = os.pathsep.join([str(place / "site"), *(entry for entry in sys.path if entry)])

    def shown(code: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=place, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return shown


def test_the_list_of_policies_shows_it_last(run: Run) -> None:
    rows = json.loads(run(CLI, "list", "policies", "--json"))
    assert rows[-1]["name"] == "sleep_aware"
    assert rows[-1]["what it does"].startswith("Raises the rate in the evening")
    assert rows[0]["name"] == "fixed"


def test_it_is_made_by_name_with_settings(run: Run) -> None:
    code = "from thecal.agents import make_policy; print(make_policy('sleep_aware', step=0.05).info.model_dump_json())"
    info = json.loads(run(code))
    assert (info["label"], info["kind"]) == ("Titration by daytime reports", "rule")
    assert info["parameters"] == {"target_nrs": 3.0, "step": 0.05}


def test_wrong_settings_name_the_package(run: Run) -> None:
    code = """
from thecal.agents import make_policy
from thecal.core.errors import ConfigError
try:
    make_policy("sleep_aware", stride=2)
except ConfigError as error:
    print(error)
"""
    assert "'sleep_aware' of thecal-example-plugin 1.0.0 cannot be made" in run(code)


def test_it_treats_patients(run: Run) -> None:
    """Two days: it raises someone's rate, and only after the first evening."""
    code = """
import json
from thecal.agents import find_policy
from thecal.agents.find import training_facts
from thecal.envs.tasks import load_task
from thecal.experiments.rollouts.rollout import rollout
policy = find_policy("sleep_aware")
task = load_task("CancerMorphine").model_copy(update={"horizon_d": 2.0})
run = rollout(policy, task, range(6), 0)
rose = (run["requested_rate"] > run["allowed_rate"][0]).any(axis=1)
print(json.dumps([run.policy, rose.tolist(), training_facts([policy])]))
"""
    name, rose, trained = json.loads(run(code))
    assert name == "sleep_aware"
    assert not any(rose[:12])
    assert any(rose)
    assert trained == []


def test_it_is_compared_and_not_taken_for_trained(run: Run) -> None:
    code = """
from thecal.agents import make_policy
from thecal.envs.tasks import load_task
from thecal.experiments.reports.build import build_report
from thecal.experiments.reports.page import render
from thecal.experiments.studies.compare import compare
task = load_task("CancerMorphine").model_copy(update={"horizon_d": 1.0})
found = compare([make_policy("fixed"), make_policy("sleep_aware")], task, 3)
assert {name: one.info.kind for name, one in found.result.policies.items()} == {"fixed": "rule", "sleep_aware": "rule"}
print(render(build_report(found)))
"""
    assert "Titration by daytime reports" in run(code)


def test_its_task_is_listed_and_made_by_gymnasium(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(run(CLI, "list", "tasks", "--json"))}
    assert rows["SpasticityExample"]["added by"] == "thecal-example-plugin 1.0.0"
    assert rows["CancerMorphine"]["added by"] == ""
    code = """
import gymnasium, thecal
env = gymnasium.make("thecal/SpasticityExample-v0")
observation, _ = env.reset(seed=1)
print(env.step(env.action_space.sample())[0].shape == observation.shape)
"""
    assert run(code).strip() == "True"


def test_its_task_is_found_and_needs_no_python(run: Run) -> None:
    code = """
from importlib.resources import as_file
from thecal.agents import make_policy
from thecal.core.plugins import TASKS, plugin_file
from thecal.envs.tasks import load_task
from thecal.experiments.rollouts.rollout import rollout
with as_file(plugin_file(TASKS, "SpasticityExample")) as path:
    task = load_task(path)
run = rollout(make_policy("fixed"), task.model_copy(update={"horizon_d": 1.0}), range(2), 0)
print(task.id, task.drugs[0], run["ashworth"].shape)
"""
    assert run(code).startswith("thecal/SpasticityExample-v0 baclofen (6, 2)")
