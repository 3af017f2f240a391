"""Layers of a configuration: a file, over it the environment, over it the command line; and what 0.1 stored."""

from __future__ import annotations

import json

import pytest

from thecal.core.errors import ConfigError
from thecal.experiments.cli import run
from thecal.experiments.studies.config import CompareConfig, EvaluateConfig, TrainConfig, load_config

FILE = 'algorithm = "sac"\nseed = 4\npool = 16\n[settings]\ngamma = 0.9\nnet_arch = [8, 8]\ntau = 0.1\n'
# A config.json as version 0.1 left it beside a comparison.
FIRST = {
    "task": "CancerMorphine", "seed": 0, "difficulty": "real", "shield_mode": "project", "profile": None,
    "allow_unproved": False, "allow_wide": False,
    "pump": None, "faults": None, "cohort_seed": 0, "experiment": "thecal", "track": False,
    "policies": ["fixed", "guideline", "fixed_ptm", "guideline_ptm", "pid", "pid_guarded", "random", "max_request"],
    "reference": "fixed", "patients": 24, "split": "test", "out": "cmp1",
}  # fmt: skip


@pytest.fixture
def file(tmp_path, monkeypatch):
    for name in ("SEED", "POOL", "SETTINGS", "SETTINGS__GAMMA", "TASK", "STAGE"):
        monkeypatch.delenv(f"THECAL_{name}", raising=False)
    path = tmp_path / "a.toml"
    path.write_text(FILE)
    return path


def test_each_layer_goes_over_the_one_below(file, monkeypatch):
    assert load_config(TrainConfig, file).seed == 4
    monkeypatch.setenv("THECAL_SEED", "5")
    monkeypatch.setenv("THECAL_POOL", "17")
    assert load_config(TrainConfig, file).seed == 5
    found = load_config(TrainConfig, file, {"seed": 6})
    assert (found.algorithm, found.pool, found.seed) == ("sac", 17, 6)
    assert load_config(TrainConfig).seed == 5, "without a file too"


def test_nested_tables_are_joined_key_by_key(file, monkeypatch):
    monkeypatch.setenv("THECAL_SETTINGS__GAMMA", "0.95")
    monkeypatch.setenv("THECAL_SETTINGS__N_ENVS", "32")
    found = load_config(TrainConfig, file, {"settings.tau": 0.2})
    assert found.settings["net_arch"] == [8, 8]
    assert float(found.settings["gamma"]) == 0.95
    assert int(found.settings["n_envs"]) == 32
    assert found.settings["tau"] == 0.2
    assert load_config(TrainConfig, file, {"settings.gamma": 0.5}).settings["gamma"] == 0.5


def test_numbers_from_the_environment_reach_the_algorithm(file, monkeypatch):
    from thecal.agents.backends.settings import load_rl_settings

    monkeypatch.setenv("THECAL_SETTINGS__GAMMA", "0.95")
    found = load_config(TrainConfig, None, {"algorithm": "ppo"})
    assert load_rl_settings("ppo", "CancerMorphine", **found.settings).gamma == 0.95


def test_a_wrong_value_of_the_environment_is_one_sentence(file, monkeypatch):
    monkeypatch.setenv("THECAL_STAGE", "full")
    with pytest.raises(ConfigError, match="stage: must be 'advise'"):
        load_config(EvaluateConfig)
    monkeypatch.delenv("THECAL_STAGE")
    monkeypatch.setenv("THECAL_SEED", "many")
    with pytest.raises(ConfigError, match="seed: must be a whole number"):
        load_config(EvaluateConfig)


def test_a_variable_that_is_no_setting_gives_a_warning(file, monkeypatch):
    plain = load_config(TrainConfig, file)
    monkeypatch.setenv("THECAL_SPILT", "tune")
    with pytest.warns(RuntimeWarning, match="THECAL_SPILT is no setting"):
        assert load_config(TrainConfig, file) == plain


def test_other_variables_do_nothing_in_silence(file, monkeypatch, recwarn):
    plain = load_config(EvaluateConfig)
    for name in ("SEED", "THECAL_NO_BROWSER", "THECAL_POOL"):
        monkeypatch.setenv(name, "99")
    assert load_config(EvaluateConfig).model_dump() == plain.model_dump()
    assert not recwarn.list


@pytest.mark.parametrize("words", ["fixed,pid", "fixed, pid", '["fixed", "pid"]'])
def test_a_list_is_json_or_words_between_commas(words, monkeypatch):
    monkeypatch.setenv("THECAL_POLICIES", words)
    assert load_config(CompareConfig).policies == ("fixed", "pid")


def test_a_table_that_is_not_json_is_one_sentence(file, monkeypatch):
    monkeypatch.setenv("THECAL_SETTINGS", "notjson")
    with pytest.raises(ConfigError, match=r"^THECAL_SETTINGS: not valid JSON"):
        load_config(TrainConfig)


def test_the_command_line_reads_every_layer(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shown = []

    def watched(config, _report, **_more):
        shown.append(config)
        raise ConfigError("seen enough")

    monkeypatch.setattr("thecal.experiments.studies.train.train", watched)
    monkeypatch.setenv("THECAL_SEED", "5")
    monkeypatch.setenv("THECAL_STAGE", "lower")
    words = ["train", "--config", "a.toml", "--algorithm", "ppo", "--set", "settings.gamma=0.8", "--set", "seed=7"]
    file.write_text('algorithm = "sac"\nseed = 4\npool = 16\n[settings]\ngamma = 0.9\nnet_arch = [8, 8]\n')
    assert run(words) == 2
    assert "seen enough" in capsys.readouterr().err
    (found,) = shown
    assert (found.algorithm, found.seed, found.stage, found.pool) == ("ppo", 7, "lower", 16)
    assert found.settings == {"gamma": 0.8, "net_arch": [8, 8]}


def test_a_configuration_of_the_first_version_is_read(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(FIRST))
    found = load_config(CompareConfig, tmp_path / "config.json")
    assert found == CompareConfig(policies=tuple(FIRST["policies"]), patients=24, out="cmp1", track=False)
    again = json.loads(found.model_dump_json())
    assert {name: again[name] for name in FIRST} == FIRST
    assert {name: again[name] for name in set(again) - set(FIRST)} == {
        "cohort": None,
        "stage": "auto",
        "drugs": None,
        "horizon_d": None,
        "clinician": "model",
        "life": None,
    }
    assert found.scenario.resolve().task.name == "CancerMorphine"
