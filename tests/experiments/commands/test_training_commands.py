"""``thecal train --resume`` and what training, evaluating and comparing know before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thecal.core import extras
from thecal.experiments.cli import run

from support.trainings import FRAMES, config, cut, outcome


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """An unfinished run in ``odd name`` of the working folder."""
    monkeypatch.chdir(tmp_path)
    cut(config("odd name"), 1100)
    return Path("odd name")


@pytest.mark.parametrize(
    "words",
    [["--resume", "odd name"], ["odd name", "--resume"], ["--resume", "--out", "odd name"]],
    ids=["folder", "folder_first", "out"],
)
def test_a_run_goes_on_by_its_folder(words, interrupted, capsys):
    assert run(["train", *words, "--json"]) == 0
    seen = capsys.readouterr()
    assert "goes on at 1,024 frames, from the checkpoint in odd name" in seen.err
    said = json.loads(seen.out)
    assert (said["frames"], said["interrupted"]) == (FRAMES["ppo"], False)
    assert outcome(interrupted)[0]
    assert run(["train", *words]) == 2
    assert "the training in odd name is finished, there is nothing to resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["odd name"], "the folder 'odd name' is for --resume; a new run takes --out 'odd name'"),
        (["--resume", "odd name", "--out", "other"], "name two folders"),
        (
            ["--resume", "odd name", "--seed", "3"],
            "is of another run, and would end differently: seed (0 there, 3 here)",
        ),
        (["--resume", "odd name", "-c", "x.toml"], "takes the configuration of the run itself, not --config"),
        (["--resume", "nowhere"], "nowhere holds no checkpoint of a training: begin it without --resume"),
        (["--resume"], "runs/train holds no checkpoint of a training"),
    ],
    ids=["no_resume", "two_folders", "seed", "config", "nowhere", "default"],
)
def test_what_cannot_go_on_is_one_sentence(words, said, interrupted, capsys):
    Path("x.toml").write_text("")
    assert run(["train", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert (interrupted / "checkpoint").exists()


def test_a_damaged_checkpoint_has_its_own_exit_code(interrupted, capsys):
    (interrupted / "checkpoint" / "checkpoint.json").write_text("{")
    assert run(["train", "--resume", "odd name"]) == 4
    assert "checkpoint.json: not valid JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        (["train", "--no-track"], "safetensors"),
        (["train"], "mlflow"),
        (["evaluate", "fixed"], "mlflow"),
        (["compare", "fixed", "pid"], "plotly"),
        (["compare", "fixed", "pid"], "mlflow"),
        (["demo", "--quick"], "jinja2"),
    ],
    ids=lambda value: "_".join(value).replace("--", "") if isinstance(value, list) else value,
)
def test_missing_packages_are_known_before_work(command, lacking, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    find = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == lacking else find(name))
    assert run(command) == 5
    said = capsys.readouterr().err
    assert f"needs {lacking}: pip install" in " ".join(said.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["runs:/0/policy", "models:/m/1"])
def test_policies_of_a_store_are_refused(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["evaluate", name, "--no-track"]) == 2
    assert "not loaded from a tracking store yet" in capsys.readouterr().err
