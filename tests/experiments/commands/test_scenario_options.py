"""Every option of a scenario in every command that runs patients: it is there, in the same words, and it reaches the run."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from thecal.core.errors import ConfigError
from thecal.envs.options import Options
from thecal.envs.scenario import Scenario
from thecal.experiments.cli import app, run

# Fields that a command leaves out, because it sets them itself or has an option of its own in their place.
COMMANDS: dict[str, set[str]] = {
    "train": set(),
    "evaluate": set(),
    "compare": set(),
    "demo": {"split"},
    "attack": {"task", "seed"},
    "pump interrogate": set(),
    "pump detection": {"faults"},
    "play": set(),
    "headroom": {"task", "split", "shield_mode", "cohort_seed", "seed"},
    "benchmark": {"task", "difficulty", "shield_mode", "cohort_seed", "seed"},
}
GIVEN = {
    "split": "tune", "difficulty": "shift", "cohort": "elderly", "profile": "label_us", "pump": "prometra_ii_20",
    "faults": "stress", "shield_mode": "replace", "stage": "lower", "allow_unproved": True, "allow_wide": True, "cohort_seed": 5,
    "seed": 6,
}  # fmt: skip
FLAGS = {"shield_mode": "--shield", "allow_unproved": "--allow-unproved", "allow_wide": "--allow-wide"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a task of half a day."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    text = files("thecal.envs").joinpath("data", "tasks", "NonCancerMorphine.toml").read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(text.replace("horizon_d = 180", "horizon_d = 0.5"), encoding="utf-8")
    return tmp_path


def command(name: str) -> Any:
    found = get_command(app)
    for word in name.split():
        found = found.commands[word]  # type: ignore[attr-defined]
    return found


def line(*without: str) -> list[str]:
    """Every option of a scenario with another value than its own."""
    words = []
    for name, value in GIVEN.items():
        if name not in without:
            flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
            words += [flag] if value is True else [flag, str(value)]
    return words


def expected(**changes: Any) -> Scenario:
    return Scenario.of(**{"task": "short.toml", **GIVEN, **changes})


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_every_option_of_a_scenario(name):
    options = {parameter.name: parameter for parameter in command(name).params}
    for field, described in Options.model_fields.items():
        if field not in COMMANDS[name]:
            assert options[field].help.startswith(described.description), field
            assert options[field].default is None, "what is not given must not go over the configuration file"
    if name == "attack":
        assert {"tasks", "seed"} <= set(options)
    assert COMMANDS[name] & set(options) <= ({"task"} if name == "headroom" else {"seed"})


@pytest.mark.parametrize("name", [name for name, fields in COMMANDS.items() if fields])
def test_a_command_says_which_options_it_leaves_out(name):
    for field in COMMANDS[name]:
        assert FLAGS.get(field, f"--{field.replace('_', '-')}") in command(name).help


def test_no_other_command_runs_patients_with_a_part_of_them():
    def walk(group: Any, path: str) -> Any:
        for name, found in group.commands.items():
            yield from walk(found, f"{path}{name} ") if hasattr(found, "commands") else [(path + name, found)]

    for name, found in walk(get_command(app), ""):
        some = {parameter.name for parameter in found.params} & {"difficulty", "shield_mode", "stage", "cohort_seed"}
        assert not some or name in COMMANDS, name


def stored(folder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return tuple(json.loads((Path(folder) / f"{name}.json").read_text()) for name in ("config", "provenance"))


RUNS = {
    "evaluate": ["evaluate", "fixed", "-n", "2"],
    "compare": ["compare", "fixed", "pid", "-n", "2"],
    "train": ["train", "--frames", "32", "--set", "tune_patients=1", "--set", "pool=2", "--set", "settings.n_envs=2",
              "--set", "settings.n_steps=16", "--set", "settings.batch_size=16", "--set", "settings.net_arch=[4]"],
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_every_option_reaches_a_run_and_its_record(name, capsys):
    words = [*RUNS[name], "--task", "short.toml", *line(), "--no-track", "--json", "--out", "here"]
    assert run(words) == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out)
    config, origin = stored("here")
    wanted = expected()
    for field in Scenario.model_fields:
        assert config[field] == getattr(wanted, field), field
    assert origin["scenario"]["hash"] == wanted.resolve().hash
    assert (origin["cohort"]["name"], origin["profile"]["name"]) == ("elderly", "label_us")
    assert origin["seed"] == 6


def test_options_left_out_come_from_the_file(capsys, elsewhere):
    (elsewhere / "mine.toml").write_text('task = "short.toml"\nstage = "advise"\npump = "synchromed_ii_20"\n')
    words = [
        "evaluate",
        "fixed",
        "-n",
        "1",
        "-c",
        "mine.toml",
        "--stage",
        "lower",
        "--no-track",
        "--json",
        "-o",
        "here",
    ]
    assert run(words) == 0, capsys.readouterr().err
    config, _ = stored("here")
    assert (config["task"], config["stage"], config["pump"]) == ("short.toml", "lower", "synchromed_ii_20")
    assert config["split"] == "test", "of the study, not of the scenario"


def test_a_demonstration_carries_every_option(monkeypatch):
    seen: list[Scenario] = []
    monkeypatch.setattr("thecal.experiments.commands.demo.run_demo", lambda scenario, **_more: seen.append(scenario))
    assert run(["demo", "--quick", "--task", "short.toml", *line("split")]) == 0
    assert seen == [expected(split="train")]


def test_an_attack_carries_every_option_into_its_cases(monkeypatch, capsys):
    seen: list[Any] = []

    def watched(cases, **_more):
        seen.extend(cases)
        raise ConfigError("seen enough")

    monkeypatch.setattr("thecal.experiments.assurance.attack.run_attack", watched)
    words = line("seed")
    assert run(["attack", "-n", "2", "--frames", "0", "--task", "short.toml", "--seed", "6", *words]) == 2
    assert [case.scenario for case in seen] == [expected()], "one pump, one preset of faults, one stage: one case"
    assert seen[0].patients == 2


def test_a_pump_is_interrogated_under_every_option(monkeypatch, capsys):
    seen: list[Scenario] = []
    from thecal.envs.adapters.single import ThecalEnv

    class Watched(ThecalEnv):
        def __init__(self, scenario):
            seen.append(scenario)
            super().__init__(scenario)

    monkeypatch.setattr("thecal.envs.ThecalEnv", Watched, raising=False)
    assert run(["pump", "interrogate", "--task", "short.toml", *line(), "--json"]) == 0, capsys.readouterr().err
    assert seen == [expected()]
    assert "Prometra" in capsys.readouterr().out


def test_detection_runs_under_every_option_but_its_own_faults(monkeypatch):
    seen: list[Scenario] = []

    def watched(scenario, _patients, **_):
        seen.append(scenario)
        raise ConfigError("seen enough")

    monkeypatch.setattr("thecal.experiments.assurance.detection.study", watched)
    assert run(["pump", "detection", "-n", "2", "--task", "short.toml", *line("faults")]) == 2
    assert seen == [expected(faults=None)]


@pytest.mark.parametrize("words", [["--shield", "off"], ["--profile", "nosuch"], ["--patient", "0"]])
def test_options_of_a_patient_need_a_task(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(__file__).parents[3] / "docs" / "examples" / "bridge.toml"
    assert run(["pump", "interrogate", str(program), *words]) == 2
    assert "go with --task" in capsys.readouterr().err
