"""Configurations: from three kinds of file, with overrides, saved whole, and errors that name file, key and reason."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from thecal.core.errors import ConfigError
from thecal.experiments.studies.config import (
    CompareConfig,
    EvaluateConfig,
    TrainConfig,
    load_config,
    save_config,
)

TOML = 'algorithm = "sac"\nseed = 4\n[settings]\ngamma = 0.9\nnet_arch = [8, 8]\n'
YAML = "algorithm: sac\nseed: 4\nsettings:\n  gamma: 0.9\n  net_arch: [8, 8]\n"
JSON = '{"algorithm": "sac", "seed": 4, "settings": {"gamma": 0.9, "net_arch": [8, 8]}}'


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.yaml", YAML), ("a.yml", YAML), ("a.json", JSON)])
def test_three_kinds_of_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    config = load_config(TrainConfig, tmp_path / name)
    assert (config.algorithm, config.seed, config.settings) == ("sac", 4, {"gamma": 0.9, "net_arch": [8, 8]})
    assert config.task == "CancerMorphine"


def test_overrides_reach_into_tables(tmp_path):
    (tmp_path / "a.toml").write_text(TOML)
    config = load_config(TrainConfig, tmp_path / "a.toml", {"seed": 9, "settings.gamma": 0.5, "settings.tau": 0.1})
    assert config.seed == 9
    assert config.settings == {"gamma": 0.5, "net_arch": [8, 8], "tau": 0.1}


def test_without_a_file():
    assert load_config(EvaluateConfig) == EvaluateConfig()
    assert load_config(CompareConfig, None, {"patients": 7}).patients == 7


@pytest.mark.parametrize("kind", [TrainConfig, EvaluateConfig, CompareConfig])
def test_saved_in_full_and_read_back(kind, tmp_path):
    config = kind(seed=5, difficulty="shift", track=False)
    path = save_config(config, tmp_path)
    again = load_config(kind, path)
    assert again == config
    assert again.hash == config.hash
    assert set(json.loads(path.read_text())) == set(kind.model_fields)


def test_hash_follows_every_value():
    base = TrainConfig()
    assert base.hash == TrainConfig().hash
    assert len({base.hash, TrainConfig(seed=1).hash, TrainConfig(settings={"gamma": 0.9}).hash}) == 3
    assert TrainConfig(settings={"a": 1, "b": 2}).hash == TrainConfig(settings={"b": 2, "a": 1}).hash


def test_frozen():
    with pytest.raises(ValidationError):
        TrainConfig().seed = 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "sede = 3", r"^a\.toml: sede: unknown .*; known: task, split, "),
        ("a.toml", "seed = -1", r"^a\.toml: seed: .*at least 0"),
        (
            "a.toml",
            'shield_mode = "none"',
            r"^a\.toml: shield_mode: .*'project', 'replace', 'mask', 'monitor' or 'off'",
        ),
        ("a.toml", "seed = ", r"^a\.toml: not valid TOML"),
        ("a.json", "{", r"^a\.json: not valid JSON"),
        ("a.json", "[1]", r"^a\.json: the top level is not a table"),
        ("a.yaml", "a: [", r"^a\.yaml: not valid YAML"),
        ("a.yaml", "words", r"^a\.yaml: the top level is not a table"),
    ],
)
def test_errors_name_file_key_and_reason(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_config(TrainConfig, tmp_path / name)


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(ConfigError, match=r"^none\.toml: cannot be read"):
        load_config(TrainConfig, tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"^bytes\.toml: cannot be read"):
        load_config(TrainConfig, tmp_path / "bytes.toml")


def test_an_override_that_is_no_table():
    with pytest.raises(ConfigError, match=r"seed\.a: 'seed' is not a table"):
        load_config(TrainConfig, None, {"seed": 3, "seed.a": 1})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "Headache"}, "unknown task 'Headache'"),
        ({"difficulty": "hard"}, "unknown difficulty 'hard'; known: easy, real, shift"),
        ({"profile": "loose"}, "loose"),
    ],
)
def test_names_are_checked_before_any_work(changes, said):
    with pytest.raises(ConfigError, match=said):
        EvaluateConfig(**changes).scenario.resolve()


def test_a_good_configuration_gives_its_task():
    assert EvaluateConfig(difficulty="easy").scenario.resolve().task.name == "CancerMorphine"
