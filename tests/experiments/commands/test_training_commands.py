"""``thecal train --resume`` and what training, evaluating and comparing know before any work."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from thecal.agents.backends.base import PARTS, Throughput
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
    assert run(["train", *words, "--json", "--timing"]) == 0
    seen = capsys.readouterr()
    assert "goes on at 1,024 frames, from the checkpoint in odd name" in seen.err
    said = json.loads(seen.out)
    assert (said["frames"], said["interrupted"]) == (FRAMES["ppo"], False)
    spent = said["time"]
    assert spent["frames"] == FRAMES["ppo"] - 1024
    assert sum(spent[f"{part}_s"] for part in PARTS) == pytest.approx(spent["seconds"])
    assert json.loads((interrupted / "training.json").read_text())["time"] == spent
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


def test_timing_shows_every_part():
    from rich.console import Console

    from thecal.experiments.commands.train import _timing

    console = Console(width=80, record=True, file=io.StringIO())
    console.print(_timing(Throughput(frames=2000, seconds=4.0, env_s=1.0, update_s=2.0, log_s=0.5, store_s=0.1)))
    lines = console.export_text().splitlines()
    assert "2,000 frames in 4.0 s, 500 a second" in lines[0]
    rows = [line.split() for line in lines if "%" in line]
    assert [" ".join(row[:-3]) for row in rows] == list(PARTS.values())
    assert [row[-3:] for row in rows] == [
        ["1.00", "25.0%", "500.0"], ["0.40", "10.0%", "200.0"], ["2.00", "50.0%", "1000.0"],
        ["0.50", "12.5%", "250.0"], ["0.10", "2.5%", "50.0"],
    ]  # fmt: skip


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
        (["compare", "fixed", "pid"], "jinja2"),
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
