"""Whether policies fit a task, known before any patient is simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.agents.registry import make_policy, policy_names
from thecal.core.errors import ConfigError
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.cli import run
from thecal.experiments.rollouts.fit import check_fit, fitting_rules

from support.task_files import SPASTICITY


@pytest.fixture
def painless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resolved:
    """A task whose observation says nothing of pain, in the working directory as ``mine.toml``."""
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(SPASTICITY, encoding="utf-8")
    return Scenario.of("mine.toml").resolve()


def test_rules_that_read_what_a_task_lacks_do_not_fit(painless: Resolved) -> None:
    fitting, others = fitting_rules(painless)
    assert "fixed" in fitting
    assert "needs observation fields that the task lacks: " in others["pid"]
    assert {*fitting, *others} == set(policy_names())
    with pytest.raises(ConfigError, match="policy 'pid' needs"):
        check_fit([make_policy("fixed"), make_policy("pid")], painless)


def test_a_policy_of_another_task_does_not_fit(painless: Resolved) -> None:
    policy = make_policy("fixed")
    policy.info = policy.info.model_copy(update={"tasks": ("Elsewhere",)})
    with pytest.raises(ConfigError, match="made for Elsewhere, not for Baclofen"):
        check_fit([policy], painless)


def test_compare_leaves_out_what_nobody_named(
    painless: Resolved, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def watched(config: object, *_more: object, **_named: object) -> None:
        ran.append(config)
        raise ConfigError("seen enough")

    monkeypatch.setattr("thecal.experiments.studies.evaluate.run_compare", watched)
    assert run(["compare", "--task", "mine.toml", "--no-track"]) == 2
    assert ran[0].policies == fitting_rules(painless)[0]  # type: ignore[attr-defined]
    assert "left out pid: policy 'pid' needs" in capsys.readouterr().err


def test_a_named_misfit_is_refused_before_any_run(painless: Resolved, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "fixed", "pid", "--task", "mine.toml", "--no-track", "--out", "here"]) == 2
    assert "policy 'pid' needs" in capsys.readouterr().err
    assert not Path("here").exists()
