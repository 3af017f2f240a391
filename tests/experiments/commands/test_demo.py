"""The demonstration end to end on a small budget, and what can be done with what it leaves behind."""

from __future__ import annotations

import io
import json
import signal

import pytest
from rich.console import Console

from thecal.agents.backends.load import load_policy
from thecal.agents.registry import policy_info, policy_names
from thecal.envs.scenario import Scenario
from thecal.experiments.cli import run
from thecal.experiments.commands.demo import run_demo

pytestmark = pytest.mark.gate


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run in an empty folder; gives the folder, the result and what was printed."""
    folder = tmp_path_factory.mktemp("demo")
    shown = Console(file=io.StringIO(), width=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        result = run_demo(Scenario.of(seed=1), quick=True, out=folder / "out", console=shown, frames=16_384, patients=4)
    return folder, result, shown.file.getvalue()


def test_it_trains_compares_and_reports(demo):
    folder, result, shown = demo
    found = result.comparison.result
    assert list(found.policies) == [
        "ppo",
        *(name for name in policy_names() if policy_info(name).kind != "model-based"),
    ]
    assert len(found.patients) == 4
    assert found.split == "test"
    assert load_policy(folder / "out" / "training" / "policy").record.frames >= 16_384
    page = result.report.read_text(encoding="utf-8")
    assert "PPO (trained)" in page
    assert "figure-training" in page
    assert page.index("This is one trained policy") > 0
    for words in ("simulation only", "1/5", "5/5", "mlflow ui", "not a verdict on the method"):
        assert words in shown


def test_the_report_can_be_rendered_again_from_folder_and_run(demo, monkeypatch, capsys):
    folder, result, _ = demo
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for source, target in ((str(result.report.parent), "again.html"), (result.run_id, "tracked.html")):
        assert run(["report", source, "--out", target]) == 0
        assert (folder / target).stat().st_size == pytest.approx(result.report.stat().st_size, rel=0.1)
    assert run(["report", result.trained.run_id]) == 2
    assert "only comparisons have a report" in capsys.readouterr().err
    assert run(["report", "0" * 32]) == 2


def test_the_trained_policy_can_be_evaluated_by_its_folder(demo, monkeypatch, capsys):
    folder, _, _ = demo
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert run(["evaluate", "out/training", "-n", "2", "--no-track", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"policy", "run_id", "outcomes", "scenario", "scenario_hash"} <= set(said)
    assert said["unshielded"] is False


@pytest.mark.slow
def test_an_interrupted_demonstration_goes_on(tmp_path, monkeypatch):
    """With its training, where that is the same one; another one begins anew. It says which."""
    from support.commands import leftovers, signaled

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    command = ["demo", "--quick", "--frames", "98304", "--patients", "4", "--out", "out"]
    begun = tmp_path / "out" / "training" / "checkpoint" / "checkpoint.json"
    first = signaled(command, tmp_path, signal.SIGTERM, begun.exists)
    assert first.code == 143, first.err
    assert leftovers(tmp_path) == []
    second = signaled(command, tmp_path, signal.SIGTERM, lambda: False)
    assert second.code == 0, second.err
    assert "3/5 goes on at " in second.out
    assert not begun.parent.exists()
    assert (tmp_path / "out" / "comparison" / "report.html").exists()
